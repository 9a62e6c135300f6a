/**
 * Columns: typed arrays indexed by slot that grow with the number of series.
 *
 * What a column has grown out of is garbage outside of the heap, which the garbage collector leaves for long, and which the
 * system does not get back then. So a column that is not small gets much more room than it needs: memory that nobody has
 * written takes none (the C library maps blocks of this size, whose pages come when they are touched).
 */

type Column = Float64Array | Uint32Array | Int32Array | Uint16Array | Uint8Array | Int8Array;

const smallSizeBytes = 512 * 1024;
/** More than glibc ever takes from its heap, which would keep it. */
const largeSizeBytes = 33 * 1024 * 1024;

/** The column itself when it has `length` entries, else a longer one, half as long again at least, filled up with zeros. */
export function grown<T extends Column>(column: T, length: number): T {
  if (column.length >= length) return column;
  const capacity = Math.max(length, Math.ceil(column.length * 1.5));
  const sizeBytes = capacity * column.BYTES_PER_ELEMENT;
  const isSmall = sizeBytes <= smallSizeBytes;
  const roomy = isSmall ? capacity : Math.max(capacity, largeSizeBytes / column.BYTES_PER_ELEMENT);
  const longer = new (column.constructor as new (length: number) => T)(roomy);
  longer.set(column as never);
  return longer;
}
