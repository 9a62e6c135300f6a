/**
 * The tokens of PromQL and its lexer.
 *
 * The lexer has three modes, because words and operators mean different things in them:
 *
 *   default    expressions: words may be keywords, and names may hold colons
 *   braces     {matchers}: every word is a label name, `=~` and `!~` exist
 *   brackets   [range:step]: a colon stands alone
 *
 * Categories stand for several tokens in the grammar: `MetricWord` is every word that may be a metric name, most
 * keywords included.
 */

import { type CustomPatternMatcherReturn, createToken, Lexer, type TokenType } from "chevrotain";
import { scanNumberOrDuration } from "./number-literal.js";
import { scanString } from "./string-literal.js";

function category(name: string): TokenType {
  return createToken({ name, pattern: Lexer.NA });
}

/** May be the name of a metric. */
export const MetricWord = category("MetricWord");
/** May be a label in `by (...)`, `on (...)` and the like. */
export const LabelWord = category("LabelWord");
/** May be the name of a function when a parenthesis follows. */
export const FunctionWord = category("FunctionWord");
export const AggregationOperator = category("AggregationOperator");
export const BinaryOperator = category("BinaryOperator");
/** Allowed between durations. */
export const DurationOperator = category("DurationOperator");
export const Sign = category("Sign");
export const MatchOperator = category("MatchOperator");
/** A number, a duration, or Inf or NaN. */
export const Numeric = category("Numeric");

export const WhiteSpace = createToken({ name: "WhiteSpace", pattern: /[ \t\r\n]+/, group: Lexer.SKIPPED });
export const Comment = createToken({ name: "Comment", pattern: /#[^\r\n]*/, group: Lexer.SKIPPED });

export const LeftParen = createToken({ name: "LeftParen", pattern: "(" });
export const RightParen = createToken({ name: "RightParen", pattern: ")" });
export const LeftBrace = createToken({ name: "LeftBrace", pattern: "{", push_mode: "braces" });
export const RightBrace = createToken({ name: "RightBrace", pattern: "}", pop_mode: true });
export const LeftBracket = createToken({ name: "LeftBracket", pattern: "[", push_mode: "brackets" });
export const RightBracket = createToken({ name: "RightBracket", pattern: "]", pop_mode: true });
export const Comma = createToken({ name: "Comma", pattern: "," });
export const Colon = createToken({ name: "Colon", pattern: ":" });
export const At = createToken({ name: "At", pattern: "@" });

export const Text = createToken({
  name: "Text",
  pattern: { exec: matchString },
  start_chars_hint: ['"', "'", "`"],
  line_breaks: true,
});

const digits = [..."0123456789"];

export const NumberToken = createToken({
  name: "Number",
  pattern: { exec: (text, offset) => matchNumber(text, offset, "number") },
  start_chars_hint: [".", ...digits],
  line_breaks: false,
  categories: [Numeric],
});
export const DurationToken = createToken({
  name: "Duration",
  pattern: { exec: (text, offset) => matchNumber(text, offset, "duration") },
  start_chars_hint: [".", ...digits],
  line_breaks: false,
  categories: [Numeric],
});

export const Identifier = createToken({
  name: "Identifier",
  pattern: /[a-zA-Z_][a-zA-Z0-9_]*/,
  categories: [MetricWord, LabelWord, FunctionWord],
});
/** A metric name with a colon in it, as recording rules have. */
export const ColonIdentifier = createToken({
  name: "ColonIdentifier",
  pattern: /(?:[a-zA-Z_][a-zA-Z0-9_]*)?:[a-zA-Z0-9_:]*/,
  categories: [MetricWord, LabelWord],
});

/** A word with a meaning of its own, in any case; `longer_alt` lets `offset_total` be a name. */
function keyword(word: string, categories: readonly TokenType[], followedBy = ""): TokenType {
  return createToken({
    // `group_left` is GroupLeft: rules have the lower case names.
    name: word.replaceAll(/(?:^|_)([a-z])/g, (_, initial: string) => initial.toUpperCase()),
    pattern: new RegExp(word + followedBy, "i"),
    longer_alt: Identifier,
    categories: [...categories],
  });
}

const aggregation = [AggregationOperator, MetricWord, LabelWord];
export const aggregationKeywords = [
  "sum",
  "avg",
  "count_values",
  "count",
  "min",
  "max",
  "group",
  "stddev",
  "stdvar",
  "topk",
  "bottomk",
  "quantile",
  "limitk",
  "limit_ratio",
].map((word) => keyword(word, aggregation));

const setOperator = [BinaryOperator, MetricWord, LabelWord];
const And = keyword("and", setOperator);
const Or = keyword("or", setOperator);
const Unless = keyword("unless", setOperator);
const Atan2 = keyword("atan2", [BinaryOperator, LabelWord]);

export const Offset = keyword("offset", [MetricWord, LabelWord]);
export const Smoothed = keyword("smoothed", [MetricWord, LabelWord]);
export const Anchored = keyword("anchored", [MetricWord, LabelWord]);
export const By = keyword("by", [MetricWord, LabelWord]);
export const Without = keyword("without", [MetricWord]);
export const On = keyword("on", [LabelWord]);
export const Ignoring = keyword("ignoring", [LabelWord]);
export const GroupLeft = keyword("group_left", [LabelWord]);
export const GroupRight = keyword("group_right", [LabelWord]);
export const Bool = keyword("bool", [LabelWord]);
// The fill modifiers are keywords only before a parenthesis, so that `fill + fill` remains a sum of two metrics.
const parenthesisNext = "(?=[ \\t\\r\\n]*\\()";
export const Fill = keyword("fill", [], parenthesisNext);
export const FillLeft = keyword("fill_left", [], parenthesisNext);
export const FillRight = keyword("fill_right", [], parenthesisNext);

const contextWord = [MetricWord, LabelWord, FunctionWord];
export const Start = keyword("start", contextWord);
export const End = keyword("end", contextWord);
export const Step = keyword("step", contextWord);
export const Range = keyword("range", contextWord);
export const MinOf = keyword("min_of", contextWord);
export const MaxOf = keyword("max_of", contextWord);

const Inf = keyword("inf", [Numeric]);
const NaNToken = keyword("nan", [Numeric]);

const Add = createToken({ name: "Add", pattern: "+", categories: [BinaryOperator, DurationOperator, Sign] });
const Subtract = createToken({
  name: "Subtract",
  pattern: "-",
  categories: [BinaryOperator, DurationOperator, Sign],
});
const arithmetic = [BinaryOperator, DurationOperator];
const Multiply = createToken({ name: "Multiply", pattern: "*", categories: arithmetic });
const Divide = createToken({ name: "Divide", pattern: "/", categories: arithmetic });
const Modulo = createToken({ name: "Modulo", pattern: "%", categories: arithmetic });
const Power = createToken({ name: "Power", pattern: "^", categories: arithmetic });
const comparison = [BinaryOperator];
const Equal = createToken({ name: "Equal", pattern: "==", categories: comparison });
const NotEqual = createToken({
  name: "NotEqual",
  pattern: "!=",
  categories: [BinaryOperator, MatchOperator],
});
const LessOrEqual = createToken({ name: "LessOrEqual", pattern: "<=", categories: comparison });
const GreaterOrEqual = createToken({ name: "GreaterOrEqual", pattern: ">=", categories: comparison });
const TrimUpper = createToken({ name: "TrimUpper", pattern: "</", categories: comparison });
const TrimLower = createToken({ name: "TrimLower", pattern: ">/", categories: comparison });
const Less = createToken({ name: "Less", pattern: "<", categories: comparison });
const Greater = createToken({ name: "Greater", pattern: ">", categories: comparison });

const Assign = createToken({ name: "Assign", pattern: /=(?!~)/, categories: [MatchOperator] });
const Matches = createToken({ name: "Matches", pattern: "=~", categories: [MatchOperator] });
const MatchesNot = createToken({ name: "MatchesNot", pattern: "!~", categories: [MatchOperator] });

/** The words that Prometheus' error texts show as `<word>`. */
export const wordKeywords: ReadonlySet<TokenType> = new Set([
  ...[Offset, Smoothed, Anchored, By, Without, On, Ignoring, GroupLeft, GroupRight, Bool],
  ...[Fill, FillLeft, FillRight],
]);
/** The tokens that Prometheus' error texts show as `<op:token>`. */
export const operatorTokens: ReadonlySet<TokenType> = new Set([
  ...[Add, Subtract, Multiply, Divide, Modulo, Power, Equal, NotEqual, LessOrEqual, GreaterOrEqual],
  ...[TrimUpper, TrimLower, Less, Greater, And, Or, Unless, Atan2, Matches, MatchesNot, At],
]);
/** The words that have a meaning inside brackets. */
export const durationWords: ReadonlySet<TokenType> = new Set([Step, Range, MinOf, MaxOf]);

/** Longer words first: `min_of` must be tried before `min`. */
const keywords = [
  ...aggregationKeywords,
  ...[And, Or, Unless, Atan2, Offset, Smoothed, Anchored, By, Without, On, Ignoring, GroupLeft, GroupRight],
  ...[FillLeft, FillRight, Fill, Bool, Start, End, Step, Range, MinOf, MaxOf, Inf, NaNToken],
].sort((a, b) => b.name.length - a.name.length);
const operators = [
  ...[Add, Subtract, Multiply, Divide, Modulo, Power, Equal, NotEqual, LessOrEqual, GreaterOrEqual],
  ...[TrimUpper, TrimLower, Less, Greater, Assign],
];
const blanks = [WhiteSpace, Comment];
const literals = [Text, NumberToken, DurationToken];
const outsideBraces = [...operators, LeftParen, RightParen, LeftBracket, Comma, At];

const modes = {
  default: [...blanks, ...outsideBraces, LeftBrace, ...literals, ColonIdentifier, ...keywords, Identifier],
  braces: [...blanks, Text, Matches, MatchesNot, NotEqual, Assign, Comma, RightBrace, Identifier],
  brackets: [...blanks, ...outsideBraces, RightBracket, Colon, ...literals, ...keywords, Identifier],
};

const categories = [
  ...[MetricWord, LabelWord, FunctionWord, AggregationOperator, BinaryOperator, DurationOperator],
  ...[Sign, MatchOperator, Numeric],
];

/** Every token type, for the grammar. */
export const vocabulary: TokenType[] = [...new Set([...categories, ...Object.values(modes).flat()])];

/** Costs some milliseconds: make one and keep it. */
export function createLexer(): Lexer {
  return new Lexer(
    { modes, defaultMode: "default" },
    { positionTracking: "onlyOffset", recoveryEnabled: false, ensureOptimizations: true },
  );
}

function matchString(text: string, offset: number): CustomPatternMatcherReturn | null {
  const quote = text[offset];
  if (quote !== '"' && quote !== "'" && quote !== "`") return null;
  const { end } = scanString(text, offset);
  return end === undefined ? null : [text.slice(offset, end)];
}

function matchNumber(
  text: string,
  offset: number,
  kind: "number" | "duration",
): CustomPatternMatcherReturn | null {
  if (!startsNumber(text, offset)) return null;
  const scanned = scanNumberOrDuration(text, offset);
  return scanned.kind === kind ? [text.slice(offset, scanned.end)] : null;
}

/** Whether a digit, or a dot and a digit, stands at `offset`. */
export function startsNumber(text: string, offset: number): boolean {
  const at = text[offset] === "." ? offset + 1 : offset;
  const unit = text[at];
  return unit !== undefined && unit >= "0" && unit <= "9";
}
