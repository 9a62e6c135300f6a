/**
 * A naive evaluator of PromQL: one time at a time, over plain lists of samples, straight from the tree. Written from
 * the semantics only, to be an oracle for the query engine; it shares none of its code below the parser.
 *
 * Left out: native histograms, info, limit_ratio (a hash decides), anchored and smoothed selectors, fill modifiers.
 */

import { Labels, METRIC_NAME } from "../../src/model/labels.js";
import type { TimestampMs } from "../../src/model/sample.js";
import type {
  Call,
  DurationExpression,
  Expression,
  MatrixSelector,
  Subquery,
  TimeModifiers,
  VectorSelector,
} from "../../src/query/parser/ast.js";
import { aggregate } from "./naive-evaluator-aggregations.js";
import { callFunction, windowFunctions } from "./naive-evaluator-functions.js";
import { operate } from "./naive-evaluator-operators.js";

export interface NaiveSeries {
  readonly labels: Labels;
  /** In time order. */
  readonly samples: readonly { readonly time: TimestampMs; readonly value: number | "stale" }[];
}

export interface NaiveQuery {
  /** In label order. */
  readonly series: readonly NaiveSeries[];
  readonly start: TimestampMs;
  readonly end: TimestampMs;
  readonly stepMs: number;
}

export interface Element {
  readonly labels: Labels;
  readonly value: number;
}

export type NaiveValue =
  | { readonly kind: "scalar"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "vector"; readonly elements: readonly Element[] };

/** The samples of one series in (start, end], and the time at which they are looked at. */
export interface NaiveWindow {
  readonly labels: Labels;
  readonly samples: readonly { readonly time: TimestampMs; readonly value: number }[];
  readonly start: TimestampMs;
  readonly end: TimestampMs;
  readonly now: TimestampMs;
}

/** A query that has no answer. */
export class NaiveError extends Error {}

const lookbackMs = 300_000;
const defaultStepMs = 60_000;

/** The value at one of the query's times. Throws NaiveError. */
export function evaluateNaively(expression: Expression, now: TimestampMs, query: NaiveQuery): NaiveValue {
  const evaluate = (inner: Expression): NaiveValue => evaluateNaively(inner, now, query);
  switch (expression.kind) {
    case "number":
      return { kind: "scalar", value: expression.value };
    case "string":
      return { kind: "string", value: expression.value };
    case "parentheses":
      return evaluate(expression.expression);
    case "vector-selector":
      return vectorOf(latest(expression, now, query).map(({ labels, value }) => ({ labels, value })));
    case "unary": {
      const value = evaluate(expression.expression);
      if (expression.operator === "+") return value;
      return mapNumbers(value, (number) => -number);
    }
    case "aggregation": {
      const parameter = expression.parameter === null ? undefined : evaluate(expression.parameter);
      return vectorOf(aggregate(expression, elementsOf(evaluate(expression.expression)), parameter));
    }
    case "binary":
      return operate(expression, evaluate(expression.left), evaluate(expression.right));
    case "call":
      return evaluateCall(expression, now, query);
    case "matrix-selector":
    case "subquery":
      throw new TypeError("a range vector is no value of its own here");
  }
}

function evaluateCall(call: Call, now: TimestampMs, query: NaiveQuery): NaiveValue {
  const operands = call.arguments.map(withoutParentheses);
  const window = operands.find(
    (operand) => operand.kind === "matrix-selector" || operand.kind === "subquery",
  );
  const first = operands[0];
  if (call.function === "timestamp" && first?.kind === "vector-selector") {
    return vectorOf(
      latest(first, now, query).map(({ labels, time }) => unnamed({ labels, value: time / 1000 })),
    );
  }
  if (call.function === "absent" && first?.kind === "vector-selector") {
    return absence(latest(first, now, query).length > 0, labelsOfAbsence(first));
  }
  if (window !== undefined) return evaluateWindows(call, window as MatrixSelector | Subquery, now, query);
  if (call.function === "timestamp") {
    return mapNumbers(evaluateNaively(first!, now, query), () => now / 1000);
  }
  return callFunction(call.function, {
    now,
    query,
    operands: operands.map((each) => evaluateNaively(each, now, query)),
  });
}

function evaluateWindows(
  call: Call,
  window: MatrixSelector | Subquery,
  now: TimestampMs,
  query: NaiveQuery,
): NaiveValue {
  const windows = windowsOf(window, now, query).filter(({ samples }) => samples.length > 0);
  if (call.function === "absent_over_time") {
    const selector = window.kind === "matrix-selector" ? window.selector : undefined;
    return absence(windows.length > 0, selector === undefined ? Labels.empty : labelsOfAbsence(selector));
  }
  const parameters = call.arguments
    .filter((argument) => withoutParentheses(argument) !== window)
    .map((argument) => numberOf(evaluateNaively(argument, now, query)));
  const { evaluate, keepsName } = windowFunctions[call.function]!;
  return vectorOf(
    windows.flatMap((each): readonly Element[] => {
      const value = evaluate(each, parameters);
      const element = { labels: each.labels, value: value ?? 0 };
      return value === undefined ? [] : [keepsName === true ? element : unnamed(element)];
    }),
  );
}

/** The last sample of each series that is not older than the lookback and no end of the series. */
function latest(selector: VectorSelector, now: TimestampMs, query: NaiveQuery) {
  const end = shifted(selector, now, query);
  return selectSeries(selector, query).flatMap(({ labels, samples }) => {
    const last = samples.filter(({ time }) => time > end - lookbackMs && time <= end).at(-1);
    return last === undefined || last.value === "stale"
      ? []
      : [{ labels, time: last.time, value: last.value }];
  });
}

function selectSeries(selector: VectorSelector, query: NaiveQuery): readonly NaiveSeries[] {
  return query.series.filter(({ labels }) =>
    selector.matchers.every(({ name, operator, value }) => {
      const given = labels.get(name);
      if (operator === "=" || operator === "!=") return (given === value) === (operator === "=");
      return new RegExp(`^(?:${value})$`, "s").test(given) === (operator === "=~");
    }),
  );
}

function windowsOf(
  node: MatrixSelector | Subquery,
  now: TimestampMs,
  query: NaiveQuery,
): readonly NaiveWindow[] {
  const end = shifted(node.kind === "subquery" ? node : node.selector, now, query);
  const start = end - durationOf(node.range, query);
  const bounds = { start, end, now };
  if (node.kind === "matrix-selector") {
    return selectSeries(node.selector, query).map(({ labels, samples }) => {
      const within = samples.filter(({ time }) => time > start && time <= end);
      const present = within.flatMap(({ time, value }) => (value === "stale" ? [] : [{ time, value }]));
      return { labels, samples: present, ...bounds };
    });
  }
  const stepMs = node.step === null ? defaultStepMs : durationOf(node.step, query);
  const bySeries = new Map<string, { labels: Labels; samples: { time: number; value: number }[] }>();
  for (let time = (Math.floor(start / stepMs) + 1) * stepMs; time <= end; time += stepMs) {
    for (const { labels, value } of elementsOf(evaluateNaively(node.expression, time, query))) {
      const key = labels.toString();
      if (!bySeries.has(key)) bySeries.set(key, { labels, samples: [] });
      bySeries.get(key)!.samples.push({ time, value });
    }
  }
  return [...bySeries.values()].map((each) => ({ ...each, ...bounds }));
}

function shifted({ at, offset }: TimeModifiers, now: TimestampMs, query: NaiveQuery): TimestampMs {
  const offsetMs = offset === null ? 0 : durationOf(offset, query);
  switch (at?.kind) {
    case undefined:
      return now - offsetMs;
    case "timestamp":
      return at.time - offsetMs;
    case "start":
      return query.start - offsetMs;
    case "end":
      return query.end - offsetMs;
  }
}

/** In whole milliseconds. */
function durationOf(duration: DurationExpression, query: NaiveQuery): number {
  return Math.trunc(secondsOf(duration, query) * 1000);
}

function secondsOf(duration: DurationExpression, query: NaiveQuery): number {
  switch (duration.kind) {
    case "duration":
      return duration.ms / 1000;
    case "duration-context":
      return (duration.source === "step" ? query.stepMs : query.end - query.start) / 1000;
    case "duration-parentheses":
      return secondsOf(duration.expression, query);
    case "duration-unary":
      return (duration.operator === "-" ? -1 : 1) * secondsOf(duration.expression, query);
    case "duration-call": {
      const choose = duration.function === "min_of" ? Math.min : Math.max;
      return choose(secondsOf(duration.left, query), secondsOf(duration.right, query));
    }
    case "duration-binary": {
      const [left, right] = [secondsOf(duration.left, query), secondsOf(duration.right, query)];
      const results = { "+": left + right, "-": left - right, "*": left * right, "/": left / right };
      if (duration.operator === "%") return left % right;
      return duration.operator === "^" ? left ** right : results[duration.operator];
    }
  }
}

function absence(isPresent: boolean, labels: Labels): NaiveValue {
  return vectorOf(isPresent ? [] : [{ labels, value: 1 }]);
}

/** What the selector says for certain: labels with one condition, which is an equality. */
function labelsOfAbsence({ matchers }: VectorSelector): Labels {
  const certain = matchers.filter(({ name, operator }) => {
    const isOnly = matchers.filter((other) => other.name === name).length === 1;
    return isOnly && operator === "=" && name !== METRIC_NAME;
  });
  return Labels.from(certain.map(({ name, value }) => [name, value] as const));
}

function withoutParentheses(expression: Expression): Expression {
  return expression.kind === "parentheses" ? withoutParentheses(expression.expression) : expression;
}

/** A vector in which all labels differ. */
export function vectorOf(elements: readonly Element[]): NaiveValue {
  const keys = new Set(elements.map(({ labels }) => labels.toString()));
  if (keys.size < elements.length)
    throw new NaiveError("vector cannot contain metrics with the same labelset");
  return { kind: "vector", elements };
}

export function elementsOf(value: NaiveValue): readonly Element[] {
  if (value.kind !== "vector") throw new TypeError(`a vector was expected, not a ${value.kind}`);
  return value.elements;
}

export function numberOf(value: NaiveValue): number {
  if (value.kind !== "scalar") throw new TypeError(`a scalar was expected, not a ${value.kind}`);
  return value.value;
}

export function textOf(value: NaiveValue): string {
  if (value.kind !== "string") throw new TypeError(`a string was expected, not a ${value.kind}`);
  return value.value;
}

export function unnamed({ labels, value }: Element): Element {
  return { labels: labels.with({ [METRIC_NAME]: "" }), value };
}

/** Of a scalar, or of each element of a vector, which then goes without its name. */
export function mapNumbers(value: NaiveValue, compute: (number: number) => number): NaiveValue {
  if (value.kind === "scalar") return { kind: "scalar", value: compute(value.value) };
  return vectorOf(
    elementsOf(value).map(({ labels, value: number }) => unnamed({ labels, value: compute(number) })),
  );
}
