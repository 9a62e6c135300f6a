/**
 * `topk` and `bottomk`: the k largest or smallest values of each group at each step, with their labels.
 *
 * A heap of k with the weakest on top, as Prometheus keeps it, so that of equal values the same series stay. NaN is
 * the weakest of all, in both directions.
 */

import { QueryError } from "../../../model/errors.js";
import type { AggregationNode } from "../../plan/plan.js";
import type { EvalContext } from "../context.js";
import type { Slices } from "../slices.js";
import { EMPTY_VECTOR, FLOAT, type Value, vector } from "../value.js";
import type { AggregationOperands } from "./quantile.js";
import { groupIndices, StepSelection } from "./select-steps.js";

/** What offering a value costs, in samples. */
const heapWork = 5;

export function* selectExtremes(
  node: AggregationNode,
  { series, parameter }: AggregationOperands,
  context: EvalContext,
): Slices<Value> {
  if (!checkCounts(parameter)) return EMPTY_VECTOR;
  const groups = yield* groupIndices(series, node, context.budget);
  const selection = new StepSelection(series, context.budget);
  const sign = node.operator === "topk" ? 1 : -1;
  for (let step = 0; step < node.grid.count; step++) {
    const count = Math.min(Math.trunc(parameter[step]!), series.length);
    if (count < 1) continue;
    for (const group of groups) {
      const heap = new WeakestFirst(count, sign);
      for (const index of group) {
        const { values, present } = series[index]!.column;
        if (present[step] === FLOAT) heap.offer(index, values[step]!);
      }
      for (const index of heap.strongestFirst()) selection.take(index, step);
      if (context.budget.tick(group.length * heapWork)) yield;
    }
  }
  return vector(yield* selection.result());
}

/** False when no step asks for any. Throws for what is no count. */
export function checkCounts(parameter: Float64Array): boolean {
  const largest = parameter.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (largest < 1) return false;
  if (parameter.some(Number.isNaN)) throw new QueryError("Parameter value is NaN");
  const smallest = parameter.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  if (smallest <= -(2 ** 63)) throw new QueryError(`Scalar value ${goText(smallest)} underflows int64`);
  if (largest >= 2 ** 63 - 1024) throw new QueryError(`Scalar value ${goText(largest)} overflows int64`);
  return true;
}

function goText(value: number): string {
  return Number.isFinite(value) ? String(value) : value > 0 ? "+Inf" : "-Inf";
}

/** A binary heap as Go's container/heap keeps it; values are negated for `bottomk`. */
class WeakestFirst {
  readonly #room: number;
  readonly #sign: 1 | -1;
  readonly #indices: number[] = [];
  readonly #values: number[] = [];

  constructor(room: number, sign: 1 | -1) {
    this.#room = room;
    this.#sign = sign;
  }

  offer(index: number, value: number): void {
    const strength = this.#sign * value;
    if (this.#indices.length < this.#room) {
      this.#indices.push(index);
      this.#values.push(strength);
      this.#up(this.#indices.length - 1);
    } else if (this.#values[0]! < strength || (Number.isNaN(this.#values[0]!) && !Number.isNaN(strength))) {
      this.#indices[0] = index;
      this.#values[0] = strength;
      this.#down();
    }
  }

  strongestFirst(): readonly number[] {
    const order = this.#values.map((_, at) => at);
    order.sort((a, b) => (isWeaker(this.#values[b]!, this.#values[a]!) ? -1 : this.#isWeaker(a, b) ? 1 : 0));
    return order.map((at) => this.#indices[at]!);
  }

  #isWeaker(a: number, b: number): boolean {
    return isWeaker(this.#values[a]!, this.#values[b]!);
  }

  #up(from: number): void {
    let child = from;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.#isWeaker(child, parent)) return;
      this.#swap(parent, child);
      child = parent;
    }
  }

  #down(): void {
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= this.#values.length) return;
      if (child + 1 < this.#values.length && this.#isWeaker(child + 1, child)) child++;
      if (!this.#isWeaker(child, parent)) return;
      this.#swap(parent, child);
      parent = child;
    }
  }

  #swap(a: number, b: number): void {
    [this.#indices[a], this.#indices[b]] = [this.#indices[b]!, this.#indices[a]!];
    [this.#values[a], this.#values[b]] = [this.#values[b]!, this.#values[a]!];
  }
}

function isWeaker(a: number, b: number): boolean {
  return Number.isNaN(a) || a < b;
}
