/**
 * ScrapeCounts: what became of all scrapes since the start, for the server's own metrics.
 */

import type { CommitResult, RejectReason } from "../model/appendable.js";
import type { ScrapeTotals } from "./status.js";

/** Why a page was not taken, where that is a limit of ours. */
export type ScrapeLimitName = "samples" | "body" | "labels" | "targets" | "memory";

/** `too-new`: its own time is too far in the future. */
export type UnstoredReason = RejectReason | "too-new";

export class ScrapeCounts implements ScrapeTotals {
  scrapes = 0;
  failures = 0;
  samples = 0;
  outOfOrder = 0;
  readonly unstored = new Map<UnstoredReason, number>();
  readonly limits = new Map<ScrapeLimitName, number>();

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
