/**
 * sortSamples and mergeChunks: samples in any order to columns in strictly increasing time.
 *
 * Of samples with the same time the first one given counts.
 */

import type { SampleColumns } from "../../model/sample.js";
import type { EncodedChunk } from "../../model/series.js";
import { sameValueAt } from "../../model/staleness.js";
import { decodeChunk, sliceColumns } from "./encode-chunks.js";

/**
 * Returns the columns themselves when they are in order. `onConflict` is called with the index of each sample
 * that is left out although its value differs from the one that counts.
 */
export function sortSamples(columns: SampleColumns, onConflict?: (index: number) => void): SampleColumns {
  const { times, values, length } = columns;
  if (isIncreasing(times, length)) return columns;
  const sorted = { times: new Float64Array(length), values: new Float64Array(length) };
  const words = wordsOf(values, length);
  const sortedWords = wordsOf(sorted.values, length);
  let kept = 0;
  for (const index of orderByTime(times, length)) {
    if (kept > 0 && times[index] === sorted.times[kept - 1]) {
      if (onConflict !== undefined && !sameValueAt(values, index, sorted.values, kept - 1)) onConflict(index);
      continue;
    }
    sorted.times[kept] = times[index]!;
    sortedWords[kept * 2] = words[index * 2]!;
    sortedWords[kept * 2 + 1] = words[index * 2 + 1]!;
    kept++;
  }
  return { ...sorted, length: kept };
}

/** The samples of all chunks, which may overlap; of equal times the one in the earlier chunk counts. */
export function mergeChunks(chunks: readonly EncodedChunk[]): SampleColumns {
  return mergeSorted(chunks.map(decodeChunk));
}

/** Halves of the list are merged first: with many chunks a sample is moved as often as the list can be halved. */
function mergeSorted(parts: readonly SampleColumns[]): SampleColumns {
  if (parts.length < 2)
    return parts[0] ?? { times: new Float64Array(0), values: new Float64Array(0), length: 0 };
  const middle = parts.length >>> 1;
  return mergeTwo(mergeSorted(parts.slice(0, middle)), mergeSorted(parts.slice(middle)));
}

function mergeTwo(a: SampleColumns, b: SampleColumns): SampleColumns {
  const merged = {
    times: new Float64Array(a.length + b.length),
    values: new Float64Array(a.length + b.length),
  };
  const words = wordsOf(merged.values, a.length + b.length);
  const aWords = wordsOf(a.values, a.length);
  const bWords = wordsOf(b.values, b.length);
  let i = 0;
  let j = 0;
  let length = 0;
  while (i < a.length && j < b.length) {
    const aTime = a.times[i]!;
    const bTime = b.times[j]!;
    if (aTime <= bTime) {
      merged.times[length] = aTime;
      words[length * 2] = aWords[i * 2]!;
      words[length * 2 + 1] = aWords[i * 2 + 1]!;
      i++;
      if (aTime === bTime) j++;
    } else {
      merged.times[length] = bTime;
      words[length * 2] = bWords[j * 2]!;
      words[length * 2 + 1] = bWords[j * 2 + 1]!;
      j++;
    }
    length++;
  }
  const rest = i < a.length ? sliceColumns(a, i, a.length) : sliceColumns(b, j, b.length);
  merged.times.set(rest.times, length);
  merged.values.set(rest.values, length);
  return { ...merged, length: length + rest.length };
}

/** Indices of the samples by time, of equal times in the order given. */
function orderByTime(times: Float64Array, length: number): Uint32Array {
  const order = new Uint32Array(length);
  for (let i = 0; i < length; i++) order[i] = i;
  // Newest first is how many a file comes.
  return isDecreasing(times, length) ? order.reverse() : order.sort((a, b) => times[a]! - times[b]! || a - b);
}

function isDecreasing(times: Float64Array, length: number): boolean {
  for (let i = 1; i < length; i++) if (times[i]! >= times[i - 1]!) return false;
  return true;
}

function isIncreasing(times: Float64Array, length: number): boolean {
  for (let i = 1; i < length; i++) if (times[i]! <= times[i - 1]!) return false;
  return true;
}

/** Values as words, to move them without touching the bits of a NaN. */
function wordsOf(values: Float64Array, length: number): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, length * 2);
}
