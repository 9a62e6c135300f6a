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

import { CHUNK_XOR, type EncodedChunk } from "../../model/series.js";
import {
  concatenateColumns,
  decodeChunk,
  encodeChunk,
  encodeChunks,
  XOR_SAMPLES_PER_CHUNK,
} from "./encode-chunks.js";
import { mergeChunks } from "./sort-samples.js";

/** Of samples with one time, the one in the earlier chunk of the list counts. */
export function joinChunks(chunks: readonly EncodedChunk[]): readonly EncodedChunk[] {
  if (chunks.length < 2) return chunks;
  const apart = overlappingGroups(chunks).flatMap((group) =>
    group.length === 1 ? group : encodeChunks(mergeChunks(group)),
  );
  return [...runsOfNeighbours(apart, XOR_SAMPLES_PER_CHUNK, [CHUNK_XOR])].map(oneChunk);
}

/**
 * Chunks that stand beside each other and have one of the encodings, in runs of at most `samplesMax` samples, as
 * long as can be. A chunk with more samples, or of another encoding, is a run by itself.
 */
export function* runsOfNeighbours(
  chunks: readonly EncodedChunk[],
  samplesMax: number,
  encodings: readonly number[],
): Generator<readonly EncodedChunk[], void, void> {
  let run: EncodedChunk[] = [];
  let runSamples = 0;
  for (const chunk of chunks) {
    const isJoined = encodings.includes(chunk.encoding);
    if (run.length > 0 && !(isJoined && runSamples + chunk.count <= samplesMax)) {
      yield run;
      run = [];
      runSamples = 0;
    }
    run.push(chunk);
    // A chunk of another encoding takes no neighbour.
    runSamples += isJoined ? chunk.count : samplesMax;
  }
  if (run.length > 0) yield run;
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

function oneChunk(run: readonly EncodedChunk[]): EncodedChunk {
  if (run.length === 1) return run[0]!;
  return encodeChunk(concatenateColumns(run.map(decodeChunk)));
}
