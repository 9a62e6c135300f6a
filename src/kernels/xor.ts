/**
 * encodeXor and decodeXor: columns of samples to the body of an XOR chunk and back.
 *
 * In WebAssembly (assembly/xor.ts), whose memory holds the two columns and then the bytes of one call. The
 * layout of a chunk stands in xor-format.ts.
 */

import { assert } from "../model/assert.js";
import type { SampleColumns } from "../model/sample.js";
import type { Column } from "./column.js";
import { wasmBase64 } from "./generated/xor.js";
import { referenceDecodeXor, referenceEncodeXor } from "./reference-xor.js";
import { instantiateOnce, reserveMemory, type WasmExports } from "./wasm-module.js";
import { checkXorSize, throwXorFault, XOR_SAMPLE_SIZE_BYTES_MAX, XOR_SAMPLES_MAX } from "./xor-format.js";

/** assembly/xor.ts. */
interface XorExports extends WasmExports {
  encodeXor(times: number, values: number, count: number, bytes: number): number;
  decodeXor(
    bytes: number,
    sizeBytes: number,
    count: number,
    times: number,
    values: number,
    minTime: number,
    maxTime: number,
    dropStale: boolean,
  ): number;
}

const xorInstance = instantiateOnce<XorExports>(wasmBase64);
/** The encoder writes, and the decoder reads, whole words at the end. */
const paddingBytes = 32;

/** The chunk body of at most 65535 samples. Times are integers within +-2^52. */
export function encodeXor(columns: SampleColumns): Uint8Array {
  assert(columns.length <= XOR_SAMPLES_MAX, "a chunk is cut before its count overflows");
  const wasm = xorInstance();
  if (wasm === undefined) return referenceEncodeXor(columns);
  const { times, values, bytes } = layOut(wasm, columns.length);
  const { buffer } = wasm.memory;
  new Float64Array(buffer, times, columns.length).set(columns.times.subarray(0, columns.length));
  new Float64Array(buffer, values, columns.length).set(columns.values.subarray(0, columns.length));
  const sizeBytes = wasm.encodeXor(times, values, columns.length, bytes);
  return new Uint8Array(buffer, bytes, sizeBytes).slice();
}

/**
 * Decodes the first `count` samples of a chunk body into the columns, from index `at` on, and returns `count`.
 * The count in the header is not looked at. Throws CorruptionError when the bytes cannot be such a chunk;
 * samples before the fault may have been written by then.
 */
export function decodeXor(bytes: Uint8Array, count: number, into: Column, at = 0): number {
  assert(at + count <= into.times.length && at + count <= into.values.length, "the columns have room");
  const wasm = xorInstance();
  if (wasm === undefined) return referenceDecodeXor(bytes, count, into, at);
  checkXorSize(bytes, count);
  const regions = layOut(wasm, count);
  const { buffer } = wasm.memory;
  // More bytes than `count` samples can have are not looked at.
  const sizeBytes = Math.min(bytes.length, (count + 1) * XOR_SAMPLE_SIZE_BYTES_MAX);
  const memory = new Uint8Array(buffer, regions.bytes, sizeBytes + paddingBytes);
  memory.set(bytes.subarray(0, sizeBytes));
  memory.fill(0, sizeBytes);
  const { times, values } = regions;
  const result = wasm.decodeXor(regions.bytes, sizeBytes, count, times, values, -Infinity, Infinity, false);
  if (result < 0) throwXorFault(-result);
  into.times.set(new Float64Array(buffer, times, count), at);
  into.values.set(new Float64Array(buffer, values, count), at);
  return count;
}

function layOut(wasm: XorExports, count: number): { times: number; values: number; bytes: number } {
  const times = Math.ceil(wasm.base() / 8) * 8;
  const values = times + count * 8;
  const bytes = values + count * 8;
  reserveMemory(wasm.memory, bytes + (count + 1) * XOR_SAMPLE_SIZE_BYTES_MAX + paddingBytes);
  return { times, values, bytes };
}
