/**
 * Lines of the text formats: `SERIES VALUE [TIME]`, and comments that are known by all of their bytes.
 *
 * Owners of keys: series by which label is a float (see ../exposition-format.ts), comments behind them; a comment stands
 * for the kind of the lines behind it.
 */

import { addRow } from "./_body-rows";
import { expectedAt, follow, keyAt } from "./_body-keys";
import { BACKSLASH, behindLine, CARRIAGE_RETURN, isBlank, LINE_FEED, QUOTE, skipBlanks, SPACE } from "./_body-bytes";
import { number, readFloat, readMilliseconds, readSeconds } from "./_decimal";
import { sizeOf } from "./_series-table";

const COMMENT: u32 = 3;
const KIND_KEPT: u32 = 3;
const HASH: u32 = 0x23;
const OPEN_BRACE: u32 = 0x7b;
const CLOSE_BRACE: u32 = 0x7d;

/** Of the metric that lines are about: which of its labels is a float. */
export let kind: u32 = 0;
let isOpenMetrics = false;
let mustTellComments = false;

export function beginText(firstKind: u32, openMetrics: bool, tellComments: bool): void {
  kind = firstKind;
  isOpenMetrics = openMetrics;
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
  let p = readFloat(word);
  if (p == 0) return 0;
  const value = number;
  let time: f64 = NaN;
  let behind = behindLine(p);
  if (behind == 0) {
    if (!isBlank(load<u8>(p))) return 0;
    p = behindBlanks(p);
    if (p == 0) return 0;
    behind = behindLine(p);
    if (behind != 0 && isOpenMetrics) return 0;
    if (behind == 0) {
      p = isOpenMetrics ? readSeconds(p) : readMilliseconds(p);
      if (p == 0) return 0;
      time = number;
      behind = behindLine(isOpenMetrics ? p : skipBlanks(p));
      if (behind == 0) return 0;
    }
  }
  addRow(follow(key), time, value);
  return behind;
}

/** OpenMetrics has one space between two words: 0 when it is something else. */
// @ts-ignore: decorator
@inline
function behindBlanks(at: usize): usize {
  if (!isOpenMetrics) return skipBlanks(at);
  return load<u8>(at) == SPACE && !isBlank(load<u8>(at + 1)) ? at + 1 : 0;
}

/** Where the word behind the series begins, 0 when there is no blank between. */
// @ts-ignore: decorator
@inline
function valueBehind(series: usize): usize {
  return isBlank(load<u8>(series)) ? behindBlanks(series) : 0;
}

/** Behind the series that begins here, as far as it has the usual form; `at` itself when it has not. */
function skipSeries(at: usize): usize {
  let p = at;
  let byte: u32 = load<u8>(p);
  while (byte > SPACE && byte != OPEN_BRACE) byte = load<u8>(++p);
  const nameEnd = p;
  p = skipBlanks(p);
  if (load<u8>(p) != OPEN_BRACE) return nameEnd;
  let isQuoted = false;
  byte = load<u8>(++p);
  while (byte != LINE_FEED) {
    if (byte == QUOTE) isQuoted = !isQuoted;
    else if (byte == CLOSE_BRACE && !isQuoted) return p + 1;
    // What a backslash escapes, but for a line feed.
    else if (byte == BACKSLASH && load<u8>(p, 1) != LINE_FEED) p++;
    byte = load<u8>(++p);
  }
  return at;
}
