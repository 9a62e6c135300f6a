/**
 * pushExposition: a pushed text body into the database, leniently: what is malformed or rejected is counted and
 * named, the rest is kept.
 *
 * A body of up to `transactionSamplesMax` samples (give or take one piece) is one transaction. A larger one is
 * committed in several; when a later one fails the earlier ones stay, and sending the body again is harmless:
 * a sample that is stored already is a no-op.
 */

import type { Appendable, Appender, CommitResult } from "../model/appendable.js";
import type { MalformedRow } from "../model/importing.js";
import type { TimestampMs } from "../model/sample.js";
import type { ExpositionFormat } from "./exposition/exposition-format.js";
import { ExpositionStream } from "./exposition/parse-exposition.js";
import { ExpositionRows } from "./exposition-rows.js";
import { defaultIngestLimits, type IngestLimits } from "./limits.js";
import { MalformedRows, mergeCommitResults, RowAppender, type RowOptions } from "./row-appender.js";

/** What became of a push: every sample of the body is in exactly one of the three. */
export interface PushResult {
  /** Samples stored, or stored already. */
  readonly appended: number;
  /** Samples that storage did not take, by reason, the first of each named. */
  readonly rejected: CommitResult["rejected"];
  /** Lines that could not be read, the first hundred of them named. */
  readonly malformed: { readonly count: number; readonly first: readonly MalformedRow[] };
}

export interface PushExpositionOptions extends RowOptions {
  readonly format: ExpositionFormat;
  /** Gives the transactions: one, or for a large body several. */
  readonly appendable: Appendable;
  /** For samples without a time of their own. */
  readonly defaultTime: TimestampMs;
  readonly limits?: IngestLimits;
}

/** Rejects with what the source or a commit rejects with; the transaction under way is rolled back. */
export async function pushExposition(
  source: AsyncIterable<Uint8Array>,
  options: PushExpositionOptions,
): Promise<PushResult> {
  const { format, appendable, defaultTime } = options;
  const limits = options.limits ?? defaultIngestLimits;
  let appender: Appender = appendable.appender();
  const rows = new RowAppender(appender, options);
  const malformed = new MalformedRows();
  const stream = new ExpositionStream(
    { format, limits },
    new ExpositionRows({ rows, malformed, defaultTime }),
  );
  const commits: CommitResult[] = [];
  let committedSamples = 0;
  try {
    for await (const chunk of source) {
      for (const piece of piecesOf(chunk)) {
        stream.write(piece);
        if (rows.sampleCount - committedSamples < limits.transactionSamplesMax) continue;
        commits.push(await appender.commit());
        committedSamples = rows.sampleCount;
        appender = appendable.appender();
        rows.continueIn(appender);
      }
    }
    stream.end();
    commits.push(await appender.commit());
  } catch (error) {
    appender.rollback();
    throw error;
  }
  return { ...mergeCommitResults(commits), malformed };
}

const pieceSizeBytes = 64 * 1024;

/** So that even a body in one chunk is committed in transactions of bounded size. */
function* piecesOf(chunk: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < chunk.length; start += pieceSizeBytes)
    yield chunk.subarray(start, start + pieceSizeBytes);
}
