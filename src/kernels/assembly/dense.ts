/**
 * The module of ../dense.ts: one chunk at a time, encoded from columns or decoded into them.
 */

export { decodeDense, measureTimes } from "./_dense-decode";
export { encodeDense } from "./_dense-encode";

/** The first byte of memory that is free. */
export function base(): usize {
  return __heap_base;
}
