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
const longBytesMin = 64;
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
  const at = wasm.base();
  const piece = new Uint8Array(wasm.memory.buffer, at, pieceBytes);
  let crc = ~seed;
  for (let from = 0; from < bytes.length; from += pieceBytes) {
    const rest = from === 0 && bytes.length <= pieceBytes ? bytes : bytes.subarray(from, from + pieceBytes);
    piece.set(rest);
    crc = wasm.update(crc, at, rest.length);
  }
  return ~crc >>> 0;
}
