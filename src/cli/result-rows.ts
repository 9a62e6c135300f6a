/**
 * A query result as rows: one per sample, with the labels as columns.
 */

import type { QueryResult } from "../api.js";
import { formatFloatJson } from "../model/float-text.js";
import { Labels } from "../model/labels.js";
import { formatRfc3339 } from "../model/rfc3339.js";
import { compareText } from "../model/text-order.js";

export interface ResultRows {
  /** Names of labels that any series has, in label order. */
  readonly labelNames: readonly string[];
  readonly rows: readonly ResultRow[];
}

export interface ResultRow {
  readonly labels: Labels;
  /** RFC 3339. */
  readonly time: string;
  readonly value: string;
}

export function resultRows(result: QueryResult): ResultRows {
  const rows = rowsOf(result);
  const names = new Set(rows.flatMap(({ labels }) => [...labels].map(([name]) => name)));
  return { labelNames: [...names].sort(compareText), rows };
}

function rowsOf(result: QueryResult): ResultRow[] {
  switch (result.type) {
    case "vector":
      return result.series.map(({ labels, time, value }) => row(labels, time, formatFloatJson(value)));
    case "matrix":
      return result.series.flatMap(({ labels, times, values }) =>
        Array.from(times, (time, i) => row(labels, time, formatFloatJson(values[i]!))),
      );
    case "scalar":
      return [row(Labels.empty, result.time, formatFloatJson(result.value))];
    case "string":
      return [row(Labels.empty, result.time, result.value)];
  }
}

function row(labels: Labels, time: number, value: string): ResultRow {
  return { labels, time: formatRfc3339(time), value };
}
