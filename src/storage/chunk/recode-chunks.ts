/**
 * recodeChunks: the chunks of one series, from several places, as a block of the chosen encoding is to have them.
 *
 * Chunks are handed on byte by byte where they can be: XOR chunks when the block is to have no others (see
 * joinChunks), dense ones when it is to be small and they have no neighbour to be joined with.
 *
 *   [xor 120] [xor 120] [xor 120] [xor 120]    [dense 480]    [dense 300] [xor 120]
 *   gives, adaptively, where dense is the smaller
 *   [dense 480]                                the same       [dense 420]
 */

import { type BlockEncoding, CHUNK_DENSE, CHUNK_XOR, type EncodedChunk } from "../../model/series.js";
import {
  concatenateColumns,
  DENSE_SAMPLES_PER_CHUNK,
  decodeChunk,
  encodeAdaptively,
  encodeChunks,
} from "./encode-chunks.js";
import { joinChunks, runsOfNeighbours } from "./join-chunks.js";

/**
 * In time order, not overlapping; of samples with one time, the one in the earlier chunk of the list counts. Each is
 * made when it is asked for. Chunks of encodings that are neither XOR nor dense stay as they are, in either case.
 */
export function* recodeChunks(
  chunks: readonly EncodedChunk[],
  encoding: BlockEncoding,
): Generator<EncodedChunk, void, void> {
  if (encoding === "gorilla") {
    yield* joinChunks(chunks.flatMap(withoutDense));
    return;
  }
  const runs = runsOfNeighbours(joinChunks(chunks), DENSE_SAMPLES_PER_CHUNK, [CHUNK_XOR, CHUNK_DENSE]);
  for (const run of runs) {
    if (run.length === 1 && run[0]!.encoding !== CHUNK_XOR) yield run[0]!;
    else yield* encodeAdaptively(concatenateColumns(run.map(decodeChunk)));
  }
}

function withoutDense(chunk: EncodedChunk): readonly EncodedChunk[] {
  return chunk.encoding === CHUNK_DENSE ? encodeChunks(decodeChunk(chunk)) : [chunk];
}
