/**
 * The 64 bits of a double as two 32-bit words, without BigInt and without touching the payload of a NaN.
 *
 * `readBits` and `writeBits` move one value between a Float64Array and `bits`, a two-word register that the
 * caller reads or writes as `bits[HIGH]` and `bits[LOW]`. An ordinary number passes through a local variable,
 * which keeps it exactly; a NaN is copied word by word, as JavaScript may change its bits on the way.
 */

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
const register = new Float64Array(1);

/** Index of the word with sign and exponent. */
export const HIGH = isLittleEndian ? 1 : 0;
/** Index of the word with the lower half of the mantissa. */
export const LOW = isLittleEndian ? 0 : 1;

/** The register, as signed words. */
export const bits = new Int32Array(register.buffer);

/** values[index] -> bits */
export function readBits(values: Float64Array, index: number): void {
  const value = values[index]!;
  // biome-ignore lint/suspicious/noSelfCompare: the cheapest test for NaN
  if (value === value) register[0] = value;
  else bits.set(wordsAt(values, index));
}

/** bits -> values[index] */
export function writeBits(values: Float64Array, index: number): void {
  const value = register[0]!;
  // biome-ignore lint/suspicious/noSelfCompare: the cheapest test for NaN
  if (value === value) values[index] = value;
  else wordsAt(values, index).set(bits);
}

function wordsAt(values: Float64Array, index: number): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset + index * 8, 2);
}
