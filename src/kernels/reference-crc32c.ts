/**
 * referenceCrc32c: CRC-32C in TypeScript, for short inputs, and the oracle of assembly/crc32c.ts.
 *
 * Reflected polynomial 0x82f63b78, eight bytes a round by eight tables ("slicing by 8").
 */

const polynomial = 0x82f63b78;
const tables = buildTables();

/** See crc32c. */
export function referenceCrc32c(bytes: Uint8Array, seed = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables;
  const length = bytes.length;
  let crc = ~seed;
  let at = 0;
  for (; at + 8 <= length; at += 8) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc =
      t7[crc & 0xff]! ^
      t6[(crc >>> 8) & 0xff]! ^
      t5[(crc >>> 16) & 0xff]! ^
      t4[crc >>> 24]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      t0[bytes[at + 7]!]!;
  }
  for (; at < length; at++) crc = t0[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

type Table = Int32Array;
type Tables = readonly [Table, Table, Table, Table, Table, Table, Table, Table];

/** tables[k][byte] is the remainder of `byte` followed by k zero bytes. */
function buildTables(): Tables {
  const first = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? polynomial : 0);
    first[byte] = crc;
  }
  const shifted = (table: Table): Table => table.map((crc) => first[crc & 0xff]! ^ (crc >>> 8));
  const second = shifted(first);
  const third = shifted(second);
  const fourth = shifted(third);
  const fifth = shifted(fourth);
  const sixth = shifted(fifth);
  const seventh = shifted(sixth);
  return [first, second, third, fourth, fifth, sixth, seventh, shifted(seventh)];
}
