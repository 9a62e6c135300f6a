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
  const textOf = rememberedTexts();
  for (const { labels, column } of series) {
    const groups = new Map<string, VectorSeries>();
    for (let step = 0; step < column.values.length; step++) {
      if (column.present[step] !== FLOAT) continue;
      const text = textOf(column.values[step]!);
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

/** Values that are worth counting repeat, and looking a text up is quicker than making it. */
function rememberedTexts(): (value: number) => string {
  const texts = new Map<number, string>();
  return (value) => {
    // A Map takes -0 for 0.
    if (value === 0) return formatFloatPlain(value);
    let text = texts.get(value);
    if (text === undefined) {
      text = formatFloatPlain(value);
      texts.set(value, text);
    }
    return text;
  };
}

/** The label as it was written: bytes that are no characters show as the escapes they were. */
function sourceText({ parameter }: AggregationNode, { plan }: EvalContext): string {
  return plan.text.slice(parameter!.span.start, parameter!.span.end);
}
