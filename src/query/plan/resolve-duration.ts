/**
 * Durations of the AST as milliseconds: expressions such as `step() * 2` are computed, in seconds as floats.
 *
 * Source: Prometheus 3.14 `promql/durations.go`; the texts of the errors are its texts.
 */

import { unreachable } from "../../model/assert.js";
import { ParseError } from "../../model/errors.js";
import type { DurationBinary, DurationExpression } from "../parser/ast.js";
import type { QueryTimes } from "./plan.js";
import { positionOf } from "./position.js";

export interface DurationContext {
  readonly text: string;
  readonly query: QueryTimes;
}

/** A range or step: more than zero. */
export function resolveDuration(expression: DurationExpression, context: DurationContext): number {
  const durationMs = resolveOffset(expression, context);
  if (durationMs <= 0) throw failure("duration must be greater than 0", expression, context);
  return durationMs;
}

/** An offset: may be zero or negative. */
export function resolveOffset(expression: DurationExpression, context: DurationContext): number {
  if (expression.kind === "duration") return expression.ms;
  const durationMs = Math.trunc(secondsOf(expression, context) * 1000);
  if (!Number.isSafeInteger(durationMs)) throw failure("duration is out of range", expression, context);
  return durationMs;
}

function secondsOf(expression: DurationExpression, context: DurationContext): number {
  switch (expression.kind) {
    case "duration":
      return expression.ms / 1000;
    case "duration-context":
      return (expression.source === "step" ? context.query.stepMs : queryRangeMs(context.query)) / 1000;
    case "duration-unary": {
      const seconds = secondsOf(expression.expression, context);
      return expression.operator === "-" ? -seconds : seconds;
    }
    case "duration-binary":
      return binarySeconds(expression, context);
    case "duration-call": {
      const left = secondsOf(expression.left, context);
      const right = secondsOf(expression.right, context);
      return expression.function === "min_of" ? Math.min(left, right) : Math.max(left, right);
    }
    case "duration-parentheses":
      return secondsOf(expression.expression, context);
  }
  return unreachable(expression);
}

function binarySeconds(expression: DurationBinary, context: DurationContext): number {
  const left = secondsOf(expression.left, context);
  const right = secondsOf(expression.right, context);
  switch (expression.operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      if (right === 0) throw failure("division by zero", expression, context);
      return left / right;
    case "%":
      if (right === 0) throw failure("modulo by zero", expression, context);
      return left % right;
    case "^":
      return left ** right;
  }
}

function queryRangeMs(query: QueryTimes): number {
  return query.end - query.start;
}

function failure(message: string, expression: DurationExpression, context: DurationContext): ParseError {
  return new ParseError(message, positionOf(context.text, expression.span));
}
