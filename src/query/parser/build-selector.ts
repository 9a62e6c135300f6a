/**
 * CST to AST for selectors, and for what stands behind an expression: `[range]`, `[range:step]`, `offset`, `@`,
 * `anchored` and `smoothed`.
 */

import type { CstNode } from "chevrotain";
import { InvalidArgumentError } from "../../model/errors.js";
import { METRIC_NAME, quoteText } from "../../model/labels.js";
import { Matcher, type MatchOperator } from "../../model/matcher.js";
import { isTimestampMs } from "../../model/sample.js";
import { compareText } from "../../model/text-order.js";
import type {
  AtModifier,
  Expression,
  MatrixSelector,
  Span,
  Subquery,
  TimeModifiers,
  VectorSelector,
} from "./ast.js";
import type { BuildContext } from "./build-context.js";
import { buildOffset, buildPositiveDuration } from "./build-duration.js";
import {
  nodeOf,
  nodesOf,
  requiredNode,
  requiredToken,
  tokenEnd,
  tokenOf,
  tokenSpan,
  tokensOf,
} from "./cst.js";
import { printMatcher } from "./print-names.js";
import { decodeString } from "./string-literal.js";
import * as t from "./tokens.js";

export function buildSelector(context: BuildContext, node: CstNode): VectorSelector {
  const word = tokenOf(node, t.MetricWord);
  const braces = nodeOf(node, "matchers");
  const first = word ?? requiredToken(braces!, t.LeftBrace);
  const last = braces === undefined ? word! : requiredToken(braces, t.RightBrace);
  const span = { start: first.startOffset, end: tokenEnd(last) };
  const written =
    braces === undefined ? [] : nodesOf(braces, "matcher").map((it) => buildMatcher(context, it));
  const quotedName = written.find((it) => it.quotedName)?.matcher.value;
  const matchers = written.map((it) => it.matcher);
  if (word !== undefined) {
    const other = matchers.find((matcher) => matcher.name === METRIC_NAME);
    if (other !== undefined) {
      const names = `${quoteText(word.image)} or ${quoteText(other.value)}`;
      throw context.error(span, `metric name must not be set twice: ${names}`);
    }
    matchers.push(new Matcher(METRIC_NAME, "=", word.image));
  }
  return {
    kind: "vector-selector",
    name: word?.image ?? quotedName ?? "",
    matchers: matchers.sort((a, b) => compareText(printMatcher(a), printMatcher(b))),
    extension: null,
    offset: null,
    at: null,
    span,
  };
}

function buildMatcher(context: BuildContext, node: CstNode): { matcher: Matcher; quotedName: boolean } {
  const operator = tokenOf(node, t.MatchOperator);
  const texts = tokensOf(node, t.Text);
  const nameToken = tokenOf(node, t.Identifier) ?? texts[0]!;
  const name = nameToken.tokenType === t.Text ? decodeString(nameToken.image) : nameToken.image;
  if (operator === undefined) return { matcher: new Matcher(METRIC_NAME, "=", name), quotedName: true };
  const valueToken = texts.at(-1)!;
  try {
    // The images of the tokens are the operators of the model.
    const matcher = new Matcher(name, operator.image as MatchOperator, decodeString(valueToken.image));
    return { matcher, quotedName: false };
  } catch (cause) {
    if (!(cause instanceof InvalidArgumentError)) throw cause;
    throw context.error({ start: nameToken.startOffset, end: tokenEnd(valueToken) }, cause.message);
  }
}

/** `expression` with the suffix behind it. */
export function applySuffix(context: BuildContext, expression: Expression, suffix: CstNode): Expression {
  const range = nodeOf(suffix, "range");
  if (range !== undefined) return applyRange(context, expression, range);
  const offset = nodeOf(suffix, "offset");
  if (offset !== undefined) return applyOffset(context, expression, offset);
  const at = nodeOf(suffix, "at");
  if (at !== undefined) return applyAt(context, expression, at);
  return applyExtension(context, expression, suffix);
}

function applyRange(context: BuildContext, expression: Expression, node: CstNode): MatrixSelector | Subquery {
  const opening = requiredToken(node, t.LeftBracket);
  const end = tokenEnd(requiredToken(node, t.RightBracket));
  const range = buildPositiveDuration(context, requiredNode(requiredNode(node, "rangeDuration"), "duration"));
  const span = { start: expression.span.start, end };
  if (tokenOf(node, t.Colon) !== undefined) {
    const stepNode = nodeOf(node, "stepDuration");
    const step =
      stepNode === undefined ? null : buildPositiveDuration(context, requiredNode(stepNode, "duration"));
    return { kind: "subquery", expression, range, step, offset: null, at: null, span };
  }
  const fault = rangeFault(expression);
  if (fault !== undefined) throw context.error({ start: opening.startOffset, end }, fault);
  return { kind: "matrix-selector", selector: expression as VectorSelector, range, span };
}

function rangeFault(expression: Expression): string | undefined {
  if (expression.kind !== "vector-selector") return "ranges only allowed for vector selectors";
  if (expression.offset !== null) return "no offset modifiers allowed before range";
  if (expression.at?.kind === "timestamp") return "no @ modifiers allowed before range";
  return undefined;
}

function applyOffset(context: BuildContext, expression: Expression, node: CstNode): Expression {
  const offset = buildOffset(context, node);
  const timed = timeModifiers(expression);
  if (timed === undefined) throw context.error(expression.span, mustFollowSelector("offset"));
  if (timed.offset !== null) throw context.error(expression.span, "offset may not be set multiple times");
  return withModifiers(expression, { offset, at: timed.at }, endOf(node));
}

function applyAt(context: BuildContext, expression: Expression, node: CstNode): Expression {
  const at = buildAt(context, expression.span, node);
  const timed = timeModifiers(expression);
  if (timed === undefined) throw context.error(expression.span, mustFollowSelector("@"));
  if (timed.at !== null) throw context.error(expression.span, "@ <timestamp> may not be set multiple times");
  return withModifiers(expression, { offset: timed.offset, at }, endOf(node));
}

function mustFollowSelector(modifier: string): string {
  return `${modifier} modifier must be preceded by an instant vector selector or range vector selector or a subquery`;
}

function buildAt(context: BuildContext, span: Span, node: CstNode): AtModifier {
  const number = tokenOf(node, t.Numeric);
  if (number === undefined) return { kind: tokenOf(node, t.Start) === undefined ? "end" : "start" };
  const magnitude = context.number(number).value;
  const seconds = tokenOf(node, t.Sign)?.image === "-" ? -magnitude : magnitude;
  const time = Math.sign(seconds) * Math.round(Math.abs(seconds) * 1000);
  if (!isTimestampMs(time))
    throw context.error(span, `timestamp out of bounds for @ modifier: ${formatFixed(seconds)}`);
  return { kind: "timestamp", time: time === 0 ? 0 : time };
}

/** Go's `%f`. */
function formatFixed(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return Math.abs(value) < 1e21 ? value.toFixed(6) : `${BigInt(value)}.000000`;
}

/** The modifiers of what may have some; those of a range selector stand on its inner selector. */
function timeModifiers(expression: Expression): TimeModifiers | undefined {
  switch (expression.kind) {
    case "vector-selector":
    case "subquery":
      return expression;
    case "matrix-selector":
      return expression.selector;
    default:
      return undefined;
  }
}

function withModifiers(expression: Expression, modifiers: TimeModifiers, end: number): Expression {
  const span = { start: expression.span.start, end };
  if (expression.kind === "matrix-selector")
    return { ...expression, selector: { ...expression.selector, ...modifiers }, span };
  return { ...(expression as VectorSelector | Subquery), ...modifiers, span };
}

function applyExtension(context: BuildContext, expression: Expression, suffix: CstNode): Expression {
  const word = tokenOf(suffix, t.Anchored) ?? requiredToken(suffix, t.Smoothed);
  const extension = word.tokenType === t.Anchored ? "anchored" : "smoothed";
  const fail = (reason: string): never => {
    throw context.error(expression.span, reason);
  };
  if (!context.hasFeature("promql-extended-range-selectors"))
    fail(`${extension} modifier is experimental and not enabled`);
  const span = { start: expression.span.start, end: tokenSpan(word).end };
  const togetherFault = "anchored and smoothed modifiers cannot be used together";
  switch (expression.kind) {
    case "vector-selector":
      if (expression.extension !== null && expression.extension !== extension) fail(togetherFault);
      return { ...expression, extension, span };
    case "matrix-selector":
      if (expression.selector.extension !== null && expression.selector.extension !== extension)
        fail(togetherFault);
      return { ...expression, selector: { ...expression.selector, extension }, span };
    case "subquery":
      return fail(`${extension} modifier is not supported for subqueries`);
    default:
      return fail(`${extension} modifier not implemented`);
  }
}

/** Where the last token below the node ends. */
function endOf(node: CstNode): number {
  let end = 0;
  for (const children of Object.values(node.children)) {
    for (const child of children) end = Math.max(end, "image" in child ? tokenEnd(child) : endOf(child));
  }
  return end;
}
