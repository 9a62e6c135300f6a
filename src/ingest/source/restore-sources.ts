/**
 * restoreSources: sources as the database knows them, after a restart: no file besides the samples is kept.
 *
 * Who has a series `push_last_success_timestamp_seconds` that has not ended is a source; its live series are those with its job and instance whose last sample is no staleness marker and lies less
 * than a while before the last report. A lease begins anew at the open: who was alive could not push meanwhile.
 *
 * Limits: series that relabelling gave another job or instance are not found; which group a series was of is not known;
 * counts and remembered pushes begin anew; a source without any sample in the last seven days is forgotten.
 */

import { type ColumnKernel, columnKernel } from "../../kernels/column-kernel.js";
import { decodeChunk } from "../../kernels/decode-chunk.js";
import { METRIC_NAME } from "../../model/labels.js";
import { Matcher } from "../../model/matcher.js";
import type { Querier, Queryable } from "../../model/queryable.js";
import { ALL_TIME, type TimestampMs } from "../../model/sample.js";
import type { Series } from "../../model/series.js";
import { isStaleAt } from "../../model/staleness.js";
import { HOLD, INTERVAL, LAST_SUCCESS, reservedNames, UP } from "./report-names.js";
import type { RestoredSource, Source } from "./source.js";
import type { SourceRegistry } from "./source-registry.js";
import { SourceSeries } from "./source-series.js";

export interface RestoreOptions {
  readonly queryable: Queryable;
  readonly registry: SourceRegistry;
  readonly now: TimestampMs;
}

const reportsWithinMs = 7 * 86_400_000;
/** Reports are looked for back from now in parts of this length, so that little is loaded. */
const partMs = 3_600_000;
/** Who lives has been reported within a minute of the last report of all. */
const reportsApartMs = 5 * 60_000;
/** Before the last report of its source; twice the interval where that is longer. */
const seriesWithinMs = 15 * 60_000;

/** The sources that go on. Series and leases are in place; nothing is scheduled. */
export async function restoreSources(options: RestoreOptions): Promise<readonly Source[]> {
  const { queryable } = options;
  const found = await findSources(options);
  for (const job of new Set(found.map(({ source }) => source.job))) {
    const ofJob = found.filter(({ source }) => source.job === job);
    const minTime = Math.min(...ofJob.map(({ seriesFrom }) => seriesFrom));
    const querier = queryable.querier({ minTime, maxTime: ALL_TIME.maxTime });
    try {
      restoreSeries(ofJob, await querier.select([new Matcher("job", "=", job)]));
    } finally {
      querier.close();
    }
  }
  return found.map(({ source }) => source);
}

interface FoundSource {
  readonly source: Source;
  /** Where to look for its series. */
  readonly seriesFrom: TimestampMs;
  readonly isHeld: boolean;
}

async function findSources({ queryable, registry, now }: RestoreOptions): Promise<readonly FoundSource[]> {
  const found: FoundSource[] = [];
  const querier = queryable.querier({ minTime: now - reportsWithinMs, maxTime: ALL_TIME.maxTime });
  try {
    const minTime = await findLastReports(querier, now);
    if (minTime === undefined) return found;
    const reading = new LastSamples();
    const names = [UP, ...reservedNames].join("|");
    const range = { minTime, maxTime: ALL_TIME.maxTime };
    const reports = await querier.select([new Matcher(METRIC_NAME, "=~", names)], { range });
    for (const group of groupBySource(reports)) {
      const restored = readReports(group, reading);
      if (restored === undefined) continue;
      const { labels, lastReport, intervalMs = 0, holdMs } = restored;
      const source = registry.managed(
        { job: labels.get("job"), instance: labels.get("instance") },
        undefined,
      );
      if (source === undefined) break;
      source.restore(restored, now);
      const seriesFrom = lastReport - Math.max(seriesWithinMs, 2 * intervalMs);
      found.push({ source, seriesFrom, isHeld: holdMs !== undefined });
    }
  } finally {
    querier.close();
  }
  return found;
}

/** A time a little before the last reports; undefined when there are none. */
async function findLastReports(querier: Querier, now: TimestampMs): Promise<TimestampMs | undefined> {
  const isReport = [new Matcher(METRIC_NAME, "=", LAST_SUCCESS)];
  const known = await querier.select(isReport, { labelsOnly: true });
  if (known.length === 0) return undefined;
  for (let minTime = now - partMs; minTime > now - reportsWithinMs; minTime -= partMs) {
    const range = { minTime, maxTime: minTime === now - partMs ? ALL_TIME.maxTime : minTime + partMs };
    const reports = await querier.select(isReport, { range });
    const times = reports.flatMap(({ chunks }) => chunks.map(({ maxTime }) => maxTime));
    if (times.length > 0)
      return (
        Math.min(
          now,
          times.reduce((a, b) => Math.max(a, b)),
        ) - reportsApartMs
      );
  }
  return undefined;
}

/** Series about sources, and others named `up`, by job and instance. */
function groupBySource(series: readonly Series[]): Iterable<readonly Series[]> {
  const groups = new Map<string, Series[]>();
  for (const one of series) {
    const key = one.labels.keep(sourceLabels).key();
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return groups.values();
}

const sourceLabels = new Set(["job", "instance"]);
const nameLabel = new Set([METRIC_NAME]);

/** Undefined when there is no such source any more, or never was: targets have `up`, too. */
function readReports(group: readonly Series[], reading: LastSamples): RestoredSource | undefined {
  const own = group.find(({ labels }) => reservedNames.has(labels.get(METRIC_NAME)));
  if (own === undefined) return undefined;
  const labels = own.labels.drop(nameLabel);
  const values = new Map<string, number>();
  let lastReport = -Infinity;
  for (const series of group) {
    const last = series.labels.drop(nameLabel).equals(labels) ? reading.of(series) : undefined;
    if (last === undefined || last.isStale) continue;
    values.set(series.labels.get(METRIC_NAME), last.value);
    lastReport = Math.max(lastReport, last.time);
  }
  const lastPush = inMs(values.get(LAST_SUCCESS));
  if (lastPush === undefined) return undefined;
  return {
    labels,
    names: new Set(values.keys()),
    lastReport,
    isReported: values.has(UP) || values.has(INTERVAL),
    isUp: values.get(UP) !== 0,
    lastPush,
    intervalMs: inMs(values.get(INTERVAL)),
    holdMs: inMs(values.get(HOLD)),
  };
}

function inMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1000);
}

function restoreSeries(found: readonly FoundSource[], series: readonly Series[]): void {
  const byInstance = new Map(found.map((one) => [one.source.instance, one]));
  const reading = new LastSamples();
  for (const one of series) {
    const of = byInstance.get(one.labels.get("instance"));
    if (of === undefined || of.source.isOwnReport(one.labels)) continue;
    const last = reading.of(one);
    if (last === undefined || last.isStale || last.time < of.seriesFrom) continue;
    const restored = new SourceSeries(one.labels, of.source);
    restored.lastTime = last.time;
    restored.lastValue = last.value;
    // Held values were repeated since they came; of others the last sample has the time of the push that it came with.
    const hadArrivalTime = of.isHeld || last.time === of.source.lastPush;
    restored.scope = hadArrivalTime ? "restored" : "own-times";
    of.source.begin(restored);
  }
}

interface LastSample {
  readonly time: TimestampMs;
  readonly value: number;
  readonly isStale: boolean;
}

/** Reads the last sample of series: of two with one time the one in the earlier chunk counts. */
class LastSamples {
  readonly #kernel: ColumnKernel = columnKernel();

  of({ chunks }: Series): LastSample | undefined {
    const maxTime = Math.max(...chunks.map((chunk) => chunk.maxTime));
    for (const chunk of chunks) {
      if (chunk.maxTime !== maxTime) continue;
      this.#kernel.clear();
      const length = decodeChunk(this.#kernel, chunk, ALL_TIME, false);
      const time = this.#kernel.times()[length - 1];
      const values = this.#kernel.values();
      if (time === maxTime)
        return { time, value: values[length - 1]!, isStale: isStaleAt(values, length - 1) };
    }
    return undefined;
  }
}
