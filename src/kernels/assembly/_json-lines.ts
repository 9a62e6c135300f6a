/**
 * Lines of JSON as VictoriaMetrics exports them, without blanks, their values numbers:
 *
 *   {"metric":{"__name__":"up","job":"x"},"values":[1,0],"timestamps":[1700000000000,1700000015000]}
 *            └────── the key ───────────┘
 */

import { addRow, rowCount, setTime } from "./_body-rows";
import { expectedAt, follow, keyAt } from "./_body-keys";
import { LINE_FEED, readJsonNumber, value } from "./_body-bytes";
import { areEqual, sizeOf } from "./_series-table";

const COMMA: u32 = 0x2c;
const CLOSE_BRACE: u32 = 0x7d;

/** {"metric": */
const METRIC_SIZE: usize = 10;
const metricWord: usize = memory.data<u8>([0x7b, 0x22, 0x6d, 0x65, 0x74, 0x72, 0x69, 0x63, 0x22, 0x3a]);
/** ,"values":[ */
const VALUES_SIZE: usize = 11;
const valuesWord: usize = memory.data<u8>([
  0x2c, 0x22, 0x76, 0x61, 0x6c, 0x75, 0x65, 0x73, 0x22, 0x3a, 0x5b,
]);
/** ],"timestamps":[ */
const TIMES_SIZE: usize = 16;
const timesWord: usize = memory.data<u8>([
  0x5d, 0x2c, 0x22, 0x74, 0x69, 0x6d, 0x65, 0x73, 0x74, 0x61, 0x6d, 0x70, 0x73, 0x22, 0x3a, 0x5b,
]);

/** Returns the address behind the line, 0 when it must be read otherwise: then some rows may have been added. */
export function readJsonLine(from: usize, owner: u32): usize {
  if (!areEqual(metricWord, from, METRIC_SIZE)) return 0;
  const at = from + METRIC_SIZE;
  let key = expectedAt(owner, at);
  let p = key == 0 ? at : at + <usize>sizeOf(key);
  if (key == 0 || !areEqual(valuesWord, p, VALUES_SIZE)) {
    p = at;
    // Perhaps within a label's value: then it is no object up to there, and is no key.
    while (load<u8>(p) != CLOSE_BRACE) {
      if (load<u8>(p) == LINE_FEED) return 0;
      p++;
    }
    p++;
    if (!areEqual(valuesWord, p, VALUES_SIZE)) return 0;
    key = keyAt(owner, at, p);
    if (key == 0) return 0;
  }
  const series = follow(key);
  const first = rowCount;
  p += VALUES_SIZE - 1;
  do {
    p = readJsonNumber(p + 1);
    if (p == 0) return 0;
    addRow(series, 0, value);
  } while (load<u8>(p) == COMMA);
  if (!areEqual(timesWord, p, TIMES_SIZE)) return 0;
  p += TIMES_SIZE - 1;
  let row = first;
  do {
    p = readJsonNumber(p + 1);
    if (p == 0 || row == rowCount) return 0;
    setTime(row++, value);
  } while (load<u8>(p) == COMMA);
  // ]} and a line feed
  if (row != rowCount || load<u16>(p) != 0x7d5d || load<u8>(p, 2) != LINE_FEED) return 0;
  return p + 3;
}
