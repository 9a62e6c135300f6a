/**
 * PushConfig: one entry of `push_configs`: who may push as a job, what, how much, and how long it lives.
 *
 * Plain values: a configuration file or a program writes them, `Sources.configure` checks and compiles them.
 */

import type { RelabelConfig } from "../../relabel/relabel-config.js";
import type { StalenessPolicy } from "../push/push.js";

export interface PushConfig {
  /** Forced as the label `job`. Each is configured once. */
  readonly jobName: string;
  /** Between two pushes of a source. Without it the source's own word counts, else what its pushes show. */
  readonly intervalMs?: number;
  /** Each names one pusher or a group of them. A push needs one of the credentials of all entries. */
  readonly tokens?: readonly PushToken[];
  readonly certificates?: readonly PushCertificate[];
  readonly addresses?: readonly PushAddress[];
  /** Instances that should push: `up` is 0 for them until they do. */
  readonly expected?: readonly string[];
  /** Default: what each push says, else lease. */
  readonly staleness?: StalenessPolicy;
  readonly limits?: Partial<PushLimits>;
  /** Applied last, to what is about to be stored. A series is of the source that its labels said before. */
  readonly metricRelabelConfigs?: readonly RelabelConfig[];
  /**
   * For a relay, as a Prometheus that writes remotely: `job` and `instance` stay as they come, and all series are of
   * one source, the relay: its instance is the one that its credential forces, else the credential's name. Default
   * false.
   */
  readonly honorLabels?: boolean;
  /** How far samples may lie in the future. Default 10 minutes. */
  readonly futureMaxMs?: number;
}

/** What a credential gives: labels that every series gets, and what the others may be. */
export interface PushRights {
  /** For status and logs, and the instance of a relay. Default: made of the job and a number, never of the secret. */
  readonly name?: string;
  /** Set where they are absent; a series that has another value is refused. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Regular expressions (RE2) that must match the whole value of the label, the empty text when it is absent. */
  readonly allow?: Readonly<Record<string, string>>;
}

/** Either the secret itself, or the SHA-256 of it, so that a configuration need not hold it. */
export type PushToken = PushRights &
  ({ readonly token: string | Uint8Array } | { readonly tokenSha256: Uint8Array });

/** Names in a verified client certificate, the common name or subject alternative names; one is enough. */
export interface PushCertificate extends PushRights {
  readonly names: readonly string[];
}

/** Of the peer. */
export interface PushAddress extends PushRights {
  /** `10.0.0.0/8`, `fd00::/8`, or one address. */
  readonly cidr: string;
}

/** Of one source, that is, of one instance. */
export interface PushLimits {
  /** Live ones. */
  readonly seriesMax: number;
  /** In the mean; a burst of ten seconds may come at once, and one body always passes. */
  readonly samplesPerSecond: number;
  readonly requestsPerSecond: number;
  /** Of one body, as it arrives. */
  readonly bodySizeBytes: number;
  /**
   * Of one body, decompressed. Left out: 32 MiB where a body is held whole, 256 MiB where it is read piece by piece.
   */
  readonly decodedSizeBytes?: number;
  /** Of one series, the metric name included. */
  readonly labelsMax: number;
  readonly labelNameSizeBytes: number;
  readonly labelValueSizeBytes: number;
}

/** Of all sources together. */
export interface PushBudgets {
  readonly seriesMax: number;
  readonly samplesPerSecond: number;
  /** Pushes that have begun and not ended; each may hold a body. */
  readonly pushesMax: number;
  /** Sources with a life cycle. */
  readonly sourcesMax: number;
}

const limitsOfBodies = {
  bodySizeBytes: 32 * 1024 * 1024,
  labelsMax: 128,
  labelNameSizeBytes: 1024,
  labelValueSizeBytes: 64 * 1024,
} as const;

/** Of a device, a job, an application. */
export const defaultPushLimits: PushLimits = {
  ...limitsOfBodies,
  seriesMax: 10_000,
  samplesPerSecond: 100_000,
  requestsPerSecond: 100,
};

/** Of a relay, and of whoever pushes without configuration: a Prometheus' remote write at full speed. */
export const relayPushLimits: PushLimits = {
  ...limitsOfBodies,
  seriesMax: 1_000_000,
  samplesPerSecond: Infinity,
  requestsPerSecond: Infinity,
};

export const defaultPushBudgets: PushBudgets = {
  seriesMax: 2_000_000,
  samplesPerSecond: Infinity,
  pushesMax: 512,
  sourcesMax: 100_000,
};

export const defaultFutureMaxMs = 10 * 60_000;
