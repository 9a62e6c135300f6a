/**
 * ScrapeCounts: what became of all scrapes since the start, for the server's own metrics.
 */

import type { CommitResult, RejectReason } from "../model/appendable.js";
import type { Clock } from "../model/clock.js";
import { formatDuration } from "../model/duration.js";
import { LengthSummary } from "./length-summary.js";
import type { ScrapeTotals } from "./status.js";

/** Why a page was not taken, where that is a limit of ours. */
export type ScrapeLimitName = "samples" | "body" | "labels" | "targets" | "memory";

/** `too-new`: its own time is too far in the future. */
export type UnstoredReason = RejectReason | "too-new";

const intervalsMax = 50;

export class ScrapeCounts implements ScrapeTotals {
  scrapes = 0;
  failures = 0;
  samples = 0;
  outOfOrder = 0;
  readonly unstored = new Map<UnstoredReason, number>();
  readonly limits = new Map<ScrapeLimitName, number>();
  readonly intervals = new Map<string, LengthSummary>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Between two scrapes of a target, which should have been `intervalMs`. */
  countInterval(intervalMs: number, lengthMs: number): void {
    const name = formatDuration(intervalMs);
    let summary = this.intervals.get(name);
    if (summary === undefined) {
      // Relabelling may give each target one of its own.
      if (this.intervals.size >= intervalsMax) return;
      summary = new LengthSummary(this.#clock);
      this.intervals.set(name, summary);
    }
    summary.observe(lengthMs);
  }

  countUnstored(reason: UnstoredReason, count: number): void {
    this.unstored.set(reason, (this.unstored.get(reason) ?? 0) + count);
  }

  countLimit(name: ScrapeLimitName): void {
    this.limits.set(name, (this.limits.get(name) ?? 0) + 1);
  }

  countCommit({ appended, rejected }: CommitResult): void {
    this.samples += appended;
    for (const [reason, { count }] of rejected) this.countUnstored(reason, count);
  }
}
