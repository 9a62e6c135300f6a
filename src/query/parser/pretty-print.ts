/**
 * AST to text over several lines, as `promtool promql format` and `/api/v1/format_query` do: what is longer than a
 * hundred characters is split at its parentheses and operators.
 *
 *   sum by (job) (
 *     rate(a_long_name_total[5m])
 *   )
 *
 * Source: Prometheus' promql/parser/prettier.go.
 */

import type { Aggregation, BinaryExpression, Expression } from "./ast.js";
import { print, printAggregationHead, printLeft, printOperator, printSubquerySuffix } from "./print.js";

const WIDTH_MAX = 100;

export function prettyPrint(expression: Expression): string {
  return printIndented(expression, 0);
}

/** `level` is that of the line on which the expression begins. */
function printIndented(expression: Expression, level: number): string {
  const line = print(expression);
  const indent = "  ".repeat(level);
  if (Buffer.byteLength(line) <= WIDTH_MAX) return indent + line;
  switch (expression.kind) {
    case "aggregation":
      return indent + splitAggregation(expression, level);
    case "binary":
      return splitBinary(expression, level);
    case "call": {
      const given = expression.arguments.map((argument) => printIndented(argument, level + 1));
      return `${indent}${expression.function}(\n${given.join(",\n")}\n${indent})`;
    }
    case "parentheses":
      return `${indent}(\n${printIndented(expression.expression, level + 1)}\n${indent})`;
    case "subquery":
      return printIndented(expression.expression, level) + printSubquerySuffix(expression);
    case "unary":
      return indent + expression.operator + printIndented(expression.expression, level).trimStart();
    default:
      return indent + line;
  }
}

function splitAggregation(aggregation: Aggregation, level: number): string {
  const { parameter, expression } = aggregation;
  const given = (parameter === null ? [expression] : [parameter, expression])
    .map((argument) => printIndented(argument, level + 1))
    .join(",\n");
  return `${printAggregationHead(aggregation)}(\n${given}\n${"  ".repeat(level)})`;
}

function splitBinary(binary: BinaryExpression, level: number): string {
  const number = binary.left.kind === "number";
  const left = number ? "  ".repeat(level + 1) + printLeft(binary) : printIndented(binary.left, level + 1);
  const right = printIndented(binary.right, level + 1);
  return `${left}\n${"  ".repeat(level)}${printOperator(binary)}\n${right}`;
}
