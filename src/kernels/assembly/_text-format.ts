/**
 * How lines of the text formats are written, `SERIES VALUE [TIME]`, for all kernels that read them. OpenMetrics has one space
 * between two words and seconds for times, the format of Prometheus blanks and milliseconds.
 */

import { BACKSLASH, behindLine, isBlank, LINE_FEED, QUOTE, skipBlanks, SPACE } from "./_body-bytes";
import { number, readMilliseconds, readSeconds } from "./_decimal";

export const OPEN_BRACE: u32 = 0x7b;
const CLOSE_BRACE: u32 = 0x7d;

export let isOpenMetrics = false;

export function setOpenMetrics(given: bool): void {
  isOpenMetrics = given;
}

/** Of the last `behindTime` that did not return 0; NaN when the line has none. */
export let time: f64 = NaN;

/** From the end of the value to behind the line; 0 when it must be read otherwise. */
export function behindTime(at: usize): usize {
  time = NaN;
  const behind = behindLine(at);
  if (behind != 0) return behind;
  if (!isBlank(load<u8>(at))) return 0;
  let p = behindBlanks(at);
  if (p == 0) return 0;
  const next = behindLine(p);
  if (next != 0) return isOpenMetrics ? 0 : next;
  p = isOpenMetrics ? readSeconds(p) : readMilliseconds(p);
  if (p == 0) return 0;
  time = number;
  return behindLine(isOpenMetrics ? p : skipBlanks(p));
}

/** 0 when it is not what OpenMetrics has between two words. */
// @ts-ignore: decorator
@inline
function behindBlanks(at: usize): usize {
  if (!isOpenMetrics) return skipBlanks(at);
  return load<u8>(at) == SPACE && !isBlank(load<u8>(at + 1)) ? at + 1 : 0;
}

/** Where the word behind the series begins, 0 when there is no blank between. */
// @ts-ignore: decorator
@inline
export function valueBehind(series: usize): usize {
  return isBlank(load<u8>(series)) ? behindBlanks(series) : 0;
}

/** Behind the series that begins here, as far as it has the usual form; `at` itself when it has not. */
export function skipSeries(at: usize): usize {
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
