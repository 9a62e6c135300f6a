/**
 * AST to plan: times resolved, step-invariant parts marked, what must be loaded collected.
 */

import type { StepGrid } from "../../kernels/column-kernel.js";
import { unreachable } from "../../model/assert.js";
import { QueryError } from "../../model/errors.js";
import { METRIC_NAME } from "../../model/labels.js";
import { Matcher } from "../../model/matcher.js";
import type {
  Aggregation,
  Call,
  Expression,
  MatrixSelector,
  Subquery,
  TimeModifiers,
  VectorSelector,
} from "../parser/ast.js";
import type { FunctionName } from "../parser/signatures.js";
import { rangeGrid, shiftGrid, singleStep, subqueryGrid, type TimeShift } from "./grid.js";
import { SelectList } from "./merge-selects.js";
import type { InfoNode, Plan, PlanNode, QueryTimes, SelectorNode, SelectorSource, Window } from "./plan.js";
import { resolveDuration, resolveOffset } from "./resolve-duration.js";
import { selectorRange } from "./selector-range.js";
import { StepInvariance } from "./step-invariant.js";

export interface PlanOptions {
  readonly text: string;
  readonly query: QueryTimes;
  readonly lookbackMs: number;
  /** The step of subqueries that state none. */
  readonly defaultStepMs: number;
}

/** The plan of a checked expression. Throws ParseError for a duration that comes to nothing sensible. */
export function buildPlan(expression: Expression, options: PlanOptions): Plan {
  const builder = new PlanBuilder(options);
  const { start, end, stepMs } = options.query;
  const grid = start === end ? singleStep(start) : rangeGrid({ start, end, stepMs });
  const root = builder.build(expression, grid);
  return { text: options.text, query: options.query, root, selects: builder.selects.list() };
}

/** Functions that know what to do with samples beyond the window's left edge, or beyond both. */
const extensionFunctions: Readonly<Record<"anchored" | "smoothed", readonly string[]>> = {
  anchored: ["changes", "delta", "increase", "rate", "resets"],
  smoothed: ["delta", "increase", "rate"],
};

class PlanBuilder {
  readonly selects = new SelectList();
  readonly #options: PlanOptions;
  readonly #invariance = new StepInvariance();

  constructor(options: PlanOptions) {
    this.#options = options;
  }

  build(expression: Expression, grid: StepGrid): PlanNode {
    const node = withoutParentheses(expression);
    if (grid.count <= 1 || !isWorthRepeating(node) || !this.#invariance.isInvariant(node)) {
      return this.#buildNode(node, grid);
    }
    return {
      kind: "repeat",
      grid,
      span: node.span,
      expression: this.#buildNode(node, singleStep(grid.start)),
    };
  }

  #buildNode(expression: Expression, grid: StepGrid): PlanNode {
    const { span } = expression;
    switch (expression.kind) {
      case "number":
        return { kind: "number", grid, span, value: expression.value };
      case "string":
        return { kind: "string", grid, span, value: expression.value };
      case "vector-selector":
        return this.#selector(expression, grid);
      case "matrix-selector":
      case "subquery":
        return { kind: "matrix", grid, span, window: this.#window(expression, grid) };
      case "call":
        return this.#call(expression, grid);
      case "aggregation":
        return this.#aggregation(expression, grid);
      case "binary": {
        const { operator, bool, matching } = expression;
        const left = this.build(expression.left, grid);
        const right = this.build(expression.right, grid);
        return { kind: "binary", grid, span, operator, left, right, bool, matching };
      }
      case "unary": {
        const inner = this.build(expression.expression, grid);
        return expression.operator === "+" ? inner : { kind: "negation", grid, span, expression: inner };
      }
      case "parentheses":
        return this.build(expression.expression, grid);
    }
    return unreachable(expression);
  }

  #selector(expression: VectorSelector, grid: StepGrid): SelectorNode {
    const source = this.#source(expression, shiftGrid(grid, this.#shift(expression)));
    return { kind: "selector", grid, span: expression.span, source, output: "value" };
  }

  /**
   * `timestamp(x @ t offset o)`: Prometheus looks at t and not at t - o, but among the samples that it has loaded for
   * t - o. Both lookbacks have in common what is here.
   */
  #sampleTimes(expression: VectorSelector, grid: StepGrid): SelectorNode {
    const { span } = expression;
    const { at, offsetMs } = this.#shift(expression);
    const isMisled = at !== undefined && offsetMs !== 0;
    const data = shiftGrid(grid, { at, offsetMs: isMisled ? Math.max(0, offsetMs) : offsetMs });
    const lookbackMs = this.#options.lookbackMs - (isMisled ? Math.abs(offsetMs) : 0);
    const source = this.#source(expression, data, { lookbackMs });
    return { kind: "selector", grid, span, source, output: "sample-time" };
  }

  #source(
    selector: VectorSelector,
    data: StepGrid,
    { lookbackMs = this.#options.lookbackMs, rangeMs }: { lookbackMs?: number; rangeMs?: number } = {},
  ): SelectorSource {
    const { matchers, extension } = selector;
    const reach = { lookbackMs, extension, rangeMs };
    const isEmpty = data.count === 0 || (rangeMs === undefined && lookbackMs <= 0);
    const select = isEmpty ? -1 : this.selects.add(matchers, selectorRange(data, reach));
    return { select, matchers, data, lookbackMs: reach.lookbackMs, extension };
  }

  #window(expression: MatrixSelector | Subquery, grid: StepGrid): Window {
    const { span } = expression;
    const rangeMs = resolveDuration(expression.range, this.#options);
    if (expression.kind === "matrix-selector") {
      const { selector } = expression;
      const data = shiftGrid(grid, this.#shift(selector));
      return {
        source: { kind: "selector", selector: this.#source(selector, data, { rangeMs }) },
        rangeMs,
        span,
      };
    }
    const data = shiftGrid(grid, this.#shift(expression));
    const stepMs =
      expression.step === null
        ? this.#options.defaultStepMs
        : resolveDuration(expression.step, this.#options);
    const inner = this.build(expression.expression, subqueryGrid(data, { rangeMs, stepMs }));
    // Prometheus loses a subquery's place: what it says of one points at the beginning of the text.
    const beginning = { start: 0, end: 0 };
    return { source: { kind: "subquery", expression: inner, data }, rangeMs, span: beginning };
  }

  #call(expression: Call, grid: StepGrid): PlanNode {
    const { span } = expression;
    const name = expression.function as FunctionName;
    const operands = expression.arguments.map(withoutParentheses);
    const windowAt = operands.findIndex(isMatrix);
    if (windowAt >= 0) {
      const operand = operands[windowAt] as MatrixSelector | Subquery;
      if (operand.kind === "matrix-selector") checkExtension(operand.selector, name);
      const parameters = operands
        .filter((_, i) => i !== windowAt)
        .map((argument) => this.build(argument, grid));
      return { kind: "rollup", grid, span, function: name, window: this.#window(operand, grid), parameters };
    }
    const first = operands[0];
    if (name === "timestamp" && first?.kind === "vector-selector") {
      return this.#sampleTimes(first, grid);
    }
    if (name === "info") return this.#info(expression, grid);
    return {
      kind: "call",
      grid,
      span,
      function: name,
      arguments: operands.map((argument) => this.build(argument, grid)),
    };
  }

  #info(expression: Call, grid: StepGrid): InfoNode {
    const operands = expression.arguments.map(withoutParentheses);
    const base = this.build(operands[0]!, grid);
    const matchers = operands[1]?.kind === "vector-selector" ? operands[1].matchers : [];
    const named = matchers.filter((matcher) => matcher.name === METRIC_NAME);
    const labelMatchers = matchers.filter((matcher) => matcher.name !== METRIC_NAME);
    const infoNames = infoNameMatchers(named);
    const nameMatchers = operands.length === 1 || named.length > 0 ? infoNames : [];
    const data = this.#firstSelectorGrid(operands[0]!, grid) ?? grid;
    const all = [...infoNames, ...labelMatchers];
    const reach = { lookbackMs: this.#options.lookbackMs, extension: null };
    const select = data.count === 0 ? -1 : this.selects.add(all, selectorRange(data, reach));
    const source = { select, matchers: all, data, ...reach };
    return { kind: "info", grid, span: expression.span, base, source, nameMatchers, labelMatchers };
  }

  /** The times at which the first selector in `expression` looks, when that is evaluated on `grid`. */
  #firstSelectorGrid(expression: Expression, grid: StepGrid): StepGrid | undefined {
    switch (expression.kind) {
      case "number":
      case "string":
        return undefined;
      case "vector-selector":
        return shiftGrid(grid, this.#shift(expression));
      case "matrix-selector":
        return shiftGrid(grid, this.#shift(expression.selector));
      case "subquery":
        return this.#firstSelectorGrid(expression.expression, shiftGrid(grid, this.#shift(expression)));
      case "binary":
        return (
          this.#firstSelectorGrid(expression.left, grid) ?? this.#firstSelectorGrid(expression.right, grid)
        );
      case "call":
        for (const argument of expression.arguments) {
          const found = this.#firstSelectorGrid(argument, grid);
          if (found !== undefined) return found;
        }
        return undefined;
      case "aggregation":
      case "unary":
      case "parentheses":
        return this.#firstSelectorGrid(expression.expression, grid);
    }
  }

  #aggregation(expression: Aggregation, grid: StepGrid): PlanNode {
    const { span, operator, grouping, without } = expression;
    const parameter = expression.parameter === null ? null : this.build(expression.parameter, grid);
    const inner = this.build(expression.expression, grid);
    return { kind: "aggregation", grid, span, operator, expression: inner, parameter, grouping, without };
  }

  #shift(modifiers: TimeModifiers): TimeShift {
    const offsetMs = modifiers.offset === null ? 0 : resolveOffset(modifiers.offset, this.#options);
    const { query } = this.#options;
    switch (modifiers.at?.kind) {
      case undefined:
        return { offsetMs, at: undefined };
      case "timestamp":
        return { offsetMs, at: modifiers.at.time };
      case "start":
        return { offsetMs, at: query.start };
      case "end":
        return { offsetMs, at: query.end };
    }
  }
}

function withoutParentheses(expression: Expression): Expression {
  let inner = expression;
  while (inner.kind === "parentheses") inner = inner.expression;
  return inner;
}

function isMatrix(expression: Expression): boolean {
  return expression.kind === "matrix-selector" || expression.kind === "subquery";
}

/** Literals are cheaper than their repetition, and range vectors have times of their own. */
function isWorthRepeating(expression: Expression): boolean {
  return expression.kind !== "number" && expression.kind !== "string" && !isMatrix(expression);
}

/** Info metrics are `target_info`, or those that are named; what is only excluded is excluded from all `_info`. */
function infoNameMatchers(named: readonly Matcher[]): readonly Matcher[] {
  if (named.length === 0) return [new Matcher(METRIC_NAME, "=", "target_info")];
  const positive = named.some(({ operator }) => operator === "=" || operator === "=~");
  return positive ? named : [...named, new Matcher(METRIC_NAME, "=~", ".+_info")];
}

function checkExtension(selector: VectorSelector, name: string): void {
  if (selector.extension === null) return;
  const allowed = extensionFunctions[selector.extension];
  if (allowed.includes(name)) return;
  throw new QueryError(
    `${selector.extension} modifier can only be used with: ${allowed.join(", ")} - not with ${name}`,
  );
}
