/**
 * Rewrite: an expression whose value cannot differ between steps is evaluated once and repeated.
 *
 *   before  metric @ 100 + sum(other @ end())       at each of 2,880 steps
 *   after   repeat(metric @ 100 + sum(other @ end()))   once
 *
 * Invariant is what reads only times fixed by `@`. Functions of the evaluation time itself (`time`, `hour`, ...)
 * are not, whatever their arguments. As in Prometheus, the parameter of an aggregation does not take part.
 *
 * Source: Prometheus `promql/engine.go`, PreprocessExpr.
 */

import type { Expression } from "../parser/ast.js";

/** Functions that use the time of the step even when their arguments do not. */
const readsStepTime: ReadonlySet<string> = new Set([
  "days_in_month",
  "day_of_month",
  "day_of_week",
  "day_of_year",
  "hour",
  "minute",
  "month",
  "year",
  "predict_linear",
  "time",
  "timestamp",
]);

/** Answers for the nodes of one tree, each found once. */
export class StepInvariance {
  readonly #known = new Map<Expression, boolean>();

  isInvariant(expression: Expression): boolean {
    const known = this.#known.get(expression);
    if (known !== undefined) return known;
    const invariant = this.#decide(expression);
    this.#known.set(expression, invariant);
    return invariant;
  }

  #decide(expression: Expression): boolean {
    switch (expression.kind) {
      case "number":
      case "string":
        return true;
      case "vector-selector":
      case "subquery":
        return expression.at !== null;
      case "matrix-selector":
        return expression.selector.at !== null;
      case "call":
        return (
          !readsStepTime.has(expression.function) &&
          expression.arguments.every((argument) => this.isInvariant(argument))
        );
      case "binary":
        return this.isInvariant(expression.left) && this.isInvariant(expression.right);
      case "aggregation":
      case "unary":
      case "parentheses":
        return this.isInvariant(expression.expression);
    }
  }
}
