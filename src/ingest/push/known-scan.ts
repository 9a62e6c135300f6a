/**
 * KnownScan: pieces of a body through a body kernel, into PushRows: what is known there is read, and what is not is left to
 * the protocol's reader, which makes it known.
 */

import type { BodyKernel, BodyReading, MissedKey, ReadState } from "../../kernels/body-kernel.js";
import type { PushRows } from "./push-rows.js";

/** Longer pieces, of one long line or value, are not read here: what a kernel takes of memory it keeps. */
const pieceSizeBytesMax = 2 * 1024 * 1024;

export type ScanForm = Omit<BodyReading, "owner">;

export class KnownScan {
  readonly #rows: PushRows;
  readonly #form: ScanForm;
  /** Of the piece; undefined when none reads it. */
  #kernel: BodyKernel | undefined;
  #start = 0;
  #end = 0;

  constructor(rows: PushRows, form: ScanForm) {
    this.#rows = rows;
    this.#form = form;
  }

  /** A piece: bytes[start, end), which is copied. `owner` is that of its keys. */
  begin(bytes: Uint8Array, start: number, end: number, owner: number): void {
    this.#start = start;
    this.#end = end;
    this.#kernel = end - start > pieceSizeBytesMax ? undefined : this.#rows.kernel;
    const kernel = this.#kernel;
    if (kernel === undefined) return;
    kernel.input(end - start).set(bytes.subarray(start, end));
    kernel.begin(end - start, { ...this.#form, owner });
  }

  /** Reads what is known from `at` on. Returns where it stopped: `end` at the end. */
  read(at: number, state: ReadState = {}): number {
    const kernel = this.#kernel;
    if (kernel === undefined || at === this.#end) return at;
    const stop = kernel.read(at - this.#start, state) + this.#start;
    if (stop > at) this.#rows.appendRows(kernel.rows());
    return stop;
  }

  /** Lines, or values, that the last `read` has read. */
  get lines(): number {
    return this.#kernel?.lines ?? 0;
  }

  get kind(): number {
    return this.#kernel?.kind ?? 0;
  }

  /** Why it stopped, if a key was all that was missing. */
  get missed(): MissedKey | undefined {
    const missed = this.#kernel?.missed;
    if (missed === undefined) return undefined;
    const start = this.#start;
    return {
      owner: missed.owner,
      start: start + missed.start,
      end: start + missed.end,
      headEnd: start + missed.headEnd,
    };
  }
}
