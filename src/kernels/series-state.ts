/**
 * SeriesStateKernel: the states of many series in one memory, and what appends rows of samples to their open chunks.
 * The layout stands in series-state-format.ts.
 *
 * The caller writes slots, times and values of up to ROWS_MAX rows to the memory and calls `appendRows`. What it does
 * seldom (closing a chunk, comparing with an older sample, reading) it does in the memory itself.
 *
 * Invariants, for the caller to keep
 *  1. Each slot of a row has a record, and there is a free cell for each row: the kernel asks for no memory.
 *  2. Times are integers within +-2^52.
 */

import { wasmBase64 } from "./generated/series-state.js";
import { ReferenceSeriesState } from "./reference-series-state.js";
import { PAGE_SIZE_BYTES, REGIONS_SIZE_BYTES } from "./series-state-format.js";
import { compileOnce, instantiate, reserveMemory, type WasmExports } from "./wasm-module.js";

export interface SeriesStateKernel {
  /** Where the layout begins. */
  readonly origin: number;
  /** All of the memory. Whole pages; the first free page begins behind its end. */
  readonly buffer: ArrayBuffer;
  /** Adds pages of zeros. Views of the buffer must be made anew. Throws RangeError when there is no memory. */
  grow(pages: number): void;
  /** The first row, from `from` on, that is not newer than its series or whose series is not named; `to` without one. */
  screenRows(from: number, to: number): number;
  /**
   * Appends rows up to the first, from `from` on, that is not newer than its series or whose open chunk is full: it has
   * `countMax` samples (at most 255), or `bitsMax` bits. The first chunk of a series is full earlier, by its slot (see
   * `firstShareOf`). Without `bitsMax` only the samples count, those of first chunks as of others. Returns that row, or `to`.
   * Unless it is 0, `marks` is flags + generation * 256: the flags are added to those of each series, the generation
   * replaces its own.
   */
  appendRows(from: number, to: number, countMax: number, marks: number, bitsMax?: number): number;
  /** Copies the body of the open chunk of a slot to the region of the chunk, zeros behind it. Returns its size. */
  gatherOpenChunk(slot: number): number;
  /**
   * Looks for the sample at `time` in the first `count` samples of the chunk, whose body was gathered or written there
   * with zeros behind it. Returns 1, its value found, or 0; or a fault of the chunk, negated (see xor-format.ts).
   */
  findInChunk(sizeBytes: number, count: number, time: number): number;
}

/** assembly/series-state.ts. */
interface SeriesStateExports extends WasmExports, Calls {
  prepare(origin: number): void;
}

type Calls = Pick<SeriesStateKernel, "screenRows" | "appendRows" | "gatherOpenChunk" | "findInChunk">;

const seriesStateModule = compileOnce(wasmBase64);

/** With a memory of its own. */
export function newSeriesState(): SeriesStateKernel {
  const module = seriesStateModule();
  if (module === undefined) return new ReferenceSeriesState();
  return new WasmSeriesState(instantiate<SeriesStateExports>(module));
}

class WasmSeriesState implements SeriesStateKernel {
  readonly origin: number;
  readonly screenRows: Calls["screenRows"];
  readonly appendRows: Calls["appendRows"];
  readonly gatherOpenChunk: Calls["gatherOpenChunk"];
  readonly findInChunk: Calls["findInChunk"];
  readonly #memory: SeriesStateExports["memory"];

  constructor(wasm: SeriesStateExports) {
    this.#memory = wasm.memory;
    this.origin = Math.ceil(wasm.base() / 64) * 64;
    reserveMemory(wasm.memory, this.origin + REGIONS_SIZE_BYTES);
    wasm.prepare(this.origin);
    this.screenRows = wasm.screenRows;
    this.appendRows = wasm.appendRows;
    this.gatherOpenChunk = wasm.gatherOpenChunk;
    this.findInChunk = wasm.findInChunk;
  }

  get buffer(): ArrayBuffer {
    return this.#memory.buffer;
  }

  grow(pages: number): void {
    reserveMemory(this.#memory, this.buffer.byteLength + pages * PAGE_SIZE_BYTES);
  }
}
