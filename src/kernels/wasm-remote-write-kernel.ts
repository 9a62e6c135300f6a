/**
 * WasmRemoteWriteKernel: the remote write kernel in WebAssembly (assembly/remote-write.ts).
 *
 * The module keeps its own memory: regions for the body, the message, rows, entries and symbols, and the table of
 * label bytes. A scan that finds a region full begins anew with a larger one.
 */

import { wasmBase64 } from "./generated/remote-write.js";
import {
  describeProblem,
  ENTRY_METADATA,
  ENTRY_SERIES,
  ENTRY_WORDS,
  FAULT_REGION_FULL,
  NONE,
  throwFault,
} from "./remote-write-format.js";
import type {
  DecodeCounts,
  DecodedEntry,
  DecodeOptions,
  EncodedMetadata,
  RemoteWriteKernel,
  RowColumns,
} from "./remote-write-kernel.js";
import { readSnappyHeader } from "./snappy.js";
import {
  compileOnce,
  instantiate,
  type WasmExports,
  type WasmGlobal,
  type WasmModule,
} from "./wasm-module.js";

/** assembly/remote-write.ts. */
interface RemoteWriteExports extends WasmExports {
  reserveInput(sizeBytes: number): number;
  mustGrow(decodedSize: number): number;
  grow(): void;
  decompress(start: number, sizeBytes: number, decodedSize: number): number;
  messageAt(): number;
  scan(isVersion2: boolean, owner: number, labelBytesMax: number): number;
  findEntry(position: number, owner: number): number;
  remember(position: number, owner: number, index: number): number;
  acknowledgeMetadata(position: number): void;
  assignEntry(position: number, index: number): void;
  readonly fault: WasmGlobal;
  readonly faultAt: WasmGlobal;
  readonly allocatedBytes: WasmGlobal;
  readonly tableBytes: WasmGlobal;
  readonly rowCount: WasmGlobal;
  readonly seriesIndexes: WasmGlobal;
  readonly times: WasmGlobal;
  readonly values: WasmGlobal;
  readonly entryCount: WasmGlobal;
  readonly entries: WasmGlobal;
  readonly exemplarCount: WasmGlobal;
  readonly histogramCount: WasmGlobal;
  readonly malformedCount: WasmGlobal;
  readonly lostSamples: WasmGlobal;
}

/** Compiled once, for all kernels of this thread. */
export const remoteWriteModule = compileOnce(wasmBase64);

export class WasmRemoteWriteKernel implements RemoteWriteKernel {
  readonly #wasm: RemoteWriteExports;
  readonly #sizeBytesMax: number;
  #inputAt = 0;
  /** Of the last body. */
  #version: DecodeOptions["version"] = 1;

  /** `module` is what `remoteWriteModule` gave. */
  constructor(module: WasmModule, sizeBytesMax: number) {
    this.#wasm = instantiate<RemoteWriteExports>(module);
    this.#sizeBytesMax = sizeBytesMax;
  }

  get sizeBytes(): number {
    return unsigned(this.#wasm.allocatedBytes);
  }

  get tableSizeBytes(): number {
    return unsigned(this.#wasm.tableBytes);
  }

  get entryCount(): number {
    return unsigned(this.#wasm.entryCount);
  }

  input(sizeBytes: number): Uint8Array {
    this.#inputAt = this.#wasm.reserveInput(sizeBytes) >>> 0;
    return this.#bytes(this.#inputAt, sizeBytes);
  }

  decode(sizeBytes: number, options: DecodeOptions): DecodeCounts | undefined {
    const wasm = this.#wasm;
    this.#version = options.version;
    const body = this.#bytes(this.#inputAt, sizeBytes);
    const { start, decodedSize } = readSnappyHeader(body, options.decodedSizeMax);
    if (wasm.mustGrow(decodedSize) && !this.#mayTake(decodedSize)) return undefined;
    if (!wasm.decompress(start, sizeBytes, decodedSize)) this.#throwFault(this.#inputAt, options);
    while (!wasm.scan(options.version === 2, options.owner, options.labelBytesMax)) {
      if (wasm.fault.value !== FAULT_REGION_FULL) this.#throwFault(wasm.messageAt() >>> 0, options);
      if (!this.#mayTake(0)) return undefined;
      wasm.grow();
    }
    return {
      exemplars: unsigned(wasm.exemplarCount),
      histograms: unsigned(wasm.histogramCount),
      malformedSeries: unsigned(wasm.malformedCount),
      lostSamples: unsigned(wasm.lostSamples),
    };
  }

  entry(position: number): DecodedEntry {
    const entriesAt = unsigned(this.#wasm.entries) + position * ENTRY_WORDS * 4;
    const words = new Uint32Array(this.#wasm.memory.buffer, entriesAt, ENTRY_WORDS);
    const number = words[1]!;
    const bytes = this.#bytes(words[4]!, words[5]!);
    if (words[0] === ENTRY_METADATA)
      return { kind: "metadata", message: bytes, offset: this.#offsetOf(words) };
    if (words[0] !== ENTRY_SERIES)
      return { kind: "malformed", number, reason: describeProblem(words[7]!), lostSamples: words[3]! };
    const index = words[7] === NONE ? undefined : words[7]!;
    return {
      kind: "series",
      number,
      firstRow: words[2]!,
      rowCount: words[3]!,
      labels: bytes,
      offset: this.#version === 1 ? this.#offsetOf(words) : 0,
      index,
      metadata: words[13] === 0 ? undefined : this.#metadataOf(words),
    };
  }

  find(position: number, owner: number): number | undefined {
    const index = this.#wasm.findEntry(position, owner) >>> 0;
    return index === NONE ? undefined : index;
  }

  remember(position: number, owner: number, index: number): boolean {
    return this.#wasm.remember(position, owner, index) !== 0;
  }

  acknowledgeMetadata(position: number): void {
    this.#wasm.acknowledgeMetadata(position);
  }

  assign(position: number, index: number): void {
    this.#wasm.assignEntry(position, index);
  }

  columns(): RowColumns {
    const { memory, rowCount, seriesIndexes, times, values } = this.#wasm;
    const length = unsigned(rowCount);
    return {
      seriesIndexes: new Uint32Array(memory.buffer, unsigned(seriesIndexes), length),
      times: new Float64Array(memory.buffer, unsigned(times), length),
      values: new Float64Array(memory.buffer, unsigned(values), length),
      length,
    };
  }

  #offsetOf(words: Uint32Array): number {
    return words[4]! - (this.#wasm.messageAt() >>> 0);
  }

  #metadataOf(words: Uint32Array): EncodedMetadata {
    return {
      type: words[8]!,
      help: textOf(this.#bytes(words[9]!, words[10]!)),
      unit: textOf(this.#bytes(words[11]!, words[12]!)),
    };
  }

  #mayTake(sizeBytes: number): boolean {
    return this.sizeBytes - this.tableSizeBytes + sizeBytes <= this.#sizeBytesMax;
  }

  #throwFault(base: number, { labelBytesMax }: DecodeOptions): never {
    throwFault(this.#wasm.fault.value, unsigned(this.#wasm.faultAt) - base, labelBytesMax);
  }

  #bytes(at: number, sizeBytes: number): Uint8Array {
    return new Uint8Array(this.#wasm.memory.buffer, at, sizeBytes);
  }
}

/** A symbol without the varint of its length. */
function textOf(symbol: Uint8Array): Uint8Array {
  let start = 0;
  while (symbol[start]! >= 0x80) start++;
  return symbol.subarray(start + 1);
}

/** An i32 of the module, as the u32 that it is. */
function unsigned(global: WasmGlobal): number {
  return global.value >>> 0;
}
