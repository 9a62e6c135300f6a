/**
 * Reading the concrete syntax tree: the children of a node by the names that the grammar gives them.
 */

import type { CstNode, IToken, TokenType } from "chevrotain";
import { assert } from "../../model/assert.js";
import type { Span } from "./ast.js";

/** The tokens of one type (or category) that the node's rule consumed, in order. */
export function tokensOf(node: CstNode, type: TokenType): readonly IToken[] {
  // Chevrotain keeps tokens under the name of their type and nodes under that of their rule, never mixed.
  return (node.children[type.name] ?? []) as IToken[];
}

export function tokenOf(node: CstNode, type: TokenType): IToken | undefined {
  return tokensOf(node, type)[0];
}

export function requiredToken(node: CstNode, type: TokenType): IToken {
  const token = tokenOf(node, type);
  assert(token !== undefined, `the rule ${node.name} consumed a ${type.name}`);
  return token;
}

/** The nodes of one rule below this one, in order. */
export function nodesOf(node: CstNode, rule: string): readonly CstNode[] {
  return (node.children[rule] ?? []) as CstNode[];
}

export function nodeOf(node: CstNode, rule: string): CstNode | undefined {
  return nodesOf(node, rule)[0];
}

export function requiredNode(node: CstNode, rule: string): CstNode {
  const child = nodeOf(node, rule);
  assert(child !== undefined, `the rule ${node.name} has a ${rule}`);
  return child;
}

export function tokenEnd(token: IToken): number {
  return token.startOffset + token.image.length;
}

export function tokenSpan(token: IToken): Span {
  return { start: token.startOffset, end: tokenEnd(token) };
}
