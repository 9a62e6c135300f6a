/**
 * Aggregations of the naive evaluator.
 */

import { formatFloatPlain } from "../../src/model/float-text.js";
import { type Labels, METRIC_NAME } from "../../src/model/labels.js";
import type { Aggregation } from "../../src/query/parser/ast.js";
import { type Element, NaiveError, type NaiveValue, numberOf, textOf } from "./naive-evaluator.js";
import { exactSum, extreme, mean, quantile, variance } from "./naive-evaluator-numbers.js";

export function aggregate(
  { operator, grouping, without }: Aggregation,
  elements: readonly Element[],
  parameter: NaiveValue | undefined,
): readonly Element[] {
  switch (operator) {
    case "count_values": {
      const label = textOf(parameter!);
      const labelled = elements.map(({ labels, value }) => {
        return { labels: labels.with({ [label]: formatFloatPlain(value) }), value };
      });
      const names = without ? grouping : [...grouping, label];
      return groupsOf(labelled, { grouping: names, without }).map(({ labels, members }) => {
        return { labels, value: members.length };
      });
    }
    case "topk":
    case "bottomk":
    case "limitk": {
      const count = countOf(numberOf(parameter!));
      return groupsOf(elements, { grouping, without }).flatMap(({ members }) => {
        return (operator === "limitk" ? members : ranked(members, operator)).slice(0, count);
      });
    }
    default: {
      const reduce = reducers[operator];
      if (reduce === undefined) throw new TypeError(`no naive form of ${operator}`);
      const number = parameter === undefined ? Number.NaN : numberOf(parameter);
      return groupsOf(elements, { grouping, without }).map(({ labels, members }) => {
        return {
          labels,
          value: reduce(
            members.map(({ value }) => value),
            number,
          ),
        };
      });
    }
  }
}

const reducers: Readonly<Record<string, (values: readonly number[], parameter: number) => number>> = {
  sum: exactSum,
  avg: mean,
  min: (values) => extreme(values, (a, b) => a < b),
  max: (values) => extreme(values, (a, b) => a > b),
  count: (values) => values.length,
  group: () => 1,
  stddev: (values) => Math.sqrt(variance(values)),
  stdvar: variance,
  quantile: (values, phi) => quantile(phi, values),
};

interface Group {
  readonly labels: Labels;
  readonly members: Element[];
}

function groupsOf(
  elements: readonly Element[],
  { grouping, without }: Pick<Aggregation, "grouping" | "without">,
): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const element of elements) {
    const names = new Set(without ? [...grouping, METRIC_NAME] : grouping);
    const labels = without ? element.labels.drop(names) : element.labels.keep(names);
    const key = labels.toString();
    if (!groups.has(key)) groups.set(key, { labels, members: [] });
    groups.get(key)!.members.push(element);
  }
  return [...groups.values()];
}

function countOf(parameter: number): number {
  if (parameter < 1) return 0;
  if (Number.isNaN(parameter) || parameter >= 2 ** 63) throw new NaiveError("no count");
  return Math.trunc(parameter);
}

/** NaN comes last either way. */
function ranked(members: readonly Element[], operator: "topk" | "bottomk"): readonly Element[] {
  const sign = operator === "topk" ? -1 : 1;
  return [...members].sort((a, b) => {
    if (Number.isNaN(a.value) || Number.isNaN(b.value))
      return Number(Number.isNaN(a.value)) - Number(Number.isNaN(b.value));
    return a.value === b.value ? 0 : a.value < b.value ? -sign : sign;
  });
}
