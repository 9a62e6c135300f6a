/**
 * Rejections: the samples of a transaction that were not stored, counted by reason, the first of each named.
 */

import type { RejectedSample, Rejection, RejectReason } from "../../model/appendable.js";

export class Rejections {
  readonly #byReason = new Map<RejectReason, { count: number; readonly first: RejectedSample }>();

  add(reason: RejectReason, sample: RejectedSample): void {
    const rejection = this.#byReason.get(reason);
    if (rejection === undefined) this.#byReason.set(reason, { count: 1, first: sample });
    else rejection.count++;
  }

  byReason(): ReadonlyMap<RejectReason, Rejection> {
    return this.#byReason;
  }
}
