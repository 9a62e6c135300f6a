/**
 * Arithmetic and comparison of two vectors: series are matched by signature once per query, presence is looked at
 * per step.
 *
 * In what follows the *one* side is that whose signature must be unique: the right one, but the left one with
 * `group_right`. Result labels and errors are those of Prometheus: a duplicate on the one side is an error at a
 * step at which both series have a value and the other side is not empty.
 */

import { QueryError } from "../../../model/errors.js";
import type { Labels } from "../../../model/labels.js";
import type { VectorMatching } from "../../parser/ast.js";
import type { BinaryNode } from "../../plan/plan.js";
import { LABEL_WORK } from "../budget.js";
import type { EvalContext } from "../context.js";
import { hasTypeOrUnit, withoutMetadata } from "../drop-names.js";
import { LabelPart } from "../label-part.js";
import { bracedText } from "../label-text.js";
import { mergeSeries } from "../merge-series.js";
import type { Slices } from "../slices.js";
import { ABSENT, type Column, FLOAT, hasValue, type Value, type VectorSeries, vector } from "../value.js";
import { type ElementOperation, elementOperation } from "./element-operation.js";
import { isArithmetic } from "./operators.js";

export interface MatchedOperands {
  readonly node: BinaryNode;
  readonly matching: VectorMatching;
  readonly left: readonly VectorSeries[];
  readonly right: readonly VectorSeries[];
}

export function* evaluateVectorMatching(operands: MatchedOperands, context: EvalContext): Slices<Value> {
  const evaluation = new MatchedEvaluation(operands, context);
  const results = yield* evaluation.run();
  return vector(evaluation.mayRepeatLabels ? yield* mergeSeries(results, context.budget) : results);
}

/** Series with one signature. */
interface MatchGroup {
  /** The labels matched on. */
  readonly labels: Labels;
  readonly many: VectorSeries[];
  readonly one: VectorSeries[];
}

class MatchedEvaluation {
  /** One-to-one results bear the labels of their signature at least, so they differ if each has its own. */
  mayRepeatLabels: boolean;
  readonly #operands: MatchedOperands;
  readonly #context: EvalContext;
  readonly #operation: ElementOperation;
  readonly #matched: LabelPart;
  readonly #oneIsLeft: boolean;
  readonly #include: readonly string[];

  constructor(operands: MatchedOperands, context: EvalContext) {
    const { node, matching } = operands;
    this.#operands = operands;
    this.#context = context;
    this.#oneIsLeft = matching.cardinality === "one-to-many";
    this.#operation = elementOperation({
      operator: node.operator,
      bool: node.bool,
      swapped: this.#oneIsLeft,
    });
    this.#matched = new LabelPart(matching.labels, { without: !matching.on });
    this.#include = matching.include;
    this.mayRepeatLabels = matching.cardinality !== "one-to-one" || operands.left.some(hasTypeOrUnit);
  }

  *run(): Slices<readonly VectorSeries[]> {
    const { fillLeft, fillRight } = this.#operands.matching;
    const { budget } = this.#context;
    const work = this.#operands.node.grid.count + LABEL_WORK;
    const results: Paired[] = [];
    for (const group of yield* this.#groups()) {
      const ones = group.one.length > 1 ? yield* this.#unite(group) : group.one;
      const paired: Paired[] = [];
      // As in Prometheus, the fills do not change places with the operands of `group_right`.
      const oneFiller = fillRight === null ? undefined : yield* this.#filler(group, group.one, fillRight);
      for (const many of group.many) {
        for (const one of ones) {
          if (overlap(many.column, one.column)) paired.push(this.#operate(many, one));
          if (budget.tick(work)) yield;
        }
        if (oneFiller !== undefined) paired.push(this.#operate(many, oneFiller));
      }
      if (fillLeft !== null) {
        const manyFiller = yield* this.#filler(group, group.many, fillLeft);
        for (const one of ones) paired.push(this.#operate(manyFiller, one));
      }
      if (paired.length > 1) {
        yield* this.#refuseMultipleMatches(paired);
        this.mayRepeatLabels = true;
      }
      for (const pair of paired) if (hasValue(pair.result.column)) results.push(pair);
    }
    return this.#inManyOrder(results);
  }

  /** In the order of the many side, as instant queries show it, not group by group. */
  #inManyOrder(results: Paired[]): readonly VectorSeries[] {
    const { left, right, matching } = this.#operands;
    if (matching.cardinality !== "one-to-one") {
      const many = this.#oneIsLeft ? right : left;
      const places = new Map(many.map(({ column }, place) => [column, place]));
      const placeOf = ({ many: column }: Paired): number => places.get(column) ?? many.length;
      results.sort((a, b) => placeOf(a) - placeOf(b));
    }
    return results.map(({ result }) => result);
  }

  *#groups(): Slices<Iterable<MatchGroup>> {
    const { left, right } = this.#operands;
    const [many, one] = this.#oneIsLeft ? [right, left] : [left, right];
    const groups = new Map<string, MatchGroup>();
    const groupOf = (series: VectorSeries): MatchGroup => {
      const key = this.#matched.keyOf(series.labels);
      let group = groups.get(key);
      if (group === undefined) {
        group = { labels: this.#matched.of(series.labels), many: [], one: [] };
        groups.set(key, group);
      }
      return group;
    };
    for (const series of many) {
      groupOf(series).many.push(series);
      if (this.#context.budget.tick(LABEL_WORK)) yield;
    }
    for (const series of one) {
      groupOf(series).one.push(series);
      if (this.#context.budget.tick(LABEL_WORK)) yield;
    }
    return groups.values();
  }

  #operate(many: Operand, one: Operand): Paired {
    const column = this.#column();
    this.#operation(many.column, one.column, column);
    return { result: this.#result(many.labels, one.labels, column), many: many.column, one: one.column };
  }

  /** What stands for a side of the group: the fill value at the steps at which none of its series has one. */
  *#filler({ labels }: MatchGroup, series: readonly VectorSeries[], fill: number): Slices<Operand> {
    const column = this.#column();
    column.values.fill(fill);
    column.present.fill(FLOAT);
    for (const {
      column: { present },
    } of series) {
      for (let step = 0; step < present.length; step++)
        if (present[step] !== ABSENT) column.present[step] = ABSENT;
      if (this.#context.budget.tick(present.length)) yield;
    }
    return { labels, column };
  }

  #column(): Column {
    return this.#context.budget.column(this.#operands.node.grid.count);
  }

  #result(many: Labels, one: Labels, column: Column): VectorSeries {
    const { operator, bool } = this.#operands.node;
    const { cardinality, on, labels: names } = this.#operands.matching;
    let labels = isArithmetic(operator) ? withoutMetadata(many) : many;
    if (cardinality === "one-to-one") labels = on ? labels.keep(new Set(names)) : labels.drop(new Set(names));
    if (this.#include.length > 0) {
      for (const name of this.#include) this.#context.budget.reserveLabels(one.get(name).length);
      labels = labels.with(Object.fromEntries(this.#include.map((name) => [name, one.get(name)])));
    }
    if (bool && !this.#context.features.delayedNameRemoval) labels = withoutMetadata(labels);
    return { labels, dropName: bool, column };
  }

  /**
   * The series of the one side, of which at most one has a value at a step, as few series as results can be told
   * apart by: those with equal labels to include become one.
   */
  *#unite(group: MatchGroup): Slices<readonly VectorSeries[]> {
    yield* this.#refuseDuplicates(group);
    const included = new LabelPart(this.#include, { without: false });
    const united = new Map<string, VectorSeries>();
    for (const { labels, dropName, column } of group.one) {
      const key = included.keyOf(labels);
      let target = united.get(key);
      if (target === undefined) {
        target = { labels, dropName, column: this.#column() };
        united.set(key, target);
      }
      for (let step = 0; step < column.values.length; step++) {
        if (column.present[step] !== FLOAT) continue;
        target.column.values[step] = column.values[step]!;
        target.column.present[step] = FLOAT;
      }
      if (this.#context.budget.tick(column.values.length + LABEL_WORK)) yield;
    }
    return [...united.values()];
  }

  /** Two series of the one side with a value at the same step, when the many side has any value there. */
  *#refuseDuplicates({ labels, one }: MatchGroup): Slices<void> {
    const { count } = this.#operands.node.grid;
    this.#context.budget.reserveBytes(count * Int32Array.BYTES_PER_ELEMENT);
    const owners = new Int32Array(count).fill(-1);
    for (const [index, { column }] of one.entries()) {
      const { present } = column;
      if (this.#context.budget.tick(present.length)) yield;
      for (let step = 0; step < present.length; step++) {
        if (present[step] !== FLOAT) continue;
        const owner = owners[step]!;
        if (owner >= 0 && this.#manyMatterAt(step)) throw this.#duplicate(labels, one[owner]!, one[index]!);
        owners[step] = index;
      }
    }
  }

  #manyMatterAt(step: number): boolean {
    const { left, right, matching } = this.#operands;
    if (matching.fillLeft !== null || matching.fillRight !== null) return true;
    return (this.#oneIsLeft ? right : left).some(({ column }) => column.present[step] === FLOAT);
  }

  #duplicate(group: Labels, first: VectorSeries, second: VectorSeries): QueryError {
    return new QueryError(
      `found duplicate series for the match group ${bracedText(group)} on the ` +
        `${this.#oneIsLeft ? "left" : "right"} hand-side of the operation: ` +
        `[${bracedText(first.labels)}, ${bracedText(second.labels)}]` +
        ";many-to-many matching not allowed: matching labels must be unique on one side",
    );
  }

  /** Two results of one group at the same step: of any labels when one-to-one, else of equal labels. */
  *#refuseMultipleMatches(paired: readonly Paired[]): Slices<void> {
    const oneToOne = this.#operands.matching.cardinality === "one-to-one";
    const seen = new Map<string, Uint8Array>();
    for (const { result, many, one } of paired) {
      const key = oneToOne ? "" : result.labels.key();
      const before = seen.get(key) ?? this.#context.budget.flags(many.present.length);
      seen.set(key, before);
      for (let step = 0; step < before.length; step++) {
        if (many.present[step] !== FLOAT || one.present[step] !== FLOAT) continue;
        if (before[step] !== ABSENT) {
          throw new QueryError(
            oneToOne
              ? "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
              : "multiple matches for labels: grouping labels must ensure unique matches",
          );
        }
        before[step] = FLOAT;
      }
      if (this.#context.budget.tick(before.length + LABEL_WORK)) yield;
    }
  }
}

/** A series, or labels with a fill value. */
type Operand = Pick<VectorSeries, "labels" | "column">;

/** A result and what it was computed from: a match counts even where a comparison keeps nothing. */
interface Paired {
  readonly result: VectorSeries;
  readonly many: Column;
  readonly one: Column;
}

function overlap(a: Column, b: Column): boolean {
  for (let step = 0; step < a.present.length; step++) {
    if (a.present[step] === FLOAT && b.present[step] === FLOAT) return true;
  }
  return false;
}
