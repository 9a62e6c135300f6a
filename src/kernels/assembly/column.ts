/**
 * The column kernel's module: decoding and roll-ups over one memory, whose layout ../wasm-column-kernel.ts keeps.
 */

export { setColumn, setGrid } from "./_column";
export { decodeDense } from "./_dense-decode";
export { predictions, slopes } from "./_regression";
export { edges, extrapolated, extremes, lastBefore, lastTwo, transitions } from "./_rollup";
export { sums } from "./_sums";
export { decodeXor } from "./_xor-decode";

/** The first byte of memory that is free. */
export function base(): usize {
  return __heap_base;
}
