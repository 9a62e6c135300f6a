/**
 * SourceRegistry: all sources, by job and instance, and how many series they have together. Where there are several jobs,
 * each is promised a part of the room for sources and series: see RoomShares. Of that, those that are expected take what
 * they need.
 */

import type { PushBudgets } from "./push-config.js";
import type { PushJob } from "./push-job.js";
import { RoomShares } from "./room-shares.js";
import { Source } from "./source.js";

/** Sources without a life cycle that are listed one by one; what others push is counted together. */
const unmanagedMax = 1000;

export interface SourceName {
  readonly job: string;
  readonly instance: string;
}

export class SourceRegistry {
  #budgets: PushBudgets;
  /** Of sources with a life cycle. */
  readonly #sourceShares: RoomShares;
  /** Of series that catalogs remember. */
  readonly #seriesShares: RoomShares;
  readonly #managed = new Map<string, Source>();
  readonly #unmanaged = new Map<string, Source>();
  #others: Source | undefined;

  constructor(budgets: PushBudgets) {
    this.#budgets = budgets;
    this.#sourceShares = new RoomShares(budgets.sourcesMax);
    this.#seriesShares = new RoomShares(budgets.seriesMax);
  }

  /** How much room there is, and for which jobs. */
  divide(budgets: PushBudgets, jobs: readonly string[]): void {
    this.#budgets = budgets;
    this.#sourceShares.divide(budgets.sourcesMax, jobs);
    this.#seriesShares.divide(budgets.seriesMax, jobs);
  }

  /** A source with a life cycle. */
  find({ job, instance }: SourceName): Source | undefined {
    return this.#managed.get(keyOf(job, instance));
  }

  /** As `find`, or without a life cycle; what has no source of its own is of all others'. */
  named({ job, instance }: SourceName): Source | undefined {
    const key = keyOf(job, instance);
    return this.#managed.get(key) ?? this.#unmanaged.get(key) ?? this.#others;
  }

  /** The source with a life cycle by this name; undefined when there may be no more of them. */
  managed(name: SourceName, pushJob: PushJob | undefined): Source | undefined {
    const source = this.find(name) ?? this.#manage(name, pushJob);
    if (source !== undefined && pushJob !== undefined) source.pushJob = pushJob;
    return source;
  }

  /** The source of what is pushed without configuration and without saying when it comes again. */
  unmanaged({ job, instance }: SourceName): Source {
    const key = keyOf(job, instance);
    const known = this.#managed.get(key) ?? this.#unmanaged.get(key);
    if (known !== undefined) return known;
    if (this.#unmanaged.size >= unmanagedMax) {
      this.#others ??= new Source("", "");
      return this.#others;
    }
    const source = new Source(job, instance);
    this.#unmanaged.set(key, source);
    return source;
  }

  /** What it was is over; should it push again, it begins anew. */
  forget(source: Source): void {
    source.isForgotten = true;
    source.state = "unmanaged";
    if (this.#managed.delete(keyOf(source.job, source.instance))) this.#sourceShares.use(source.job, -1);
  }

  /** The source in place of one that was forgotten: another one that has come since, or itself. */
  remember(source: Source): Source {
    const key = keyOf(source.job, source.instance);
    const known = this.#managed.get(key);
    if (known !== undefined) return known;
    source.isForgotten = false;
    this.#add(key, source);
    return source;
  }

  /** A catalog begins to remember series of it, or forgets some. */
  countSeries(source: Source, change: number): void {
    source.knownSeries += change;
    this.#seriesShares.use(source.job, change);
  }

  /** Why there is no room for so many more series of the source; undefined when there is. */
  lackOfSeries({ job }: Source, wanted = 1): string | undefined {
    const lack = this.#seriesShares.lack(job, wanted);
    const { seriesMax } = this.#budgets;
    if (lack === "full") return `all sources together have ${seriesMax} series`;
    if (lack === undefined) return undefined;
    return `of the ${seriesMax} series of all sources this job has ${this.#seriesShares.usedBy(job)}, and what is left is kept for other jobs`;
  }

  /** Why there is no room for another source of the job; undefined when there is. */
  lackOfSources({ job, instance }: SourceName, pushJob: PushJob | undefined): string | undefined {
    const lack = this.#sourceShares.lack(job);
    const { sourcesMax } = this.#budgets;
    if (lack === "full") return `there are ${sourcesMax} sources`;
    if (lack === undefined || pushJob?.expected.has(instance)) return undefined;
    return `of the ${sourcesMax} sources this job has ${this.#sourceShares.usedBy(job)}, and what is left is kept for other jobs`;
  }

  /** Those that were named by pushes that did not come to anything. */
  forgetUnused(): void {
    for (const source of this.#managed.values()) if (source.state === "unmanaged") this.forget(source);
  }

  forgetUnmanaged(): void {
    this.#unmanaged.clear();
    this.#others = undefined;
  }

  /** Those with a life cycle. */
  allManaged(): readonly Source[] {
    return [...this.#managed.values()];
  }

  all(): readonly Source[] {
    const others = this.#others === undefined ? [] : [this.#others];
    return [...this.#managed.values(), ...this.#unmanaged.values(), ...others];
  }

  #manage(name: SourceName, pushJob: PushJob | undefined): Source | undefined {
    if (this.lackOfSources(name, pushJob) !== undefined) return undefined;
    const { job, instance } = name;
    const key = keyOf(job, instance);
    const source = this.#unmanaged.get(key) ?? new Source(job, instance);
    this.#unmanaged.delete(key);
    this.#add(key, source);
    return source;
  }

  #add(key: string, source: Source): void {
    this.#managed.set(key, source);
    this.#sourceShares.use(source.job, 1);
  }
}

function keyOf(job: string, instance: string): string {
  return `${job.length}:${job}${instance}`;
}
