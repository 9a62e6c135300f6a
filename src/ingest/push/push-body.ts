/**
 * pushBody: a body, as it arrives, through a protocol's reader into a Push, to the commit.
 *
 * A body of up to `transactionSamplesMax` samples (give or take one piece) is one transaction. A larger one is
 * committed in several; when a later one fails the earlier ones stay, and sending the body again is harmless: a
 * sample that is stored already is a no-op.
 */

import type { Push, PushResult } from "./push.js";

/** Reads the pieces of one body in order, and writes what it reads to a push. */
export interface BodyReader {
  /** The piece is not kept. */
  write(piece: Uint8Array): void;
  /** Behind the last piece. */
  end(): void;
}

/** Rejects with what the source, the reader or a commit rejects with; the transaction under way is rolled back. */
export async function pushBody(
  source: AsyncIterable<Uint8Array>,
  push: Push,
  reader: BodyReader,
): Promise<PushResult> {
  try {
    for await (const chunk of source) {
      for (const piece of piecesOf(chunk)) {
        reader.write(piece);
        if (push.stagedSamples >= push.limits.transactionSamplesMax) await push.flush();
      }
    }
    reader.end();
    return await push.commit();
  } catch (error) {
    push.rollback(error instanceof Error ? error.message : String(error));
    throw error;
  }
}

const pieceSizeBytes = 64 * 1024;

/** So that even a body in one chunk is committed in transactions of bounded size. */
function* piecesOf(chunk: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < chunk.length; start += pieceSizeBytes)
    yield chunk.subarray(start, start + pieceSizeBytes);
}
