/**
 * Functions from and to scalars: `scalar`, `vector`, `time`, `pi` and those that state the query's times.
 */

import { Labels } from "../../../model/labels.js";
import { gridTime } from "../../plan/grid.js";
import { scalarValues, vectorSeries } from "../operands.js";
import { FLOAT, scalar, vector } from "../value.js";
import type { FunctionCall, InstantFunction } from "./function-call.js";
import { largerOf, smallerOf } from "./larger-smaller.js";

/** The value of the only series at each step; NaN where there is none or more than one. */
export const toScalar: InstantFunction = function* ({ node, arguments: [operand], context }) {
  const values = context.budget.values(node.grid.count).fill(Number.NaN);
  const found = context.budget.flags(values.length);
  for (const { column } of vectorSeries(operand!)) {
    for (let step = 0; step < values.length; step++) {
      if (column.present[step] !== FLOAT) continue;
      values[step] = found[step] === 0 ? column.values[step]! : Number.NaN;
      found[step] = 1;
    }
    if (context.budget.tick(values.length)) yield;
  }
  return scalar(values);
};

export const toVector: InstantFunction = ({ node, arguments: [operand], context }) => {
  const column = context.budget.column(node.grid.count);
  column.values.set(scalarValues(operand!));
  column.present.fill(FLOAT);
  return vector([{ labels: Labels.empty, dropName: false, column }]);
};

export const time: InstantFunction = ({ node, context }) => {
  const values = context.budget.values(node.grid.count);
  for (let step = 0; step < values.length; step++) values[step] = gridTime(node.grid, step) / 1000;
  return scalar(values);
};

export const pi: InstantFunction = (call) => constant(call, Math.PI);
export const start: InstantFunction = (call) => constant(call, call.context.plan.query.start / 1000);
export const end: InstantFunction = (call) => constant(call, call.context.plan.query.end / 1000);
export const step: InstantFunction = (call) => constant(call, call.context.plan.query.stepMs / 1000);
export const range: InstantFunction = (call) => {
  const { query } = call.context.plan;
  return constant(call, (query.end - query.start) / 1000);
};

export const minOf: InstantFunction = (call) => combine(call, smallerOf);
export const maxOf: InstantFunction = (call) => combine(call, largerOf);

function combine({ arguments: [left, right] }: FunctionCall, pick: (a: number, b: number) => number) {
  const values = scalarValues(left!);
  const others = scalarValues(right!);
  for (let step = 0; step < values.length; step++) values[step] = pick(values[step]!, others[step]!);
  return scalar(values);
}

function constant({ node, context }: FunctionCall, value: number) {
  return scalar(context.budget.values(node.grid.count).fill(value));
}
