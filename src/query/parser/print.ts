/**
 * AST to canonical text on one line: `parse(print(x))` equals x, spans aside.
 *
 * The text is that of Prometheus' `Expr.String()`, except that a metric name that must be quoted stays one:
 * `{"my.metric"}`, where Prometheus prints a matcher of `__name__`.
 */

import { unreachable } from "../../model/assert.js";
import { formatDuration } from "../../model/duration.js";
import { formatFloatPlain } from "../../model/float-text.js";
import { METRIC_NAME } from "../../model/labels.js";
import type { Matcher } from "../../model/matcher.js";
import type {
  Aggregation,
  BinaryExpression,
  DurationExpression,
  Expression,
  NumberLiteral,
  Subquery,
  TimeModifiers,
  VectorMatching,
  VectorSelector,
} from "./ast.js";
import { isBareMetricName, printLabels, printMatcher, printText } from "./print-names.js";

export function print(expression: Expression): string {
  switch (expression.kind) {
    case "number":
      return printNumber(expression);
    case "string":
      return printText(expression.value);
    case "vector-selector":
      return printSeries(expression) + printTimes(expression, printExtension(expression));
    case "matrix-selector": {
      const { selector, range } = expression;
      const brackets = `[${printDuration(range)}]`;
      return printSeries(selector) + brackets + printExtension(selector) + printTimes(selector, "");
    }
    case "subquery":
      return print(expression.expression) + printSubquerySuffix(expression);
    case "call":
      return `${expression.function}(${expression.arguments.map(print).join(", ")})`;
    case "aggregation": {
      const { parameter, expression: inner } = expression;
      const given = parameter === null ? print(inner) : `${print(parameter)}, ${print(inner)}`;
      return `${printAggregationHead(expression)}(${given})`;
    }
    case "binary":
      return `${printLeft(expression)} ${printOperator(expression)} ${print(expression.right)}`;
    case "unary":
      return expression.operator + print(expression.expression);
    case "parentheses":
      return `(${print(expression.expression)})`;
    default:
      return unreachable(expression);
  }
}

/** `sum by (job) ` or `sum`: what stands before the parenthesis. */
export function printAggregationHead({ operator, without, grouping }: Aggregation): string {
  if (!without && grouping.length === 0) return operator;
  return `${operator} ${without ? "without" : "by"} ${printLabels(grouping)} `;
}

/** The operator with its modifiers: `== bool on (job) group_left ()`. */
export function printOperator({ operator, bool, matching }: BinaryExpression): string {
  return operator + (bool ? " bool" : "") + (matching === null ? "" : printMatching(matching));
}

/** `[5m:1m] @ end() offset 1h`. */
export function printSubquerySuffix(subquery: Subquery): string {
  const step = subquery.step === null ? "" : printDuration(subquery.step);
  return `[${printDuration(subquery.range)}:${step}]${printTimes(subquery, "")}`;
}

export function printDuration(duration: DurationExpression): string {
  switch (duration.kind) {
    case "duration":
      return duration.duration ? formatDuration(duration.ms) : formatFloatPlain(duration.ms / 1000);
    case "duration-context":
      return `${duration.source}()`;
    case "duration-unary":
      return duration.operator + printDuration(duration.expression);
    case "duration-binary":
      return `${printDuration(duration.left)} ${duration.operator} ${printDuration(duration.right)}`;
    case "duration-call":
      return `${duration.function}(${printDuration(duration.left)}, ${printDuration(duration.right)})`;
    case "duration-parentheses":
      return `(${printDuration(duration.expression)})`;
    default:
      return unreachable(duration);
  }
}

/** The sign of `+Inf ^ 2` would be that of the whole: only there infinity goes without one. */
export function printLeft({ operator, left }: BinaryExpression): string {
  return operator === "^" && left.kind === "number" && left.value === Infinity ? "Inf" : print(left);
}

function printNumber({ value, duration }: NumberLiteral): string {
  return duration ? formatDuration(Math.round(value * 1000)) : formatFloatPlain(value);
}

/** Name and matchers. */
function printSeries({ name, matchers }: VectorSelector): string {
  const others = matchers.filter((matcher) => !isNameMatcher(matcher, name));
  const bare = isBareMetricName(name) && !others.some((matcher) => matcher.name === METRIC_NAME);
  const quotedName = name === "" || bare ? [] : [printText(name)];
  const braced = [...quotedName, ...others.map(printMatcher)].join(",");
  if (bare) return braced === "" ? name : `${name}{${braced}}`;
  return `{${braced}}`;
}

/** Whether a matcher is what the selector's name stands for. */
function isNameMatcher({ name, operator, value }: Matcher, metricName: string): boolean {
  return name === METRIC_NAME && operator === "=" && value === metricName && value !== "";
}

function printExtension({ extension }: VectorSelector): string {
  return extension === null ? "" : ` ${extension}`;
}

function printTimes({ at, offset }: TimeModifiers, extension: string): string {
  return printAt(at) + extension + (offset === null ? "" : ` offset ${printDuration(offset)}`);
}

function printAt(at: TimeModifiers["at"]): string {
  if (at === null) return "";
  return at.kind === "timestamp" ? ` @ ${(at.time / 1000).toFixed(3)}` : ` @ ${at.kind}()`;
}

function printMatching({ cardinality, on, labels, include, fillLeft, fillRight }: VectorMatching): string {
  const grouped = cardinality === "many-to-one" || cardinality === "one-to-many";
  let text = "";
  if (on || grouped || labels.length > 0) text += ` ${on ? "on" : "ignoring"} ${printLabels(labels)}`;
  if (grouped) text += ` group_${cardinality === "many-to-one" ? "left" : "right"} ${printLabels(include)}`;
  if (fillLeft !== null && Object.is(fillLeft, fillRight))
    return `${text} fill (${formatFloatPlain(fillLeft)})`;
  if (fillLeft !== null) text += ` fill_left (${formatFloatPlain(fillLeft)})`;
  if (fillRight !== null) text += ` fill_right (${formatFloatPlain(fillRight)})`;
  return text;
}
