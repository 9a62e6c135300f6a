/**
 * Aggregations: which of the four ways one is computed in. Those that reduce read a leaf below them series by
 * series, without keeping its columns.
 */

import { unreachable } from "../../../model/assert.js";
import type { AggregationNode, PlanNode } from "../../plan/plan.js";
import type { EvalContext } from "../context.js";
import { labelsetCheck, rollupReader, type SeriesReader, selectorReader } from "../leaf/series-reader.js";
import { scalarValues, stringValue, vectorSeries } from "../operands.js";
import { hasValue, type Value, type VectorSeries, vector } from "../value.js";
import { countValues } from "./count-values.js";
import { GroupTable } from "./grouping.js";
import { selectByHash, selectFirst } from "./limit.js";
import { aggregateQuantile } from "./quantile.js";
import { type Reducer, type ReducingOperator, reducer } from "./reduce.js";
import { selectExtremes } from "./topk.js";

export function evaluateAggregation(node: AggregationNode, context: EvalContext): Value {
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
      return reduce(node, operator, context);
    case "topk":
    case "bottomk":
    case "limitk":
    case "limit_ratio":
    case "quantile": {
      const parameter = scalarValues(context.evaluate(node.parameter!));
      const series = vectorSeries(context.evaluate(node.expression));
      if (operator === "quantile") return aggregateQuantile(node, { series, parameter }, context);
      if (operator === "limitk") return selectFirst(node, { series, parameter }, context);
      if (operator === "limit_ratio") return selectByHash(node, { series, parameter }, context);
      return selectExtremes(node, { series, parameter }, context);
    }
    case "count_values": {
      const label = stringValue(context.evaluate(node.parameter!));
      return countValues(node, { series: vectorSeries(context.evaluate(node.expression)), label }, context);
    }
  }
  return unreachable(operator);
}

function reduce(node: AggregationNode, operator: ReducingOperator, context: EvalContext): Value {
  const table = new GroupTable(node, (labels) => ({
    labels,
    dropName: false,
    reducer: undefined as Reducer | undefined,
  }));
  visitSeries(node.expression, context, ({ labels, dropName, column }) => {
    const group = table.groupOf(labels);
    group.reducer ??= reducer(operator, node.grid.count, context.budget);
    group.dropName ||= dropName;
    group.reducer.add(column);
    context.budget.tick(column.values.length);
  });
  const series = table.groups().map(({ labels, dropName, reducer }): VectorSeries => {
    return { labels, dropName: dropName && context.features.delayedNameRemoval, column: reducer!.finish() };
  });
  return vector(series.filter(({ column }) => hasValue(column)));
}

/** Every series that a node yields; of a leaf one after the other, in a column that is valid during the call. */
function visitSeries(node: PlanNode, context: EvalContext, visit: (series: VectorSeries) => void): void {
  const reader = readerOf(node, context);
  if (reader === undefined) {
    vectorSeries(context.evaluate(node)).forEach(visit);
    return;
  }
  const { labels, dropName } = reader;
  const column = context.budget.column(node.grid.count);
  const check = labelsetCheck(reader);
  for (let index = 0; index < labels.length; index++) {
    if (reader.read(index, column) === 0) continue;
    check(index);
    visit({ labels: labels[index]!, dropName, column });
  }
}

function readerOf(node: PlanNode, context: EvalContext): SeriesReader | undefined {
  if (node.kind === "selector") return selectorReader(node, context);
  if (node.kind === "rollup" && node.function !== "absent_over_time") return rollupReader(node, context);
  return undefined;
}
