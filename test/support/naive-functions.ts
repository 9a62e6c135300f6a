/**
 * Functions and operators of the naive evaluator, from their descriptions: simple sums, sorted copies, JavaScript's
 * own dates and regular expressions where the engine has its own.
 */

import { parseFloatText } from "../../src/model/float-text.js";
import { Labels, METRIC_NAME } from "../../src/model/labels.js";
import type { Matcher } from "../../src/model/matcher.js";
import type { Expression } from "../../src/query/parser/ast.js";
import {
  NaiveError,
  type NaiveQuery,
  type NaiveSample,
  type NaiveValue,
  NotNaiveError,
  vectorOf,
  withoutName,
} from "./naive-values.js";

export interface NaiveWindow {
  readonly labels: Labels;
  /** At least one, in time order. */
  readonly samples: readonly { readonly time: number; readonly value: number }[];
  readonly start: number;
  readonly end: number;
}

export const naiveOperators: Readonly<Record<string, (a: number, b: number) => number | boolean>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
  "^": (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b),
  atan2: (a, b) => Math.atan2(a, b),
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  ">": (a, b) => a > b,
  "<": (a, b) => a < b,
  ">=": (a, b) => a >= b,
  "<=": (a, b) => a <= b,
};

/** Compensated, as the language asks for. */
export function naiveSum(values: readonly number[]): number {
  let sum = 0;
  let lost = 0;
  for (const value of values) {
    const next = sum + value;
    if (!Number.isFinite(next)) lost = 0;
    else lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return sum + lost;
}

export function naiveMean(values: readonly number[]): number {
  const plain = naiveSum(values) / values.length;
  // What would overflow as a sum is averaged in parts.
  const finite = values.every(Number.isFinite);
  return finite && !Number.isFinite(plain) ? naiveSum(values.map((value) => value / values.length)) : plain;
}

function checkSquares(values: readonly number[]): void {
  if (values.some((value) => Math.abs(value) > 1e150)) throw new NotNaiveError("squares that overflow");
}

export function naiveVariance(values: readonly number[]): number {
  checkSquares(values);
  if (values.every((value) => value === values[0]) && Number.isFinite(values[0])) return 0;
  const mean = naiveMean(values);
  return naiveMean(values.map((value) => (value - mean) ** 2));
}

export function naiveQuantile(phi: number, values: readonly number[]): number {
  if (Number.isNaN(phi)) return NaN;
  if (phi < 0) return -Infinity;
  if (phi > 1) return Infinity;
  const missing = values.filter(Number.isNaN);
  const sorted = [
    ...missing,
    ...values.filter((value) => !Number.isNaN(value)).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)),
  ];
  const rank = phi * (sorted.length - 1);
  const [below, above] = [
    sorted[Math.floor(rank)]!,
    sorted[Math.min(sorted.length - 1, Math.floor(rank) + 1)]!,
  ];
  const weight = rank - Math.floor(rank);
  return below * (1 - weight) + above * weight;
}

type WindowFunction = (
  window: NaiveWindow,
  parameters: readonly number[],
  time: number,
) => number | undefined;

const valuesOf = ({ samples }: NaiveWindow): readonly number[] => samples.map(({ value }) => value);
const numbersOf = (window: NaiveWindow): readonly number[] =>
  valuesOf(window).filter((value) => !Number.isNaN(value));
const pairsOf = (window: NaiveWindow) =>
  valuesOf(window)
    .slice(1)
    .map((after, i) => [valuesOf(window)[i]!, after] as const);
const seconds = (ms: number): number => ms / 1000;

function extrapolated(window: NaiveWindow, isCounter: boolean, perSeconds = 1): number | undefined {
  const { samples, start, end } = window;
  if (samples.length < 2) return undefined;
  const [first, last] = [samples[0]!, samples.at(-1)!];
  const resets = isCounter ? pairsOf(window).filter(([a, b]) => b < a) : [];
  const growth = resets.reduce((sum, [a]) => sum + a, last.value - first.value);
  const covered = seconds(last.time - first.time);
  const interval = covered / (samples.length - 1);
  const reach = (gap: number): number => (gap >= interval * 1.1 ? interval / 2 : gap);
  let before = reach(seconds(first.time - start));
  if (isCounter && growth > 0 && first.value >= 0)
    before = Math.min(before, covered * (first.value / growth));
  const stretch = (covered + before + reach(seconds(end - last.time))) / covered;
  return growth * (stretch / perSeconds);
}

function regression(window: NaiveWindow, origin: number): { slope: number; intercept: number } | undefined {
  const { samples } = window;
  if (samples.length < 2) return undefined;
  const first = samples[0]!.value;
  if (samples.every(({ value }) => value === first)) {
    return Math.abs(first) === Infinity ? { slope: NaN, intercept: NaN } : { slope: 0, intercept: first };
  }
  checkSquares(valuesOf(window));
  const xs = samples.map(({ time }) => seconds(time - origin));
  const ys = samples.map(({ value }) => value);
  const [meanX, meanY] = [naiveSum(xs) / xs.length, naiveSum(ys) / ys.length];
  const slope =
    naiveSum(xs.map((x, i) => (x - meanX) * (ys[i]! - meanY))) / naiveSum(xs.map((x) => (x - meanX) ** 2));
  return { slope, intercept: meanY - slope * meanX };
}

function smoothed(values: readonly number[], [factor, trendFactor]: readonly number[]): number | undefined {
  if ([factor!, trendFactor!].some((each) => each <= 0 || each >= 1)) throw new NaiveError("invalid factor");
  if (values.length < 2) return undefined;
  let [level, trend] = [values[0]!, values[1]! - values[0]!];
  let before = 0;
  values.slice(1).forEach((value, i) => {
    if (i > 0) trend = trendFactor! * (level - before) + (1 - trendFactor!) * trend;
    [before, level] = [level, factor! * value + (1 - factor!) * (level + trend)];
  });
  return level;
}

const extreme = (window: NaiveWindow, sign: 1 | -1): number =>
  numbersOf(window).reduce((a, b) => (sign * b > sign * a ? b : a), numbersOf(window)[0] ?? NaN);

function timeOfExtreme(window: NaiveWindow, sign: 1 | -1): number {
  const best = extreme(window, sign);
  const same = window.samples.filter(({ value }) =>
    Number.isNaN(best) ? Number.isNaN(value) : value === best,
  );
  return seconds(same.at(-1)!.time);
}

function lastTwo(window: NaiveWindow): { a: number; b: number; gap: number } | undefined {
  const [a, b] = window.samples.slice(-2);
  return b === undefined ? undefined : { a: a!.value, b: b.value, gap: seconds(b.time - a!.time) };
}

export const windowFunctions: Readonly<Record<string, WindowFunction>> = {
  rate: (w) => extrapolated(w, true, seconds(w.end - w.start)),
  increase: (w) => extrapolated(w, true),
  delta: (w) => extrapolated(w, false),
  irate: (w) => {
    const two = lastTwo(w);
    return two && (two.b < two.a ? two.b : two.b - two.a) / two.gap;
  },
  idelta: (w) => {
    const two = lastTwo(w);
    return two && two.b - two.a;
  },
  deriv: (w) => regression(w, w.samples[0]!.time)?.slope,
  predict_linear: (w, [ahead], time) => {
    const line = regression(w, time);
    return line && line.intercept + line.slope * ahead!;
  },
  changes: (w) => pairsOf(w).filter(([a, b]) => a !== b && !(Number.isNaN(a) && Number.isNaN(b))).length,
  resets: (w) => pairsOf(w).filter(([a, b]) => b < a).length,
  sum_over_time: (w) => naiveSum(valuesOf(w)),
  avg_over_time: (w) => naiveMean(valuesOf(w)),
  min_over_time: (w) => extreme(w, -1),
  max_over_time: (w) => extreme(w, 1),
  count_over_time: (w) => w.samples.length,
  last_over_time: (w) => w.samples.at(-1)!.value,
  first_over_time: (w) => w.samples[0]!.value,
  present_over_time: () => 1,
  stdvar_over_time: (w) => naiveVariance(valuesOf(w)),
  stddev_over_time: (w) => Math.sqrt(naiveVariance(valuesOf(w))),
  quantile_over_time: (w, [phi]) => naiveQuantile(phi!, valuesOf(w)),
  double_exponential_smoothing: (w, factors) => smoothed(valuesOf(w), factors),
  ts_of_first_over_time: (w) => seconds(w.samples[0]!.time),
  ts_of_last_over_time: (w) => seconds(w.samples.at(-1)!.time),
  ts_of_min_over_time: (w) => timeOfExtreme(w, -1),
  ts_of_max_over_time: (w) => timeOfExtreme(w, 1),
};

interface NaiveCall {
  readonly values: readonly NaiveValue[];
  readonly operands: readonly Expression[];
  readonly time: number;
  readonly query: NaiveQuery;
}

const plain = [
  "abs",
  "ceil",
  "floor",
  "exp",
  "sqrt",
  "log2",
  "log10",
  "sin",
  "cos",
  "tan",
  "asin",
  "acos",
  "atan",
  "sinh",
  "cosh",
  "tanh",
  "asinh",
  "acosh",
  "atanh",
] as const;

const mapped: Readonly<Record<string, (value: number, ...rest: number[]) => number | undefined>> = {
  ...Object.fromEntries(plain.map((name) => [name, Math[name]])),
  ln: Math.log,
  sgn: Math.sign,
  deg: (value) => (value / Math.PI) * 180,
  rad: (value) => (value / 180) * Math.PI,
  round: (value, to = 1) => Math.floor(value * (1 / to) + 0.5) / (1 / to),
  clamp: (value, min, max) => (max! < min! ? undefined : bounded(value, min!, max!)),
  clamp_min: (value, min) => bounded(value, min!, Infinity),
  clamp_max: (value, max) => bounded(value, -Infinity, max!),
  minute: (value) => date(value).getUTCMinutes(),
  hour: (value) => date(value).getUTCHours(),
  day_of_week: (value) => date(value).getUTCDay(),
  day_of_month: (value) => date(value).getUTCDate(),
  days_in_month: (value) =>
    new Date(Date.UTC(date(value).getUTCFullYear(), date(value).getUTCMonth() + 1, 0)).getUTCDate(),
  month: (value) => date(value).getUTCMonth() + 1,
  year: (value) => date(value).getUTCFullYear(),
  day_of_year: (value) =>
    (Date.UTC(date(value).getUTCFullYear(), date(value).getUTCMonth(), date(value).getUTCDate()) -
      Date.UTC(date(value).getUTCFullYear(), 0, 0)) /
    86_400_000,
};

function bounded(value: number, min: number, max: number): number {
  if (Number.isNaN(value)) return min === Infinity ? Infinity : max === -Infinity ? min : NaN;
  if (Number.isNaN(min) || Number.isNaN(max)) return NaN;
  return value > max ? Math.max(max, min) : value < min ? min : value;
}

function date(value: number): Date {
  const result = new Date(Math.trunc(value) * 1000);
  if (Number.isNaN(result.getTime())) throw new NotNaiveError("a date that JavaScript does not have");
  return result;
}

export function callNaively(name: string, { values, operands, time, query }: NaiveCall): NaiveValue {
  const change = mapped[name];
  if (change !== undefined) {
    const samples =
      values.length === 0 ? [{ labels: Labels.empty, value: seconds(time) }] : vectorOf(values[0]!);
    return samples.flatMap(({ labels, value }) => {
      const result = change(value, ...(values.slice(1) as number[]));
      return result === undefined ? [] : [{ labels: withoutName(labels), value: result }];
    });
  }
  switch (name) {
    case "time":
      return seconds(time);
    case "pi":
      return Math.PI;
    case "start":
      return seconds(query.start);
    case "end":
      return seconds(query.end);
    case "min_of":
      return Math.min(...(values as number[]));
    case "max_of":
      return Math.max(...(values as number[]));
    case "vector":
      return [{ labels: Labels.empty, value: values[0] as number }];
    case "scalar": {
      const samples = vectorOf(values[0]!);
      return samples.length === 1 ? samples[0]!.value : NaN;
    }
    case "timestamp": {
      const ofSample = operands[0]!.kind === "vector-selector";
      return vectorOf(values[0]!).map((each) => {
        return { labels: withoutName(each.labels), value: seconds(ofSample ? each.time! : time) };
      });
    }
    case "absent": {
      const [operand] = operands;
      const matchers = operand!.kind === "vector-selector" ? operand.matchers : [];
      return vectorOf(values[0]!).length > 0 ? [] : [{ labels: absentLabels(matchers), value: 1 }];
    }
    case "sort":
    case "sort_desc":
    case "sort_by_label":
    case "sort_by_label_desc":
      return values[0]!;
    case "label_join": {
      const [, target, separator, ...sources] = values as [NaiveValue, string, string, ...string[]];
      return relabel(values[0]!, target, (labels) =>
        sources.map((source) => labels.get(source)).join(separator),
      );
    }
    case "histogram_quantile":
      return quantiles(values[0] as number, vectorOf(values[1]!));
    default:
      throw new NotNaiveError(name);
  }
}

function relabel(
  value: NaiveValue,
  target: string,
  text: (labels: Labels) => string,
): readonly NaiveSample[] {
  return vectorOf(value).map(({ labels, value }) => ({
    labels: labels.with({ [target]: text(labels) }),
    value,
  }));
}

function quantiles(phi: number, samples: readonly NaiveSample[]): readonly NaiveSample[] {
  const groups = new Map<string, { labels: Labels; buckets: Map<number, number> }>();
  for (const { labels, value } of samples) {
    const bound = parseFloatText(labels.get("le"));
    if (bound === undefined) continue;
    const own = labels.drop(new Set(["le"]));
    const group = groups.get(own.key()) ?? {
      labels: own.drop(new Set([METRIC_NAME])),
      buckets: new Map<number, number>(),
    };
    group.buckets.set(bound, (group.buckets.get(bound) ?? 0) + value);
    groups.set(own.key(), group);
  }
  return [...groups.values()].map(({ labels, buckets }) => ({
    labels: withoutName(labels),
    value: quantileOf(phi, buckets),
  }));
}

function quantileOf(phi: number, buckets: ReadonlyMap<number, number>): number {
  if (Number.isNaN(phi)) return NaN;
  if (phi < 0 || phi > 1) return phi < 0 ? -Infinity : Infinity;
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  let highest = sorted[0]![1];
  const lifted = sorted.map(([bound, count]) => {
    if (count > highest && count - highest > 1e-12 * (count + highest)) highest = count;
    return [bound, Number.isNaN(count) ? count : highest] as const;
  });
  const total = lifted.at(-1)!;
  if (total[0] !== Infinity || lifted.length < 2 || !(total[1] !== 0)) return NaN;
  const rank = phi * total[1];
  const index = lifted.slice(0, -1).findIndex(([, count]) => count >= rank);
  if (index < 0) return lifted.at(-2)![0];
  const [bound, count] = lifted[index]!;
  if (index === 0 && bound <= 0) return bound;
  const [lower, before] = index === 0 ? [0, 0] : lifted[index - 1]!;
  return lower + ((bound - lower) * (rank - before)) / (count - before);
}

/** Labels that exactly one equality pins down. */
export function absentLabels(matchers: readonly Matcher[]): Labels {
  const names = new Set(matchers.map(({ name }) => name).filter((name) => name !== METRIC_NAME));
  const known: Record<string, string> = {};
  for (const name of names) {
    const own = matchers.filter((matcher) => matcher.name === name);
    if (own.length === 1 && own[0]!.operator === "=") known[name] = own[0]!.value;
  }
  return Labels.from(known);
}
