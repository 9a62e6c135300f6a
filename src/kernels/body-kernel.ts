/**
 * BodyKernel: bodies of push protocols, read as far as the bytes that stand for their series are known.
 *
 *   input(size)       room for a piece of a body
 *   begin(...)        what it is
 *   read(offset)      reads from there to the first thing that is not known, or is not written as usual
 *   rows()            the samples that this `read` has read
 *   missed            the key that it did not know, where that was all that was missing
 *   add(owner, key)   makes a key known
 *
 * What a body is made of: lines (of text, of the InfluxDB protocol, of Graphite, of JSON), or values (of devices, in JSON
 * or MessagePack). A key is an owner, a number that the caller chooses, and bytes: of a series in text, of a path, of
 * labels in JSON. It stands for a number: of a series, or of another owner where more bytes are needed to name a series
 * (fields behind the tags of a line, columns behind the labels of a value). The key that came next the last time is tried
 * first: that costs a compare.
 *
 * Invariants
 *  1. A key is known only where all of its bytes are equal: a hash only says where to look.
 *  2. What is read here is what the parsers in TypeScript would read. What is unusual (numbers with more digits than a
 *     float holds exactly, escapes, blanks, other orders) is not read here.
 *  3. A line or a value is read whole or not at all.
 *  4. Both implementations give the same for the same calls.
 *
 * Lifetime: rows are borrowed until the next call that reads or adds.
 */

import { ReferenceBodyKernel } from "./reference-body-kernel.js";
import { bodyModule, WasmBodyKernel } from "./wasm-body-kernel.js";

export interface BodyReading {
  /** BODY_TEXT and so on. */
  readonly format: number;
  /** The first of OWNERS_OF_BODY. */
  readonly owner: number;
  /** Lines, or values, that are longer are not read here. */
  readonly sizeMax: number;
  /** Milliseconds of a unit of time: of devices, and of the InfluxDB protocol. */
  readonly timeScale?: number;
  /** Of the InfluxDB protocol: how many digits at the end of a time are less than a unit. */
  readonly digitsCut?: number;
}

export interface ReadState {
  /** Of text: which label is a float (exposition-format.ts). */
  readonly kind?: number;
  /** Of text: stops at every comment, known or not. */
  readonly tellComments?: boolean;
  /** Of JSON: the values are elements of an array. */
  readonly isInArray?: boolean;
}

/** Row i is a sample of series `numbers[i]`. The time is NaN where it has none, else milliseconds. */
export interface BodyRows {
  readonly numbers: Uint32Array;
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly length: number;
}

/** Offsets are of the piece. */
export interface MissedKey {
  readonly owner: number;
  readonly start: number;
  readonly end: number;
  /** Of a device's value: where what stands before its values ends. */
  readonly headEnd: number;
}

export interface BodyKernel {
  /** Bytes of keys, and of what finds them. */
  readonly tableSizeBytes: number;
  /** Room for a piece, to be filled before `begin`. */
  input(sizeBytes: number): Uint8Array;
  /** The input has so many bytes: whole lines, where a body is made of lines. */
  begin(sizeBytes: number, reading: BodyReading): void;
  /** Returns the offset of the first line or value that is not read, the size of the piece when all are. */
  read(offset: number, state: ReadState): number;
  /** Of the last `read`: lines or values that were read. */
  readonly lines: number;
  /** The kind of the lines behind it. */
  readonly kind: number;
  readonly missed: MissedKey | undefined;
  rows(): BodyRows;
  /** The number of a key, NO_KEY when it is not known. */
  find(owner: number, key: Uint8Array): number;
  /** Adds a key that is not known. Returns false when it cannot be remembered. */
  add(owner: number, key: Uint8Array, number: number): boolean;
}

/** In WebAssembly, or in TypeScript where that is missing. */
export function bodyKernel(): BodyKernel {
  const module = bodyModule();
  return module === undefined ? new ReferenceBodyKernel() : new WasmBodyKernel(module);
}
