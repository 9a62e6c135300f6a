/**
 * Aggregations: which of the four ways one is computed in. Those that reduce read a leaf below them series by
 * series, without keeping its columns.
 */

import { unreachable } from "../../../model/assert.js";
import type { AggregationNode, PlanNode } from "../../plan/plan.js";
import { LABEL_WORK } from "../budget.js";
import type { EvalContext } from "../context.js";
import { labelsetCheck, rollupReader, type SeriesReader, selectorReader } from "../leaf/series-reader.js";
import { scalarValues, stringValue, vectorSeries } from "../operands.js";
import type { Slices } from "../slices.js";
import { hasValue, type Value, type VectorSeries, vector } from "../value.js";
import { countValues } from "./count-values.js";
import { GroupTable } from "./grouping.js";
import { selectByHash, selectFirst } from "./limit.js";
import { aggregateQuantile } from "./quantile.js";
import { type Reducer, type ReducingOperator, reducer } from "./reduce.js";
import { selectExtremes } from "./topk.js";

export function* evaluateAggregation(node: AggregationNode, context: EvalContext): Slices<Value> {
  const { operator } = node;
  switch (operator) {
    case "sum":
    case "avg":
    case "min":
    case "max":
    case "count":
    case "group":
    case "stddev":
    case "stdvar":
      return yield* reduce(node, operator, context);
    case "topk":
    case "bottomk":
    case "limitk":
    case "limit_ratio":
    case "quantile": {
      const parameter = scalarValues(yield* context.evaluate(node.parameter!));
      const series = vectorSeries(yield* context.evaluate(node.expression));
      if (operator === "quantile") return yield* aggregateQuantile(node, { series, parameter }, context);
      if (operator === "limitk") return yield* selectFirst(node, { series, parameter }, context);
      if (operator === "limit_ratio") return yield* selectByHash(node, { series, parameter }, context);
      return yield* selectExtremes(node, { series, parameter }, context);
    }
    case "count_values": {
      const label = stringValue(yield* context.evaluate(node.parameter!));
      const series = vectorSeries(yield* context.evaluate(node.expression));
      return yield* countValues(node, { series, label }, context);
    }
  }
  return unreachable(operator);
}

function* reduce(node: AggregationNode, operator: ReducingOperator, context: EvalContext): Slices<Value> {
  const table = new GroupTable(node, (labels) => ({
    labels,
    dropName: false,
    reducer: undefined as Reducer | undefined,
  }));
  yield* visitSeries(node.expression, context, ({ labels, dropName, column }) => {
    const group = table.groupOf(labels);
    group.reducer ??= reducer(operator, node.grid.count, context.budget);
    group.dropName ||= dropName;
    group.reducer.add(column);
  });
  const series: VectorSeries[] = [];
  for (const { labels, dropName, reducer } of table.groups()) {
    const column = reducer!.finish();
    if (hasValue(column))
      series.push({ labels, dropName: dropName && context.features.delayedNameRemoval, column });
    if (context.budget.tick(node.grid.count)) yield;
  }
  return vector(series);
}

/** Every series that a node yields; of a leaf one after the other, in a column that is valid during the call. */
function* visitSeries(
  node: PlanNode,
  context: EvalContext,
  visit: (series: VectorSeries) => void,
): Slices<void> {
  const selected = readerOf(node, context);
  const work = node.grid.count + LABEL_WORK;
  if (selected === undefined) {
    for (const series of vectorSeries(yield* context.evaluate(node))) {
      visit(series);
      if (context.budget.tick(work)) yield;
    }
    return;
  }
  const reader = yield* selected;
  const { labels, dropName } = reader;
  const column = context.budget.column(node.grid.count);
  const check = labelsetCheck(reader);
  for (let index = 0; index < labels.length; index++) {
    const reading = reader.read(index, column);
    const count = typeof reading === "number" ? reading : yield* reading;
    if (context.budget.tick(work)) yield;
    if (count === 0) continue;
    check(index);
    visit({ labels: labels[index]!, dropName, column });
  }
}

function readerOf(node: PlanNode, context: EvalContext): Slices<SeriesReader> | undefined {
  if (node.kind === "selector") return selectorReader(node, context);
  if (node.kind === "rollup" && node.function !== "absent_over_time") return rollupReader(node, context);
  return undefined;
}
