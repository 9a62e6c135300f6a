/**
 * Push: one admitted request on its way into the database. What every push protocol writes to, and what it knows
 * of sources, leases and budgets: nothing.
 *
 * A protocol's reader asks `series` once for each series it meets (or remembers what it got for the same bytes of
 * the same origin), then appends to it; what a source may not push is a series with a refusal, to which appends are
 * counted and not stored. Every sample of a body ends in exactly one of the counts of PushResult.
 *
 *   sources.admit(request) -> Push;  reader(body, push);  push.commit() -> PushResult
 */

import type { Rejection, RejectReason } from "../../model/appendable.js";
import type { MalformedRow } from "../../model/importing.js";
import type { Labels } from "../../model/labels.js";
import type { MetricMetadata } from "../../model/metric-metadata.js";
import type { TimestampMs } from "../../model/sample.js";
import type { PairTuples, SeriesIndex } from "../../model/series-index.js";
import type { IngestLimits } from "../limits.js";
import type { SeriesList } from "./series-list.js";

export interface Push {
  /** The budgets of this pusher's bodies. */
  readonly limits: IngestLimits;
  /** When the request arrived: the time of samples that bring none. */
  readonly arrivalTime: TimestampMs;
  /** Stands for who pushes. While it is the same object, what `series` returned for it may be used again. */
  readonly origin: PushOrigin;
  /** What is known of its series whatever the body says. */
  readonly identity: PushIdentity;
  /** Samples staged since the last `flush`, and those that were read and not taken. */
  readonly stagedSamples: number;
  /** The series with these labels, as pushed. Never throws for what the labels are. */
  series(labels: Labels): PushSeries;
  /** Where new series need no decision: takes them without labels. Undefined where each must be asked for. */
  readonly tuples?: PushTuples | undefined;
  /** Without `time` the sample is of the arrival, and the series ends when a later full push does not have it. */
  append(series: PushSeries, time: TimestampMs | undefined, value: number): void;
  /** A staleness marker of the sender. */
  appendStale(series: PushSeries, time: TimestampMs | undefined): void;
  /** Many samples with times of their own; staleness markers by their bits. */
  appendColumns(columns: PushColumns): void;
  /** What could not be read: the line, or the number of the series, from 1, and how many samples were lost with it. */
  malformed(place: number, reason: string, samples?: number): void;
  /** What a metric is. The last word counts. */
  metadata(metricName: string, metadata: Partial<MetricMetadata>): void;
  /** Counts what was read and is not stored. */
  notStored(kind: UnstoredKind, count: number): void;
  /**
   * Commits what is staged, and goes on. For bodies that may be large: call it when `stagedSamples` has reached
   * `limits.transactionSamplesMax`. A body that fails later stays stored up to here; sending it again is harmless.
   * Rejects with PushStoppedError when the sender has used up far more than its rate: that ends the push.
   */
  flush(): Promise<void>;
  /** Commits the rest and ends the push. Rejects as an Appender's commit does. */
  commit(): Promise<PushResult>;
  /** What has become of it so far: what was flushed stays stored, whatever comes after it. */
  readonly result: PushResult;
  /** Ends the push without what is staged, and says why for the source's last rejected push. */
  rollback(reason: string): void;
}

/**
 * New series by numbers of label pairs. What stands for them in a list is of the list's place only: it belongs to the
 * origin that the push has in the same synchronous run, and is not given to `append`.
 */
export interface PushTuples {
  readonly index: SeriesIndex;
  /** Takes those that need no decision, run by run of one source, and adds them to the list. */
  take(list: SeriesList, series: NewSeries): void;
  /** A number of the list that was taken is not in use. */
  release(list: SeriesList, number: number): void;
  labelsOf(list: SeriesList, number: number): Labels;
  /** A copy of the list that outlives the run: these numbers have objects of their own in it. */
  lasting(list: SeriesList, numbers: Uint32Array): SeriesList;
}

/** Series in the order of a body. */
export interface NewSeries {
  readonly length: number;
  /** The end, excluded, of the series from `from` on that say the same job and instance. */
  endOfRun(from: number): number;
  jobOf(series: number): string;
  instanceOf(series: number): string;
  /** Borrowed until the next call. */
  tuples(from: number, to: number): PairTuples;
  /** The series has this number in the list. */
  setNumber(series: number, number: number): void;
}

/** Compared by identity only. */
export interface PushOrigin {
  readonly name: string;
}

/** What a request, and who sends it, say of all series of a push. */
export interface PushIdentity {
  /** Whether an entry of `push_configs` says who it is. */
  readonly isConfigured: boolean;
  /** Labels that all of them have: those of the grouping, and those that the credential forces. */
  readonly labels: Labels;
  /** How long their values live, where the configuration says it. */
  readonly staleness: StalenessPolicy | undefined;
  /** Between two pushes, as far as anybody knows. */
  readonly intervalMs: number | undefined;
}

/** A series as its origin pushes it. Given back to the Push of the same origin it came from. */
export interface PushSeries {
  /** As they are stored: what was pushed, with the labels that the origin forces. */
  readonly labels: Labels;
  /** Why it is not stored, if it is not. */
  readonly refusal: PushRefusal | undefined;
}

/** Row i is a sample of `series.at(seriesIndexes[i])`. */
export interface PushColumns {
  readonly series: SeriesList;
  readonly seriesIndexes: Uint32Array;
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly length: number;
}

export interface PushRefusal {
  readonly reason: RefusalReason;
  /** A sentence that names the label or the limit, and the remedy. */
  readonly message: string;
}

/**
 * Why a source's sample was not stored, besides what storage rejects: a label that the source may not push; more
 * series than its budget; a limit of labels; a metric relabelling dropped it (which is no fault of the sender);
 * it is an event, not a metric; it lies too far in the future.
 */
export type RefusalReason =
  | "forbidden-label"
  | "series-limit"
  | "label-limit"
  | "relabel-dropped"
  | "event-abuse"
  | "too-far-in-future";

/** What is read and counted but not stored. */
export type UnstoredKind = "exemplar" | "native-histogram" | "non-numeric-field" | "no-recorded-value";

/** What became of a push: every sample of the body is in exactly one of appended, rejected and malformed. */
export interface PushResult {
  /** Samples stored, or stored already. */
  readonly appended: number;
  /** Samples that were not taken, by reason, the first of each named. */
  readonly rejected: ReadonlyMap<RejectReason | RefusalReason, PushRejection>;
  /** What could not be read, the first hundred named. */
  readonly malformed: { readonly count: number; readonly first: readonly MalformedRow[] };
  /** What was read besides and is not stored. */
  readonly notStored: ReadonlyMap<UnstoredKind, number>;
}

export interface PushRejection extends Rejection {
  /** Of a refusal. */
  readonly message?: string;
}

/** How samples reach us: of own metrics and of `/api/v1/sources`. */
export type PushProtocol =
  | "remote-write"
  | "remote-write-2"
  | "text"
  | "pushgateway"
  | "json"
  | "msgpack"
  | "otlp"
  | "influx"
  | "graphite"
  | "json-lines"
  | "aggregate"
  | "library";

/** A request to push, before anything of its body is read. */
export interface PushRequest {
  readonly protocol: PushProtocol;
  readonly sender: PushSender;
  /** Labels that the address of the push names, as a grouping key: set on every series. */
  readonly grouping?: Labels;
  /** Whether the body has all that the source has to say, so that what it leaves out has ended. */
  readonly isFullState?: boolean;
  /** The source's own word about when it comes again. */
  readonly intervalMs?: number;
  /** The source's own word about how long its values live after its last push. */
  readonly staleness?: StalenessPolicy;
}

/** Who sends, as far as the transport knows. */
export interface PushSender {
  /** Of the peer, as text. */
  readonly address: string;
  /** A bearer token, or the password of basic authentication. */
  readonly token?: string;
  /** Names in a verified client certificate: its common name and its subject alternative names. */
  readonly certificateNames?: readonly string[];
}

/**
 * How long values live after the last push: until the lease is missed; for a duration; until they are deleted.
 * Values that are held are repeated, so that instant queries see them.
 */
export type StalenessPolicy =
  | { readonly kind: "lease" }
  | { readonly kind: "hold"; readonly durationMs: number }
  | { readonly kind: "forever" };

/** Takes pushes in. Implemented by Sources. */
export interface PushGate {
  /**
   * Throws UnauthorizedError (who is this?), ForbiddenError (not from there, not this), TooManyRequestsError (over
   * its rate, come again after), before anything of the body is read.
   */
  admit(request: PushRequest): Push;
  /** The series of a source, or of the part of it with this grouping, end now. */
  end(request: PushRequest): Promise<void>;
}

/**
 * For a protocol that keeps account of what lives, as groups of the Pushgateway: its requests are admitted with the
 * policy `forever`, and it says itself when series end. Series are named by the labels that they are stored with.
 * Implemented by Sources.
 */
export interface SeriesKeeper {
  /** The time of what is written now: behind all that a keeper or a life cycle has written, and other at each call. */
  nextTime(): TimestampMs;
  /** They have these values from now on: what is not live with its value already is written. */
  hold(series: Iterable<HeldSample>): Promise<void>;
  /** Those of them that have not ended. */
  liveOf(series: Iterable<Labels>): readonly Labels[];
  /** Told of series that somebody else has ended for good, which is acknowledged when the listener is done. */
  onEnd(listener: EndListener): void;
  /** Of `push_configs`; the same object until these change. */
  readonly jobNames: readonly string[];
  /** They end now, as far as they are live. With `isDone` a source that has no others is done, and not missed. */
  endSeries(series: Iterable<Labels>, options: { readonly isDone: boolean }): Promise<void>;
}

export type EndListener = (ended: readonly Labels[]) => Promise<void>;

export interface HeldSample {
  readonly labels: Labels;
  readonly value: number;
}
