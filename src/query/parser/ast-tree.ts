/**
 * AST to a tree for people: a node per line with its type, children indented.
 *
 *   binary / many-to-one on (job)           vector
 *     aggregation sum by (job)              vector
 *       call rate                           vector
 *         x_total[5m]                       matrix
 */

import { unreachable } from "../../model/assert.js";
import type { Expression } from "./ast.js";
import { valueType } from "./check.js";
import { print, printAggregationHead, printOperator, printSubquerySuffix } from "./print.js";
import { operandsOf } from "./walk.js";

export function astTree(expression: Expression): string {
  const rows = rowsOf(expression, 0);
  const width = Math.min(widthMax, Math.max(...rows.map(({ text }) => text.length)));
  return rows.map(({ text, type }) => `${text.padEnd(width)}  ${type}\n`).join("");
}

/** Longer lines stand out instead of moving the types of all others. */
const widthMax = 72;

interface Row {
  readonly text: string;
  readonly type: string;
}

function rowsOf(expression: Expression, depth: number): readonly Row[] {
  const text = "  ".repeat(depth) + headOf(expression);
  const rows: Row[] = [{ text, type: valueType(expression) }];
  for (const child of operandsOf(expression)) for (const row of rowsOf(child, depth + 1)) rows.push(row);
  return rows;
}

function headOf(expression: Expression): string {
  switch (expression.kind) {
    case "number":
    case "string":
    case "vector-selector":
    case "matrix-selector":
      return print(expression);
    case "subquery":
      return `subquery ${printSubquerySuffix(expression)}`;
    case "call":
      return `call ${expression.function}`;
    case "aggregation":
      return `aggregation ${printAggregationHead(expression).trimEnd()}`;
    case "binary":
      return `binary ${printOperator(expression)}`;
    case "unary":
      return `unary ${expression.operator}`;
    case "parentheses":
      return "parentheses";
  }
  return unreachable(expression);
}
