/**
 * PushTally: what has become of the samples of a push so far, each in exactly one count.
 */

import type { CommitResult, RejectedSample, RejectReason } from "../../model/appendable.js";
import type { PushRejection, PushResult, RefusalReason, UnstoredKind } from "../push/push.js";
import { MalformedRows } from "../row-appender.js";

const nothingRejected: PushResult["rejected"] = new Map();
const allStored: PushResult["notStored"] = new Map();

export class PushTally implements PushResult {
  appended = 0;
  readonly malformed = new MalformedRows();
  /** Both undefined while there is nothing, as of most pushes. */
  #rejected: Map<RejectReason | RefusalReason, PushRejection> | undefined;
  #notStored: Map<UnstoredKind, number> | undefined;

  get rejected(): PushResult["rejected"] {
    return this.#rejected ?? nothingRejected;
  }

  get notStored(): PushResult["notStored"] {
    return this.#notStored ?? allStored;
  }

  /** Counts a commit of user's samples and of `extras`, rows that are not of the body. */
  addCommit({ appended, rejected }: CommitResult, extras: number): void {
    this.appended += Math.max(0, appended - extras);
    for (const [reason, { count, first }] of rejected) this.#reject(reason, count, first);
  }

  refuse(reason: RefusalReason, message: string, first: RejectedSample, count = 1): void {
    this.#reject(reason, count, first, message);
  }

  addNotStored(kind: UnstoredKind, count: number): void {
    if (count === 0) return;
    this.#notStored ??= new Map();
    this.#notStored.set(kind, (this.#notStored.get(kind) ?? 0) + count);
  }

  #reject(
    reason: RejectReason | RefusalReason,
    count: number,
    first: RejectedSample,
    message?: string,
  ): void {
    this.#rejected ??= new Map();
    const earlier = this.#rejected.get(reason);
    if (earlier !== undefined) this.#rejected.set(reason, { ...earlier, count: earlier.count + count });
    else this.#rejected.set(reason, message === undefined ? { count, first } : { count, first, message });
  }
}
