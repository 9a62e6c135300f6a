/**
 * The module of ../xor.ts: one chunk at a time, encoded from columns or decoded into them.
 */

export { decodeXor } from "./_xor-decode";
export { encodeXor } from "./_xor-encode";

/** The first byte of memory that is free. */
export function base(): usize {
  return __heap_base;
}
