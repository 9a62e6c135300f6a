/**
 * SourceStatus: what is known of a source, for people: `/api/v1/sources` and `database.sources.list()`.
 */

import type { TimestampMs } from "../../model/sample.js";
import type { PushProtocol, StalenessPolicy } from "../push/push.js";

export interface SourceStatus {
  readonly job: string;
  readonly instance: string;
  /** `unmanaged`: it pushes without configuration and without saying when it comes again, so nobody can miss it. */
  readonly state: SourceState;
  /** Whether the configuration names it as one that should push. */
  readonly isExpected: boolean;
  /** Between two pushes; undefined while nobody knows. */
  readonly interval: SourceInterval | undefined;
  readonly staleness: StalenessPolicy;
  /** Live ones, and how many there may be. */
  readonly series: number;
  readonly seriesMax: number;
  /** Since the process began. */
  readonly pushes: number;
  readonly samplesAccepted: number;
  readonly samplesRejected: number;
  readonly lastPush: TimestampMs | undefined;
  /** When the next one is due; it is missed at `leaseEnd`. */
  readonly nextExpected: TimestampMs | undefined;
  readonly leaseEnd: TimestampMs | undefined;
  /** Until when values are repeated, for the policy `hold`. */
  readonly holdEnd: TimestampMs | undefined;
  readonly lastAccepted: PushRecord | undefined;
  /** The last push of which something was not taken. */
  readonly lastRejected: RejectedPushRecord | undefined;
}

/** `awaited`: it is expected, and has not pushed since the database was opened or before. */
export type SourceState = "awaited" | "up" | "down" | "unmanaged";

export interface SourceInterval {
  readonly intervalMs: number;
  readonly origin: "configured" | "declared" | "learnt";
}

/** One push, as far as it is remembered. */
export interface PushRecord {
  readonly time: TimestampMs;
  readonly protocol: PushProtocol;
  /** The credential, and the peer's address. */
  readonly credential: string;
  readonly address: string;
  /** Of this source. */
  readonly samples: number;
  /** The first samples as lines of `series value time`; at most some kilobytes. */
  readonly excerpt: string;
}

export interface RejectedPushRecord extends PushRecord {
  /** The first reason, as the sender was told. */
  readonly reason: string;
}

/** A push that was not admitted: nobody knows of which source it would have been. */
export interface RefusedAdmission {
  readonly time: TimestampMs;
  readonly protocol: PushProtocol;
  readonly address: string;
  readonly reason: string;
}
