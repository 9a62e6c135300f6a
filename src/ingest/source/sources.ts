/**
 * Sources: who pushes. Admits pushes, knows what each source may push and has pushed, and gives sources the life cycle
 * that scraping gives to targets: `up`, staleness, an end.
 *
 *   admit ── identify ── rates ── catalog of series ──► SourcePush ──commit──► life cycle
 *
 * Without configuration this machine may push whatever it likes, and it is stored as it comes; a request that says when
 * it comes again, or how long its values live, gives its series a life cycle.
 */

import type { Appendable } from "../../model/appendable.js";
import type { Clock } from "../../model/clock.js";
import { ForbiddenError, InvalidArgumentError, TsdbError } from "../../model/errors.js";
import { Labels } from "../../model/labels.js";
import type { MetadataSink } from "../../model/metric-metadata.js";
import type { Queryable } from "../../model/queryable.js";
import type { TimestampMs } from "../../model/sample.js";
import { compareText } from "../../model/text-order.js";
import { defaultIngestLimits, type IngestLimits } from "../limits.js";
import type { EndListener, HeldSample, Push, PushGate, PushRequest, SeriesKeeper } from "../push/push.js";
import { Admission } from "./admission.js";
import { Identities } from "./identities.js";
import { KeptSeries } from "./kept-series.js";
import { forgery, type LabelPolicy } from "./label-policy.js";
import { LifeCycle } from "./life-cycle.js";
import {
  defaultFutureMaxMs,
  defaultPushBudgets,
  type PushBudgets,
  type PushConfig,
  relayPushLimits,
} from "./push-config.js";
import { type Credential, compilePushJob, type PushJob } from "./push-job.js";
import { isOfEnd } from "./push-scope.js";
import { RefusalLog } from "./refusal-log.js";
import { restoreSources } from "./restore-sources.js";
import { SeriesCatalog } from "./series-catalog.js";
import { SourcePush } from "./source-push.js";
import { PushScratch } from "./source-push-options.js";
import { SourceRegistry } from "./source-registry.js";
import { aheadMaxMs, type SourceSeries } from "./source-series.js";
import type { RefusedAdmission, SourceStatus } from "./source-status.js";
import { statusOf } from "./status-of-source.js";

export interface SourcesOptions {
  readonly appendable: Appendable;
  readonly clock: Clock;
  /** Where sources are read back from. Default: none are. */
  readonly queryable?: Queryable;
  readonly metadata?: MetadataSink;
  /** Of queries: held values and reports are repeated well within it. Default 5 minutes. */
  readonly lookbackDeltaMs?: number;
  /** Of pushes without configuration, where they differ from the default. */
  readonly limits?: Partial<IngestLimits>;
  /** Told in a sentence when something could not be written. */
  readonly onTrouble?: (message: string) => void;
}

/** Catalogs at once: credentials and groupings. The one that was used longest ago makes room. */
const catalogsMax = 20_000;
const sweepIntervalMs = 10_000;
const sweepSeriesMax = 20_000;
const repeatMaxMs = 60_000;

export class Sources implements PushGate, SeriesKeeper {
  jobNames: readonly string[] = [];
  readonly #options: SourcesOptions;
  readonly #anonymous: LabelPolicy;
  readonly #registry = new SourceRegistry(defaultPushBudgets);
  readonly #lifeCycle: LifeCycle;
  readonly #kept: KeptSeries;
  /** By who pushes and the grouping; the one that was used last is the last one. */
  readonly #catalogs = new Map<string, SeriesCatalog>();
  /** The last of them. */
  #lastCatalog: SeriesCatalog | undefined;
  readonly #refusals = new RefusalLog();
  readonly #scratch = new PushScratch();
  readonly #endListeners: EndListener[] = [];
  #jobs: readonly PushJob[] = [];
  #identities = new Identities([]);
  #admission: Admission;
  #pushNumber = 0;
  #cancelSweep: (() => void) | undefined;

  constructor(options: SourcesOptions) {
    const { appendable, clock, lookbackDeltaMs = 5 * 60_000 } = options;
    this.#options = options;
    this.#anonymous = {
      credential: "pushes without configuration",
      forced: new Map(),
      allow: new Map(),
      reserved: new Set(),
      metricRelabelConfigs: [],
      limits: { ...defaultIngestLimits, ...options.limits },
    };
    this.#admission = new Admission(defaultPushBudgets, clock);
    this.#lifeCycle = new LifeCycle({
      appendable,
      clock,
      registry: this.#registry,
      repeatMs: Math.min(repeatMaxMs, lookbackDeltaMs / 4),
      onFailure: (error) => this.#tell("what was due of sources was not written, and is tried again", error),
    });
    this.#kept = new KeptSeries({
      appendable,
      registry: this.#registry,
      lifeCycle: this.#lifeCycle,
      jobNamed: (name) => this.#jobs.find((job) => job.name === name),
      mayBeElsewhere: () => this.#jobs.some(mayRename),
    });
  }

  /**
   * Reads back the sources that the database knows of, whose newest sample is of `newestTime`. To be called once, before
   * the first push.
   */
  async restore(newestTime: TimestampMs = -Infinity): Promise<void> {
    const { queryable, clock } = this.#options;
    // What was written before may be of this very millisecond, or a little ahead of it.
    const now = clock.now();
    if (newestTime >= now) this.#lifeCycle.decidedAt(newestTime <= now + aheadMaxMs ? newestTime : now);
    if (queryable === undefined) return;
    try {
      const restored = await restoreSources({ queryable, registry: this.#registry, now: clock.now() });
      for (const source of restored) this.#lifeCycle.reschedule(source);
    } catch (error) {
      this.#tell("sources could not be read back; they begin anew when they push", error);
    }
  }

  /** See PushSources. */
  async configure(configs: readonly PushConfig[], budgets: Partial<PushBudgets> = {}): Promise<void> {
    const jobs = configs.map(compilePushJob);
    const identities = new Identities(jobs);
    this.#identities = identities;
    this.#jobs = jobs;
    this.jobNames = jobs.map(({ name }) => name);
    const allBudgets = { ...defaultPushBudgets, ...budgets };
    this.#registry.divide(allBudgets, this.jobNames);
    this.#admission = new Admission(allBudgets, this.#options.clock);
    for (const catalog of this.#catalogs.values()) catalog.close();
    this.#catalogs.clear();
    this.#lastCatalog = undefined;
    this.#registry.forgetUnmanaged();
    await this.#assignJobs();
    this.#expectInstances();
  }

  admit(request: PushRequest): Push {
    try {
      return this.#admit(request);
    } catch (error) {
      if (error instanceof TsdbError) this.#refusals.add(request, error.message, this.#options.clock.now());
      throw error;
    }
  }

  async end(request: PushRequest): Promise<void> {
    const { appendable } = this.#options;
    const { catalog, ticket } = this.#admitRequest(request);
    try {
      if (catalog.sourceName === undefined)
        throw new InvalidArgumentError(
          "say which job and instance end: by ?job= and ?instance=, or a credential that forces them",
        );
      const source = catalog.knownSource();
      if (source === undefined) return;
      const appender = appendable.appender();
      const ended = [...source.live.values()].filter((series) => isOfEnd(series, catalog.grouping));
      this.#kept.finish(source, ended, appender, this.#kept.nextTime());
      ticket.spend(ended.length);
      await appender.commit();
      await this.#tellEnd(ended);
    } finally {
      ticket.end();
    }
  }

  nextTime(): TimestampMs {
    return this.#kept.nextTime();
  }

  hold(series: Iterable<HeldSample>): Promise<void> {
    return this.#kept.hold(series);
  }

  endSeries(series: Iterable<Labels>, options: { readonly isDone: boolean }): Promise<void> {
    return this.#kept.endSeries(series, options);
  }

  liveOf(series: Iterable<Labels>): readonly Labels[] {
    return this.#kept.liveOf(series);
  }

  onEnd(listener: EndListener): void {
    this.#endListeners.push(listener);
  }

  list(): readonly SourceStatus[] {
    return this.#registry.all().map(statusOf).sort(byName);
  }

  refusedAdmissions(): readonly RefusedAdmission[] {
    return this.#refusals.newestFirst();
  }

  /** Resolves when what was due is written. */
  async settled(): Promise<void> {
    await this.#lifeCycle.settled();
  }

  /** Ends no source: after the next open they go on. */
  async close(): Promise<void> {
    this.#cancelSweep?.();
    this.#cancelSweep = () => {};
    await this.#lifeCycle.close();
  }

  #admit(request: PushRequest): Push {
    const { appendable, metadata } = this.#options;
    const { catalog, ticket, samplesPerSecond, futureMaxMs } = this.#admitRequest(request);
    const arrivalTime = this.#lifeCycle.arrivalTime();
    this.#scheduleSweep();
    catalog.beginPush();
    return new SourcePush({
      appendable,
      metadata,
      registry: this.#registry,
      lifeCycle: this.#lifeCycle,
      catalog,
      request,
      ticket,
      samplesPerSecond,
      scratch: this.#scratch,
      number: ++this.#pushNumber,
      arrivalTime,
      latestTime: arrivalTime + futureMaxMs,
      onUnknown: (reason, time) => this.#refusals.add(request, reason, time),
    });
  }

  #admitRequest(request: PushRequest) {
    const { sender, grouping = Labels.empty } = request;
    const credential = this.#identities.identify(sender);
    const policy = credential?.policy ?? this.#anonymous;
    const forged = forgery(grouping, policy);
    if (forged !== undefined) throw new ForbiddenError(forged.message);
    const isDeclared = request.intervalMs !== undefined || request.staleness !== undefined;
    const catalog = this.#catalogOf({ credential, policy, grouping, isDeclared });
    const instance = catalog.sourceName?.instance;
    const pusher = `${credential?.id ?? ""} ${instance === undefined ? sender.address : `of ${instance}`}`;
    const limits = credential?.job.limits ?? relayPushLimits;
    const ticket = this.#admission.admit(pusher, limits);
    const { samplesPerSecond } = limits;
    const futureMaxMs = credential?.job.futureMaxMs ?? defaultFutureMaxMs;
    return { catalog, ticket, samplesPerSecond, futureMaxMs };
  }

  #catalogOf(options: {
    readonly credential: Credential | undefined;
    readonly policy: LabelPolicy;
    readonly grouping: Labels;
    readonly isDeclared: boolean;
  }): SeriesCatalog {
    const { credential, grouping, isDeclared } = options;
    const key = `${credential?.id ?? (isDeclared ? "declared" : "")} ${grouping.key()}`;
    const known = this.#catalogs.get(key);
    if (known !== undefined) {
      // Most pushes are of the one that pushed last.
      if (known === this.#lastCatalog) return known;
      this.#catalogs.delete(key);
      this.#catalogs.set(key, known);
      this.#lastCatalog = known;
      return known;
    }
    const catalog = new SeriesCatalog({
      ...options,
      registry: this.#registry,
      index: this.#options.appendable.index,
    });
    this.#catalogs.set(key, catalog);
    this.#lastCatalog = catalog;
    if (this.#catalogs.size > catalogsMax) this.#dropOldestCatalog();
    return catalog;
  }

  #dropOldestCatalog(): void {
    const [oldest] = this.#catalogs;
    if (oldest === undefined) return;
    const [key, catalog] = oldest;
    catalog.close();
    this.#catalogs.delete(key);
  }

  /** Sources of jobs that are not configured any more end; those of the others go on under what is said now. */
  async #assignJobs(): Promise<void> {
    const jobs = new Map(this.#jobs.map((job) => [job.name, job]));
    const { appendable } = this.#options;
    const now = this.#lifeCycle.arrivalTime();
    const commits: Promise<unknown>[] = [];
    const ended: SourceSeries[] = [];
    for (const source of this.#registry.allManaged()) {
      const wasConfigured = source.pushJob !== undefined;
      source.assign(jobs.get(source.job));
      this.#lifeCycle.reschedule(source);
      if (!wasConfigured || source.pushJob !== undefined) continue;
      const appender = appendable.appender();
      this.#lifeCycle.decidedAt(now);
      for (const series of source.live.values()) {
        source.endSeries(appender, series, now);
        ended.push(series);
      }
      source.endReport(appender, now);
      this.#lifeCycle.decidedAt(source.lastWrite);
      this.#registry.forget(source);
      commits.push(appender.commit());
    }
    await Promise.all(commits);
    await this.#tellEnd(ended);
  }

  #expectInstances(): void {
    for (const job of this.#jobs) {
      for (const instance of job.expected) {
        const source = this.#registry.managed({ job: job.name, instance }, job);
        if (source === undefined) continue;
        source.expect();
        this.#lifeCycle.reschedule(source);
      }
    }
  }

  async #tellEnd(series: readonly SourceSeries[]): Promise<void> {
    const ended = series.map(({ labels }) => labels);
    for (const listener of this.#endListeners) await listener(ended);
  }

  #scheduleSweep(): void {
    this.#cancelSweep ??= this.#options.clock.schedule(sweepIntervalMs, () => {
      this.#cancelSweep = undefined;
      const now = this.#options.clock.now();
      for (const catalog of this.#catalogs.values()) catalog.sweep(now, sweepSeriesMax);
      this.#registry.forgetUnused();
      if (this.#catalogs.size > 0) this.#scheduleSweep();
    });
  }

  #tell(what: string, error: unknown): void {
    this.#options.onTrouble?.(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Whether series of the job may have another job or instance than their source. */
function mayRename({ honorLabels, credentials }: PushJob): boolean {
  return honorLabels || credentials.some(({ policy }) => policy.metricRelabelConfigs.length > 0);
}

function byName(a: SourceStatus, b: SourceStatus): number {
  return compareText(a.job, b.job) || compareText(a.instance, b.instance);
}
