/**
 * RemoteWriteKernel: from the compressed body of a remote write request, 1.0 or 2.0, to columns of samples.
 *
 *   input(size)     room for the body
 *   decode(...)     decompresses and scans it: rows, and entries for what must be looked at
 *   entry(i)        a series with label bytes that are not known (or with news about its metric), metadata, or a
 *                   malformed series
 *   split(...)      the labels of all new series at once, as numbers of label pairs; rememberSplit gives them numbers
 *   assign(i, n)    gives the rows of a series entry to series number n; `remember` makes its label bytes known
 *   columns()       the rows
 *
 * A series that is known costs a hash of its label bytes and a compare: its labels are not decoded. Who owns the
 * series is a number that the caller chooses; equal bytes of two owners are two series.
 *
 * Invariants
 *  1. Nothing is remembered by `decode`: a body that fails has changed nothing.
 *  2. Label bytes are known only where all of them are equal: a hash only says where to look.
 *  3. Both implementations give the same rows and entries for the same calls, and refuse the same bodies.
 *
 * Lifetime: everything handed out is borrowed until the next call of `input`; views of memory are to be asked for
 * again after `remember` and `split`.
 */

import { ReferenceRemoteWriteKernel } from "./reference-remote-write-kernel.js";
import { remoteWriteModule, WasmRemoteWriteKernel } from "./wasm-remote-write-kernel.js";

export interface DecodeOptions {
  /** Of remote write: prometheus.WriteRequest, or io.prometheus.write.v2.Request. */
  readonly version: 1 | 2;
  readonly owner: number;
  /** Checked against what the body declares, before anything is allocated. */
  readonly decodedSizeMax: number;
  /** Of 2.0: how many bytes its labels may have, written out as in 1.0. */
  readonly labelBytesMax: number;
}

/** What else a body had, besides rows and entries. */
export interface DecodeCounts {
  readonly exemplars: number;
  readonly histograms: number;
  /** Malformed series, of which only the first thousand are entries, and the samples in them. */
  readonly malformedSeries: number;
  readonly lostSamples: number;
}

/** Row i is a sample of series `seriesIndexes[i]`, NONE before it is assigned. Bits of the values are kept. */
export interface RowColumns {
  readonly seriesIndexes: Uint32Array;
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly length: number;
}

/** Series i is of the entry `positions[i]`; its label pairs are those from `ends[i - 1]` (or 0) to `ends[i]`, excluded. */
export interface SplitSeries {
  readonly length: number;
  readonly positions: Uint32Array;
  readonly ends: Uint32Array;
  readonly pairs: Uint32Array;
  /** The pair of the metric's name; those of the labels job and instance, 0 for none. */
  readonly names: Uint32Array;
  readonly jobs: Uint32Array;
  readonly instances: Uint32Array;
  /** NONE. To be written: each below 2^31, and given once. What is left NONE stays an entry. */
  readonly numbers: Uint32Array;
}

export interface LabelPair {
  readonly name: string;
  readonly value: string;
}

export type DecodedEntry = SeriesEntry | MetadataEntry | MalformedEntry;

export interface SeriesEntry {
  readonly kind: "series";
  /** Of the series in the body, from 1. */
  readonly number: number;
  readonly firstRow: number;
  readonly rowCount: number;
  /** Label fields, as in a TimeSeries of 1.0: other fields between them are to be skipped. */
  readonly labels: Uint8Array;
  readonly labelsSizeBytes: number;
  /** Of `labels` in the message; 0 in 2.0, whose label fields are written anew, and well. */
  readonly offset: number;
  /** When the series is known and only the metadata are news. */
  readonly index: number | undefined;
  /** Of 2.0, when they are not those that were remembered or acknowledged. */
  readonly metadata: EncodedMetadata | undefined;
}

export interface EncodedMetadata {
  readonly type: number;
  /** Text in UTF-8, if it is valid. */
  readonly help: Uint8Array;
  readonly unit: Uint8Array;
}

/** A MetricMetadata message of 1.0. */
export interface MetadataEntry {
  readonly kind: "metadata";
  readonly message: Uint8Array;
  readonly offset: number;
}

/** A series of 2.0 whose form is wrong. It has no rows. */
export interface MalformedEntry {
  readonly kind: "malformed";
  readonly number: number;
  readonly reason: string;
  readonly lostSamples: number;
}

export interface RemoteWriteKernel {
  /** Bytes of its memory in use. They shrink never. */
  readonly sizeBytes: number;
  /** Of these, what remembers label bytes. */
  readonly tableSizeBytes: number;
  /** Room for a body of this size, to be filled before `decode`. */
  input(sizeBytes: number): Uint8Array;
  /**
   * Decodes the first `sizeBytes` of the input. Undefined when that would take more memory than the kernel may have.
   * Throws LimitExceededError and MalformedInputError.
   */
  decode(sizeBytes: number, options: DecodeOptions): DecodeCounts | undefined;
  readonly entryCount: number;
  entry(position: number): DecodedEntry;
  /**
   * Splits the labels of all series entries that have no index, where they are in the form in which nearly all senders
   * write them: ASCII, names in order, the metric's among them, no text empty or longer than `textSizeMax` bytes or 124,
   * no more labels than `labelsMax` or 64. To be called once for each body. Borrowed until `rememberSplit`.
   */
  split(textSizeMax: number, labelsMax: number): SplitSeries;
  /** A label pair by its number; these are the kernel's own, and stay. */
  pair(number: number): LabelPair;
  /**
   * Remembers the series that were split and given numbers, and assigns their rows. Their entries are gone, unless they
   * have metadata: then they have the number as their index. Returns the numbers that are not remembered: they stand for
   * rows of this body, or for none where equal labels came before.
   */
  rememberSplit(owner: number): readonly number[];
  /** The index that the labels of a series entry are remembered with by now; undefined when they are not. */
  find(position: number, owner: number): number | undefined;
  /** Remembers the labels, which `find` does not find, and the metadata; returns false when they cannot be. */
  remember(position: number, owner: number, index: number): boolean;
  /** Remembers the metadata of an entry that has an index. */
  acknowledgeMetadata(position: number): void;
  assign(position: number, index: number): void;
  columns(): RowColumns;
}

/** In WebAssembly, or in TypeScript where that is missing. `sizeBytesMax` bounds what `decode` takes for itself. */
export function remoteWriteKernel(sizeBytesMax: number): RemoteWriteKernel {
  const module = remoteWriteModule();
  return module === undefined
    ? new ReferenceRemoteWriteKernel()
    : new WasmRemoteWriteKernel(module, sizeBytesMax);
}
