/**
 * ExpositionKernel: pages of the text formats, read as far as their lines are known from earlier pages of the same target.
 *
 *   input(size)     room for the page
 *   enter(table)    turns to what is known of a target, and to its next page
 *   begin(...)      begins to read
 *   read()          reads known lines; stops where the page ends, a line is not known or a value must be read
 *   add, addRow     make a line known, and say what it has
 *   rows()          the samples: entry of the series in the table, value, time
 *
 * A line is known when all bytes of its series, or of a comment the whole line, are those of an entry. Reading it costs a
 * compare, where lines come in the order in which they came before, and the conversion of its value; the labels are not
 * looked at. What is known has to be read otherwise once, by `LineParser`.
 *
 * Invariants
 *  1. Whether a line is known is decided by its bytes, never by a hash of them.
 *  2. What is read here is what `LineParser` would read. Of what is unusual (numbers with more digits than a float holds
 *     exactly, exemplars, malformed lines) nothing is read here.
 *  3. Tables share texts: lines of many targets that are the same are kept once.
 *  4. Both implementations give the same for the same calls.
 *
 * Lifetime: views of memory are borrowed until the next call that adds or reads.
 */

import { ReferenceExpositionKernel } from "./reference-exposition-kernel.js";
import { expositionModule, WasmExpositionKernel } from "./wasm-exposition-kernel.js";

export interface PageOptions {
  readonly isOpenMetrics: boolean;
  /** Stops at every comment, known or not. */
  readonly readComments: boolean;
  /** Lines that are longer are not read here. */
  readonly lineSizeMax: number;
}

/** Row i is a sample of `entries[i]`. The time is NaN where the line has none, else milliseconds. */
export interface ExpositionRows {
  readonly entries: Uint32Array;
  readonly values: Float64Array;
  readonly times: Float64Array;
  readonly length: number;
}

export interface KnownText {
  /** Up to the blank before the value. */
  readonly bytes: Uint8Array;
  /** Which of its labels is a float: see exposition-format.ts. */
  readonly kind: number;
}

export interface ExpositionKernel {
  /** Bytes of its memory in use. They shrink never, but are used again. */
  readonly sizeBytes: number;
  /** An empty table. */
  createTable(): number;
  /** Forgets a table. */
  deleteTable(table: number): void;
  /** Turns to a table and to a page of it: numbers from 1 on that grow. All calls below are about these. */
  enter(table: number, page: number): void;

  /** Room for a page, to be filled before `begin`. */
  input(sizeBytes: number): Uint8Array;
  /** Begins to read the first `sizeBytes` of the input. */
  begin(sizeBytes: number, options: PageOptions): void;
  /** Goes on behind the line where it stopped: STOP_END, STOP_LINE or STOP_VALUE. */
  read(): number;
  /** Of the line where it stopped: its number, from 1, and where it begins and ends, its line feed not included. */
  readonly line: number;
  readonly lineStart: number;
  readonly lineEnd: number;
  /** Where the value stands that must be read; nothing is behind it on the line. */
  readonly valueStart: number;
  readonly valueEnd: number;
  /** Adds the row whose value stopped it. */
  takeValue(value: number): void;
  /** Which label is a float on the line where it stopped. */
  readonly kind: number;
  /** The entry of the series at this place of the page, of the current kind, or NONE. */
  find(offset: number, sizeBytes: number): number;
  /** A new entry for a series that `find` does not find; NONE when it is too long or there is no room. */
  add(offset: number, sizeBytes: number): number;
  /** The page has this sample next; `time` is NaN for none. */
  addRow(entry: number, value: number, time: number): void;
  /** The page has this comment next, after which the kind is `effect` (KIND_KEPT: as before). */
  addComment(offset: number, sizeBytes: number, effect: number): void;
  rows(): ExpositionRows;

  /** All series that are known. */
  entries(): number[];
  textOf(entry: number): KnownText;
  /** Forgets the lines that the current page does not have. */
  forgetVanished(): void;
}

export interface ExpositionKernelOptions {
  /** `add` finds no room beyond. */
  readonly sizeBytesMax: number;
  /** 16 bytes that nobody can guess: who writes pages must not know which of their lines collide. */
  readonly hashKey: Uint8Array;
}

/** In WebAssembly, or in TypeScript where that is missing. */
export function expositionKernel(options: ExpositionKernelOptions): ExpositionKernel {
  const module = expositionModule();
  return module === undefined ? new ReferenceExpositionKernel() : new WasmExpositionKernel(module, options);
}
