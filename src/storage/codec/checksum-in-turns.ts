/**
 * checksumInTurns: crc32c of bytes that may be many, giving way to others between its turns.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { crc32c } from "../../kernels/crc32c.js";

/** About half a millisecond. */
const bytesPerTurn = 1024 * 1024;

/** The bytes must not change until it resolves. */
export async function checksumInTurns(bytes: Uint8Array): Promise<number> {
  let crc = crc32c(bytes.subarray(0, bytesPerTurn));
  for (let from = bytesPerTurn; from < bytes.length; from += bytesPerTurn) {
    await nextTurn();
    crc = crc32c(bytes.subarray(from, from + bytesPerTurn), crc);
  }
  return crc;
}
