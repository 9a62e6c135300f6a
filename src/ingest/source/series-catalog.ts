/**
 * SeriesCatalog: what one pusher (a credential, with one grouping) calls its series, and what they are stored as. The
 * decision about labels is made once for each series; the catalog remembers it until the series was not pushed for a
 * while.
 *
 * Refusals for what the labels are would be the same again; those for lack of room would not. Neither is remembered
 * here: what is refused costs no memory.
 */

import type { Labels } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";
import type { SeriesIndex } from "../../model/series-index.js";
import type { IngestLimits } from "../limits.js";
import type { PushIdentity, PushOrigin } from "../push/push.js";
import type { SeriesList } from "../push/series-list.js";
import { decideLabels, type LabelPolicy } from "./label-policy.js";
import { LabelsTable } from "./labels-table.js";
import type { Credential } from "./push-job.js";
import { seriesLimit } from "./refusals.js";
import { SeriesColumns } from "./series-columns.js";
import type { Source } from "./source.js";
import type { SourceName, SourceRegistry } from "./source-registry.js";
import { minuteOf, SourceSeries } from "./source-series.js";

/** Stands for a catalog. A new one says that many series were forgotten, and that there may be room again. */
export class Origin implements PushOrigin {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

export interface CatalogOptions {
  readonly credential: Credential | undefined;
  readonly policy: LabelPolicy;
  readonly grouping: Labels;
  /** Whether what is pushed without configuration has a life cycle, because the requests say when they come again. */
  readonly isDeclared: boolean;
  readonly registry: SourceRegistry;
  readonly index: SeriesIndex | undefined;
}

/** A series that was not pushed for so long is forgotten, unless it is to be marked when it ends. */
export const idleMs = 30 * 60_000;
/** So many make a new origin. */
const forgottenMax = 1000;

export class SeriesCatalog {
  readonly grouping: Labels;
  readonly limits: IngestLimits;
  readonly isManaged: boolean;
  /** Whether all series are of one source, whatever job and instance they have. */
  readonly isRelay: boolean;
  /** When the request tells it before its body is read; the name of the source, or of all sources of the job. */
  readonly sourceName: SourceName | undefined;
  readonly #options: CatalogOptions;
  readonly #series = new LabelsTable<SourceSeries>();
  readonly #columns = new WeakMap<SeriesList, SeriesColumns>();
  /** Those that have series without objects of their own. */
  readonly #sharedColumns = new Set<SeriesColumns>();
  /** Where new series need no decision, the index that takes them without labels. */
  readonly #plainIndex: SeriesIndex | undefined;
  #indexEpoch = 0;
  #origin: Origin;
  #forgotten = 0;
  #isClosed = false;
  /** Why the last series that was refused for lack of room still would be. */
  #lackOfRoom: (() => string | undefined) | undefined;
  /** Of the last series that began in this push. */
  #lastSource: Source | undefined;
  #sweep: Iterator<readonly [Labels, SourceSeries]> | undefined;

  constructor(options: CatalogOptions) {
    const { credential, policy, grouping, isDeclared } = options;
    this.#options = options;
    this.grouping = grouping;
    this.limits = policy.limits;
    this.isManaged = credential !== undefined || isDeclared;
    this.isRelay = credential?.job.honorLabels === true;
    this.sourceName = sourceNameOf(options);
    this.#plainIndex = isPlain(options) ? options.index : undefined;
    this.#origin = this.#newOrigin();
  }

  get size(): number {
    return this.#series.size;
  }

  /** Of a push that begins now. */
  beginPush(): void {
    this.#lastSource = undefined;
    const hasRoomAgain = this.#lackOfRoom !== undefined && this.#lackOfRoom() === undefined;
    if (this.#forgotten < forgottenMax && !hasRoomAgain) return;
    this.#lackOfRoom = undefined;
    this.#origin = this.#newOrigin();
  }

  /** Another one once series have ended: it has no refs of these. */
  get origin(): Origin {
    if (this.#plainIndex !== undefined && this.#plainIndex.epoch !== this.#indexEpoch)
      this.#origin = this.#newOrigin();
    return this.#origin;
  }

  /** What was learnt of the series of a list, with room for all of them. */
  columnsOf(list: SeriesList): SeriesColumns {
    let columns = this.#columns.get(list);
    if (columns === undefined) {
      columns = new SeriesColumns(list);
      this.#columns.set(list, columns);
    }
    columns.reserve();
    return columns;
  }

  /** Whether `sharedSeries` may give something. */
  get isPlain(): boolean {
    return this.#plainIndex !== undefined && !this.#isClosed;
  }

  /**
   * What stands for new series of a source, `count` of them; undefined when each needs a decision: the source has a life
   * cycle, or there is no room for all of them.
   */
  sharedSeries(name: SourceName, count: number): SourceSeries | undefined {
    const { registry } = this.#options;
    if (!this.isPlain) return undefined;
    const source = this.#sourceOf(name)!;
    if (source.isManaged || registry.lackOfSeries(source, count) !== undefined) return undefined;
    source.shared ??= new SourceSeries(this.#plainIndex!, source);
    return source.shared;
  }

  /** Series that share an object are entered into `columns`, or not in use any more. */
  countShared({ source }: SourceSeries, columns: SeriesColumns, change: number): void {
    this.#options.registry.countSeries(source!, change);
    this.#sharedColumns.add(columns);
  }

  /** What holds for all pushes of it; `declaredMs` is the interval that a request says. */
  identity(declaredMs: number | undefined): PushIdentity {
    const { credential, policy, grouping } = this.#options;
    const job = credential?.job;
    return {
      isConfigured: job !== undefined,
      labels: grouping.with(Object.fromEntries(policy.forced)),
      staleness: job?.staleness,
      intervalMs: job?.intervalMs ?? declaredMs ?? this.knownSource()?.interval?.intervalMs,
    };
  }

  /** The series that is stored for what is pushed with these labels. */
  series(pushed: Labels, now: TimestampMs): SourceSeries {
    return this.#series.get(pushed) ?? this.#begin(pushed, now);
  }

  /** The source that the request names by itself; undefined when it names none, or when there may be no more. */
  ownSource(): Source | undefined {
    return this.sourceName === undefined ? undefined : this.#sourceOf(this.sourceName);
  }

  /** As `ownSource`, if it exists already. */
  knownSource(): Source | undefined {
    return this.sourceName && this.#options.registry.find(this.sourceName);
  }

  /** Forgets idle series among the next `count` of them; starts again behind the last. */
  sweep(now: TimestampMs, count: number): void {
    const idleMinute = minuteOf(now - idleMs);
    for (const columns of this.#sharedColumns)
      columns.forgetIdle(idleMinute, count, (source) => this.#countForgotten(source));
    this.#sweep ??= this.#series[Symbol.iterator]();
    for (let i = 0; i < count; i++) {
      const next = this.#sweep.next();
      if (next.done === true) {
        this.#sweep = undefined;
        return;
      }
      const [pushed, series] = next.value;
      if (series.isLive || series.lastSeenMinute > idleMinute) continue;
      this.#forget(pushed, series);
    }
  }

  /** Forgets all. Pushes that are under way may go on; nothing of them is remembered. */
  close(): void {
    this.#isClosed = true;
    this.#forgetShared();
    for (const [pushed, series] of this.#series) this.#forget(pushed, series);
  }

  #begin(pushed: Labels, now: TimestampMs): SourceSeries {
    const { credential, policy, grouping, registry } = this.#options;
    const decision = decideLabels(pushed, grouping, policy);
    if (decision.kind === "refused") {
      return new SourceSeries(decision.labels, this.knownSource(), decision.refusal);
    }
    const { labels, identified } = decision;
    const name = credential?.job.honorLabels ? this.sourceName! : nameOf(identified);
    const source = this.#sourceOf(name);
    const lack = this.#lackFor(name, source);
    if (lack !== undefined) {
      this.#lackOfRoom = () => this.#lackFor(name, source);
      return new SourceSeries(labels, source, seriesLimit(`${lack}; no new ones are taken`));
    }
    const series = new SourceSeries(labels, source);
    series.lastSeenMinute = minuteOf(now);
    if (this.#isClosed) return series;
    this.#series.set(pushed, series);
    registry.countSeries(source!, 1);
    return series;
  }

  /** Why there is no room for another series of the source, or for a source of this name; undefined when there is. */
  #lackFor(name: SourceName, source: Source | undefined): string | undefined {
    const { credential, registry } = this.#options;
    if (source === undefined) return registry.lackOfSources(name, credential?.job);
    return registry.lackOfSeries(source) ?? lackOfOwnSeries(source);
  }

  /** Undefined when there may be no more. Series that follow one another are of one source, as a rule. */
  #sourceOf(name: SourceName): Source | undefined {
    const last = this.#lastSource;
    if (last !== undefined && last.job === name.job && last.instance === name.instance && !last.isForgotten)
      return last;
    const { credential, isDeclared, registry } = this.#options;
    if (credential !== undefined) this.#lastSource = registry.managed(name, credential.job);
    else if (isDeclared && name.job !== "") this.#lastSource = registry.managed(name, undefined);
    else this.#lastSource = registry.unmanaged(name);
    return this.#lastSource;
  }

  #newOrigin(): Origin {
    this.#forgotten = 0;
    this.#indexEpoch = this.#plainIndex?.epoch ?? 0;
    this.#forgetShared();
    return new Origin(this.#options.credential?.name ?? "anonymous");
  }

  /** They are known by the numbers of an origin. */
  #forgetShared(): void {
    for (const columns of this.#sharedColumns)
      for (const [source, count] of columns.countShared()) this.#options.registry.countSeries(source, -count);
    this.#sharedColumns.clear();
  }

  #forget(pushed: Labels, series: SourceSeries): void {
    this.#series.delete(pushed);
    this.#countForgotten(series.source!);
  }

  #countForgotten(source: Source): void {
    this.#options.registry.countSeries(source, -1);
    this.#forgotten++;
  }
}

/** Whether series are stored as they are pushed, whatever their labels say. */
function isPlain({ credential, policy, grouping, isDeclared }: CatalogOptions): boolean {
  const { forced, allow, reserved, metricRelabelConfigs } = policy;
  const hasRules = forced.size + allow.size + reserved.size + metricRelabelConfigs.length > 0;
  return credential === undefined && !isDeclared && grouping.size === 0 && !hasRules;
}

/** Of the request alone: the credential forces it, or the grouping says it. */
function sourceNameOf({ credential, policy, grouping }: CatalogOptions): SourceName | undefined {
  const forced = policy.forced.get("instance");
  const job = credential?.job.name ?? grouping.get("job");
  if (credential?.job.honorLabels) return { job, instance: forced ?? credential.name };
  if (forced !== undefined) return { job, instance: forced };
  return grouping.size > 0 && job !== "" ? { job, instance: grouping.get("instance") } : undefined;
}

function nameOf(labels: Labels): SourceName {
  return { job: labels.get("job"), instance: labels.get("instance") };
}

/** Series that churn are remembered for a while, besides the live ones. */
const knownPerLive = 2;
const knownMin = 1000;

function lackOfOwnSeries({ pushJob, knownSeries }: Source): string | undefined {
  const seriesMax = pushJob?.limits.seriesMax ?? Infinity;
  if (knownSeries < seriesMax * knownPerLive + knownMin) return undefined;
  return `this source has had ${knownSeries} series lately`;
}
