/**
 * Lines of Graphite's plaintext protocol, `PATH VALUE [SECONDS]`, with whole seconds. A path stands for a series.
 */

import { addRow } from "./_body-rows";
import { expectedAt, follow, keyAt } from "./_body-keys";
import { behindLine, isBlank, isDigitAt, skipBlanks, SPACE } from "./_body-bytes";
import { number, readFloat, readMilliseconds } from "./_decimal";
import { sizeOf } from "./_series-table";

/** Returns the address behind the line, 0 when it must be read otherwise. */
export function readGraphiteLine(from: usize, owner: u32): usize {
  let key = expectedAt(owner, from);
  let p = key == 0 ? from : from + <usize>sizeOf(key);
  if (key == 0 || !isBlank(load<u8>(p))) {
    p = from;
    while (load<u8>(p) > SPACE) p++;
    if (p == from || !isBlank(load<u8>(p))) return 0;
    key = keyAt(owner, from, p);
    if (key == 0) return 0;
  }
  p = readFloat(skipBlanks(p));
  if (p == 0) return 0;
  const value = number;
  let time: f64 = NaN;
  let behind = behindLine(p);
  if (behind == 0) {
    if (!isBlank(load<u8>(p))) return 0;
    p = skipBlanks(p);
    if (!isDigitAt(p)) return 0;
    p = readMilliseconds(p);
    if (p == 0) return 0;
    time = number * 1000;
    behind = behindLine(p);
    if (behind == 0) return 0;
  }
  addRow(follow(key), time, value);
  return behind;
}
