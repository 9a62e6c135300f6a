/**
 * `count_values("label", v)`: how many series of a group have each value, with the value's text as a label.
 */

import { QueryError } from "../../../model/errors.js";
import { formatFloatPlain } from "../../../model/float-text.js";
import type { AggregationNode } from "../../plan/plan.js";
import { LABEL_WORK } from "../budget.js";
import type { EvalContext } from "../context.js";
import { isLabelName } from "../functions/label.js";
import type { Slices } from "../slices.js";
import { FLOAT, type Value, type VectorSeries, vector } from "../value.js";
import { GroupTable } from "./grouping.js";

export function* countValues(
  node: AggregationNode,
  { series, label }: { readonly series: readonly VectorSeries[]; readonly label: string },
  context: EvalContext,
): Slices<Value> {
  if (!isLabelName(label)) throw new QueryError(`invalid label name ${sourceText(node, context)}`);
  const grouping = node.without ? node.grouping : [...node.grouping, label];
  const table = new GroupTable({ grouping, without: node.without }, (labels) => {
    return { labels, dropName: false, column: context.budget.column(node.grid.count) };
  });
  for (const { labels, column } of series) {
    const groups = new Map<string, VectorSeries>();
    for (let step = 0; step < column.values.length; step++) {
      if (column.present[step] !== FLOAT) continue;
      const text = formatFloatPlain(column.values[step]!);
      let group = groups.get(text);
      if (group === undefined) {
        context.budget.reserveLabels(text.length);
        group = table.groupOf(labels.with({ [label]: text }));
        groups.set(text, group);
      }
      group.column.values[step]! += 1;
      group.column.present[step] = FLOAT;
    }
    if (context.budget.tick(column.values.length + groups.size * LABEL_WORK)) yield;
  }
  return vector(table.groups());
}

/** The label as it was written: bytes that are no characters show as the escapes they were. */
function sourceText({ parameter }: AggregationNode, { plan }: EvalContext): string {
  return plan.text.slice(parameter!.span.start, parameter!.span.end);
}
