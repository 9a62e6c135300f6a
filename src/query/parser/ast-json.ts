/**
 * AST to JSON in the shape of Prometheus' `/api/v1/parse_query`, which tree views of queries are built on.
 *
 * Durations are milliseconds; one that must be computed first (`step() * 2`) is 0, as in Prometheus. Matchers stand
 * in their canonical order, not in that of the text.
 *
 * Source: Prometheus `web/api/v1/translate_ast.go`, of 3.5 to 3.14.
 */

import { unreachable } from "../../model/assert.js";
import { formatFloatPlain } from "../../model/float-text.js";
import type { Matcher } from "../../model/matcher.js";
import type {
  DurationExpression,
  Expression,
  TimeModifiers,
  ValueType,
  VectorMatching,
  VectorSelector,
} from "./ast.js";
import { isBareMetricName } from "./print-names.js";
import { type FunctionName, signatureOf } from "./signatures.js";

export type JsonNode = { readonly [key: string]: JsonValue };
export type JsonValue = JsonNode | readonly JsonValue[] | string | number | boolean | null;

export function astJson(expression: Expression): JsonNode {
  switch (expression.kind) {
    case "number":
      return { type: "numberLiteral", val: formatFloatPlain(expression.value) };
    case "string":
      return { type: "stringLiteral", val: expression.value };
    case "vector-selector":
      return { type: "vectorSelector", ...selectorJson(expression) };
    case "matrix-selector": {
      const range = milliseconds(expression.range);
      return { type: "matrixSelector", ...selectorJson(expression.selector), range };
    }
    case "subquery": {
      const range = milliseconds(expression.range);
      const step = milliseconds(expression.step);
      const expr = astJson(expression.expression);
      return { type: "subquery", expr, range, step, ...timesJson(expression) };
    }
    case "call": {
      const func = functionJson(expression.function as FunctionName);
      return { type: "call", func, args: expression.arguments.map(astJson) };
    }
    case "aggregation": {
      const { operator: op, grouping, without, parameter } = expression;
      const param = parameter === null ? null : astJson(parameter);
      return { type: "aggregation", op, expr: astJson(expression.expression), param, grouping, without };
    }
    case "binary": {
      const { operator: op, bool, matching } = expression;
      const lhs = astJson(expression.left);
      const rhs = astJson(expression.right);
      return { type: "binaryExpr", op, lhs, rhs, matching: matchingJson(matching), bool };
    }
    case "unary":
      return { type: "unaryExpr", op: expression.operator, expr: astJson(expression.expression) };
    case "parentheses":
      return { type: "parenExpr", expr: astJson(expression.expression) };
  }
  return unreachable(expression);
}

function selectorJson(selector: VectorSelector): JsonNode {
  const { name, matchers, extension } = selector;
  return {
    // A name that had to be quoted stands among the matchers only.
    name: isBareMetricName(name) ? name : "",
    matchers: matchers.map(matcherJson),
    ...timesJson(selector),
    anchored: extension === "anchored",
    smoothed: extension === "smoothed",
  };
}

function matcherJson({ name, operator, value }: Matcher): JsonNode {
  return { name, type: operator, value };
}

function timesJson({ at, offset }: TimeModifiers): JsonNode {
  return {
    offset: milliseconds(offset),
    timestamp: at?.kind === "timestamp" ? at.time : null,
    startOrEnd: at === null || at.kind === "timestamp" ? null : at.kind,
  };
}

function milliseconds(duration: DurationExpression | null): number {
  return duration?.kind === "duration" ? duration.ms : 0;
}

function matchingJson(matching: VectorMatching | null): JsonNode | null {
  if (matching === null) return null;
  const { cardinality: card, labels, on, include, fillLeft: lhs, fillRight: rhs } = matching;
  return { card, labels, on, include, fillValues: { lhs, rhs } };
}

/** `variadic` is how many of the last argument may be left out or added; -1 for any number. */
function functionJson(name: FunctionName): JsonNode {
  const { arguments: types, argumentsMin, argumentsMax, result } = signatureOf(name);
  const isVariadic = argumentsMax > argumentsMin;
  const argTypes: ValueType[] = [];
  for (let i = 0; i < argumentsMin + Number(isVariadic); i++) argTypes.push(types[i] ?? types.at(-1)!);
  const variadic = argumentsMax === Number.POSITIVE_INFINITY ? -1 : argumentsMax - argumentsMin;
  return { name, argTypes, variadic, returnType: result };
}
