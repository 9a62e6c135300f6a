/**
 * The plan: an immutable tree of what is to be computed, with every time resolved.
 *
 * Invariants
 *  1. Each node states the grid on which it yields a value; children have the same grid, except below `repeat`
 *     (one step) and `subquery` windows (the inner grid).
 *  2. Offsets, `@`, `start()`, `end()` and duration expressions are gone: leaves look at absolute times.
 *  3. All that must be loaded stands in `selects`; leaves refer to it by index. Nothing else reads storage.
 */

import type { StepGrid } from "../../kernels/column-kernel.js";
import type { Matcher } from "../../model/matcher.js";
import type { TimeRange, TimestampMs } from "../../model/sample.js";
import type { AggregationOperator, BinaryOperator, Span, VectorMatching } from "../parser/ast.js";
import type { FunctionName } from "../parser/signatures.js";

export interface Plan {
  /** The query as given: annotations and errors point into it. */
  readonly text: string;
  readonly query: QueryTimes;
  readonly root: PlanNode;
  readonly selects: readonly Select[];
}

/** The times of the query as a whole. An instant query has `start` equal to `end` and `stepMs` 0. */
export interface QueryTimes {
  readonly start: TimestampMs;
  readonly end: TimestampMs;
  readonly stepMs: number;
}

/** Series to load: those that all matchers accept, with their samples in `range`. */
export interface Select {
  readonly matchers: readonly Matcher[];
  readonly range: TimeRange;
}

export type PlanNode =
  | NumberNode
  | StringNode
  | SelectorNode
  | RollupNode
  | MatrixNode
  | CallNode
  | InfoNode
  | AggregationNode
  | BinaryNode
  | NegationNode
  | RepeatNode;

interface Node {
  readonly grid: StepGrid;
  readonly span: Span;
}

export interface NumberNode extends Node {
  readonly kind: "number";
  readonly value: number;
}

export interface StringNode extends Node {
  readonly kind: "string";
  readonly value: string;
}

/** What an instant selector, or a window over a selector, reads. */
export interface SelectorSource {
  /** Index into `Plan.selects`. */
  readonly select: number;
  readonly matchers: readonly Matcher[];
  /** Where each step looks: the node's grid behind offset and `@`. */
  readonly data: StepGrid;
  readonly lookbackMs: number;
  readonly extension: "anchored" | "smoothed" | null;
}

/** The latest sample of each series at each step, or (for `timestamp`) the time of that sample in seconds. */
export interface SelectorNode extends Node {
  readonly kind: "selector";
  readonly source: SelectorSource;
  readonly output: "value" | "sample-time";
}

/** Samples from which windows are cut: stored ones, or the points of an inner expression. */
export type WindowSource =
  | { readonly kind: "selector"; readonly selector: SelectorSource }
  | { readonly kind: "subquery"; readonly expression: PlanNode; readonly data: StepGrid };

export interface Window {
  readonly source: WindowSource;
  readonly rangeMs: number;
  readonly span: Span;
}

/** A function over one window per series and step. */
export interface RollupNode extends Node {
  readonly kind: "rollup";
  readonly function: FunctionName;
  readonly window: Window;
  /** The other arguments, scalars, in order. */
  readonly parameters: readonly PlanNode[];
}

/** A range vector as the result of an instant query. */
export interface MatrixNode extends Node {
  readonly kind: "matrix";
  readonly window: Window;
}

export interface CallNode extends Node {
  readonly kind: "call";
  readonly function: FunctionName;
  readonly arguments: readonly PlanNode[];
}

/** `info(base, selector)`: labels of info series, read at the times at which the base's samples were. */
export interface InfoNode extends Node {
  readonly kind: "info";
  readonly base: PlanNode;
  readonly source: SelectorSource;
  /** Series of the base that these match are info series themselves and left as they are. May be empty. */
  readonly nameMatchers: readonly Matcher[];
  /** Of the second argument, without those of the name: which labels are to be added. */
  readonly labelMatchers: readonly Matcher[];
}

export interface AggregationNode extends Node {
  readonly kind: "aggregation";
  readonly operator: AggregationOperator;
  readonly expression: PlanNode;
  readonly parameter: PlanNode | null;
  readonly grouping: readonly string[];
  readonly without: boolean;
}

export interface BinaryNode extends Node {
  readonly kind: "binary";
  readonly operator: BinaryOperator;
  readonly left: PlanNode;
  readonly right: PlanNode;
  readonly bool: boolean;
  readonly matching: VectorMatching | null;
}

export interface NegationNode extends Node {
  readonly kind: "negation";
  readonly expression: PlanNode;
}

/** An expression that is the same at every step: evaluated once, at the first one, and repeated. */
export interface RepeatNode extends Node {
  readonly kind: "repeat";
  readonly expression: PlanNode;
}

/** The nodes directly below, in evaluation order. */
export function childrenOf(node: PlanNode): readonly PlanNode[] {
  switch (node.kind) {
    case "number":
    case "string":
    case "selector":
      return [];
    case "rollup":
      return [...windowChildren(node.window), ...node.parameters];
    case "matrix":
      return windowChildren(node.window);
    case "call":
      return node.arguments;
    case "info":
      return [node.base];
    case "aggregation":
      return node.parameter === null ? [node.expression] : [node.parameter, node.expression];
    case "binary":
      return [node.left, node.right];
    case "negation":
    case "repeat":
      return [node.expression];
  }
}

function windowChildren(window: Window): readonly PlanNode[] {
  return window.source.kind === "subquery" ? [window.source.expression] : [];
}
