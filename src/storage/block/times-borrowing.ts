/**
 * TimesBorrowing: chunks of a segment file to whole ones, those that borrow their times with these. The layout stands
 * in shared-times.ts.
 *
 * Times that were looked for once are kept, up to a limit: a target's series, and its chunks of other queries, borrow
 * from the same few lenders.
 */

import { CHUNK_DENSE } from "../../model/series.js";
import { chunkRef, chunkRefOffset, chunkRefSegment } from "./block-format.js";
import type { StoredChunk } from "./chunk-file-reader.js";
import {
  type Borrower,
  CHUNK_SHARED_TIMES,
  decodeBorrower,
  lentTimes,
  wholeSizeBytes,
  writeWhole,
} from "./shared-times.js";

/** Beyond this, the times that are kept are forgotten. */
const KEPT_SIZE_BYTES_MAX = 4 * 1024 * 1024;

/** Where chunks were read. */
export interface StretchOfChunks {
  readonly file: string;
  readonly refs: readonly number[];
  readonly reserveBytes?: ((bytes: number) => void) | undefined;
}

/** Chunks as they stand in their file, at increasing refs. */
type ReadFrames = (refs: Float64Array) => Promise<readonly StoredChunk[]>;

export class TimesBorrowing {
  readonly #readFrames: ReadFrames;
  /** Counts and times of lenders, by ref. */
  readonly #kept = new Map<number, Uint8Array>();
  #keptSizeBytes = 0;

  constructor(readFrames: ReadFrames) {
    this.#readFrames = readFrames;
  }

  /**
   * The chunks at `refs`, all of one segment, in a buffer of their own; undefined when none of them borrows, and they
   * are whole. Throws CorruptionError.
   */
  async wholeChunks(
    chunks: readonly StoredChunk[],
    { file, refs, reserveBytes }: StretchOfChunks,
  ): Promise<readonly StoredChunk[] | undefined> {
    if (!chunks.some(isBorrower)) return undefined;
    const borrowers = chunks.map((chunk, i) =>
      isBorrower(chunk) ? decodeBorrower(chunk.bytes, { file, offset: chunkRefOffset(refs[i]!) }) : undefined,
    );
    const lent = await this.#lentTo(borrowers, chunkRefSegment(refs[0]!));
    const sizes = chunks.map(({ bytes }, i) => {
      const borrower = borrowers[i];
      return borrower === undefined ? bytes.length : wholeSizeBytes(borrower);
    });
    const sizeBytes = sizes.reduce((sum, size) => sum + size, 0);
    reserveBytes?.(sizeBytes);
    const room = new Uint8Array(sizeBytes);
    let end = 0;
    return chunks.map((chunk, i) => {
      const bytes = room.subarray(end, end + sizes[i]!);
      end += bytes.length;
      const borrower = borrowers[i];
      if (borrower === undefined) bytes.set(chunk.bytes);
      else writeWhole(borrower, lent.get(borrower.lender)!, bytes);
      return { encoding: borrower === undefined ? chunk.encoding : CHUNK_DENSE, count: chunk.count, bytes };
    });
  }

  /** Counts and times by the offset of the lender, read where they are not known. */
  async #lentTo(
    borrowers: readonly (Borrower | undefined)[],
    segment: number,
  ): Promise<ReadonlyMap<number, Uint8Array>> {
    const lent = new Map<number, Uint8Array>();
    const missing = new Map<number, Borrower>();
    for (const borrower of borrowers) {
      if (borrower === undefined) continue;
      const known = this.#kept.get(chunkRef(segment, borrower.lender));
      if (known === undefined) missing.set(borrower.lender, borrower);
      else lent.set(borrower.lender, known);
    }
    if (missing.size === 0) return lent;
    const sorted = [...missing.values()].sort((a, b) => a.lender - b.lender);
    const frames = await this.#readFrames(
      Float64Array.from(sorted, ({ lender }) => chunkRef(segment, lender)),
    );
    for (const [i, borrower] of sorted.entries()) {
      const times = lentTimes(frames[i]!, borrower);
      lent.set(borrower.lender, times);
      this.#keep(chunkRef(segment, borrower.lender), times);
    }
    return lent;
  }

  #keep(ref: number, times: Uint8Array): void {
    if (this.#keptSizeBytes >= KEPT_SIZE_BYTES_MAX) {
      this.#kept.clear();
      this.#keptSizeBytes = 0;
    }
    this.#kept.set(ref, times);
    this.#keptSizeBytes += times.length;
  }
}

function isBorrower({ encoding }: StoredChunk): boolean {
  return encoding === CHUNK_SHARED_TIMES;
}
