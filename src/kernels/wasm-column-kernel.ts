/**
 * WasmColumnKernel: the column kernel in WebAssembly (assembly/column.ts).
 *
 * Layout of its memory
 *
 *   ┌──────────┬───────────────────┬───────────────┬────────────────┬──────────────┬───────────────┐
 *   │ the      │ input: one chunk, │ results: f64  │ present: u8    │ times: f64   │ values: f64   │
 *   │ module's │ zeros, scratch    │ per step      │ per step       │ per sample   │ per sample    │
 *   └──────────┴───────────────────┴───────────────┴────────────────┴──────────────┴───────────────┘
 *
 * Each region has a capacity that only grows; when one does, the two columns move up behind it.
 *
 * Lifetime: memory that one long series needed is given back at the next `clear`.
 */

import { assert } from "../model/assert.js";
import { LimitExceededError } from "../model/errors.js";
import type { SampleColumns } from "../model/sample.js";
import type { ColumnKernel, RollupFunction, RollupOptions, StepGrid } from "./column-kernel.js";
import { checkColumnLength } from "./column-limits.js";
import { checkDenseSize, throwDenseFault } from "./dense-format.js";
import { wasmBase64 } from "./generated/column.js";
import { assertGrid, rollup } from "./rollup.js";
import { slidingQuantile } from "./sliding-quantile.js";
import { compileOnce, instantiate, reserveMemory, type WasmModule } from "./wasm-module.js";
import { type ColumnExports, wasmRollups } from "./wasm-rollups.js";
import { checkXorSize, throwXorFault, XOR_SAMPLE_SIZE_BYTES_MAX } from "./xor-format.js";

/** The decoders read up to 27 bytes past the end before they notice. */
const inputPaddingBytes = 32;
/** Three columns, and what an odd pair touches. */
const denseScratchBytesPerSample = 32;
const retainedBytesMax = 64 * 2 ** 20;

export class WasmColumnKernel implements ColumnKernel {
  readonly #module: WasmModule;
  #wasm: ColumnExports;
  /** All of the memory, made anew when it has grown. */
  #memory: Uint8Array;
  #regions: Regions;
  #length = 0;

  /** `module` is what `columnModule` gave. */
  constructor(module: WasmModule) {
    this.#module = module;
    this.#wasm = instantiate<ColumnExports>(module);
    this.#regions = smallRegions(this.#wasm);
    this.#memory = new Uint8Array(this.#wasm.memory.buffer);
  }

  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.#length = 0;
    if (this.#memory.length <= retainedBytesMax) return;
    this.#wasm = instantiate<ColumnExports>(this.#module);
    this.#regions = smallRegions(this.#wasm);
    this.#memory = new Uint8Array(this.#wasm.memory.buffer);
  }

  decodeXor(bytes: Uint8Array, count: number, minTime: number, maxTime: number, dropStale: boolean): number {
    checkXorSize(bytes, count);
    // More bytes than `count` samples can have are not looked at.
    const sizeBytes = Math.min(bytes.length, (count + 1) * XOR_SAMPLE_SIZE_BYTES_MAX);
    this.#reserve(sizeBytes + inputPaddingBytes, 0, this.#length + count);
    const { input, times, values } = this.#regions;
    this.#memory.set(sizeBytes === bytes.length ? bytes : bytes.subarray(0, sizeBytes), input);
    this.#memory.fill(0, input + sizeBytes, input + sizeBytes + inputPaddingBytes);
    const end = this.#length * 8;
    const kept = this.#wasm.decodeXor(
      input,
      sizeBytes,
      count,
      times + end,
      values + end,
      minTime,
      maxTime,
      dropStale,
    );
    if (kept < 0) throwXorFault(-kept);
    this.#length += kept;
    return this.#length;
  }

  decodeDense(
    bytes: Uint8Array,
    count: number,
    minTime: number,
    maxTime: number,
    dropStale: boolean,
  ): number {
    checkDenseSize(bytes, count);
    const scratchAt = aligned(bytes.length + inputPaddingBytes);
    // The decoder works on pairs: there is room for one more.
    this.#reserve(scratchAt + count * denseScratchBytesPerSample, 0, this.#length + count + 1);
    const { input, times, values } = this.#regions;
    this.#memory.set(bytes, input);
    this.#memory.fill(0, input + bytes.length, input + bytes.length + inputPaddingBytes);
    const end = this.#length * 8;
    const kept = this.#wasm.decodeDense(
      input,
      bytes.length,
      count,
      times + end,
      values + end,
      input + scratchAt,
      minTime,
      maxTime,
      dropStale,
    );
    if (kept < 0) throwDenseFault(-kept);
    this.#length += kept;
    return this.#length;
  }

  append(columns: SampleColumns): number {
    assert(columns.length <= columns.times.length, "a column is as long as it says");
    const from = this.#length;
    this.#reserve(0, 0, from + columns.length);
    this.#length += columns.length;
    this.times().set(columns.times.subarray(0, columns.length), from);
    this.values().set(columns.values.subarray(0, columns.length), from);
    return this.#length;
  }

  times(): Float64Array {
    return new Float64Array(this.#wasm.memory.buffer, this.#regions.times, this.#length);
  }

  values(): Float64Array {
    return new Float64Array(this.#wasm.memory.buffer, this.#regions.values, this.#length);
  }

  lastBefore(grid: StepGrid, lookbackMs: number, values: Float64Array, present: Uint8Array): number {
    this.#begin(grid, values, present);
    const presentCount = this.#wasm.lastBefore(lookbackMs);
    this.#fetch(grid, values, present);
    return presentCount;
  }

  rollup(
    name: RollupFunction,
    grid: StepGrid,
    rangeMs: number,
    parameter: number,
    values: Float64Array,
    present: Uint8Array,
    options: RollupOptions = {},
  ): number {
    const wasmRollup = wasmRollups[name];
    if (wasmRollup === undefined) {
      const column = { times: this.times(), values: this.values() };
      if (name === "quantile_over_time")
        return slidingQuantile(column, { grid, rangeMs, phi: parameter }, { values, present });
      return rollup(name, column, { grid, rangeMs, parameter, ...options }, { values, present });
    }
    this.#begin(grid, values, present);
    const { evaluationGrid = grid } = options;
    const presentCount = wasmRollup(this.#wasm, rangeMs, { parameter, evaluationGrid });
    this.#fetch(grid, values, present);
    return presentCount;
  }

  #begin(grid: StepGrid, values: Float64Array, present: Uint8Array): void {
    assertGrid(grid, { values, present });
    this.#reserve(0, grid.count, 0);
    const { times, values: columnValues, results, present: presentAt } = this.#regions;
    this.#wasm.setColumn(times, columnValues, this.#length);
    this.#wasm.setGrid(grid.start, grid.stepMs, grid.count, results, presentAt);
  }

  #fetch(grid: StepGrid, values: Float64Array, present: Uint8Array): void {
    const { buffer } = this.#wasm.memory;
    values.set(new Float64Array(buffer, this.#regions.results, grid.count));
    present.set(new Uint8Array(buffer, this.#regions.present, grid.count));
  }

  /** Makes room; the content of the columns is kept, that of input and results is not. */
  #reserve(inputBytes: number, steps: number, samples: number): void {
    const before = this.#regions;
    if (inputBytes <= before.inputBytes && steps <= before.steps && samples <= before.samples) return;
    checkColumnLength(samples);
    const after = layOut(this.#wasm.base(), {
      inputBytes: grown(before.inputBytes, inputBytes),
      steps: grown(before.steps, steps),
      samples: grown(before.samples, samples),
    });
    growMemory(this.#wasm, after.end);
    // Both move up, or stay; the values first, as the times may move to where they were.
    this.#memory = new Uint8Array(this.#wasm.memory.buffer);
    this.#memory.copyWithin(after.values, before.values, before.values + this.#length * 8);
    this.#memory.copyWithin(after.times, before.times, before.times + this.#length * 8);
    this.#regions = after;
  }
}

/** Compiled once, for all kernels of this thread. */
export const columnModule = compileOnce(wasmBase64);

interface Capacities {
  readonly inputBytes: number;
  readonly steps: number;
  readonly samples: number;
}

/** Where each region begins, in bytes, and what it holds. */
interface Regions extends Capacities {
  readonly input: number;
  readonly results: number;
  readonly present: number;
  readonly times: number;
  readonly values: number;
  readonly end: number;
}

function smallRegions(wasm: ColumnExports): Regions {
  const regions = layOut(wasm.base(), { inputBytes: 4096, steps: 512, samples: 2048 });
  growMemory(wasm, regions.end);
  return regions;
}

function layOut(base: number, capacities: Capacities): Regions {
  const { inputBytes, steps, samples } = capacities;
  const input = aligned(base);
  const results = aligned(input + inputBytes);
  const present = results + steps * 8;
  const times = aligned(present + steps);
  const values = times + samples * 8;
  return { ...capacities, input, results, present, times, values, end: values + samples * 8 };
}

function grown(capacity: number, needed: number): number {
  return needed <= capacity ? capacity : Math.max(needed, capacity * 2);
}

function aligned(address: number): number {
  return Math.ceil(address / 16) * 16;
}

function growMemory(wasm: ColumnExports, sizeBytes: number): void {
  try {
    reserveMemory(wasm.memory, sizeBytes);
  } catch (cause) {
    throw new LimitExceededError(`a series and its results need ${sizeBytes} bytes at once`, { cause });
  }
}
