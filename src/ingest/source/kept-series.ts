/**
 * KeptSeries: live series that a protocol keeps account of itself: see SeriesKeeper. They are of the source that their
 * job and instance name; those that end and are not there (a relay's, and those that relabelling gave another job or
 * instance) are looked for in all sources, where the configuration may have such.
 */

import type { Appendable, Appender } from "../../model/appendable.js";
import type { Labels } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";
import type { HeldSample } from "../push/push.js";
import { LabelsTable } from "./labels-table.js";
import type { LifeCycle } from "./life-cycle.js";
import type { PushJob } from "./push-job.js";
import type { Source } from "./source.js";
import type { SourceName, SourceRegistry } from "./source-registry.js";
import { SourceSeries } from "./source-series.js";

export interface KeptSeriesOptions {
  readonly appendable: Appendable;
  readonly registry: SourceRegistry;
  readonly lifeCycle: LifeCycle;
  readonly jobNamed: (name: string) => PushJob | undefined;
  /** Whether series may be of another source than their labels say. */
  readonly mayBeElsewhere: () => boolean;
}

export class KeptSeries {
  readonly #options: KeptSeriesOptions;

  constructor(options: KeptSeriesOptions) {
    this.#options = options;
  }

  nextTime(): TimestampMs {
    const { lifeCycle } = this.#options;
    return lifeCycle.decidedAt(lifeCycle.arrivalTime());
  }

  async hold(held: Iterable<HeldSample>): Promise<void> {
    const { appendable, lifeCycle } = this.#options;
    const found = Array.from(held, (sample) => ({ ...sample, live: this.#find(sample.labels) }));
    // So that no full push of another protocol ends them.
    for (const { live } of found) if (live !== undefined) live.scope = "own-times";
    const changed = found.filter(
      ({ live, value }) => live === undefined || !Object.is(live.lastValue, value),
    );
    if (changed.length === 0) return;
    const appender = appendable.appender();
    const now = this.nextTime();
    const sources = new Set<Source>();
    for (const { labels, value, live } of changed) {
      const source = live?.source ?? this.#sourceOf(labels, now);
      if (source === undefined) continue;
      const series = live ?? new SourceSeries(labels, source);
      series.ref = appender.append(series.ref, labels, now, value);
      series.note(now, Float64Array.of(value), 0);
      source.begin(series);
      sources.add(source);
    }
    for (const source of sources) lifeCycle.reschedule(source);
    await appender.commit();
  }

  async endSeries(ended: Iterable<Labels>, { isDone }: { readonly isDone: boolean }): Promise<void> {
    const bySource = new Map<Source, SourceSeries[]>();
    for (const series of this.#findAll([...ended])) {
      const ofSource = bySource.get(series.source!);
      if (ofSource === undefined) bySource.set(series.source!, [series]);
      else ofSource.push(series);
    }
    if (bySource.size === 0) return;
    const { appendable, lifeCycle } = this.#options;
    const appender = appendable.appender();
    const now = this.nextTime();
    for (const [source, series] of bySource) {
      if (isDone) this.finish(source, series, appender, now);
      else {
        for (const one of series) source.endSeries(appender, one, now);
        lifeCycle.decidedAt(source.lastWrite);
        lifeCycle.reschedule(source);
      }
    }
    await appender.commit();
  }

  /** These series of the source end; when it has no others it is done. */
  finish(source: Source, series: readonly SourceSeries[], appender: Appender, now: TimestampMs): void {
    const { registry, lifeCycle } = this.#options;
    for (const one of series) source.endSeries(appender, one, now);
    if (source.live.size === 0) source.finish(appender, now);
    lifeCycle.decidedAt(source.lastWrite);
    if (source.live.size > 0) return;
    if (!source.isExpected) registry.forget(source);
    lifeCycle.reschedule(source);
  }

  liveOf(series: Iterable<Labels>): readonly Labels[] {
    return this.#findAll([...series]).map(({ labels }) => labels);
  }

  #find(labels: Labels): SourceSeries | undefined {
    return this.#options.registry.find(nameOf(labels))?.live.get(labels);
  }

  /** Those that are live. */
  #findAll(labels: readonly Labels[]): readonly SourceSeries[] {
    const found = labels.map((one) => this.#find(one));
    const elsewhere = found.includes(undefined) ? this.#seriesElsewhere() : undefined;
    return found
      .map((series, i) => series ?? elsewhere?.get(labels[i]!))
      .filter((series) => series !== undefined);
  }

  #seriesElsewhere(): LabelsTable<SourceSeries> {
    const { registry, mayBeElsewhere } = this.#options;
    const table = new LabelsTable<SourceSeries>();
    if (!mayBeElsewhere()) return table;
    for (const source of registry.allManaged()) {
      for (const series of source.live.values()) {
        const { job, instance } = nameOf(series.labels);
        if (job !== source.job || instance !== source.instance) table.set(series.labels, series);
      }
    }
    return table;
  }

  /** One that nobody knows any more was not heard of for long: should it report, it is down until it pushes. */
  #sourceOf(labels: Labels, now: TimestampMs): Source | undefined {
    const { registry, jobNamed } = this.#options;
    const name = nameOf(labels);
    const source = registry.managed(name, jobNamed(name.job));
    if (source === undefined) return undefined;
    source.declare({ staleness: { kind: "forever" } });
    if (source.state === "unmanaged") {
      source.state = source.isReported ? "down" : "up";
      source.downSince = source.isReported ? now : Infinity;
    }
    return source;
  }
}

function nameOf(labels: Labels): SourceName {
  return { job: labels.get("job"), instance: labels.get("instance") };
}
