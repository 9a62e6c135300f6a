/**
 * Functions of the naive evaluator: of windows, and of everything else.
 */

import { formatFloat } from "../../src/model/float-text.js";
import { Labels } from "../../src/model/labels.js";
import type { TimestampMs } from "../../src/model/sample.js";
import {
  type Element,
  elementsOf,
  mapNumbers,
  NaiveError,
  type NaiveQuery,
  type NaiveValue,
  type NaiveWindow,
  numberOf,
  textOf,
  vectorOf,
} from "./naive-evaluator.js";
import { histogramFraction, histogramQuantile } from "./naive-evaluator-histograms.js";
import { exactSum, extreme, line, mean, quantile, variance } from "./naive-evaluator-numbers.js";

interface WindowFunction {
  /** There is one sample at least. Undefined for no result. */
  readonly evaluate: (window: NaiveWindow, parameters: readonly number[]) => number | undefined;
  readonly keepsName?: boolean;
}

const ofValues = (compute: (values: readonly number[]) => number): WindowFunction => ({
  evaluate: ({ samples }) => compute(samples.map(({ value }) => value)),
});

export const windowFunctions: Readonly<Record<string, WindowFunction>> = {
  rate: { evaluate: (window) => over(growth(window, true), (window.end - window.start) / 1000) },
  increase: { evaluate: (window) => growth(window, true) },
  delta: { evaluate: (window) => growth(window, false) },
  irate: {
    evaluate: ({ samples }) => {
      const [previous, last] = samples.slice(-2);
      if (last === undefined) return undefined;
      const grown = last.value < previous!.value ? last.value : last.value - previous!.value;
      return grown / ((last.time - previous!.time) / 1000);
    },
  },
  idelta: {
    evaluate: ({ samples }) =>
      samples.length < 2 ? undefined : samples.at(-1)!.value - samples.at(-2)!.value,
  },
  deriv: {
    evaluate: ({ samples }) => (samples.length < 2 ? undefined : line(samples, samples[0]!.time).slope),
  },
  predict_linear: {
    evaluate: ({ samples, now }, [seconds]) => {
      if (samples.length < 2) return undefined;
      const { slope, intercept } = line(samples, now);
      return slope * seconds! + intercept;
    },
  },
  double_exponential_smoothing: {
    evaluate: ({ samples }, [level, trend]) => smooth(samples, level!, trend!),
  },
  changes: ofValues((values) => values.filter((value, i) => i > 0 && !isSame(value, values[i - 1]!)).length),
  resets: ofValues((values) => values.filter((value, i) => value < values[i - 1]!).length),
  avg_over_time: ofValues(mean),
  sum_over_time: ofValues(exactSum),
  min_over_time: ofValues((values) => extreme(values, (a, b) => a < b)),
  max_over_time: ofValues((values) => extreme(values, (a, b) => a > b)),
  count_over_time: ofValues((values) => values.length),
  present_over_time: ofValues(() => 1),
  stddev_over_time: ofValues((values) => Math.sqrt(variance(values))),
  stdvar_over_time: ofValues(variance),
  quantile_over_time: {
    evaluate: ({ samples }, [phi]) =>
      quantile(
        phi!,
        samples.map(({ value }) => value),
      ),
  },
  mad_over_time: ofValues((values) => {
    if (values.some(Number.isNaN)) return Number.NaN;
    const median = quantile(0.5, values);
    return quantile(
      0.5,
      values.map((value) => Math.abs(value - median)),
    );
  }),
  first_over_time: { evaluate: ({ samples }) => samples[0]!.value, keepsName: true },
  last_over_time: { evaluate: ({ samples }) => samples.at(-1)!.value, keepsName: true },
  ts_of_first_over_time: { evaluate: ({ samples }) => samples[0]!.time / 1000 },
  // As Prometheus has it: never before the epoch.
  ts_of_last_over_time: { evaluate: ({ samples }) => Math.max(0, samples.at(-1)!.time / 1000) },
  ts_of_min_over_time: { evaluate: ({ samples }) => timeOfExtreme(samples, (a, b) => a < b) },
  ts_of_max_over_time: { evaluate: ({ samples }) => timeOfExtreme(samples, (a, b) => a > b) },
};

type Samples = NaiveWindow["samples"];

/** Between the ends of the window: what lies between first and last sample, stretched to the ends that are near. */
function growth({ samples, start, end }: NaiveWindow, isCounter: boolean): number | undefined {
  const [first, last] = [samples[0]!, samples.at(-1)!];
  if (samples.length < 2) return undefined;
  let difference = last.value - first.value;
  samples.forEach(({ value }, i) => {
    if (isCounter && i > 0 && value < samples[i - 1]!.value) difference += samples[i - 1]!.value;
  });
  const sampled = (last.time - first.time) / 1000;
  const interval = sampled / (samples.length - 1);
  const stretch = (seconds: number) => (seconds >= interval * 1.1 ? interval / 2 : seconds);
  let before = stretch((first.time - start) / 1000);
  if (isCounter && difference > 0 && first.value >= 0)
    before = Math.min(before, sampled * (first.value / difference));
  return difference * ((sampled + before + stretch((end - last.time) / 1000)) / sampled);
}

function over(value: number | undefined, divisor: number): number | undefined {
  return value === undefined ? undefined : value / divisor;
}

/** Holt's linear method. */
function smooth(samples: Samples, levelFactor: number, trendFactor: number): number | undefined {
  if ([levelFactor, trendFactor].some((factor) => factor <= 0 || factor >= 1))
    throw new NaiveError("invalid factor");
  if (samples.length < 2) return undefined;
  let level = samples[0]!.value;
  let trend = samples[1]!.value - level;
  samples.slice(1).forEach(({ value }, i) => {
    const before = level;
    level = levelFactor * value + (1 - levelFactor) * (level + trend);
    // The trend that is used for the next sample; the first one is used twice.
    if (i < samples.length - 2) trend = trendFactor * (level - before) + (1 - trendFactor) * trend;
  });
  return level;
}

function isSame(a: number, b: number): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b));
}

/** Of equal values the last one counts. */
function timeOfExtreme(samples: Samples, isBeyond: (a: number, b: number) => boolean): number {
  const value = extreme(
    samples.map((sample) => sample.value),
    isBeyond,
  );
  return samples.findLast((sample) => isSame(sample.value, value))!.time / 1000;
}

interface Invocation {
  readonly now: TimestampMs;
  readonly query: NaiveQuery;
  readonly operands: readonly NaiveValue[];
}

/** A function without a window. */
export function callFunction(name: string, invocation: Invocation): NaiveValue {
  const [first] = invocation.operands;
  const elementwise = elementwiseFunctions[name];
  if (elementwise !== undefined) return mapNumbers(first!, elementwise);
  const ofDate = dateFunctions[name];
  if (ofDate !== undefined) {
    const times = first ?? vectorOf([{ labels: Labels.empty, value: invocation.now / 1000 }]);
    return mapNumbers(times, (seconds) => ofDate(new Date(Math.trunc(seconds) * 1000)));
  }
  const scalar = scalarFunctions[name];
  if (scalar !== undefined) return { kind: "scalar", value: scalar(invocation) };
  const vector = vectorFunctions[name];
  if (vector === undefined) throw new TypeError(`no naive form of ${name}`);
  return vector(invocation.operands);
}

const scalarFunctions: Readonly<Record<string, (invocation: Invocation) => number>> = {
  time: ({ now }) => now / 1000,
  pi: () => Math.PI,
  start: ({ query }) => query.start / 1000,
  end: ({ query }) => query.end / 1000,
  step: ({ query }) => query.stepMs / 1000,
  range: ({ query }) => (query.end - query.start) / 1000,
  min_of: ({ operands }) => smaller(numberOf(operands[0]!), numberOf(operands[1]!)),
  max_of: ({ operands }) => larger(numberOf(operands[0]!), numberOf(operands[1]!)),
  scalar: ({ operands: [vector] }) => {
    const elements = elementsOf(vector!);
    return elements.length === 1 ? elements[0]!.value : Number.NaN;
  },
};

type VectorFunction = (operands: readonly NaiveValue[]) => NaiveValue;

const unchanged: VectorFunction = ([vector]) => vector!;
const ofNativeHistograms: VectorFunction = () => vectorOf([]);

const vectorFunctions: Readonly<Record<string, VectorFunction>> = {
  vector: ([scalar]) => vectorOf([{ labels: Labels.empty, value: numberOf(scalar!) }]),
  absent: ([vector]) => vectorOf(elementsOf(vector!).length > 0 ? [] : [{ labels: Labels.empty, value: 1 }]),
  sort: unchanged,
  sort_desc: unchanged,
  sort_by_label: unchanged,
  sort_by_label_desc: unchanged,
  round: ([vector, nearest]) => {
    const inverse = 1 / (nearest === undefined ? 1 : numberOf(nearest));
    return mapNumbers(vector!, (value) => Math.floor(value * inverse + 0.5) / inverse);
  },
  clamp: ([vector, least, most]) => clamp(vector!, numberOf(least!), numberOf(most!)),
  clamp_min: ([vector, least]) => clamp(vector!, numberOf(least!), Infinity),
  clamp_max: ([vector, most]) => clamp(vector!, -Infinity, numberOf(most!)),
  label_replace: ([vector, ...texts]) => labelReplace(elementsOf(vector!), texts.map(textOf)),
  label_join: ([vector, ...texts]) => labelJoin(elementsOf(vector!), texts.map(textOf)),
  histogram_quantile: ([phi, vector]) => vectorOf(histogramQuantile(elementsOf(vector!), numberOf(phi!))),
  histogram_fraction: ([lower, upper, vector]) =>
    vectorOf(histogramFraction(elementsOf(vector!), numberOf(lower!), numberOf(upper!))),
  histogram_quantiles: ([vector, label, ...quantiles]) =>
    vectorOf(
      quantiles.map(numberOf).flatMap((phi) =>
        histogramQuantile(elementsOf(vector!), phi).map(({ labels, value }) => {
          return { labels: labels.with({ [textOf(label!)]: quantileText(phi) }), value };
        }),
      ),
    ),
  histogram_avg: ofNativeHistograms,
  histogram_count: ofNativeHistograms,
  histogram_sum: ofNativeHistograms,
  histogram_stddev: ofNativeHistograms,
  histogram_stdvar: ofNativeHistograms,
};

/** As the OpenMetrics format wants it: with a decimal point. */
function quantileText(phi: number): string {
  return Number.isInteger(phi) ? `${phi}.0` : formatFloat(phi);
}

function clamp(vector: NaiveValue, least: number, most: number): NaiveValue {
  return least > most ? vectorOf([]) : mapNumbers(vector, (value) => larger(least, smaller(most, value)));
}

/** An infinity at the right end wins over NaN, as in Go. */
function smaller(a: number, b: number): number {
  return a === -Infinity || b === -Infinity ? -Infinity : Math.min(a, b);
}

function larger(a: number, b: number): number {
  return a === Infinity || b === Infinity ? Infinity : Math.max(a, b);
}

const elementwiseFunctions: Readonly<Record<string, (value: number) => number>> = {
  abs: Math.abs,
  ceil: Math.ceil,
  floor: Math.floor,
  sqrt: Math.sqrt,
  exp: Math.exp,
  ln: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  sgn: Math.sign,
  deg: (value) => (value * 180) / Math.PI,
  rad: (value) => (value * Math.PI) / 180,
};

const dateFunctions: Readonly<Record<string, (date: Date) => number>> = {
  minute: (date) => date.getUTCMinutes(),
  hour: (date) => date.getUTCHours(),
  day_of_week: (date) => date.getUTCDay(),
  day_of_month: (date) => date.getUTCDate(),
  day_of_year: (date) =>
    (Date.parse(dayText(date)) - Date.parse(`${dayText(date).slice(0, -5)}01-01`)) / 86_400_000 + 1,
  days_in_month: (date) => new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate(),
  month: (date) => date.getUTCMonth() + 1,
  year: (date) => date.getUTCFullYear(),
};

function dayText(date: Date): string {
  return date.toISOString().split("T")[0]!;
}

function labelReplace(elements: readonly Element[], texts: readonly string[]): NaiveValue {
  const [target, template, source, pattern] = texts as [string, string, string, string];
  const regexp = new RegExp(`^(?:${pattern.replaceAll("(?P<", "(?<")})$`, "s");
  return vectorOf(
    elements.map(({ labels, value }) => {
      const groups = regexp.exec(labels.get(source));
      if (groups === null) return { labels, value };
      const text = template.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced, bare) => {
        const name: string = braced ?? bare;
        return (/^\d+$/.test(name) ? groups[Number(name)] : groups.groups?.[name]) ?? "";
      });
      return { labels: labels.with({ [target]: text }), value };
    }),
  );
}

function labelJoin(
  elements: readonly Element[],
  [target, separator, ...sources]: readonly string[],
): NaiveValue {
  return vectorOf(
    elements.map(({ labels, value }) => {
      const text = sources.map((source) => labels.get(source)).join(separator!);
      return { labels: labels.with({ [target!]: text }), value };
    }),
  );
}
