/**
 * StagingTimes: the times of what is staged in one turn of the event loop. Different groups share one, so that a hundred
 * of them at once do not run ahead of the clock; what is staged for a group again comes behind.
 */

import type { TimestampMs } from "../../model/sample.js";
import type { SeriesKeeper } from "../push/push.js";

export class StagingTimes {
  readonly #keeper: Pick<SeriesKeeper, "nextTime">;
  readonly #groups = new Set<string>();
  #time: TimestampMs | undefined;

  constructor(keeper: Pick<SeriesKeeper, "nextTime">) {
    this.#keeper = keeper;
  }

  timeFor(groupId: string): TimestampMs {
    if (this.#time === undefined || this.#groups.has(groupId)) this.#begin();
    this.#groups.add(groupId);
    return this.#time!;
  }

  /** To be called when the keeper writes: what is staged afterwards comes behind that. */
  reset(): void {
    this.#time = undefined;
    this.#groups.clear();
  }

  #begin(): void {
    // Others write in the turns that follow.
    if (this.#time === undefined) queueMicrotask(() => this.reset());
    this.#groups.clear();
    this.#time = this.#keeper.nextTime();
  }
}
