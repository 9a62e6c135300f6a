/**
 * Postings: sorted lists of series refs, and the set operations on them.
 *
 * Invariants
 *  1. Refs are strictly increasing.
 *  2. A list that was handed out never changes: operations give a new list, or one of their arguments.
 *
 * Where one list is much longer than the other, intersect and subtract look the refs of the short one up in the
 * long one by galloping (doubling steps, then a binary search between the last two).
 */

export type Postings = Uint32Array;

export const NO_POSTINGS: Postings = new Uint32Array(0);

/** From this ratio of lengths on, galloping is faster than stepping through both lists. */
const gallopRatio = 16;
/** From this many refs a list, merging lists is faster than sorting what is in them. */
const mergedFromRefs = 8;
/** Up to this many refs of span for each ref in the lists, a bitmap is faster than sorting. */
const bitmapSpanPerRef = 128;

/** Refs that are in both lists. */
export function intersect(a: Postings, b: Postings): Postings {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  const result = new Uint32Array(short.length);
  const length =
    long.length >= short.length * gallopRatio
      ? gallopIntersect(short, long, result)
      : mergeIntersect(short, long, result);
  return result.subarray(0, length);
}

/** Refs of `a` that are not in `b`. */
export function subtract(a: Postings, b: Postings): Postings {
  if (a.length === 0 || b.length === 0) return a;
  const result = new Uint32Array(a.length);
  if (a.length >= b.length * gallopRatio) return result.subarray(0, copyBetween(a, b, result));
  const gallops = b.length >= a.length * gallopRatio;
  let length = 0;
  let j = 0;
  for (let i = 0; i < a.length; i++) {
    const ref = a[i]!;
    if (gallops) j = gallop(b, j, ref);
    else while (j < b.length && b[j]! < ref) j++;
    if (b[j] !== ref) result[length++] = ref;
  }
  return result.subarray(0, length);
}

/** Refs that are in any of the lists. */
export function union(lists: readonly Postings[]): Postings {
  const filled = lists.filter((list) => list.length > 0);
  if (filled.length === 0) return NO_POSTINGS;
  if (filled.length === 1) return filled[0]!;
  let min = Number.POSITIVE_INFINITY;
  let max = 0;
  let length = 0;
  for (const list of filled) {
    min = Math.min(min, list[0]!);
    max = Math.max(max, list[list.length - 1]!);
    length += list.length;
  }
  const isDense = max - min < length * bitmapSpanPerRef;
  if (isDense) return uniteByBitmap(filled, { min, max, length });
  return length >= filled.length * mergedFromRefs ? uniteByMerging(filled) : uniteBySorting(filled, length);
}

/** Whether the list holds the ref. */
export function includes(postings: Postings, ref: number): boolean {
  return postings[lowerBound(postings, ref, 0, postings.length)] === ref;
}

/** Whether some ref is in both lists. */
export function intersects(a: Postings, b: Postings): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  let j = 0;
  for (let i = 0; i < short.length; i++) {
    j = gallop(long, j, short[i]!);
    if (j === long.length) return false;
    if (long[j] === short[i]) return true;
  }
  return false;
}

/** The index of the first ref that is at least `ref`, from `low` on; `high` when there is none before it. */
export function lowerBound(postings: Postings, ref: number, low: number, high: number): number {
  let first = low;
  let end = high;
  while (first < end) {
    const middle = (first + end) >>> 1;
    if (postings[middle]! < ref) first = middle + 1;
    else end = middle;
  }
  return first;
}

function mergeIntersect(a: Postings, b: Postings, into: Postings): number {
  let length = 0;
  let j = 0;
  for (let i = 0; i < a.length; i++) {
    const ref = a[i]!;
    while (j < b.length && b[j]! < ref) j++;
    if (j === b.length) break;
    if (b[j] === ref) into[length++] = ref;
  }
  return length;
}

function gallopIntersect(short: Postings, long: Postings, into: Postings): number {
  let length = 0;
  let j = 0;
  for (let i = 0; i < short.length; i++) {
    j = gallop(long, j, short[i]!);
    if (j === long.length) break;
    if (long[j] === short[i]) into[length++] = short[i]!;
  }
  return length;
}

/** Copies the stretches of `long` that lie between the refs of `short`. */
function copyBetween(long: Postings, short: Postings, into: Postings): number {
  let length = 0;
  let from = 0;
  for (let i = 0; i <= short.length; i++) {
    const to = i === short.length ? long.length : gallop(long, from, short[i]!);
    into.set(long.subarray(from, to), length);
    length += to - from;
    from = long[to] === short[i] ? to + 1 : to;
  }
  return length;
}

function gallop(postings: Postings, from: number, ref: number): number {
  let step = 1;
  let low = from;
  while (low + step < postings.length && postings[low + step]! < ref) {
    low += step;
    step *= 2;
  }
  return lowerBound(postings, ref, low, Math.min(low + step + 1, postings.length));
}

/** A bit per ref between the least and the greatest, set list by list and read in order. */
function uniteByBitmap(
  lists: readonly Postings[],
  { min, max, length }: { min: number; max: number; length: number },
): Postings {
  const bitmap = new Uint32Array(((max - min) >>> 5) + 1);
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) {
      const bit = list[i]! - min;
      bitmap[bit >>> 5]! |= 1 << (bit & 31);
    }
  }
  const result = new Uint32Array(length);
  let end = 0;
  for (let word = 0; word < bitmap.length; word++) {
    for (let bits = bitmap[word]!; bits !== 0; bits &= bits - 1) {
      result[end++] = min + word * 32 + (31 - Math.clz32(bits & -bits));
    }
  }
  return result.subarray(0, end);
}

/** Halves of the lists, each united. */
function uniteByMerging(lists: readonly Postings[]): Postings {
  if (lists.length === 1) return lists[0]!;
  const middle = lists.length >>> 1;
  return merge(uniteByMerging(lists.slice(0, middle)), uniteByMerging(lists.slice(middle)));
}

function merge(a: Postings, b: Postings): Postings {
  const result = new Uint32Array(a.length + b.length);
  let length = 0;
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const x = a[i]!;
    const y = b[j]!;
    result[length++] = x < y ? x : y;
    if (x <= y) i++;
    if (y <= x) j++;
  }
  const rest = i < a.length ? a.subarray(i) : b.subarray(j);
  result.set(rest, length);
  return result.subarray(0, length + rest.length);
}

function uniteBySorting(lists: readonly Postings[], length: number): Postings {
  const all = new Uint32Array(length);
  let end = 0;
  for (const list of lists) {
    all.set(list, end);
    end += list.length;
  }
  return withoutRepeats(all.sort());
}

function withoutRepeats(sorted: Postings): Postings {
  let length = 0;
  for (let i = 0; i < sorted.length; i++) {
    if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[length++] = sorted[i]!;
  }
  return sorted.subarray(0, length);
}
