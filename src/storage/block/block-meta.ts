/**
 * BlockMeta: what `meta.json` says about a block.
 *
 * Block times are half-open, [minTime, maxTime), as in Prometheus; every other range of ours is inclusive at
 * both ends. `blockTimeRange` and `halfOpen` are the only conversions.
 *
 * Unlike Prometheus' own, a file of ours has a checksum: `narthex.crc32c`, eight hexadecimal digits, the CRC-32C of
 * the file with zeros in their place. A file without one is taken as it is: Prometheus', or one of ours from before
 * there were checksums.
 */

import { crc32c } from "../../kernels/crc32c.js";
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
  /** Of these, how many are dense, which Prometheus cannot read. Absent for none. */
  readonly numDenseChunks?: number;
}

export interface BlockParent extends HalfOpenRange {
  readonly ulid: string;
}

/** What a block that was cut from the head lets replay skip. */
export interface BlockOrigin {
  /** The block holds its range's samples of all WAL segments before this one. */
  readonly walSegment: number;
}

const checksumName = "crc32c";
const checksumPattern = /("crc32c": ")([0-9a-f]{8})(?=")/;
const noChecksum = "00000000";

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
  const checked = { ...meta, narthex: { ...meta.narthex, [checksumName]: noChecksum } };
  const text = JSON.stringify(checked, undefined, "\t");
  return new TextEncoder().encode(withChecksum(text, checksumOf(text)));
}

/** Throws CorruptionError, naming `file`, when the bytes are no meta.json, whole, of a version that we know. */
export function decodeBlockMeta(bytes: Uint8Array, file: string): BlockMeta {
  const text = decodeText(bytes, file);
  const meta = parseJson(text, file);
  if (!isRecord(meta)) throw new CorruptionError("meta.json is no object", { file });
  if (!isWhole(text, meta)) throw new CorruptionError("meta.json does not match its checksum", { file });
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

function decodeText(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new CorruptionError("meta.json is no UTF-8", { file }, { cause });
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CorruptionError("meta.json is no JSON", { file }, { cause });
  }
}

/** Whether a checksum is right, or there was none. One changed byte may have hit its name, or that of our object. */
function isWhole(text: string, { narthex }: Record<string, unknown>): boolean {
  const members = isRecord(narthex) ? Object.keys(narthex) : [];
  const hasNone = members.every((name) => name === "walSegment") && !text.includes(checksumName);
  return hasNone || checksumPattern.exec(text)?.[2] === checksumOf(withChecksum(text, noChecksum));
}

function checksumOf(text: string): string {
  return crc32c(new TextEncoder().encode(text)).toString(16).padStart(8, "0");
}

function withChecksum(text: string, checksum: string): string {
  return text.replace(checksumPattern, `$1${checksum}`);
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
  const numDenseChunks = count("numDenseChunks");
  return {
    numSamples: count("numSamples"),
    numSeries: count("numSeries"),
    numChunks: count("numChunks"),
    ...(numDenseChunks === 0 ? {} : { numDenseChunks }),
  };
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
