/**
 * Words a syntax error as Prometheus does: `unexpected <token> in <context>, expected <what>`.
 *
 * The context is that of the innermost rule in the table below that was being parsed; the token before the error
 * tells how far that rule had come.
 *
 * Source: the `error` productions of Prometheus' generated_parser.y, `Item.desc` of its lex.go.
 */

import { EOF, type IRecognitionException, type IToken, type TokenType } from "chevrotain";
import { quoteText } from "../../model/labels.js";
import { tokenSpan } from "./cst.js";
import { quoteAbbreviated } from "./go-text.js";
import type { Fault } from "./parse-error.js";
import * as t from "./tokens.js";

/** The tokens before the unexpected one, the last first. */
type Before = readonly IToken[];
type Wording = readonly [context: string, expected: string];

const anyDuration = "number, duration, step(), or range()";
const stepOrEnd = 'number, duration, step(), range(), or "]"';

const wordings: Readonly<Record<string, (before: Before) => Wording>> = {
  aggregation: () => ["aggregation", ""],
  offset: () => ["offset", anyDuration],
  at: () => ["@", "timestamp"],
  rangeDuration: () => ["subquery or range selector", anyDuration],
  stepDuration: () => ["subquery selector", stepOrEnd],
  range: (before) => {
    const opening = before.findIndex((token) => token.tokenType === t.LeftBracket);
    const colon = before.findIndex((token) => token.tokenType === t.Colon);
    if (colon < 0 || colon > opening) return ["subquery or range", '":" or "]"'];
    return ["subquery selector", colon === 0 ? stepOrEnd : '"]"'];
  },
  label: () => ["grouping opts", "label"],
  labels: ([previous]) => {
    if (isType(previous, t.LeftParen, t.Comma)) return ["grouping opts", "label"];
    const opened = isType(previous, t.LabelWord, t.Text) && !isType(previous, ...labelListKeywords);
    return ["grouping opts", opened ? '"," or ")"' : '"("'];
  },
  matcher: matcherWording,
  matchers: matcherWording,
};

const labelListKeywords = [t.By, t.Without, t.On, t.Ignoring, t.GroupLeft, t.GroupRight];

function matcherWording([previous, beforeIt]: Before): Wording {
  const context = "label matching";
  if (isType(previous, t.Identifier)) return [context, "label matching operator"];
  if (isType(previous, t.MatchOperator)) return [context, "string"];
  if (isType(previous, t.LeftBrace, t.Comma) || beforeIt === undefined) return [context, 'identifier or "}"'];
  return [context, '"," or "}"'];
}

/** The fault that the parser's first error is. `tokens` are those it was given. */
export function syntaxFault(error: IRecognitionException, tokens: readonly IToken[], text: string): Fault {
  const atEnd = error.token.tokenType === EOF;
  const index = atEnd ? tokens.length : tokens.indexOf(error.token);
  const before = tokens.slice(0, index).reverse();
  const span = atEnd ? { start: text.length, end: text.length } : tokenSpan(error.token);
  const rules = error.name === "NotAllInputParsedException" ? [] : error.context.ruleStack;
  const [previous] = before;
  if (rules.at(-1) === "arguments" && previous !== undefined && isType(previous, t.Comma))
    return { message: "trailing commas not allowed in function call args", span: tokenSpan(previous) };
  const rule = rules.findLast((name) => name in wordings);
  const [context, expected] = rule === undefined ? ["", ""] : wordings[rule]!(before);
  const message =
    `unexpected ${describe(error.token)}` +
    (context === "" ? "" : ` in ${context}`) +
    (expected === "" ? "" : `, expected ${expected}`);
  return { message, span };
}

/** Whether the parser failed at the end of its tokens rather than at one of them. */
export function failedAtEnd(error: IRecognitionException): boolean {
  return error.token.tokenType === EOF;
}

function isType(token: IToken | undefined, ...types: readonly TokenType[]): boolean {
  return token !== undefined && types.some((type) => matchesType(token.tokenType, type));
}

function matchesType(actual: TokenType, wanted: TokenType): boolean {
  return actual === wanted || (actual.CATEGORIES ?? []).includes(wanted);
}

function describe(token: IToken): string {
  const { tokenType, image } = token;
  if (tokenType === EOF) return "end of input";
  if (t.wordKeywords.has(tokenType)) return `<${image}>`;
  if (t.operatorTokens.has(tokenType)) return `<op:${image}>`;
  if (matchesType(tokenType, t.AggregationOperator)) return `<aggr:${image}>`;
  if (tokenType === t.Identifier) return `identifier ${quoteText(image)}`;
  if (tokenType === t.ColonIdentifier) return `metric identifier ${quoteText(image)}`;
  if (tokenType === t.Text) return `string ${quoteAbbreviated(image)}`;
  if (tokenType === t.DurationToken) return `duration ${quoteAbbreviated(image)}`;
  if (matchesType(tokenType, t.Numeric)) return `number ${quoteAbbreviated(image)}`;
  return quoteAbbreviated(image);
}
