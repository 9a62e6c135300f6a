/**
 * Samples of one target by the scrape that made them: time is counted in scrapes, so that two scrapers can be compared.
 */

import type { RawSeries } from "./raw-samples.js";

/** What one scrape left: values by series, the reports (`up` ...) included. */
export type ScrapeTrace = ReadonlyMap<string, string>;

export interface TargetTrace {
  /** Of each scrape, in order. */
  readonly scrapes: readonly ScrapeTrace[];
  /** Samples at other times, those that bring their own: by series and time. */
  readonly elsewhere: ReadonlyMap<string, string>;
  /** Of each scrape, in milliseconds. */
  readonly times: readonly number[];
  /** Seconds of each scrape. */
  readonly durations: readonly number[];
}

/** Series whose values are the scraper's own affair. */
const ownAffairs: ReadonlySet<string> = new Set(["scrape_duration_seconds"]);

/** Of the target itself, where its relabelling gives it one: see random-settings.ts. */
export const exportedJob = "of the target";

/** `series` are those of one target. */
export function traceOf(series: readonly RawSeries[]): TargetTrace {
  const times = [
    ...new Set(series.filter(({ labels }) => labels.__name__ === "up").flatMap((up) => up.times)),
  ];
  times.sort((a, b) => a - b);
  const scrapeAt = new Map(times.map((time, scrape) => [time, scrape]));
  const scrapes = times.map(() => new Map<string, string>());
  const elsewhere = new Map<string, string>();
  const durations: number[] = times.map(() => 0);
  for (const { labels, times: at, values } of series) {
    const key = seriesText(labels);
    const isScraped = labels.exported_job !== undefined && labels.exported_job !== exportedJob;
    const isOwnAffair = ownAffairs.has(labels.__name__ ?? "") && !isScraped;
    for (let i = 0; i < at.length; i++) {
      const scrape = scrapeAt.get(at[i]!);
      if (scrape === undefined) {
        elsewhere.set(`${key} @${at[i]}`, values[i]!);
        continue;
      }
      if (isOwnAffair) durations[scrape] = Number(values[i]);
      scrapes[scrape]!.set(key, isOwnAffair && values[i] !== "stale" ? "some" : values[i]!);
    }
  }
  return { scrapes, elsewhere, times, durations };
}

/** A scrape may have a time that is this much after its beginning, so that times are regular. */
const alignedMs = 10;

export interface AlignedTrace {
  /** By visit, in order. */
  readonly trace: TargetTrace;
  /** Visits whose page was asked for again, or before which there was a scrape that never came to the target. */
  readonly unclear: ReadonlySet<number>;
}

/** The scrapes by what the target saw of them: each has the last visit before the next scrape. */
export function alignedTo(visitTimes: readonly number[], trace: TargetTrace): AlignedTrace {
  const scrapes: ScrapeTrace[] = visitTimes.map(() => new Map());
  const durations = visitTimes.map(() => 0);
  const unclear = new Set<number>();
  let visit = 0;
  for (const [scrape, values] of trace.scrapes.entries()) {
    const first = visit;
    const end = (trace.times[scrape + 1] ?? Number.POSITIVE_INFINITY) - alignedMs;
    while (visit < visitTimes.length && visitTimes[visit]! < end) visit++;
    if (visit === first) {
      unclear.add(visit);
      continue;
    }
    for (let asked = first; asked < visit - 1; asked++) unclear.add(asked);
    scrapes[visit - 1] = values;
    durations[visit - 1] = trace.durations[scrape]!;
  }
  return { trace: { scrapes, elsewhere: trace.elsewhere, times: visitTimes, durations }, unclear };
}

export interface Difference {
  readonly series: string;
  readonly ours: string | undefined;
  readonly theirs: string | undefined;
}

export function differencesOf(
  ours: ReadonlyMap<string, string>,
  theirs: ReadonlyMap<string, string>,
): Difference[] {
  const found: Difference[] = [];
  for (const [series, value] of ours)
    if (theirs.get(series) !== value) found.push({ series, ours: value, theirs: theirs.get(series) });
  for (const [series, value] of theirs)
    if (!ours.has(series)) found.push({ series, ours: undefined, theirs: value });
  // Whether the page was read at all, tells the most.
  return found.sort((a, b) => Number(b.series.startsWith("up{")) - Number(a.series.startsWith("up{")));
}

export function describeDifference({ series, ours, theirs }: Difference): string {
  return `${series}: ours ${ours ?? "none"}, theirs ${theirs ?? "none"}`;
}

function seriesText(labels: Readonly<Record<string, string>>): string {
  const { __name__: name = "", ...others } = labels;
  const pairs = Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${name}{${pairs.map(([label, value]) => `${label}=${JSON.stringify(value)}`).join()}}`;
}
