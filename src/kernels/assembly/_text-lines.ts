/**
 * Lines of the text formats: `SERIES VALUE [TIME]`, and comments that are known by all of their bytes.
 *
 * Owners of keys: series by which label is a float (see ../exposition-format.ts), comments behind them; a comment stands
 * for the kind of the lines behind it.
 */

import { addRow } from "./_body-rows";
import { expectedAt, follow, keyAt } from "./_body-keys";
import { behindLine, CARRIAGE_RETURN, LINE_FEED, skipBlanks } from "./_body-bytes";
import { number, readFloat } from "./_decimal";
import { sizeOf } from "./_series-table";
import { behindTime, isOpenMetrics, OPEN_BRACE, setOpenMetrics, skipSeries, time, valueBehind } from "./_text-format";

const COMMENT: u32 = 3;
const KIND_KEPT: u32 = 3;
const HASH: u32 = 0x23;

/** Of the metric that lines are about: which of its labels is a float. */
export let kind: u32 = 0;
let mustTellComments = false;

export function beginText(firstKind: u32, openMetrics: bool, tellComments: bool): void {
  kind = firstKind;
  setOpenMetrics(openMetrics);
  mustTellComments = tellComments;
}

/** Returns the address behind the line, 0 when it must be read otherwise. */
export function readTextLine(from: usize, owner: u32): usize {
  const at = isOpenMetrics ? from : skipBlanks(from);
  const byte: u32 = load<u8>(at);
  if (byte == LINE_FEED && !isOpenMetrics) return at + 1;
  return byte == HASH ? readComment(at, owner + COMMENT) : readSample(at, owner + kind);
}

function readComment(at: usize, owner: u32): usize {
  if (mustTellComments) return 0;
  let key = expectedAt(owner, at);
  let behind: usize = key == 0 ? 0 : behindLine(at + <usize>sizeOf(key));
  if (behind == 0) {
    let end = at;
    while (load<u8>(end) != LINE_FEED) end++;
    behind = end + 1;
    if (load<u8>(end - 1) == CARRIAGE_RETURN) end--;
    key = keyAt(owner, at, end);
    if (key == 0) return 0;
  }
  const effect = follow(key);
  if (effect != KIND_KEPT) kind = effect;
  return behind;
}

function readSample(at: usize, owner: u32): usize {
  let key = expectedAt(owner, at);
  let word: usize = key == 0 ? 0 : valueBehind(at + <usize>sizeOf(key));
  // A brace may belong to a series that begins with this one.
  if (word == 0 || load<u8>(word) == OPEN_BRACE) {
    const behind = skipSeries(at);
    word = behind == at ? <usize>0 : valueBehind(behind);
    if (word == 0) return 0;
    key = keyAt(owner, at, behind);
    if (key == 0) return 0;
  }
  const p = readFloat(word);
  if (p == 0) return 0;
  const value = number;
  const behind = behindTime(p);
  if (behind != 0) addRow(follow(key), time, value);
  return behind;
}
