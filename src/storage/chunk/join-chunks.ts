/**
 * joinChunks: the chunks of one series from several places to chunks in time order that do not overlap.
 *
 * Chunks that overlap are decoded, merged and encoded anew; small neighbours become one; all others are handed on
 * as they are, byte by byte.
 *
 *   [a 120] [b 120]        [c 30] [d 30]
 *        [e 10]                                    b and e overlap
 *   gives
 *   [a 120] [b with e, 2 chunks of 65] [c with d 60]
 */

import type { SampleColumns } from "../../model/sample.js";
import { CHUNK_XOR, type EncodedChunk } from "../../model/series.js";
import { decodeChunk, encodeChunk, encodeChunks, XOR_SAMPLES_PER_CHUNK } from "./encode-chunks.js";
import { mergeChunks } from "./sort-samples.js";

/** Of samples with one time, the one in the earlier chunk of the list counts. */
export function joinChunks(chunks: readonly EncodedChunk[]): readonly EncodedChunk[] {
  if (chunks.length < 2) return chunks;
  const apart = overlappingGroups(chunks).flatMap((group) =>
    group.length === 1 ? group : encodeChunks(mergeChunks(group)),
  );
  return joinSmall(apart);
}

/** In time order; within a group the chunks stand as in the list. */
function overlappingGroups(chunks: readonly EncodedChunk[]): readonly (readonly EncodedChunk[])[] {
  const byTime = chunks
    .map((chunk, rank) => ({ chunk, rank }))
    .sort((a, b) => a.chunk.minTime - b.chunk.minTime || a.rank - b.rank);
  const groups: { maxTime: number; members: typeof byTime }[] = [];
  for (const member of byTime) {
    const { minTime, maxTime } = member.chunk;
    const group = groups.at(-1);
    if (group === undefined || group.maxTime < minTime) groups.push({ maxTime, members: [member] });
    else {
      group.maxTime = Math.max(group.maxTime, maxTime);
      group.members.push(member);
    }
  }
  return groups.map(({ members }) => members.sort((a, b) => a.rank - b.rank).map(({ chunk }) => chunk));
}

/** Joins runs of neighbours that fit into one chunk. */
function joinSmall(chunks: readonly EncodedChunk[]): readonly EncodedChunk[] {
  const joined: EncodedChunk[] = [];
  let run: EncodedChunk[] = [];
  let runSamples = 0;
  for (const chunk of chunks) {
    const fits = chunk.encoding === CHUNK_XOR && runSamples + chunk.count <= XOR_SAMPLES_PER_CHUNK;
    if (!fits && run.length > 0) {
      joined.push(oneChunk(run));
      run = [];
      runSamples = 0;
    }
    run.push(chunk);
    // A chunk of another encoding takes no neighbour.
    runSamples += chunk.encoding === CHUNK_XOR ? chunk.count : XOR_SAMPLES_PER_CHUNK;
  }
  if (run.length > 0) joined.push(oneChunk(run));
  return joined;
}

function oneChunk(run: readonly EncodedChunk[]): EncodedChunk {
  if (run.length === 1) return run[0]!;
  return encodeChunk(concatenate(run.map(decodeChunk)));
}

function concatenate(parts: readonly SampleColumns[]): SampleColumns {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = { times: new Float64Array(length), values: new Float64Array(length), length };
  let end = 0;
  for (const part of parts) {
    all.times.set(part.times.subarray(0, part.length), end);
    all.values.set(part.values.subarray(0, part.length), end);
    end += part.length;
  }
  return all;
}
