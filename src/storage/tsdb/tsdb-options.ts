/**
 * TsdbOptions with their defaults, and what a Tsdb tells about itself.
 */

import { randomBytes } from "node:crypto";
import { type Clock, systemClock } from "../../model/clock.js";
import type { TimeRange } from "../../model/sample.js";
import type { BlockEncoding } from "../../model/series.js";
import { DEFAULT_BLOCK_DURATION_MS } from "../compaction/plan-block-ranges.js";
import type { SeriesRetention } from "../compaction/retention-policy.js";
import type { FileSystem } from "../fs/file-system.js";
import { nodeFileSystem } from "../fs/node-file-system.js";
import { machineProcesses, type ProcessTable } from "../fs/process-table.js";
import type { WriteTrouble } from "../wal/wal.js";

export interface TsdbOptions {
  /** Created when absent. */
  readonly directory: string;
  /**
   * Changes nothing in the directory, which must exist: it may lie on a medium that cannot be written to. What writes
   * throws InvalidArgumentError. Default false.
   */
  readonly readOnly?: boolean;
  /** When a commit resolves: see WalOptions. Default "commit". */
  readonly durability?: "commit" | "interval" | "none";
  /** For durability "interval". Default 100. */
  readonly durabilityIntervalMs?: number;
  /** Default 2 hours. */
  readonly blockDurationMs?: number;
  /** Of the blocks that are written. Default "adaptive". */
  readonly blockEncoding?: BlockEncoding;
  /** Series of which a block holds only what is older are dropped from it. Default 0: nothing is. */
  readonly retentionMs?: number;
  /** Other retentions for some series: the first that accepts a series counts. Default none. */
  readonly retentionRules?: readonly SeriesRetention[];
  /** The oldest blocks are dropped while blocks and log take more. Default 0: nothing is. */
  readonly retentionSizeBytes?: number;
  /** Threads that may be used beside the main one: for merges of blocks, of which one is made at a time. Default 1. */
  readonly workers?: number;
  readonly clock?: Clock;
  readonly fileSystem?: FileSystem;
  /** Who holds the directory's lock, and lives. Default the machine's processes. */
  readonly processes?: ProcessTable;
  /** For names of blocks. Default node:crypto's. */
  readonly randomBytes?: (sizeBytes: number) => Uint8Array;
  /** Called for what an operator should know. Must not throw. */
  readonly onEvent?: (event: TsdbEvent) => void;
}

export interface TsdbEvent {
  readonly level: "info" | "warning" | "error";
  readonly message: string;
  readonly facts?: Readonly<Record<string, string | number>>;
}

export interface TsdbStatus {
  readonly headSeries: number;
  readonly headChunks: number;
  readonly headSamples: number;
  readonly headRange: TimeRange | undefined;
  readonly walBytes: number;
  readonly blocks: readonly {
    readonly ulid: string;
    readonly range: TimeRange;
    readonly series: number;
    readonly samples: number;
    readonly bytes: number;
  }[];
  /** Of blocks that left the database and take space until a read or an export that began before is done. */
  readonly leftBytes: number;
  /** What was lost or set aside at open, in words. */
  readonly losses: readonly string[];
  /** Why writes are refused, as the last one was; undefined while they succeed. */
  readonly writeTrouble: WriteTrouble | undefined;
}

export type TsdbSettings = Required<TsdbOptions>;

export function withDefaults(options: TsdbOptions): TsdbSettings {
  return {
    directory: options.directory,
    readOnly: options.readOnly ?? false,
    durability: options.durability ?? "commit",
    durabilityIntervalMs: options.durabilityIntervalMs ?? 100,
    blockDurationMs: options.blockDurationMs ?? DEFAULT_BLOCK_DURATION_MS,
    blockEncoding: options.blockEncoding ?? "adaptive",
    retentionMs: options.retentionMs ?? 0,
    retentionRules: options.retentionRules ?? [],
    retentionSizeBytes: options.retentionSizeBytes ?? 0,
    workers: options.workers ?? 1,
    clock: options.clock ?? systemClock,
    fileSystem: options.fileSystem ?? nodeFileSystem,
    processes: options.processes ?? machineProcesses,
    randomBytes: options.randomBytes ?? randomBytes,
    onEvent: options.onEvent ?? (() => {}),
  };
}
