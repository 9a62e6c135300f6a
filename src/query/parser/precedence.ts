/**
 * From a flat list of operands, signs and operators to a tree, by precedence. Used for expressions and durations.
 *
 *   or  <  and unless  <  == != <= < >= > </ >/  <  + -  <  * / % atan2, a sign  <  ^
 *
 * All are left associative but `^`. A sign binds like `*`: -2^2 is -(2^2), -2*3 is (-2)*3. Needs no stack of its
 * own, however long the list is.
 */

import type { IToken } from "chevrotain";
import { assert } from "../../model/assert.js";

export interface FlatOperand<Node> {
  /** In the order they are written. */
  readonly signs: readonly IToken[];
  readonly node: Node;
}

export interface TreeRules<Node> {
  /** `index` is that of the operator in the list. */
  readonly combine: (left: Node, operator: IToken, right: Node, index: number) => Node;
  readonly applySign: (sign: IToken, node: Node) => Node;
}

const SIGN = 5;
const POWER = 6;

const precedences: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  unless: 2,
  "==": 3,
  "!=": 3,
  "<=": 3,
  "<": 3,
  ">=": 3,
  ">": 3,
  "</": 3,
  ">/": 3,
  "+": 4,
  "-": 4,
  "*": 5,
  "/": 5,
  "%": 5,
  atan2: 5,
  "^": POWER,
};

/** An operator or sign whose right operand is not complete yet. */
interface Pending {
  readonly token: IToken;
  readonly precedence: number;
  /** Of the operator; -1 for a sign. */
  readonly index: number;
}

/** `operands` has one entry more than `operators`. */
export function buildTree<Node>(
  operands: readonly FlatOperand<Node>[],
  operators: readonly IToken[],
  rules: TreeRules<Node>,
): Node {
  assert(operands.length === operators.length + 1, "operators stand between operands");
  const nodes: Node[] = [];
  const pending: Pending[] = [];
  const reduce = (): void => {
    const { token, index } = pending.pop()!;
    const right = nodes.pop()!;
    if (index < 0) nodes.push(rules.applySign(token, right));
    else nodes.push(rules.combine(nodes.pop()!, token, right, index));
  };
  for (const [i, operand] of operands.entries()) {
    if (i > 0) {
      const token = operators[i - 1]!;
      const precedence = precedences[token.image.toLowerCase()]!;
      while (pending.length > 0 && bindsFirst(pending.at(-1)!.precedence, precedence)) reduce();
      pending.push({ token, precedence, index: i - 1 });
    }
    for (const token of operand.signs) pending.push({ token, precedence: SIGN, index: -1 });
    nodes.push(operand.node);
  }
  while (pending.length > 0) reduce();
  return nodes[0]!;
}

function bindsFirst(left: number, right: number): boolean {
  return left > right || (left === right && right !== POWER);
}
