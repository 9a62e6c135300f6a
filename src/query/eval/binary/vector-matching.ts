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
import type { EvalContext } from "../context.js";
import { hasTypeOrUnit, withoutMetadata } from "../drop-names.js";
import { bracedText } from "../label-text.js";
import { mergeSeries } from "../merge-series.js";
import { ABSENT, type Column, FLOAT, hasValue, type Value, type VectorSeries, vector } from "../value.js";
import { type ElementOperation, elementOperation } from "./element-operation.js";
import { isArithmetic } from "./operators.js";
import { matchedLabels } from "./signature.js";

export interface MatchedOperands {
  readonly node: BinaryNode;
  readonly matching: VectorMatching;
  readonly left: readonly VectorSeries[];
  readonly right: readonly VectorSeries[];
}

export function evaluateVectorMatching(operands: MatchedOperands, context: EvalContext): Value {
  const evaluation = new MatchedEvaluation(operands, context);
  const results = evaluation.run();
  return vector(evaluation.mayRepeatLabels ? mergeSeries(results) : results);
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
  readonly #matched: (labels: Labels) => Labels;
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
    this.#matched = matchedLabels(matching);
    this.#include = matching.include;
    this.mayRepeatLabels = matching.cardinality !== "one-to-one" || operands.left.some(hasTypeOrUnit);
  }

  run(): readonly VectorSeries[] {
    const { fillLeft, fillRight } = this.#operands.matching;
    const results: Paired[] = [];
    for (const group of this.#groups()) {
      const ones = group.one.length > 1 ? this.#unite(group) : group.one;
      const paired: Paired[] = [];
      for (const many of group.many) {
        for (const one of ones) if (overlap(many.column, one.column)) paired.push(this.#operate(many, one));
        // As in Prometheus, the fills do not change places with the operands of `group_right`.
        if (fillRight !== null) paired.push(this.#fillOne(group, many, fillRight));
      }
      if (fillLeft !== null) for (const one of ones) paired.push(this.#fillMany(group, one, fillLeft));
      if (paired.length > 1) {
        this.#refuseMultipleMatches(paired);
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

  #groups(): Iterable<MatchGroup> {
    const { left, right } = this.#operands;
    const [many, one] = this.#oneIsLeft ? [right, left] : [left, right];
    const groups = new Map<string, MatchGroup>();
    const groupOf = (series: VectorSeries): MatchGroup => {
      const labels = this.#matched(series.labels);
      const key = labels.key();
      let group = groups.get(key);
      if (group === undefined) {
        group = { labels, many: [], one: [] };
        groups.set(key, group);
      }
      return group;
    };
    for (const series of many) groupOf(series).many.push(series);
    for (const series of one) groupOf(series).one.push(series);
    return groups.values();
  }

  /** The many side where no series of the one side has a value. */
  #fillOne(group: MatchGroup, many: VectorSeries, fill: number): Paired {
    return this.#operate(many, { labels: group.labels, column: this.#filler(group.one, fill) });
  }

  /** The one side where no series of the many side has a value. */
  #fillMany(group: MatchGroup, one: VectorSeries, fill: number): Paired {
    return this.#operate({ labels: group.labels, column: this.#filler(group.many, fill) }, one);
  }

  #operate(many: Operand, one: Operand): Paired {
    const column = this.#column();
    this.#operation(many.column, one.column, column);
    return { result: this.#result(many.labels, one.labels, column), many: many.column, one: one.column };
  }

  /** The fill value at the steps at which none of the series has a value. */
  #filler(series: readonly VectorSeries[], fill: number): Column {
    const column = this.#column();
    column.values.fill(fill);
    column.present.fill(FLOAT);
    for (const {
      column: { present },
    } of series) {
      for (let step = 0; step < present.length; step++)
        if (present[step] !== ABSENT) column.present[step] = ABSENT;
    }
    return column;
  }

  #column(): Column {
    const { count } = this.#operands.node.grid;
    this.#context.budget.tick(count);
    return this.#context.budget.column(count);
  }

  #result(many: Labels, one: Labels, column: Column): VectorSeries {
    const { operator, bool } = this.#operands.node;
    const { cardinality, on, labels: names } = this.#operands.matching;
    let labels = isArithmetic(operator) ? withoutMetadata(many) : many;
    if (cardinality === "one-to-one") labels = on ? labels.keep(new Set(names)) : labels.drop(new Set(names));
    if (this.#include.length > 0) {
      labels = labels.with(Object.fromEntries(this.#include.map((name) => [name, one.get(name)])));
    }
    if (bool && !this.#context.features.delayedNameRemoval) labels = withoutMetadata(labels);
    return { labels, dropName: bool, column };
  }

  /**
   * The series of the one side, of which at most one has a value at a step, as few series as results can be told
   * apart by: those with equal labels to include become one.
   */
  #unite(group: MatchGroup): readonly VectorSeries[] {
    this.#refuseDuplicates(group);
    const united = new Map<string, VectorSeries>();
    for (const { labels, dropName, column } of group.one) {
      const key = this.#include.map((name) => labels.get(name)).join("\xff");
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
    }
    return [...united.values()];
  }

  /** Two series of the one side with a value at the same step, when the many side has any value there. */
  #refuseDuplicates({ labels, one }: MatchGroup): void {
    const owners = new Int32Array(this.#operands.node.grid.count).fill(-1);
    one.forEach(({ column: { present } }, index) => {
      this.#context.budget.tick(present.length);
      for (let step = 0; step < present.length; step++) {
        if (present[step] !== FLOAT) continue;
        const owner = owners[step]!;
        if (owner >= 0 && this.#manyMatterAt(step)) throw this.#duplicate(labels, one[owner]!, one[index]!);
        owners[step] = index;
      }
    });
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
  #refuseMultipleMatches(paired: readonly Paired[]): void {
    const oneToOne = this.#operands.matching.cardinality === "one-to-one";
    const seen = new Map<string, Uint8Array>();
    for (const { result, many, one } of paired) {
      const key = oneToOne ? "" : result.labels.key();
      const before = seen.get(key) ?? new Uint8Array(many.present.length);
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
