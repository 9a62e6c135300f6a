/**
 * The staleness marker: a NaN with the bits 0x7ff0000000000002 that says "the series ended here".
 *
 * This is the only module that knows the bits. JavaScript may change the bits of a NaN whenever a number is
 * moved, so a marker is written to and tested in typed arrays, on a view of the same buffer; where a sample
 * travels alone, carry a flag instead.
 *
 * Source: Prometheus `model/value/value.go`; the remote write specification, section "Stale Markers".
 */

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
const staleWords = isLittleEndian ? [0x00000002, 0x7ff00000] : [0x7ff00000, 0x00000002];

/** Writes a staleness marker into `values[index]`. */
export function markStaleAt(values: Float64Array, index: number): void {
  new Uint32Array(values.buffer, values.byteOffset + index * 8, 2).set(staleWords);
}

/** Whether `values[index]` is a staleness marker (an ordinary NaN is not). */
export function isStaleAt(values: Float64Array, index: number): boolean {
  const value = values[index]!;
  // biome-ignore lint/suspicious/noSelfCompare: the cheapest test for NaN, and almost always false
  if (value === value) return false;
  const words = new Uint32Array(values.buffer, values.byteOffset + index * 8, 2);
  return words[0] === staleWords[0] && words[1] === staleWords[1];
}

/** Whether two values are the same sample value: equal bits, except that any two ordinary NaN are the same. */
export function sameValueAt(a: Float64Array, i: number, b: Float64Array, j: number): boolean {
  const x = a[i]!;
  const y = b[j]!;
  if (Number.isNaN(x) && Number.isNaN(y)) return isStaleAt(a, i) === isStaleAt(b, j);
  return Object.is(x, y);
}
