/**
 * Series as queries see them: labels, and the still compressed chunks that hold the samples.
 */

import type { Labels } from "./labels.js";
import type { TimestampMs } from "./sample.js";

declare const seriesRef: unique symbol;
/** Stands for a series within one head or one block, and means nothing elsewhere. 0 is none. */
export type SeriesRef = number & { readonly [seriesRef]: true };

export const NO_SERIES = 0 as SeriesRef;

/** Encoding numbers are Prometheus' chunk encodings; ours begin at 0x80. */
export const CHUNK_XOR = 1;
/** See kernels/dense-format.ts. */
export const CHUNK_DENSE = 0x80;

/** What chunks a block may have: XOR ones alone ("gorilla"), or dense ones wherever they are smaller. */
export type BlockEncoding = "gorilla" | "adaptive";

/**
 * Up to some hundred compressed consecutive samples of one series, in increasing time, each time once.
 * `bytes` is the body without encoding number and checksum; it begins with the two-byte sample count of both
 * formats. In XOR chunks readers ignore it in favour of `count` (an open chunk grows behind the reader's back;
 * its first `count` samples never change); in dense chunks both are the same. The bytes are borrowed: valid until the querier is closed, read only.
 */
export interface EncodedChunk {
  readonly encoding: number;
  readonly minTime: TimestampMs;
  readonly maxTime: TimestampMs;
  /** Samples to decode, at least 1. */
  readonly count: number;
  readonly bytes: Uint8Array;
}

/**
 * One selected series. Chunks usually stand in time order and do not overlap. They may overlap (out-of-order
 * samples, overlapping blocks); of two samples with the same time the one in the earlier chunk of the list
 * counts. Chunks may hold samples outside the querier's range: readers cut.
 */
export interface Series {
  readonly labels: Labels;
  readonly chunks: readonly EncodedChunk[];
}
