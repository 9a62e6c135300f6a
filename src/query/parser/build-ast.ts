/**
 * CST to AST: a visitor over what the grammar has recognised. It resolves names, literals and precedence, and
 * throws the first error that is none of syntax: an unknown function, a duration that is none.
 *
 * What depends on types is checked afterwards, in `check.ts`.
 */

import type { CstNode, IToken } from "chevrotain";
import { quoteText } from "../../model/labels.js";
import type {
  Aggregation,
  AggregationOperator,
  BinaryExpression,
  BinaryOperator,
  Call,
  Expression,
  VectorMatching,
} from "./ast.js";
import type { BuildContext } from "./build-context.js";
import { applySuffix, buildSelector } from "./build-selector.js";
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
import { buildTree } from "./precedence.js";
import { isFunctionName, signatureOf } from "./signatures.js";
import { decodeString } from "./string-literal.js";
import * as t from "./tokens.js";

export function buildExpression(context: BuildContext, node: CstNode): Expression {
  const operands = nodesOf(node, "operand").map((operand) => ({
    signs: tokensOf(operand, t.Sign),
    node: buildOperand(context, operand),
  }));
  const modifiers = nodesOf(node, "modifiers");
  return buildTree<Expression>(operands, tokensOf(node, t.BinaryOperator), {
    applySign,
    combine: (left, operator, right, index) => combine(context, left, operator, modifiers[index]!, right),
  });
}

/** A number takes its sign into itself: `-1` is one literal. */
function applySign(sign: IToken, expression: Expression): Expression {
  const span = { start: sign.startOffset, end: expression.span.end };
  const operator = sign.image === "-" ? "-" : "+";
  if (expression.kind !== "number") return { kind: "unary", operator, expression, span };
  return { ...expression, value: operator === "-" ? -expression.value : expression.value, span };
}

/** An operand without its signs, which bind less tightly than `^`. */
function buildOperand(context: BuildContext, operand: CstNode): Expression {
  let expression = buildPrimary(context, operand);
  for (const suffix of nodesOf(operand, "suffix")) expression = applySuffix(context, expression, suffix);
  return expression;
}

function buildPrimary(context: BuildContext, operand: CstNode): Expression {
  const aggregation = nodeOf(operand, "aggregation");
  if (aggregation !== undefined) return buildAggregation(context, aggregation);
  const call = nodeOf(operand, "call");
  if (call !== undefined) return buildCall(context, call);
  const selector = nodeOf(operand, "selector");
  if (selector !== undefined) return buildSelector(context, selector);
  const number = tokenOf(operand, t.Numeric);
  if (number !== undefined) return { kind: "number", ...context.number(number), span: tokenSpan(number) };
  const text = tokenOf(operand, t.Text);
  if (text !== undefined) return { kind: "string", value: decodeString(text.image), span: tokenSpan(text) };
  const start = requiredToken(operand, t.LeftParen).startOffset;
  const end = tokenEnd(requiredToken(operand, t.RightParen));
  const expression = buildExpression(context, requiredNode(operand, "expression"));
  return { kind: "parentheses", expression, span: { start, end } };
}

function buildAggregation(context: BuildContext, node: CstNode): Aggregation {
  const word = requiredToken(node, t.AggregationOperator);
  // The tokens of this category are the aggregation operators.
  const operator = word.image.toLowerCase() as AggregationOperator;
  const argumentsNode = requiredNode(node, "arguments");
  const groupingNode = nodeOf(node, "grouping");
  const labels = groupingNode === undefined ? undefined : requiredNode(groupingNode, "labels");
  const closing = [argumentsNode, labels].flatMap((it) =>
    it === undefined ? [] : requiredToken(it, t.RightParen),
  );
  const span = { start: word.startOffset, end: Math.max(...closing.map(tokenEnd)) };
  const given = buildArguments(context, argumentsNode);
  if (given.length === 0) throw context.error(span, "no arguments for aggregate expression provided");
  const experimental = operator === "limitk" || operator === "limit_ratio";
  if (experimental && !context.hasFeature("promql-experimental-functions")) {
    const remedy = "must be enabled with --enable-feature=promql-experimental-functions";
    throw context.error(span, `${operator}() is experimental and ${remedy}`);
  }
  const wanted = isParameterized(operator) ? 2 : 1;
  if (given.length !== wanted) {
    const counts = `expected ${wanted}, got ${given.length}`;
    throw context.error(span, `wrong number of arguments for aggregate expression provided, ${counts}`);
  }
  return {
    kind: "aggregation",
    operator,
    expression: given[wanted - 1]!,
    parameter: wanted === 2 ? given[0]! : null,
    grouping: labels === undefined ? [] : buildLabels(labels),
    without: groupingNode !== undefined && tokenOf(groupingNode, t.Without) !== undefined,
    span,
  };
}

function isParameterized(operator: AggregationOperator): boolean {
  switch (operator) {
    case "topk":
    case "bottomk":
    case "quantile":
    case "count_values":
    case "limitk":
    case "limit_ratio":
      return true;
    default:
      return false;
  }
}

function buildCall(context: BuildContext, node: CstNode): Call {
  const word = requiredToken(node, t.FunctionWord);
  const name = word.image;
  const argumentsNode = requiredNode(node, "arguments");
  const given = buildArguments(context, argumentsNode);
  if (!isFunctionName(name))
    throw context.error(tokenSpan(word), `unknown function with name ${quoteText(name)}`);
  const { feature } = signatureOf(name);
  if (feature !== null && !context.hasFeature(feature))
    throw context.error(tokenSpan(word), `function ${quoteText(name)} is not enabled`);
  const end = tokenEnd(requiredToken(argumentsNode, t.RightParen));
  return { kind: "call", function: name, arguments: given, span: { start: word.startOffset, end } };
}

function buildArguments(context: BuildContext, node: CstNode): readonly Expression[] {
  const expressions = nodesOf(node, "expression");
  const given = expressions.map((expression) => buildExpression(context, expression));
  const commas = tokensOf(node, t.Comma);
  if (given.length > 0 && commas.length === given.length)
    throw context.error(tokenSpan(commas.at(-1)!), "trailing commas not allowed in function call args");
  return given;
}

function buildLabels(node: CstNode): readonly string[] {
  return nodesOf(node, "label").map((label) => {
    const text = tokenOf(label, t.Text);
    return text === undefined ? requiredToken(label, t.LabelWord).image : decodeString(text.image);
  });
}

function combine(
  context: BuildContext,
  left: Expression,
  operator: IToken,
  modifiers: CstNode,
  right: Expression,
): BinaryExpression {
  const span = { start: left.span.start, end: right.span.end };
  const matching = buildMatching(context, modifiers);
  const filled = matching.fillLeft !== null || matching.fillRight !== null;
  if (filled && !context.hasFeature("promql-binop-fill-modifiers"))
    throw context.error(span, "binop fill modifiers are experimental and not enabled");
  return {
    kind: "binary",
    // The tokens of this category are the binary operators.
    operator: operator.image.toLowerCase() as BinaryOperator,
    left,
    right,
    bool: tokenOf(modifiers, t.Bool) !== undefined,
    matching,
    span,
  };
}

/** As written; `check.ts` drops it where an operand is a scalar. */
function buildMatching(context: BuildContext, modifiers: CstNode): VectorMatching {
  const labels = nodeOf(modifiers, "labels");
  const grouped = nodeOf(modifiers, "grouped");
  const include = grouped === undefined ? undefined : nodeOf(grouped, "labels");
  const fill = nodeOf(modifiers, "fill");
  return {
    cardinality: cardinality(grouped),
    on: tokenOf(modifiers, t.On) !== undefined,
    labels: labels === undefined ? [] : buildLabels(labels),
    include: include === undefined ? [] : buildLabels(include),
    ...(fill === undefined ? { fillLeft: null, fillRight: null } : buildFill(context, fill)),
  };
}

function cardinality(grouped: CstNode | undefined): VectorMatching["cardinality"] {
  if (grouped === undefined) return "one-to-one";
  return tokenOf(grouped, t.GroupLeft) === undefined ? "one-to-many" : "many-to-one";
}

function buildFill(
  context: BuildContext,
  fill: CstNode,
): { readonly fillLeft: number | null; readonly fillRight: number | null } {
  const [first, second = null] = nodesOf(fill, "fillValue").map((node) => {
    const { value } = context.number(requiredToken(node, t.Numeric));
    return tokenOf(node, t.Sign)?.image === "-" ? -value : value;
  });
  const left = tokenOf(fill, t.FillLeft);
  const right = tokenOf(fill, t.FillRight);
  const fillBoth = left === undefined && right === undefined;
  if (fillBoth) return { fillLeft: first!, fillRight: first! };
  if (left === undefined) return { fillLeft: null, fillRight: first! };
  if (right === undefined || left.startOffset < right.startOffset)
    return { fillLeft: first!, fillRight: second };
  return { fillLeft: second, fillRight: first! };
}
