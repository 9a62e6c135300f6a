/**
 * Walking the tree without recursion, whatever its shape.
 */

import { unreachable } from "../../model/assert.js";
import type { DurationExpression, Expression, TimeModifiers } from "./ast.js";

export type AstNode = Expression | DurationExpression;

/** The nodes directly below, durations included, in the order of the text. */
export function childrenOf(node: AstNode): readonly AstNode[] {
  switch (node.kind) {
    case "number":
    case "string":
    case "duration":
    case "duration-context":
      return [];
    case "vector-selector":
      return offsetOf(node);
    case "matrix-selector":
      return [node.selector, node.range];
    case "subquery":
      return [node.expression, node.range, ...(node.step === null ? [] : [node.step]), ...offsetOf(node)];
    case "call":
      return node.arguments;
    case "aggregation":
      return node.parameter === null ? [node.expression] : [node.parameter, node.expression];
    case "binary":
    case "duration-binary":
    case "duration-call":
      return [node.left, node.right];
    case "unary":
    case "parentheses":
    case "duration-unary":
    case "duration-parentheses":
      return [node.expression];
    default:
      return unreachable(node);
  }
}

/** The expressions directly below, in the order of the text; a range vector's selector is part of it. */
export function operandsOf(node: Expression): readonly Expression[] {
  switch (node.kind) {
    case "number":
    case "string":
    case "vector-selector":
    case "matrix-selector":
      return [];
    case "call":
      return node.arguments;
    case "aggregation":
      return node.parameter === null ? [node.expression] : [node.parameter, node.expression];
    case "binary":
      return [node.left, node.right];
    case "subquery":
    case "unary":
    case "parentheses":
      return [node.expression];
  }
}

/** The first node that stands more than `depthMax` levels below `root`; undefined when there is none. */
export function findDeeperThan(root: AstNode, depthMax: number): AstNode | undefined {
  let level: readonly AstNode[] = [root];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === depthMax) return level[0];
    level = level.flatMap(childrenOf);
  }
  return undefined;
}

function offsetOf(node: TimeModifiers): readonly AstNode[] {
  return node.offset === null ? [] : [node.offset];
}
