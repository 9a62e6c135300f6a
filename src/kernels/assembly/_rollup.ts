/**
 * Range-vector functions and the instant selector over a column of samples: the quick forms of
 * ../window-functions.ts and ../rollup.ts, which say what they mean. Results agree with them to the bit.
 *
 * Window ends only move forward, so functions that need but the ends, the count or the places where the value
 * changes cost the same for any range.
 */

import {
  advance,
  bitsAt,
  count,
  indexAfter,
  length,
  setPresent,
  setResult,
  setResultBits,
  start,
  stepTime,
  timeAt,
  valueAt,
} from "./_column";

export function lastBefore(lookbackMs: f64): i32 {
  let to = indexAfter(start);
  let presentCount = 0;
  for (let step = 0; step < count; step++) {
    const time = stepTime(step);
    to = advance(to, length, time);
    const isPresent =
      to > 0 && timeAt(to - 1) > time - lookbackMs && bitsAt(to - 1) != 0x7ff0000000000002;
    setPresent(step, isPresent);
    if (!isPresent) continue;
    setResultBits(step, bitsAt(to - 1));
    presentCount++;
  }
  return presentCount;
}

/** rate, increase and delta. */
export function extrapolated(rangeMs: f64, rangeSeconds: f64, isCounter: bool, isRate: bool): i32 {
  let from = indexAfter(start - rangeMs);
  let to = indexAfter(start);
  /** The first counter reset behind `from`: where a value is less than the one before it. */
  let reset = 0;
  let presentCount = 0;
  for (let step = 0; step < count; step++) {
    const rangeEnd = stepTime(step);
    const rangeStart = rangeEnd - rangeMs;
    to = advance(to, length, rangeEnd);
    from = advance(from, to, rangeStart);
    const isPresent = to - from >= 2;
    setPresent(step, isPresent);
    if (!isPresent) continue;
    presentCount++;

    const first = valueAt(from);
    let difference = valueAt(to - 1) - first;
    if (isCounter) {
      if (reset <= from) {
        reset = from + 1;
        while (reset < length && !(valueAt(reset) < valueAt(reset - 1))) reset++;
      }
      for (let i = reset; i < to; i++) {
        const previous = valueAt(i - 1);
        if (valueAt(i) < previous) difference += previous;
      }
    }
    const firstTime = timeAt(from);
    const lastTime = timeAt(to - 1);
    const sampledSeconds = (lastTime - firstTime) / 1000;
    const intervalSeconds = sampledSeconds / <f64>(to - from - 1);
    const threshold = intervalSeconds * 1.1;
    let toStart = (firstTime - rangeStart) / 1000;
    if (toStart >= threshold) toStart = intervalSeconds / 2;
    if (isCounter && difference > 0 && first >= 0) {
      const toZero = sampledSeconds * (first / difference);
      if (toZero < toStart) toStart = toZero;
    }
    let toEnd = (rangeEnd - lastTime) / 1000;
    if (toEnd >= threshold) toEnd = intervalSeconds / 2;
    let factor = (sampledSeconds + toStart + toEnd) / sampledSeconds;
    if (isRate) factor /= rangeSeconds;
    setResult(step, difference * factor);
  }
  return presentCount;
}

/** irate and idelta. */
export function lastTwo(rangeMs: f64, isRate: bool): i32 {
  let from = indexAfter(start - rangeMs);
  let to = indexAfter(start);
  let presentCount = 0;
  for (let step = 0; step < count; step++) {
    const rangeEnd = stepTime(step);
    to = advance(to, length, rangeEnd);
    from = advance(from, to, rangeEnd - rangeMs);
    const isPresent = to - from >= 2 && timeAt(to - 1) != timeAt(to - 2);
    setPresent(step, isPresent);
    if (!isPresent) continue;
    presentCount++;
    const last = valueAt(to - 1);
    const previous = valueAt(to - 2);
    if (!isRate) setResult(step, last - previous);
    else {
      const intervalMs = timeAt(to - 1) - timeAt(to - 2);
      setResult(step, (last < previous ? last : last - previous) / (intervalMs / 1000));
    }
  }
  return presentCount;
}

const LAST: i32 = 0;
const FIRST: i32 = 1;
const COUNT: i32 = 2;

/** What the ends of the window alone tell. Any other `kind` is present_over_time. */
export function edges(rangeMs: f64, kind: i32): i32 {
  let from = indexAfter(start - rangeMs);
  let to = indexAfter(start);
  let presentCount = 0;
  for (let step = 0; step < count; step++) {
    const rangeEnd = stepTime(step);
    to = advance(to, length, rangeEnd);
    from = advance(from, to, rangeEnd - rangeMs);
    const isPresent = from < to;
    setPresent(step, isPresent);
    if (!isPresent) continue;
    presentCount++;
    if (kind == LAST) setResultBits(step, bitsAt(to - 1));
    else if (kind == FIRST) setResultBits(step, bitsAt(from));
    else setResult(step, kind == COUNT ? <f64>(to - from) : 1);
  }
  return presentCount;
}

/** min_over_time and max_over_time: the window is searched again only when its extreme has left it. */
export function extremes(rangeMs: f64, isMax: bool): i32 {
  let from = indexAfter(start - rangeMs);
  let to = indexAfter(start);
  let best = -1;
  let seen = 0;
  let presentCount = 0;
  for (let step = 0; step < count; step++) {
    const rangeEnd = stepTime(step);
    to = advance(to, length, rangeEnd);
    from = advance(from, to, rangeEnd - rangeMs);
    const isPresent = from < to;
    setPresent(step, isPresent);
    if (!isPresent) continue;
    presentCount++;
    if (best < from) {
      best = from;
      seen = from;
    }
    let bestValue = valueAt(best);
    for (; seen < to; seen++) {
      const value = valueAt(seen);
      if ((isMax ? value > bestValue : value < bestValue) || bestValue != bestValue) {
        best = seen;
        bestValue = value;
      }
    }
    setResultBits(step, bitsAt(best));
  }
  return presentCount;
}

/** Whether the sample at `index` counts against the one before it: as a reset, or as a change. */
// @ts-ignore: decorator
@inline
function isTransition(index: i32, isReset: bool): bool {
  const value = valueAt(index);
  const previous = valueAt(index - 1);
  if (isReset) return value < previous;
  return value != previous && (value == value || previous == previous);
}

/** changes and resets: counted when the later sample of a pair enters, uncounted when the earlier one leaves. */
export function transitions(rangeMs: f64, isReset: bool): i32 {
  let from = indexAfter(start - rangeMs);
  let to = from;
  let counted = 0;
  const firstTo = indexAfter(start);
  let presentCount = 0;
  for (let step = 0; step < count; step++) {
    const rangeEnd = stepTime(step);
    while (to < firstTo || (to < length && timeAt(to) <= rangeEnd)) {
      if (to > from) counted += i32(isTransition(to, isReset));
      to++;
    }
    while (from < to && timeAt(from) <= rangeEnd - rangeMs) {
      from++;
      if (from < to) counted -= i32(isTransition(from, isReset));
    }
    const isPresent = from < to;
    setPresent(step, isPresent);
    if (!isPresent) continue;
    presentCount++;
    setResult(step, <f64>counted);
  }
  return presentCount;
}
