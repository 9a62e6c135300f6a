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
  LabelPair,
  RemoteWriteKernel,
  RowColumns,
  SeriesEntry,
  SplitSeries,
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
  splitAll(textSizeMax: number, labelsMax: number): void;
  rememberAll(owner: number): number;
  pairAt(number: number): number;
  readonly splitCount: WasmGlobal;
  readonly splitPositions: WasmGlobal;
  readonly splitEnds: WasmGlobal;
  readonly splitNames: WasmGlobal;
  readonly splitJobs: WasmGlobal;
  readonly splitInstances: WasmGlobal;
  readonly splitNumbers: WasmGlobal;
  readonly splitPairs: WasmGlobal;
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

/** See assembly/_label-pairs.ts. */
const NOT_KEPT = 0x80000000;

const nothing: readonly number[] = [];

/** Compiled once, for all kernels of this thread. */
export const remoteWriteModule = compileOnce(wasmBase64);

export class WasmRemoteWriteKernel implements RemoteWriteKernel {
  readonly #wasm: RemoteWriteExports;
  readonly #sizeBytesMax: number;
  #inputAt = 0;
  /** All of the memory. */
  #words = new Uint32Array(0);
  #memoryBytes = Buffer.alloc(0);
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
    this.#viewMemory();
    const words = this.#words;
    const at = unsigned(this.#wasm.entries) / 4 + position * ENTRY_WORDS;
    const kind = words[at]!;
    const number = words[at + 1]!;
    const labelsAt = words[at + 4]!;
    const labelsSizeBytes = words[at + 5]!;
    const index = words[at + 7]!;
    const offset = this.#version === 1 || kind === ENTRY_METADATA ? this.#offsetOf(labelsAt) : 0;
    if (kind === ENTRY_METADATA)
      return { kind: "metadata", message: this.#bytes(labelsAt, labelsSizeBytes), offset };
    if (kind !== ENTRY_SERIES)
      return { kind: "malformed", number, reason: describeProblem(index), lostSamples: words[at + 3]! };
    return new WasmSeriesEntry(this.#wasm.memory, labelsAt, {
      number,
      firstRow: words[at + 2]!,
      rowCount: words[at + 3]!,
      labelsSizeBytes,
      offset,
      index: index === NONE ? undefined : index,
      metadata: words[at + 13] === 0 ? undefined : this.#metadataOf(at),
    });
  }

  split(textSizeMax: number, labelsMax: number): SplitSeries {
    const wasm = this.#wasm;
    wasm.splitAll(textSizeMax, labelsMax);
    this.#viewMemory();
    const length = unsigned(wasm.splitCount);
    const words = (global: WasmGlobal, count = length) => {
      const at = unsigned(global) / 4;
      return this.#words.subarray(at, at + count);
    };
    const ends = words(wasm.splitEnds);
    return {
      length,
      positions: words(wasm.splitPositions),
      ends,
      pairs: words(wasm.splitPairs, ends[length - 1] ?? 0),
      names: words(wasm.splitNames),
      jobs: words(wasm.splitJobs),
      instances: words(wasm.splitInstances),
      numbers: words(wasm.splitNumbers),
    };
  }

  pair(number: number): LabelPair {
    this.#viewMemory();
    const bytes = this.#memoryBytes;
    const at = (this.#wasm.pairAt(number) >>> 0) + 4;
    const nameEnd = at + 2 + bytes[at + 1]!;
    const valueEnd = nameEnd + 2 + bytes[nameEnd + 1]!;
    return {
      name: bytes.toString("latin1", at + 2, nameEnd),
      value: bytes.toString("latin1", nameEnd + 2, valueEnd),
    };
  }

  rememberSplit(owner: number): readonly number[] {
    if (this.#wasm.rememberAll(owner)) return nothing;
    this.#viewMemory();
    const at = unsigned(this.#wasm.splitNumbers) / 4;
    const numbers = this.#words.subarray(at, at + unsigned(this.#wasm.splitCount));
    return [...numbers]
      .filter((number) => number >= NOT_KEPT && number !== NONE)
      .map((number) => number - NOT_KEPT);
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

  #offsetOf(address: number): number {
    return address - (this.#wasm.messageAt() >>> 0);
  }

  #metadataOf(entry: number): EncodedMetadata {
    const words = this.#words;
    return {
      type: words[entry + 8]!,
      help: textOf(this.#bytes(words[entry + 9]!, words[entry + 10]!)),
      unit: textOf(this.#bytes(words[entry + 11]!, words[entry + 12]!)),
    };
  }

  /** The memory may have grown. */
  #viewMemory(): void {
    const { buffer } = this.#wasm.memory;
    if (this.#words.buffer === buffer) return;
    this.#words = new Uint32Array(buffer);
    this.#memoryBytes = Buffer.from(buffer);
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

/** Of most entries nobody asks for the bytes: the kernel splits them. */
class WasmSeriesEntry implements SeriesEntry {
  readonly kind = "series";
  readonly number: number;
  readonly firstRow: number;
  readonly rowCount: number;
  readonly labelsSizeBytes: number;
  readonly offset: number;
  readonly index: number | undefined;
  readonly metadata: EncodedMetadata | undefined;
  readonly #memory: RemoteWriteExports["memory"];
  readonly #labelsAt: number;

  constructor(
    memory: RemoteWriteExports["memory"],
    labelsAt: number,
    facts: Omit<SeriesEntry, "kind" | "labels">,
  ) {
    this.number = facts.number;
    this.firstRow = facts.firstRow;
    this.rowCount = facts.rowCount;
    this.labelsSizeBytes = facts.labelsSizeBytes;
    this.offset = facts.offset;
    this.index = facts.index;
    this.metadata = facts.metadata;
    this.#memory = memory;
    this.#labelsAt = labelsAt;
  }

  get labels(): Uint8Array {
    return new Uint8Array(this.#memory.buffer, this.#labelsAt, this.labelsSizeBytes);
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
