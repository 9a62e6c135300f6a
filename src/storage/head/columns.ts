/**
 * Columns: typed arrays indexed by slot that grow with the number of series.
 */

type Column = Float64Array | Uint32Array | Int32Array | Uint16Array | Uint8Array | Int8Array;

/** The column itself when it has `length` entries, else a longer one, half as long again, filled up with `fill`. */
export function grown<T extends Column>(column: T, length: number, fill = 0): T {
  if (column.length >= length) return column;
  const capacity = Math.max(length, Math.ceil(column.length * 1.5));
  const longer = new (column.constructor as new (length: number) => T)(capacity);
  longer.set(column as never);
  if (fill !== 0) longer.fill(fill, column.length);
  return longer;
}
