/**
 * TargetStatus: what can be seen of a target from outside.
 */

import type { Labels } from "../model/labels.js";
import type { TimestampMs } from "../model/sample.js";

export interface TargetStatus {
  readonly job: string;
  readonly url: string;
  readonly labels: Labels;
  readonly health: "unknown" | "up" | "down";
  /** Why the last scrape failed; empty when it did not. */
  readonly lastError: string;
  /** Undefined before the first scrape. */
  readonly lastScrape: TimestampMs | undefined;
  readonly lastDurationMs: number;
  readonly lastSamples: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}
