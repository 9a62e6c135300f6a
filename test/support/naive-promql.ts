/**
 * A naive evaluator of PromQL, written from the semantics: one step at a time, one sample at a time, with plain
 * arrays of samples. It shares nothing with the engine but parser, labels and regular expressions, so that a clever
 * kernel cannot be wrong in company with its oracle.
 */

import { type Labels, METRIC_NAME } from "../../src/model/labels.js";
import type { Matcher } from "../../src/model/matcher.js";
import type {
  BinaryExpression,
  Call,
  DurationExpression,
  Expression,
  MatrixSelector,
  Subquery,
  TimeModifiers,
  VectorMatching,
  VectorSelector,
} from "../../src/query/parser/ast.js";
import { naiveAggregate } from "./naive-aggregations.js";
import {
  absentLabels,
  callNaively,
  type NaiveWindow,
  naiveOperators,
  windowFunctions,
} from "./naive-functions.js";
import {
  NaiveError,
  type NaiveQuery,
  type NaiveSample,
  type NaiveSeries,
  type NaiveValue,
  NotNaiveError,
  vectorOf,
  withoutName,
} from "./naive-values.js";

/** The value at one time. Throws NaiveError. */
export function evaluateNaively(expression: Expression, time: number, query: NaiveQuery): NaiveValue {
  const evaluate = (inner: Expression, at = time): NaiveValue => evaluateNaively(inner, at, query);
  switch (expression.kind) {
    case "number":
    case "string":
      return expression.value;
    case "parentheses":
      return evaluate(expression.expression);
    case "unary": {
      const value = evaluate(expression.expression);
      if (expression.operator === "+") return value;
      if (typeof value === "number") return -value;
      return distinct(
        vectorOf(value).map(({ labels, value }) => ({ labels: withoutName(labels), value: -value })),
      );
    }
    case "vector-selector":
      return select(expression, timeOf(expression, time, query), query);
    case "aggregation": {
      const parameter = expression.parameter === null ? null : evaluate(expression.parameter);
      return naiveAggregate(expression, vectorOf(evaluate(expression.expression)), parameter);
    }
    case "binary":
      return distinct(binary(expression, evaluate(expression.left), evaluate(expression.right)));
    case "call":
      return call(expression, time, query);
    default:
      throw new NaiveError(`no instant value: ${expression.kind}`);
  }
}

/** The vector, if no label set occurs twice in it. */
export function distinct<T extends NaiveValue>(value: T): T {
  if (typeof value !== "object") return value;
  const keys = value.map(({ labels }) => labels.key());
  if (new Set(keys).size < keys.length) {
    throw new NaiveError("vector cannot contain metrics with the same labelset");
  }
  return value;
}

/** In milliseconds; computed in seconds, cut to milliseconds at the end. */
function durationMs(expression: DurationExpression, query: NaiveQuery): number {
  return Math.trunc(Math.round(durationSeconds(expression, query) * 1e9) / 1e6);
}

function durationSeconds(expression: DurationExpression, query: NaiveQuery): number {
  switch (expression.kind) {
    case "duration":
      return expression.ms / 1000;
    case "duration-context":
      return (expression.source === "step" ? query.stepMs : query.end - query.start) / 1000;
    case "duration-parentheses":
      return durationSeconds(expression.expression, query);
    case "duration-unary":
      return (expression.operator === "-" ? -1 : 1) * durationSeconds(expression.expression, query);
    case "duration-call": {
      const pick = expression.function === "min_of" ? Math.min : Math.max;
      return pick(durationSeconds(expression.left, query), durationSeconds(expression.right, query));
    }
    case "duration-binary": {
      const [left, right] = [
        durationSeconds(expression.left, query),
        durationSeconds(expression.right, query),
      ];
      const { operator } = expression;
      if ((operator === "/" || operator === "%") && right === 0) throw new NaiveError("division by zero");
      return Number(naiveOperators[operator]!(left, right));
    }
  }
}

/** More than zero. */
function rangeMs(expression: DurationExpression, query: NaiveQuery): number {
  const ms = durationMs(expression, query);
  if (ms <= 0) throw new NaiveError("duration must be greater than 0");
  return ms;
}

function timeOf({ at, offset }: TimeModifiers, time: number, query: NaiveQuery): number {
  const base =
    at === null ? time : at.kind === "timestamp" ? at.time : at.kind === "start" ? query.start : query.end;
  return base - (offset === null ? 0 : durationMs(offset, query));
}

function matching(matchers: readonly Matcher[], { series }: NaiveQuery): readonly NaiveSeries[] {
  return series.filter(({ labels }) => matchers.every((matcher) => matcher.matchesLabels(labels)));
}

function select(selector: VectorSelector, time: number, query: NaiveQuery): readonly NaiveSample[] {
  return matching(selector.matchers, query).flatMap(({ labels, samples }) => {
    const last = samples
      .filter((sample) => sample.time <= time && sample.time > time - query.lookbackMs)
      .at(-1);
    if (last === undefined || last.value === "stale") return [];
    return [{ labels, value: last.value, time: last.time }];
  });
}

/** The windows of a range vector at one time, one per series that has samples in it. */
function windowsOf(
  expression: MatrixSelector | Subquery,
  time: number,
  query: NaiveQuery,
): readonly NaiveWindow[] {
  const end = timeOf(expression.kind === "subquery" ? expression : expression.selector, time, query);
  const start = end - rangeMs(expression.range, query);
  if (expression.kind === "matrix-selector") {
    return matching(expression.selector.matchers, query).flatMap(({ labels, samples }) => {
      const inside = samples.flatMap(({ time, value }) =>
        time > start && time <= end && value !== "stale" ? [{ time, value }] : [],
      );
      return inside.length === 0 ? [] : [{ labels, samples: inside, start, end }];
    });
  }
  const stepMs = expression.step === null ? 60_000 : rangeMs(expression.step, query);
  const windows = new Map<
    string,
    { labels: Labels; samples: { time: number; value: number }[]; start: number; end: number }
  >();
  for (let at = Math.floor(start / stepMs) * stepMs; at <= end; at += stepMs) {
    if (at <= start) continue;
    for (const { labels, value } of vectorOf(evaluateNaively(expression.expression, at, query))) {
      const window = windows.get(labels.key()) ?? { labels, samples: [], start, end };
      window.samples.push({ time: at, value });
      windows.set(labels.key(), window);
    }
  }
  return [...windows.values()];
}

function call(expression: Call, time: number, query: NaiveQuery): NaiveValue {
  const name = expression.function;
  const operands = expression.arguments.map((each) => {
    let inner = each;
    while (inner.kind === "parentheses") inner = inner.expression;
    return inner;
  });
  const matrix = operands.find((each) => each.kind === "matrix-selector" || each.kind === "subquery");
  if (matrix === undefined) {
    const values = operands.map((each) => evaluateNaively(each, time, query));
    return distinct(callNaively(name, { values, operands, time, query }));
  }
  const windows = windowsOf(matrix as MatrixSelector | Subquery, time, query);
  const parameters = operands
    .filter((each) => each !== matrix)
    .map((each) => evaluateNaively(each, time, query) as number);
  if (name === "absent_over_time") {
    const matchers = matrix.kind === "matrix-selector" ? matrix.selector.matchers : [];
    return windows.length > 0 ? [] : [{ labels: absentLabels(matchers), value: 1 }];
  }
  const evaluate = windowFunctions[name];
  if (evaluate === undefined) throw new NotNaiveError(name);
  const keepsName = name === "last_over_time" || name === "first_over_time";
  const results = windows.flatMap((window) => {
    const value = evaluate(window, parameters, time);
    return value === undefined
      ? []
      : [{ labels: keepsName ? window.labels : withoutName(window.labels), value }];
  });
  return distinct(results);
}

function binary(expression: BinaryExpression, left: NaiveValue, right: NaiveValue): NaiveValue {
  const { operator, bool } = expression;
  if (typeof left === "number" && typeof right === "number") {
    return Number(naiveOperators[operator]!(left, right));
  }
  if (typeof left === "number" || typeof right === "number") {
    return vectorOf(typeof left === "number" ? right : left).flatMap(({ labels, value }) => {
      const [a, b] = typeof left === "number" ? [left, value] : [value, right as number];
      const result = naiveOperators[operator]!(a, b);
      if (typeof result === "number") return [{ labels: withoutName(labels), value: result }];
      if (bool) return [{ labels: withoutName(labels), value: Number(result) }];
      return result ? [{ labels, value }] : [];
    });
  }
  const match = expression.matching!;
  const signature = ({ labels }: NaiveSample): string => matchLabels(labels, match).key();
  const [lefts, rights] = [vectorOf(left), vectorOf(right)];
  const has = (side: readonly NaiveSample[], key: string): boolean =>
    side.some((each) => signature(each) === key);
  switch (operator) {
    case "and":
      return lefts.filter((each) => has(rights, signature(each)));
    case "unless":
      return lefts.filter((each) => !has(rights, signature(each)));
    case "or":
      return [...lefts, ...rights.filter((each) => !has(lefts, signature(each)))];
    default:
      return matched(expression, match, { lefts, rights });
  }
}

function matchLabels(labels: Labels, { on, labels: names }: VectorMatching): Labels {
  return on ? labels.keep(new Set(names)) : labels.drop(new Set([METRIC_NAME, ...names]));
}

function matched(
  { operator, bool }: BinaryExpression,
  match: VectorMatching,
  { lefts, rights }: { lefts: readonly NaiveSample[]; rights: readonly NaiveSample[] },
): readonly NaiveSample[] {
  if (lefts.length === 0 || rights.length === 0) return [];
  const toMany = match.cardinality === "one-to-many";
  const [manySide, oneSide] = toMany ? [rights, lefts] : [lefts, rights];
  const ones = new Map<string, NaiveSample>();
  for (const one of oneSide) {
    const key = matchLabels(one.labels, match).key();
    if (ones.has(key)) throw new NaiveError("found duplicate series for the match group");
    ones.set(key, one);
  }
  const seen = new Set<string>();
  return manySide.flatMap((many) => {
    const group = matchLabels(many.labels, match).key();
    const one = ones.get(group);
    if (one === undefined) return [];
    const [a, b] = toMany ? [one.value, many.value] : [many.value, one.value];
    const result = naiveOperators[operator]!(a, b);
    let labels = typeof result === "number" ? withoutName(many.labels) : many.labels;
    if (match.cardinality === "one-to-one") {
      labels = match.on ? labels.keep(new Set(match.labels)) : labels.drop(new Set(match.labels));
    }
    labels = labels.with(Object.fromEntries(match.include.map((name) => [name, one.labels.get(name)])));
    if (bool) labels = withoutName(labels);
    const key = match.cardinality === "one-to-one" ? group : `${group}|${labels.key()}`;
    if (seen.has(key)) throw new NaiveError("multiple matches for labels");
    seen.add(key);
    if (typeof result === "number") return [{ labels, value: result }];
    if (bool) return [{ labels, value: Number(result) }];
    return result ? [{ labels, value: a }] : [];
  });
}
