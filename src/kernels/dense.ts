/**
 * encodeDense and decodeDense: columns of samples to the body of a dense chunk and back; where its times end.
 *
 * In WebAssembly (assembly/dense.ts), whose memory holds the two columns, scratch, and then the bytes of one
 * call. The layout of a chunk stands in dense-format.ts. Encoding has no twin in TypeScript: where WebAssembly is
 * missing, chunks stay in the XOR encoding.
 */

import { assert } from "../model/assert.js";
import type { SampleColumns } from "../model/sample.js";
import type { Column } from "./column.js";
import {
  checkDenseSize,
  DENSE_SAMPLES_MAX,
  denseSizeBytesMax,
  denseSizeFault,
  throwDenseFault,
} from "./dense-format.js";
import { wasmBase64 } from "./generated/dense.js";
import { referenceDecodeDense } from "./reference-dense.js";
import { instantiateOnce, reserveMemory, type WasmExports } from "./wasm-module.js";
import { encodeXor } from "./xor.js";

/** assembly/dense.ts. The result is a size or a count; of the decoder, when negative, a fault. */
export interface DenseExports extends WasmExports {
  encodeDense(times: number, values: number, count: number, scratch: number, bytes: number): number;
  decodeDense(
    bytes: number,
    sizeBytes: number,
    count: number,
    times: number,
    values: number,
    scratch: number,
    minTime: number,
    maxTime: number,
    dropStale: boolean,
  ): number;
  measureTimes(bytes: number, sizeBytes: number, count: number, times: number, scratch: number): number;
}

const denseInstance = instantiateOnce<DenseExports>(wasmBase64);
/** Both read and write whole words at the end. */
const paddingBytes = 32;
const scratchBytesPerSample = 64;

/**
 * The chunk body of 1 to 65535 samples, or undefined when it would have more than `sizeBytesMax` bytes (by default
 * those of an XOR chunk of the same samples) or WebAssembly is missing. Times are integers within +-2^52.
 */
export function encodeDense(
  columns: SampleColumns,
  sizeBytesMax: number = encodeXor(columns).length,
): Uint8Array | undefined {
  const { length: count } = columns;
  assert(
    count > 0 && count <= DENSE_SAMPLES_MAX,
    "a chunk has a sample, and is cut before its count overflows",
  );
  const wasm = denseInstance();
  if (wasm === undefined) return undefined;
  const { times, values, scratch, bytes } = layOut(wasm, count);
  const { buffer } = wasm.memory;
  new Float64Array(buffer, times, count).set(columns.times.subarray(0, count));
  new Float64Array(buffer, values, count).set(columns.values.subarray(0, count));
  new Uint8Array(buffer, bytes, denseSizeBytesMax(count) + paddingBytes).fill(0);
  const sizeBytes = wasm.encodeDense(times, values, count, scratch, bytes);
  assert(sizeBytes > 0, "a dense chunk decodes to what was encoded");
  return sizeBytes > sizeBytesMax ? undefined : new Uint8Array(buffer, bytes, sizeBytes).slice();
}

/**
 * Decodes a chunk body into the columns, from index `at` on, and returns `count`, which must be the number of
 * samples in it. Throws CorruptionError when the bytes cannot be such a chunk; the columns may have been written
 * to by then.
 */
export function decodeDense(bytes: Uint8Array, count: number, into: Column, at = 0): number {
  assert(at + count <= into.times.length && at + count <= into.values.length, "the columns have room");
  const wasm = denseInstance();
  if (wasm === undefined) return referenceDecodeDense(bytes, count, into, at);
  checkDenseSize(bytes, count);
  const regions = load(wasm, bytes, count);
  const { buffer } = wasm.memory;
  const { times, values, scratch } = regions;
  const result = wasm.decodeDense(
    regions.bytes,
    bytes.length,
    count,
    times,
    values,
    scratch,
    Number.NEGATIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    false,
  );
  if (result < 0) throwDenseFault(-result);
  into.times.set(new Float64Array(buffer, times, count), at);
  into.values.set(new Float64Array(buffer, values, count), at);
  return count;
}

/**
 * How many bytes of a chunk body are its times, which stand behind the two of the count. Undefined when it cannot be
 * such a chunk, or WebAssembly is missing.
 */
export function denseTimesSizeBytes(bytes: Uint8Array, count: number): number | undefined {
  const wasm = denseInstance();
  if (wasm === undefined || denseSizeFault(bytes, count) !== 0) return undefined;
  const { bytes: at, times, scratch } = load(wasm, bytes, count);
  const sizeBytes = wasm.measureTimes(at, bytes.length, count, times, scratch);
  return sizeBytes < 0 ? undefined : sizeBytes;
}

/** Copies a chunk to where it can be decoded. */
function load(wasm: DenseExports, bytes: Uint8Array, count: number): Regions {
  const regions = layOut(wasm, count);
  const memory = new Uint8Array(wasm.memory.buffer, regions.bytes, bytes.length + paddingBytes);
  memory.set(bytes);
  memory.fill(0, bytes.length);
  return regions;
}

/** Where each region begins. */
interface Regions {
  readonly times: number;
  readonly values: number;
  readonly scratch: number;
  readonly bytes: number;
}

function layOut(wasm: DenseExports, count: number): Regions {
  const times = Math.ceil(wasm.base() / 8) * 8;
  const values = times + count * 8;
  const scratch = values + count * 8;
  const bytes = scratch + count * scratchBytesPerSample;
  reserveMemory(wasm.memory, bytes + denseSizeBytesMax(count) + paddingBytes);
  return { times, values, scratch, bytes };
}
