/**
 * CRC-32C (Castagnoli): the checksum of WAL records, chunks and index sections.
 *
 * Short inputs are summed in TypeScript, long ones in WebAssembly (assembly/crc32c.ts), copied piece by piece
 * into its one small memory. Source: RFC 3720, appendix B.4 (test vectors).
 */

import { wasmBase64 } from "./generated/crc32c.js";
import { referenceCrc32c } from "./reference-crc32c.js";
import { instantiateOnce, reserveMemory, type WasmExports } from "./wasm-module.js";

/** assembly/crc32c.ts. */
interface Crc32cExports extends WasmExports {
  prepare(): void;
  update(crc: number, at: number, sizeBytes: number): number;
}

/** From here on the copy and the call cost less than they save (bench/README.md). */
const longBytesMin = 256;
const pieceBytes = 32_768;

const crc32cInstance = instantiateOnce<Crc32cExports>(wasmBase64, (wasm) => {
  reserveMemory(wasm.memory, wasm.base() + pieceBytes);
  wasm.prepare();
});

/**
 * The checksum of `bytes`, as an unsigned 32-bit number. `seed` continues an earlier checksum:
 * `crc32c(b, crc32c(a))` is the checksum of `a` followed by `b`.
 */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  const wasm = bytes.length < longBytesMin ? undefined : crc32cInstance();
  if (wasm === undefined) return referenceCrc32c(bytes, seed);
  const piece = wasm.base();
  const memory = new Uint8Array(wasm.memory.buffer, piece, pieceBytes);
  let crc = ~seed;
  for (let from = 0; from < bytes.length; from += pieceBytes) {
    const sizeBytes = Math.min(pieceBytes, bytes.length - from);
    memory.set(bytes.subarray(from, from + sizeBytes));
    crc = wasm.update(crc, piece, sizeBytes);
  }
  return ~crc >>> 0;
}
