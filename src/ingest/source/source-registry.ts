/**
 * SourceRegistry: all sources, by job and instance, and how many series they have together. Where there are several jobs,
 * each may have half of the room for sources and series at the most: who has the token of one and makes up instances
 * does not shut out the others. Those that are expected have their place besides.
 */

import type { PushBudgets } from "./push-config.js";
import type { PushJob } from "./push-job.js";
import { Source } from "./source.js";

/** Sources without a life cycle that are listed one by one; what others push is counted together. */
const unmanagedMax = 1000;
/** A job may have this part of all sources, and of all series, where it is not the only one. */
const sharePerJob = 0.5;

export interface SourceName {
  readonly job: string;
  readonly instance: string;
}

export class SourceRegistry {
  budgets: PushBudgets;
  /** Whether there are several jobs. */
  isShared = false;
  #seriesCount = 0;
  readonly #countsOfJobs = new Map<string, CountsOfJob>();
  readonly #managed = new Map<string, Source>();
  readonly #unmanaged = new Map<string, Source>();
  #others: Source | undefined;

  constructor(budgets: PushBudgets) {
    this.budgets = budgets;
  }

  /** A source with a life cycle. */
  find({ job, instance }: SourceName): Source | undefined {
    return this.#managed.get(keyOf(job, instance));
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
    if (this.#managed.delete(keyOf(source.job, source.instance))) this.#count(source.job, { sources: -1 });
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

  /** A catalog begins to remember a series of it, or forgets one. */
  countSeries(source: Source, change: 1 | -1): void {
    this.#seriesCount += change;
    source.knownSeries += change;
    this.#count(source.job, { series: change });
  }

  /** Why there is no room for another series of the source; undefined when there is. */
  lackOfSeries({ job, pushJob }: Source): string | undefined {
    const { seriesMax } = this.budgets;
    if (this.#seriesCount >= seriesMax) return `all sources together have ${seriesMax} series`;
    const series = this.#countsOfJobs.get(job)?.series ?? 0;
    if (!this.#isBeyondShare(series, seriesMax, pushJob)) return undefined;
    return `all sources of this job have ${series} series, the part of a job of the ${seriesMax} of all`;
  }

  /** Why there is no room for another source of the job; undefined when there is. */
  lackOfSources({ job, instance }: SourceName, pushJob: PushJob | undefined): string | undefined {
    const { sourcesMax } = this.budgets;
    if (this.#managed.size >= sourcesMax) return `there are ${sourcesMax} sources`;
    const sources = this.#countsOfJobs.get(job)?.sources ?? 0;
    if (pushJob?.expected.has(instance) || !this.#isBeyondShare(sources, sourcesMax, pushJob))
      return undefined;
    return `this job has ${sources} sources, the part of a job of the ${sourcesMax} of all`;
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

  #isBeyondShare(count: number, max: number, pushJob: PushJob | undefined): boolean {
    return this.isShared && pushJob !== undefined && count >= Math.max(1, max * sharePerJob);
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
    this.#count(source.job, { sources: 1 });
  }

  #count(job: string, { sources = 0, series = 0 }: Partial<CountsOfJob>): void {
    const known = this.#countsOfJobs.get(job);
    const counts = { sources: (known?.sources ?? 0) + sources, series: (known?.series ?? 0) + series };
    if (counts.sources === 0 && counts.series === 0) this.#countsOfJobs.delete(job);
    else this.#countsOfJobs.set(job, counts);
  }
}

/** What a job has. */
interface CountsOfJob {
  /** With a life cycle. */
  readonly sources: number;
  /** That catalogs remember. */
  readonly series: number;
}

function keyOf(job: string, instance: string): string {
  return `${job.length}:${job}${instance}`;
}
