/**
 * Smaller forms of an expression, for finding the smallest one that still shows a difference: an operand in place of
 * its parent, no modifiers, fewer labels, the smaller forms of each operand.
 */

import { METRIC_NAME } from "../../src/model/labels.js";
import type { Expression, VectorSelector } from "../../src/query/parser/ast.js";
import { valueType } from "../../src/query/parser/check.js";

/** Each a little smaller than `expression`, the smallest first. */
export function smallerForms(expression: Expression): readonly Expression[] {
  const type = valueType(expression);
  const operands = operandsOf(expression).filter((operand) => valueType(operand) === type);
  return [...operands, ...simplified(expression), ...withSmallerOperands(expression)];
}

function operandsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case "number":
    case "string":
    case "vector-selector":
      return [];
    case "matrix-selector":
      return [expression.selector];
    case "call":
      return expression.arguments.flatMap((argument) =>
        argument.kind === "subquery"
          ? [argument.expression]
          : argument.kind === "matrix-selector"
            ? [argument.selector]
            : [argument],
      );
    case "binary":
      return [expression.left, expression.right];
    case "aggregation":
    case "unary":
    case "parentheses":
    case "subquery":
      return [expression.expression];
  }
}

function simplified(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case "number":
      return expression.value === 1 ? [] : [{ ...expression, value: 1, duration: false }];
    case "vector-selector":
      return simplerSelectors(expression);
    case "matrix-selector":
      return simplerSelectors(expression.selector).map((selector) => ({ ...expression, selector }));
    case "subquery":
      return expression.offset === null && expression.at === null
        ? []
        : [
            { ...expression, offset: null },
            { ...expression, at: null },
          ];
    case "aggregation":
      return expression.grouping.map((_, at) => ({
        ...expression,
        grouping: expression.grouping.filter((__, i) => i !== at),
      }));
    case "binary": {
      const { matching } = expression;
      if (matching === null) return [];
      return matching.labels.map((_, at) => ({
        ...expression,
        matching: { ...matching, labels: matching.labels.filter((__, i) => i !== at) },
      }));
    }
    default:
      return [];
  }
}

function simplerSelectors(selector: VectorSelector): readonly VectorSelector[] {
  const simpler: VectorSelector[] = [];
  if (selector.offset !== null) simpler.push({ ...selector, offset: null });
  if (selector.at !== null) simpler.push({ ...selector, at: null });
  selector.matchers.forEach((matcher, at) => {
    if (matcher.name === METRIC_NAME) return;
    simpler.push({ ...selector, matchers: selector.matchers.filter((_, i) => i !== at) });
  });
  return simpler;
}

function withSmallerOperands(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case "call":
      return expression.arguments.flatMap((argument, at) =>
        smallerForms(argument).map((smaller) => ({
          ...expression,
          arguments: expression.arguments.map((other, i) => (i === at ? smaller : other)),
        })),
      );
    case "binary":
      return [
        ...smallerForms(expression.left).map((left) => ({ ...expression, left })),
        ...smallerForms(expression.right).map((right) => ({ ...expression, right })),
      ];
    case "aggregation":
      return [
        ...smallerForms(expression.expression).map((inner) => ({ ...expression, expression: inner })),
        ...(expression.parameter === null ? [] : smallerForms(expression.parameter)).map((parameter) => ({
          ...expression,
          parameter,
        })),
      ];
    case "unary":
    case "parentheses":
    case "subquery":
      return smallerForms(expression.expression).map((inner) => ({ ...expression, expression: inner }));
    default:
      return [];
  }
}
