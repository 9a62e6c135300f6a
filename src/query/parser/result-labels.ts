/**
 * Which labels the series of an expression's result can have, and which ones it looks at, told from the expression
 * alone.
 *
 *   sum by (job) (rate(x_total{env="prod"}[5m])) * on (job) group_left (team) owner
 *     result   job, team
 *     reads    __name__, env, job, team
 */

import { unreachable } from "../../model/assert.js";
import { METRIC_NAME } from "../../model/labels.js";
import type { Matcher } from "../../model/matcher.js";
import { compareText } from "../../model/text-order.js";
import type {
  Aggregation,
  BinaryExpression,
  Call,
  Expression,
  StringLiteral,
  VectorMatching,
  VectorSelector,
} from "./ast.js";
import { valueType } from "./check.js";
import { allBut, intersect, type LabelNames, NO_LABELS, only, subtract, unite } from "./label-names.js";
import { operandsOf } from "./walk.js";

const metadata = only([METRIC_NAME, "__type__", "__unit__"]);
const name = only([METRIC_NAME]);
/** On which `info` joins. */
const identifyingLabels = ["instance", "job"];

/** What the series of the result can have. */
export function resultLabels(expression: Expression): LabelNames {
  switch (expression.kind) {
    case "number":
    case "string":
      return NO_LABELS;
    case "vector-selector":
      return selectedLabels(expression);
    case "matrix-selector":
      return selectedLabels(expression.selector);
    case "subquery":
    case "parentheses":
      return resultLabels(expression.expression);
    case "unary": {
      const inner = resultLabels(expression.expression);
      return expression.operator === "-" ? subtract(inner, metadata) : inner;
    }
    case "call":
      return callLabels(expression);
    case "aggregation":
      return aggregationLabels(expression);
    case "binary":
      return binaryLabels(expression);
  }
  return unreachable(expression);
}

/** The labels whose values the expression looks at to select, group, match or make others; sorted. */
export function readLabels(expression: Expression): readonly string[] {
  const names = new Set<string>();
  const pending: Expression[] = [expression];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    for (const each of namesIn(node)) names.add(each);
    pending.push(...operandsOf(node));
  }
  return [...names].sort(compareText);
}

/** All but those that must be empty. */
function selectedLabels({ matchers }: VectorSelector): LabelNames {
  const empty = matchers.filter(({ operator, value }) => operator === "=" && value === "");
  return allBut(empty.map((matcher) => matcher.name));
}

/** Functions that give what they were given, or a sample of it. */
const keepsAll = new Set([
  "first_over_time",
  "last_over_time",
  "sort",
  "sort_by_label",
  "sort_by_label_desc",
  "sort_desc",
]);

function callLabels(call: Call): LabelNames {
  const operand = call.arguments.find((argument) => isSeries(argument));
  const inner = operand === undefined ? NO_LABELS : resultLabels(operand);
  if (keepsAll.has(call.function)) return inner;
  switch (call.function) {
    case "label_replace":
    case "label_join":
      return unite(inner, only([textAt(call, 1)]));
    case "absent":
    case "absent_over_time":
      return operand === undefined ? NO_LABELS : pinnedLabels(operand);
    case "scalar":
    case "vector":
      return NO_LABELS;
    case "info": {
      const wanted = infoLabels(call);
      return unite(inner, wanted ?? allBut([METRIC_NAME]));
    }
    case "histogram_quantile":
    case "histogram_fraction":
      return subtract(subtract(inner, metadata), only(["le"]));
    case "histogram_quantiles":
      return unite(subtract(subtract(inner, metadata), only(["le"])), only([textAt(call, 1)]));
    default:
      return subtract(inner, metadata);
  }
}

/** Labels that an equality of the selector states; `absent` gives them to its result. */
function pinnedLabels(operand: Expression): LabelNames {
  if (operand.kind === "parentheses") return pinnedLabels(operand.expression);
  const selector = operand.kind === "matrix-selector" ? operand.selector : operand;
  if (selector.kind !== "vector-selector") return NO_LABELS;
  const { matchers } = selector;
  const isPinned = ({ name, operator, value }: Matcher): boolean =>
    operator === "=" && value !== "" && matchers.filter((matcher) => matcher.name === name).length === 1;
  return subtract(only(matchers.filter(isPinned).map((matcher) => matcher.name)), name);
}

/** Those that the second argument of `info` names; undefined for all. */
function infoLabels(call: Call): LabelNames | undefined {
  const selector = call.arguments[1];
  if (selector?.kind !== "vector-selector") return undefined;
  const names = selector.matchers.map((matcher) => matcher.name).filter((each) => each !== METRIC_NAME);
  return names.length === 0 ? undefined : only(names);
}

const selecting: ReadonlySet<string> = new Set(["topk", "bottomk", "limitk", "limit_ratio"]);

function aggregationLabels(aggregation: Aggregation): LabelNames {
  const inner = resultLabels(aggregation.expression);
  if (selecting.has(aggregation.operator)) return inner;
  const kept = groupLabels(aggregation, inner);
  const { parameter } = aggregation;
  if (aggregation.operator !== "count_values" || parameter?.kind !== "string") return kept;
  return unite(kept, only([parameter.value]));
}

function groupLabels({ grouping, without }: Aggregation, inner: LabelNames): LabelNames {
  return without ? subtract(inner, only([METRIC_NAME, ...grouping])) : intersect(inner, only(grouping));
}

function binaryLabels({ operator, bool, matching, left, right }: BinaryExpression): LabelNames {
  const [leftLabels, rightLabels] = [resultLabels(left), resultLabels(right)];
  const isComparison = comparisons.has(operator);
  const drop = (labels: LabelNames): LabelNames =>
    isComparison && !bool ? labels : subtract(labels, metadata);
  if (matching === null) return drop(valueType(left) === "vector" ? leftLabels : rightLabels);
  if (operator === "or") return unite(leftLabels, rightLabels);
  if (operator === "and" || operator === "unless") return leftLabels;
  switch (matching.cardinality) {
    case "many-to-one":
      return unite(drop(leftLabels), intersect(rightLabels, only(matching.include)));
    case "one-to-many":
      return unite(drop(rightLabels), intersect(leftLabels, only(matching.include)));
    default:
      return drop(intersect(leftLabels, matchedOn(matching)));
  }
}

const comparisons: ReadonlySet<string> = new Set(["==", "!=", "<", ">", "<=", ">="]);

function matchedOn({ on, labels }: VectorMatching): LabelNames {
  return on ? only(labels) : allBut(labels);
}

function namesIn(node: Expression): readonly string[] {
  switch (node.kind) {
    case "vector-selector":
      return node.matchers.map((matcher) => matcher.name);
    case "matrix-selector":
      return namesIn(node.selector);
    case "aggregation":
      return node.grouping;
    case "binary":
      return node.matching === null ? [] : [...node.matching.labels, ...node.matching.include];
    case "call":
      return namesInCall(node);
    default:
      return [];
  }
}

function namesInCall(call: Call): readonly string[] {
  const textsFrom = (index: number): readonly string[] =>
    call.arguments.slice(index).map((_, i) => textAt(call, index + i));
  switch (call.function) {
    case "label_replace":
      return [textAt(call, 3)];
    case "label_join":
      return textsFrom(3);
    case "sort_by_label":
    case "sort_by_label_desc":
      return textsFrom(1);
    case "histogram_quantile":
    case "histogram_quantiles":
    case "histogram_fraction":
      return ["le"];
    case "info":
      return identifyingLabels;
    default:
      return [];
  }
}

function isSeries(expression: Expression): boolean {
  const type = valueType(expression);
  return type === "vector" || type === "matrix";
}

function textAt(call: Call, index: number): string {
  let argument = call.arguments[index];
  while (argument?.kind === "parentheses") argument = argument.expression;
  return (argument as StringLiteral).value;
}
