/**
 * WasmExpositionKernel: the exposition kernel in WebAssembly (assembly/exposition.ts), whose memory has all tables.
 */

import { PAGE_OPEN_METRICS, PAGE_READ_COMMENTS, RECORD_WORDS, TAG_COMMENT } from "./exposition-format.js";
import type {
  ExpositionKernel,
  ExpositionKernelOptions,
  ExpositionRows,
  KnownText,
  PageOptions,
} from "./exposition-kernel.js";
import { wasmBase64 } from "./generated/exposition.js";
import {
  compileOnce,
  instantiate,
  type WasmExports,
  type WasmGlobal,
  type WasmModule,
} from "./wasm-module.js";

/** assembly/exposition.ts. Addresses and entries come as i32. */
interface ExpositionExports extends WasmExports {
  setHashKey(a: number, b: number, c: number, d: number): void;
  createTable(): number;
  deleteTable(table: number): void;
  enterTable(table: number, page: number): void;
  reserveInput(sizeBytes: number): number;
  begin(sizeBytes: number, flags: number, lineSizeMax: number, memoryMax: number): void;
  read(): number;
  takeValue(value: number): void;
  find(offset: number, sizeBytes: number): number;
  add(offset: number, sizeBytes: number): number;
  addRow(entry: number, value: number, time: number): void;
  addComment(offset: number, sizeBytes: number, effect: number): void;
  forgetVanished(): void;
  recordsAt(): number;
  entryCount(): number;
  readonly allocatedBytes: WasmGlobal;
  readonly line: WasmGlobal;
  readonly lineStart: WasmGlobal;
  readonly lineEnd: WasmGlobal;
  readonly valueStart: WasmGlobal;
  readonly valueEnd: WasmGlobal;
  readonly kind: WasmGlobal;
  readonly rowCount: WasmGlobal;
  readonly rowEntries: WasmGlobal;
  readonly rowValues: WasmGlobal;
  readonly rowTimes: WasmGlobal;
}

/** Compiled once, for all kernels of this thread. */
export const expositionModule = compileOnce(wasmBase64);

const textHeaderBytes = 16;

export class WasmExpositionKernel implements ExpositionKernel {
  readonly #wasm: ExpositionExports;
  readonly #sizeBytesMax: number;

  /** `module` is what `expositionModule` gave. */
  constructor(module: WasmModule, { sizeBytesMax, hashKey }: ExpositionKernelOptions) {
    this.#wasm = instantiate<ExpositionExports>(module);
    this.#sizeBytesMax = sizeBytesMax;
    const key = new DataView(hashKey.buffer, hashKey.byteOffset, 16);
    this.#wasm.setHashKey(key.getInt32(0), key.getInt32(4), key.getInt32(8), key.getInt32(12));
  }

  get sizeBytes(): number {
    return this.#wasm.allocatedBytes.value >>> 0;
  }

  createTable(): number {
    return this.#wasm.createTable() >>> 0;
  }

  deleteTable(table: number): void {
    this.#wasm.deleteTable(table);
  }

  enter(table: number, page: number): void {
    this.#wasm.enterTable(table, page);
  }

  input(sizeBytes: number): Uint8Array {
    const at = this.#wasm.reserveInput(sizeBytes) >>> 0;
    return new Uint8Array(this.#wasm.memory.buffer, at, sizeBytes);
  }

  begin(sizeBytes: number, { isOpenMetrics, readComments, lineSizeMax }: PageOptions): void {
    const flags = (isOpenMetrics ? PAGE_OPEN_METRICS : 0) | (readComments ? PAGE_READ_COMMENTS : 0);
    this.#wasm.begin(sizeBytes, flags, lineSizeMax, this.#sizeBytesMax);
  }

  read(): number {
    return this.#wasm.read();
  }

  get line(): number {
    return this.#wasm.line.value >>> 0;
  }

  get lineStart(): number {
    return this.#wasm.lineStart.value >>> 0;
  }

  get lineEnd(): number {
    return this.#wasm.lineEnd.value >>> 0;
  }

  get valueStart(): number {
    return this.#wasm.valueStart.value >>> 0;
  }

  get valueEnd(): number {
    return this.#wasm.valueEnd.value >>> 0;
  }

  get kind(): number {
    return this.#wasm.kind.value;
  }

  takeValue(value: number): void {
    this.#wasm.takeValue(value);
  }

  find(offset: number, sizeBytes: number): number {
    return this.#wasm.find(offset, sizeBytes) >>> 0;
  }

  add(offset: number, sizeBytes: number): number {
    return this.#wasm.add(offset, sizeBytes) >>> 0;
  }

  addRow(entry: number, value: number, time: number): void {
    this.#wasm.addRow(entry, value, time);
  }

  addComment(offset: number, sizeBytes: number, effect: number): void {
    this.#wasm.addComment(offset, sizeBytes, effect);
  }

  rows(): ExpositionRows {
    const { memory, rowCount, rowEntries, rowValues, rowTimes } = this.#wasm;
    const length = rowCount.value >>> 0;
    return {
      entries: new Uint32Array(memory.buffer, rowEntries.value >>> 0, length),
      values: new Float64Array(memory.buffer, rowValues.value >>> 0, length),
      times: new Float64Array(memory.buffer, rowTimes.value >>> 0, length),
      length,
    };
  }

  entries(): number[] {
    const records = this.#records();
    const entries: number[] = [];
    for (let at = 0; at < records.length; at += RECORD_WORDS) {
      const line = records[at]!;
      if (line !== 0 && (line & TAG_COMMENT) === 0) entries.push(at / RECORD_WORDS);
    }
    return entries;
  }

  textOf(entry: number): KnownText {
    const line = this.#records()[entry * RECORD_WORDS]!;
    const at = (line & ~15) >>> 0;
    const { buffer } = this.#wasm.memory;
    const [sizeBytes = 0] = new Uint32Array(buffer, at, 1);
    return { bytes: new Uint8Array(buffer, at + textHeaderBytes, sizeBytes), kind: line & 3 };
  }

  forgetVanished(): void {
    this.#wasm.forgetVanished();
  }

  #records(): Uint32Array {
    const count = (this.#wasm.entryCount() >>> 0) * RECORD_WORDS;
    return new Uint32Array(this.#wasm.memory.buffer, this.#wasm.recordsAt() >>> 0, count);
  }
}
