/**
 * Random series to query: gauges, counters with resets, classic histograms, extremes; with gaps, staleness markers,
 * jitter and single samples. The same ones for the same seed. `families` is what the generator of expressions
 * knows of them.
 */

import { Labels } from "../../src/model/labels.js";
import type { TimestampMs } from "../../src/model/sample.js";
import { Dice } from "./dice.js";

/** "stale" is a staleness marker. */
export interface RandomSample {
  readonly time: TimestampMs;
  readonly value: number | "stale";
}

export interface RandomSeries {
  readonly labels: Labels;
  readonly samples: readonly RandomSample[];
}

/** Metrics whose series have the same labels, so that they join one to one. */
export interface Family {
  readonly metrics: readonly string[];
  readonly labels: Readonly<Record<string, readonly string[]>>;
  /** How the values of its metrics come about, in the order of `metrics`. */
  readonly shapes: readonly Shape[];
}

type Shape = "walk" | "counter" | "small" | "constant" | "extreme" | "single" | "sparse" | "clock" | "one";

const jobs = ["api", "web", "db"];
const instances = ["a:1", "b:2", "c:3"];

export const families = {
  requests: {
    metrics: ["requests_total", "errors_total", "queue_length"],
    labels: { job: jobs, instance: instances, path: ["/", "/x"] },
    shapes: ["counter", "counter", "small"],
  },
  climate: {
    metrics: ["temperature", "humidity", "constant", "seconds"],
    labels: { site: ["attic", "cellar", "größe"], sensor: ["1", "2", "10"] },
    shapes: ["walk", "sparse", "constant", "clock"],
  },
  perJob: { metrics: ["limit", "weight"], labels: { job: jobs }, shapes: ["small", "walk"] },
  target: {
    metrics: ["target_info", "build_info"],
    labels: { job: jobs, instance: instances, version: ["1.0"], "data.center": ["north"] },
    shapes: ["one", "one"],
  },
  extremes: {
    metrics: ["extreme", "air.quality", "single"],
    labels: { case: ["1", "2", "3", "4"] },
    shapes: ["extreme", "extreme", "single"],
  },
} as const satisfies Record<string, Family>;

export type FamilyName = keyof typeof families;

/** A classic histogram: `<name>_bucket` with `le`, `<name>_sum`, `<name>_count`. */
export const histogram = {
  name: "latency_seconds",
  bounds: ["0.1", "0.5", "1", "2.5", "+Inf"],
  labels: { job: jobs.slice(0, 2), instance: instances.slice(0, 2) },
} as const;

/** How long the series of one set are. */
export const setDurationMs = 90 * 60_000;

/** The series of one set, from `base` on. `isModerate`: without numbers so large or small that sums lose others. */
export function randomSeries(seed: number, base: TimestampMs, isModerate = false): readonly RandomSeries[] {
  const dice = new Dice(seed);
  const extremes = isModerate ? moderateExtremes : allExtremes;
  const series: RandomSeries[] = [];
  for (const { metrics, labels, shapes } of Object.values(families) as readonly Family[]) {
    metrics.forEach((metric, i) => {
      for (const set of labelSets(labels)) {
        if (dice.chance(0.1)) continue;
        series.push({ labels: named(metric, set), samples: samplesOf(shapes[i]!, { base, dice, extremes }) });
      }
    });
  }
  for (const set of labelSets(histogram.labels)) series.push(...histogramSeries(set, base, dice));
  return series;
}

function labelSets(
  labels: Readonly<Record<string, readonly string[]>>,
): readonly Readonly<Record<string, string>>[] {
  return Object.entries(labels).reduce<readonly Readonly<Record<string, string>>[]>(
    (sets, [name, values]) => sets.flatMap((set) => values.map((value) => ({ ...set, [name]: value }))),
    [{}],
  );
}

function named(metric: string, set: Readonly<Record<string, string>>): Labels {
  return Labels.from({ __name__: metric, ...set });
}

interface Source {
  readonly base: TimestampMs;
  readonly dice: Dice;
  readonly extremes: readonly number[];
}

function samplesOf(shape: Shape, source: Source): readonly RandomSample[] {
  const { base, dice } = source;
  const next = valuesOf(shape, source);
  if (shape === "single") return [{ time: base + dice.integer(setDurationMs), value: next(base) }];
  return timesOf(shape === "sparse" ? 0.05 : 0.004, base, dice).map(({ time, isStale }) => {
    const value = next(time);
    return { time, value: isStale ? "stale" : value };
  });
}

/** One scrape after the other, some late, with gaps of which half begin with a staleness marker. */
function timesOf(gaps: number, base: TimestampMs, dice: Dice): readonly { time: number; isStale: boolean }[] {
  const intervalMs = dice.pick([15_000, 15_000, 15_000, 30_000, 60_000]);
  const jitterMs = dice.pick([0, 0, 3, 400]);
  const offsetMs = dice.integer(intervalMs);
  const times: { time: number; isStale: boolean }[] = [];
  let silentUntil = dice.chance(0.1) ? dice.integer(setDurationMs / 2) : 0;
  for (let at = offsetMs; at < setDurationMs; at += intervalMs) {
    if (at < silentUntil) continue;
    const isStale = dice.chance(gaps);
    if (isStale || dice.chance(gaps)) silentUntil = at + dice.integer(12 * 60_000);
    times.push({ time: base + at + dice.integer(jitterMs + 1), isStale });
  }
  return times;
}

function valuesOf(shape: Shape, { base, dice, extremes }: Source): (time: TimestampMs) => number {
  let value = dice.integer(100);
  switch (shape) {
    case "walk":
      return () => {
        value += (dice.integer(41) - 20) / 8 + (dice.chance(0.2) ? dice.fraction() : 0);
        return value;
      };
    case "counter":
    case "sparse":
      return () => {
        value = dice.chance(0.02) ? dice.integer(5) : value + dice.pick([0, 1, 2, 17, 0.25]);
        return value;
      };
    case "small":
      return () => dice.integer(4);
    case "constant":
      value = dice.pick([1, 0, -2.5, 0.1, 1e9]);
      return () => value;
    case "one":
      return () => 1;
    case "clock":
      return (time) => Math.floor(time / 1000) + dice.integer(86_400 * 4000) - (base % 7);
    case "extreme":
    case "single":
      return () => dice.pick(extremes);
  }
}

const moderateExtremes = [Number.NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.1, 3.5, 2 ** 31];

const allExtremes = [
  ...moderateExtremes,
  // Go's logarithm on amd64 is wrong below this.
  2.3e-308,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  1e100,
  -1e100,
  1e16,
  -1e-16,
  2 ** 53,
  1e300,
];

function histogramSeries(
  set: Readonly<Record<string, string>>,
  base: TimestampMs,
  dice: Dice,
): readonly RandomSeries[] {
  const times = timesOf(0.004, base, dice);
  const counts = histogram.bounds.map(() => 0);
  const columns = [...counts, 0].map(() => [] as RandomSample[]);
  let sum = 0;
  for (const { time, isStale } of times) {
    if (dice.chance(0.01)) counts.fill(0);
    const observed = dice.integer(5);
    for (let i = 0; i < observed; i++) {
      const bucket = dice.integer(counts.length);
      for (let above = bucket; above < counts.length; above++) counts[above]!++;
      sum += bucket / 4;
    }
    [...counts, sum].forEach((value, i) => {
      columns[i]!.push({ time, value: isStale ? "stale" : value });
    });
  }
  const buckets = histogram.bounds.map((le, i) => ({
    labels: named(`${histogram.name}_bucket`, { ...set, le }),
    samples: columns[i]!,
  }));
  const count = { labels: named(`${histogram.name}_count`, set), samples: columns.at(-2)! };
  return [...buckets, count, { labels: named(`${histogram.name}_sum`, set), samples: columns.at(-1)! }];
}
