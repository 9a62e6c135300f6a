/**
 * CST to AST for durations: `[5m]`, `[step() * 2]`, `offset -(1h + 30m)`.
 *
 * A literal takes its sign into itself (`-5m` is one literal); a sign `+` before anything else is dropped;
 * parentheses are kept, so that the text can be printed as it was.
 */

import type { CstNode, IToken } from "chevrotain";
import type { DurationBinary, DurationExpression, DurationLiteral } from "./ast.js";
import type { BuildContext } from "./build-context.js";
import { nodesOf, requiredNode, requiredToken, tokenEnd, tokenOf, tokenSpan, tokensOf } from "./cst.js";
import { durationInRange } from "./number-literal.js";
import { buildTree } from "./precedence.js";
import * as t from "./tokens.js";

/** A range or step: more than zero, as far as that is known already. */
export function buildPositiveDuration(context: BuildContext, node: CstNode): DurationExpression {
  const duration = asDuration(buildDuration(context, node));
  if (duration.kind === "duration" && duration.ms <= 0)
    throw context.error(duration.span, "duration must be greater than 0");
  return duration;
}

/** What follows `offset`; null for an offset of zero, which is none. */
export function buildOffset(context: BuildContext, offset: CstNode): DurationExpression | null {
  const atom = buildAtom(context, requiredNode(offset, "durationAtom"));
  const sign = tokenOf(offset, t.Sign);
  const duration = asDuration(sign === undefined ? atom : applySign(sign, atom));
  return duration.kind === "duration" && duration.ms === 0 ? null : duration;
}

/** A number that stands alone is a duration: `[300]` is `[5m]`. */
function asDuration(duration: DurationExpression): DurationExpression {
  return duration.kind === "duration" && Number.isInteger(duration.ms)
    ? { ...duration, duration: true }
    : duration;
}

function buildDuration(context: BuildContext, node: CstNode): DurationExpression {
  const operands = nodesOf(node, "durationOperand").map((operand) => ({
    signs: tokensOf(operand, t.Sign),
    node: buildAtom(context, requiredNode(operand, "durationAtom")),
  }));
  return buildTree<DurationExpression>(operands, tokensOf(node, t.DurationOperator), {
    applySign,
    combine: (left, operator, right) => combine(context, left, operator, right),
  });
}

function combine(
  context: BuildContext,
  left: DurationExpression,
  operator: IToken,
  right: DurationExpression,
): DurationBinary {
  const zero = right.kind === "duration" && right.ms === 0;
  if (zero && operator.image === "/") throw context.error(tokenSpan(operator), "division by zero");
  if (zero && operator.image === "%") throw context.error(tokenSpan(operator), "modulo by zero");
  return {
    kind: "duration-binary",
    // The grammar lets no other operator stand between durations.
    operator: operator.image as DurationBinary["operator"],
    left,
    right,
    span: { start: left.span.start, end: right.span.end },
  };
}

function applySign(sign: IToken, expression: DurationExpression): DurationExpression {
  const span = { start: sign.startOffset, end: expression.span.end };
  if (expression.kind === "duration")
    return { ...expression, ms: sign.image === "-" ? negative(expression.ms) : expression.ms, span };
  if (sign.image === "+") return expression;
  return { kind: "duration-unary", operator: "-", expression, span };
}

/** Without a zero that is negative. */
function negative(ms: number): number {
  return ms === 0 ? 0 : -ms;
}

function buildAtom(context: BuildContext, atom: CstNode): DurationExpression {
  const number = tokenOf(atom, t.Numeric);
  if (number !== undefined) return buildLiteral(context, number);
  const word = [t.Step, t.Range, t.MinOf, t.MaxOf].map((type) => tokenOf(atom, type)).find(Boolean);
  const [left, right] = nodesOf(atom, "duration").map((inner) => buildDuration(context, inner));
  const end = tokenEnd(requiredToken(atom, t.RightParen));
  const span = { start: (word ?? requiredToken(atom, t.LeftParen)).startOffset, end };
  if (word === undefined) return { kind: "duration-parentheses", expression: left!, span };
  if (left === undefined || right === undefined)
    return { kind: "duration-context", source: word.tokenType === t.Step ? "step" : "range", span };
  const name = word.tokenType === t.MinOf ? "min_of" : "max_of";
  return { kind: "duration-call", function: name, left, right, span };
}

function buildLiteral(context: BuildContext, token: IToken): DurationLiteral {
  const { value, duration } = context.number(token);
  const span = tokenSpan(token);
  if (!durationInRange(value)) throw context.error(span, "duration out of range");
  // A product need not be exact: 5.001 * 1000 is 5000.999... Written durations are whole milliseconds; numbers of
  // seconds are rounded to the nanosecond, as in Prometheus.
  const ms = duration ? Math.round(value * 1000) : Math.round(value * 1e9) / 1e6;
  return { kind: "duration", ms, duration, span };
}
