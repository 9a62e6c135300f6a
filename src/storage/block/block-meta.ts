/**
 * BlockMeta: what `meta.json` says about a block.
 *
 * Block times are half-open, [minTime, maxTime), as in Prometheus; every other range of ours is inclusive at
 * both ends. `blockTimeRange` and `halfOpen` are the only conversions.
 */

import { CorruptionError } from "../../model/errors.js";
import { isTimestampMs, type TimeRange, type TimestampMs } from "../../model/sample.js";
import { META_VERSION } from "./block-format.js";
import { isUlid } from "./ulid.js";

export interface BlockMeta extends HalfOpenRange {
  readonly ulid: string;
  readonly stats: BlockStats;
  readonly compaction: {
    /** 1 when cut from samples; one more than the highest of its sources when merged from blocks. */
    readonly level: number;
    /** The blocks of level 1 whose samples it holds; itself for level 1. */
    readonly sources: readonly string[];
    /** The blocks that it replaces. Where one of them is still there, this block's making was cut short. */
    readonly parents?: readonly BlockParent[];
  };
  readonly version: typeof META_VERSION;
  /** Ours; Prometheus ignores it. */
  readonly narthex?: BlockOrigin;
}

export interface BlockStats {
  readonly numSamples: number;
  readonly numSeries: number;
  readonly numChunks: number;
}

export interface BlockParent extends HalfOpenRange {
  readonly ulid: string;
}

/** What a block that was cut from the head lets replay skip. */
export interface BlockOrigin {
  /** The block holds its range's samples of all WAL segments before this one. */
  readonly walSegment: number;
}

/** From `minTime`, inclusive, to `maxTime`, exclusive. */
export interface HalfOpenRange {
  readonly minTime: TimestampMs;
  readonly maxTime: TimestampMs;
}

/** The block's times, both inclusive. */
export function blockTimeRange(meta: HalfOpenRange): TimeRange {
  return { minTime: meta.minTime, maxTime: meta.maxTime - 1 };
}

/** The inverse of `blockTimeRange`. */
export function halfOpen(range: TimeRange): HalfOpenRange {
  return { minTime: range.minTime, maxTime: range.maxTime + 1 };
}

export function encodeBlockMeta(meta: BlockMeta): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(meta, undefined, "\t"));
}

/** Throws CorruptionError, naming `file`, when the bytes are no meta.json of a version that we know. */
export function decodeBlockMeta(bytes: Uint8Array, file: string): BlockMeta {
  const meta = parseJson(bytes, file);
  if (!isRecord(meta)) throw new CorruptionError("meta.json is no object", { file });
  if (meta.version !== META_VERSION)
    throw new CorruptionError(`meta.json has version ${String(meta.version)}, not ${META_VERSION}`, {
      file,
    });
  const { ulid, minTime, maxTime } = meta;
  if (typeof ulid !== "string" || !isUlid(ulid)) throw new CorruptionError("meta.json has no ULID", { file });
  if (!isTime(minTime, 0) || !isTime(maxTime, 1) || minTime >= maxTime)
    throw new CorruptionError("meta.json has no valid minTime and maxTime", { file });
  return {
    ulid,
    minTime,
    maxTime,
    stats: decodeStats(meta.stats),
    compaction: decodeCompaction(meta.compaction, ulid),
    version: META_VERSION,
    ...decodeOrigin(meta.narthex),
  };
}

function parseJson(bytes: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new CorruptionError("meta.json is no JSON", { file }, { cause });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value is `beyond` milliseconds after a time that a sample can have. */
function isTime(value: unknown, beyond: number): value is TimestampMs {
  return typeof value === "number" && isTimestampMs(value - beyond);
}

/** Counts that are absent are 0: Prometheus leaves zeros out. */
function decodeStats(stats: unknown): BlockStats {
  const count = (name: string) => (isRecord(stats) && isCount(stats[name]) ? stats[name] : 0);
  return { numSamples: count("numSamples"), numSeries: count("numSeries"), numChunks: count("numChunks") };
}

function decodeCompaction(compaction: unknown, ulid: string): BlockMeta["compaction"] {
  const { level, sources, parents } = isRecord(compaction) ? compaction : {};
  const named = Array.isArray(sources) ? sources.filter((each) => typeof each === "string") : [];
  return {
    level: isCount(level) ? level : 1,
    sources: named.length > 0 ? named : [ulid],
    ...(Array.isArray(parents) ? { parents: parents.filter(isParent) } : {}),
  };
}

function isParent(parent: unknown): parent is BlockParent {
  return (
    isRecord(parent) &&
    typeof parent.ulid === "string" &&
    isUlid(parent.ulid) &&
    isTime(parent.minTime, 0) &&
    isTime(parent.maxTime, 1)
  );
}

function decodeOrigin(origin: unknown): { readonly narthex?: BlockOrigin } {
  return isRecord(origin) && isCount(origin.walSegment) ? { narthex: { walSegment: origin.walSegment } } : {};
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
