/**
 * WasmBodyKernel: the body kernel in WebAssembly (assembly/body.ts).
 */

import type { BodyKernel, BodyReading, BodyRows, MissedKey, ReadState } from "./body-kernel.js";
import { wasmBase64 } from "./generated/body.js";
import {
  compileOnce,
  instantiate,
  type WasmExports,
  type WasmGlobal,
  type WasmModule,
} from "./wasm-module.js";

/** assembly/body.ts. Addresses and numbers come as i32. */
interface BodyExports extends WasmExports {
  reserveInput(sizeBytes: number): number;
  reserveKey(sizeBytes: number): number;
  begin(
    sizeBytes: number,
    format: number,
    owner: number,
    sizeMax: number,
    timeScale: number,
    digitsCut: number,
  ): void;
  read(offset: number, kind: number, flag: boolean): number;
  find(owner: number, sizeBytes: number): number;
  add(owner: number, sizeBytes: number, number: number): number;
  readonly tableBytes: WasmGlobal;
  readonly lines: WasmGlobal;
  readonly kind: WasmGlobal;
  readonly missedOwner: WasmGlobal;
  readonly missedStart: WasmGlobal;
  readonly missedStop: WasmGlobal;
  readonly headEnd: WasmGlobal;
  readonly rowCount: WasmGlobal;
  readonly rowNumbers: WasmGlobal;
  readonly rowTimes: WasmGlobal;
  readonly rowValues: WasmGlobal;
}

/** Compiled once, for all kernels of this thread. */
export const bodyModule = compileOnce(wasmBase64);

const noRows: BodyRows = {
  numbers: new Uint32Array(0),
  times: new Float64Array(0),
  values: new Float64Array(0),
  length: 0,
};

export class WasmBodyKernel implements BodyKernel {
  readonly #wasm: BodyExports;

  /** `module` is what `bodyModule` gave. */
  constructor(module: WasmModule) {
    this.#wasm = instantiate<BodyExports>(module);
  }

  get tableSizeBytes(): number {
    return this.#wasm.tableBytes.value >>> 0;
  }

  input(sizeBytes: number): Uint8Array {
    const at = this.#wasm.reserveInput(sizeBytes) >>> 0;
    return new Uint8Array(this.#wasm.memory.buffer, at, sizeBytes);
  }

  begin(sizeBytes: number, { format, owner, sizeMax, timeScale = 1, digitsCut = 0 }: BodyReading): void {
    this.#wasm.begin(sizeBytes, format, owner, sizeMax, timeScale, digitsCut);
  }

  read(offset: number, { kind = 0, tellComments = false, isInArray = false }: ReadState): number {
    return this.#wasm.read(offset, kind, tellComments || isInArray) >>> 0;
  }

  get lines(): number {
    return this.#wasm.lines.value >>> 0;
  }

  get kind(): number {
    return this.#wasm.kind.value;
  }

  get missed(): MissedKey | undefined {
    const { missedOwner, missedStart, missedStop, headEnd } = this.#wasm;
    if (missedOwner.value === 0) return undefined;
    return {
      owner: missedOwner.value >>> 0,
      start: missedStart.value,
      end: missedStop.value,
      headEnd: headEnd.value,
    };
  }

  rows(): BodyRows {
    const { memory, rowCount, rowNumbers, rowTimes, rowValues } = this.#wasm;
    const length = rowCount.value >>> 0;
    if (length === 0) return noRows;
    return {
      numbers: new Uint32Array(memory.buffer, rowNumbers.value >>> 0, length),
      times: new Float64Array(memory.buffer, rowTimes.value >>> 0, length),
      values: new Float64Array(memory.buffer, rowValues.value >>> 0, length),
      length,
    };
  }

  find(owner: number, key: Uint8Array): number {
    this.#putKey(key);
    return this.#wasm.find(owner, key.length) >>> 0;
  }

  add(owner: number, key: Uint8Array, number: number): boolean {
    this.#putKey(key);
    return this.#wasm.add(owner, key.length, number) !== 0;
  }

  #putKey(key: Uint8Array): void {
    const at = this.#wasm.reserveKey(key.length) >>> 0;
    new Uint8Array(this.#wasm.memory.buffer, at, key.length).set(key);
  }
}
