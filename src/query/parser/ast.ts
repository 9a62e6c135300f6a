/**
 * The abstract syntax tree of PromQL: immutable, discriminated by `kind`, every node with its place in the text.
 *
 * Source: the language of Prometheus 3.14 (`promql/parser/ast.go`), without what only serves its evaluation.
 */

import type { Matcher } from "../../model/matcher.js";
import type { TimestampMs } from "../../model/sample.js";

/** UTF-16 offsets into the query text; `end` is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

interface Node {
  readonly span: Span;
}

export type Expression =
  | NumberLiteral
  | StringLiteral
  | VectorSelector
  | MatrixSelector
  | Subquery
  | Call
  | Aggregation
  | BinaryExpression
  | UnaryExpression
  | Parentheses;

export type ValueType = "scalar" | "vector" | "matrix" | "string";

/** `duration` is set when the number was written as one (`5m` as 300), so that it prints as it was written. */
export interface NumberLiteral extends Node {
  readonly kind: "number";
  readonly value: number;
  readonly duration: boolean;
}

export interface StringLiteral extends Node {
  readonly kind: "string";
  readonly value: string;
}

/** `@`: a fixed time, or the start or end of the query. */
export type AtModifier =
  | { readonly kind: "timestamp"; readonly time: TimestampMs }
  | { readonly kind: "start" }
  | { readonly kind: "end" };

/** What `offset` and `@` say. `offset` is null without one; it may be negative. */
export interface TimeModifiers {
  readonly offset: DurationExpression | null;
  readonly at: AtModifier | null;
}

export interface VectorSelector extends Node, TimeModifiers {
  readonly kind: "vector-selector";
  /** The metric name written before the braces or as a quoted name within them; empty without one. Its matcher is among `matchers`. */
  readonly name: string;
  readonly matchers: readonly Matcher[];
  /** `anchored` or `smoothed` (experimental). */
  readonly extension: "anchored" | "smoothed" | null;
}

/** `selector[range]`. Offset and `@` stand on the inner selector. */
export interface MatrixSelector extends Node {
  readonly kind: "matrix-selector";
  readonly selector: VectorSelector;
  readonly range: DurationExpression;
}

/** `expression[range:step]`; `step` is null for the default one. */
export interface Subquery extends Node, TimeModifiers {
  readonly kind: "subquery";
  readonly expression: Expression;
  readonly range: DurationExpression;
  readonly step: DurationExpression | null;
}

export interface Call extends Node {
  readonly kind: "call";
  /** A key of the signature table. */
  readonly function: string;
  readonly arguments: readonly Expression[];
}

export interface Aggregation extends Node {
  readonly kind: "aggregation";
  readonly operator: AggregationOperator;
  readonly expression: Expression;
  /** The k of topk, the φ of quantile, the label of count_values. */
  readonly parameter: Expression | null;
  readonly grouping: readonly string[];
  /** `without (grouping)` instead of `by (grouping)`. */
  readonly without: boolean;
}

export type AggregationOperator =
  | "sum"
  | "avg"
  | "min"
  | "max"
  | "count"
  | "group"
  | "stddev"
  | "stdvar"
  | "topk"
  | "bottomk"
  | "quantile"
  | "count_values"
  | "limitk"
  | "limit_ratio";

export type ArithmeticOperator = "+" | "-" | "*" | "/" | "%" | "^" | "atan2";
export type ComparisonOperator = "==" | "!=" | ">" | "<" | ">=" | "<=";
export type SetOperator = "and" | "or" | "unless";
/** `</` and `>/` trim buckets of native histograms. */
export type TrimOperator = "</" | ">/";
export type BinaryOperator = ArithmeticOperator | ComparisonOperator | SetOperator | TrimOperator;

export interface BinaryExpression extends Node {
  readonly kind: "binary";
  readonly operator: BinaryOperator;
  readonly left: Expression;
  readonly right: Expression;
  /** `bool` after a comparison. */
  readonly bool: boolean;
  /** Null unless both sides are vectors. */
  readonly matching: VectorMatching | null;
}

export interface VectorMatching {
  readonly cardinality: "one-to-one" | "many-to-one" | "one-to-many" | "many-to-many";
  /** `on (labels)` instead of `ignoring (labels)`. */
  readonly on: boolean;
  readonly labels: readonly string[];
  /** Labels that `group_left` or `group_right` copies from the one side. */
  readonly include: readonly string[];
  /** `fill`, `fill_left`, `fill_right` (experimental): what a missing side counts as; null without one. */
  readonly fillLeft: number | null;
  readonly fillRight: number | null;
}

export interface UnaryExpression extends Node {
  readonly kind: "unary";
  readonly operator: "+" | "-";
  readonly expression: Expression;
}

export interface Parentheses extends Node {
  readonly kind: "parentheses";
  readonly expression: Expression;
}

/** A duration that may be computed from the query: `5m`, `step() * 2`, `min_of(range(), 1h)`, `-(1m + 30s)`. */
export type DurationExpression =
  | DurationLiteral
  | DurationContext
  | DurationUnary
  | DurationBinary
  | DurationCall
  | DurationParentheses;

export interface DurationLiteral extends Node {
  readonly kind: "duration";
  /** Negative with a sign; with a fraction only when written as a number of seconds. */
  readonly ms: number;
  /** False when written as a number of seconds within an expression (`step() * 2`), so that it prints as that. */
  readonly duration: boolean;
}

/** `step()`: the query's step. `range()`: its end minus its start. */
export interface DurationContext extends Node {
  readonly kind: "duration-context";
  readonly source: "step" | "range";
}

export interface DurationUnary extends Node {
  readonly kind: "duration-unary";
  readonly operator: "+" | "-";
  readonly expression: DurationExpression;
}

export interface DurationBinary extends Node {
  readonly kind: "duration-binary";
  readonly operator: "+" | "-" | "*" | "/" | "%" | "^";
  readonly left: DurationExpression;
  readonly right: DurationExpression;
}

export interface DurationCall extends Node {
  readonly kind: "duration-call";
  readonly function: "min_of" | "max_of";
  readonly left: DurationExpression;
  readonly right: DurationExpression;
}

export interface DurationParentheses extends Node {
  readonly kind: "duration-parentheses";
  readonly expression: DurationExpression;
}
