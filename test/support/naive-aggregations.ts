/**
 * Aggregations of the naive evaluator.
 */

import { formatFloatPlain } from "../../src/model/float-text.js";
import { type Labels, METRIC_NAME } from "../../src/model/labels.js";
import type { Aggregation } from "../../src/query/parser/ast.js";
import { naiveMean, naiveQuantile, naiveSum, naiveVariance } from "./naive-functions.js";
import { NaiveError, type NaiveSample, type NaiveValue, NotNaiveError } from "./naive-values.js";

const reduce: Readonly<Record<string, (values: readonly number[]) => number>> = {
  sum: naiveSum,
  avg: naiveMean,
  count: (values) => values.length,
  group: () => 1,
  min: (values) => best(values, -1),
  max: (values) => best(values, 1),
  stdvar: (values) => (values.every(Number.isFinite) ? naiveVariance(values) : NaN),
  stddev: (values) => (values.every(Number.isFinite) ? Math.sqrt(naiveVariance(values)) : NaN),
};

function best(values: readonly number[], sign: 1 | -1): number {
  const numbers = values.filter((value) => !Number.isNaN(value));
  return numbers.reduce((a, b) => (sign * b > sign * a ? b : a), numbers[0] ?? NaN);
}

export function naiveAggregate(
  { operator, grouping, without }: Aggregation,
  samples: readonly NaiveSample[],
  parameter: NaiveValue | null,
): readonly NaiveSample[] {
  if (operator === "count_values") {
    // Texts of computed values differ in the last digit.
    if (!samples.every(({ value }) => Number.isNaN(value) || Number.isInteger(value * 100))) {
      throw new NotNaiveError("texts of fractions");
    }
    const name = parameter as string;
    const counted = samples.map(({ labels, value }) => ({
      labels: labels.with({ [name]: formatFloatPlain(value) }),
      value,
    }));
    const names = without ? grouping : [...grouping, name];
    return [...groupBy(counted, names, without)].map(([labels, group]) => ({ labels, value: group.length }));
  }
  const groups = [...groupBy(samples, grouping, without)];
  const direct = reduce[operator];
  if (direct !== undefined) {
    return groups.map(([labels, group]) => ({ labels, value: direct(group.map(({ value }) => value)) }));
  }
  const given = parameter as number;
  switch (operator) {
    case "quantile":
      return groups.map(([labels, group]) => ({
        labels,
        value: naiveQuantile(
          given,
          group.map(({ value }) => value),
        ),
      }));
    case "topk":
    case "bottomk": {
      const room = count(given);
      return groups.flatMap(([, group]) => strongest(group, room, operator === "topk" ? 1 : -1));
    }
    case "limitk": {
      const room = count(given);
      return groups.flatMap(([, group]) => group.slice(0, room));
    }
    default:
      throw new NotNaiveError(operator);
  }
}

function groupBy(
  samples: readonly NaiveSample[],
  names: readonly string[],
  without: boolean,
): ReadonlyMap<Labels, NaiveSample[]> {
  const groups = new Map<string, { labels: Labels; group: NaiveSample[] }>();
  for (const sample of samples) {
    const labels = without
      ? sample.labels.drop(new Set([METRIC_NAME, ...names]))
      : sample.labels.keep(new Set(names));
    const entry = groups.get(labels.key()) ?? { labels, group: [] };
    entry.group.push(sample);
    groups.set(labels.key(), entry);
  }
  return new Map([...groups.values()].map(({ labels, group }) => [labels, group]));
}

function strongest(group: readonly NaiveSample[], room: number, sign: 1 | -1): readonly NaiveSample[] {
  const missing = ({ value }: NaiveSample): number => Number(Number.isNaN(value));
  const sorted = [...group].sort((a, b) => missing(a) - missing(b) || sign * (b.value - a.value) || 0);
  const [last, next] = sorted.slice(Math.max(0, room - 1), room + 1);
  if (room > 0 && next !== undefined && Object.is(last!.value, next.value)) throw new NotNaiveError("ties");
  return sorted.slice(0, room);
}

function count(parameter: number): number {
  if (Number.isNaN(parameter)) throw new NaiveError("Parameter value is NaN");
  if (parameter < 1) return 0;
  if (parameter >= 2 ** 63) throw new NaiveError("Scalar value overflows int64");
  return Math.trunc(parameter);
}
