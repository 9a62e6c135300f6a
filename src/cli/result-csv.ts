/**
 * A query result as CSV (RFC 4180): a header, then one line per sample: labels, time, value.
 */

import type { QueryResult } from "../api.js";
import { resultRows } from "./result-rows.js";

export function formatCsv(result: QueryResult): string {
  const { labelNames, rows } = resultRows(result);
  const header = [...labelNames, "time", "value"];
  const lines = rows.map(({ labels, time, value }) => [
    ...labelNames.map((name) => labels.get(name)),
    time,
    value,
  ]);
  return [header, ...lines].map((cells) => cells.map(quoteWhereNeeded).join(",")).join("\n");
}

function quoteWhereNeeded(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
