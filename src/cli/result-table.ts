/**
 * A query result as a table for people: a column per label, numbers aligned at the decimal point.
 *
 *   symbol  time                   value
 *   AAPL    2008-01-01T00:00:00Z  135.36
 *   IBM     2008-01-01T00:00:00Z  105.1
 */

import Table from "cli-table3";
import type { MatrixResult, QueryResult } from "../api.js";
import { formatFloatJson } from "../model/float-text.js";
import { formatRfc3339 } from "../model/rfc3339.js";
import { type ResultRows, resultRows } from "./result-rows.js";

/** With more labels than this, a series is one column. */
const LABEL_COLUMNS_MAX = 6;
/** Up to so many series of a range stand side by side, one column each. */
const SERIES_COLUMNS_MAX = 6;

export function formatTable(result: QueryResult): string {
  if ((result.type === "vector" || result.type === "matrix") && result.series.length === 0)
    return "no result";
  if (result.type === "matrix" && result.series.length <= SERIES_COLUMNS_MAX) return sideBySide(result);
  return oneLineEach(resultRows(result));
}

function oneLineEach({ labelNames, rows }: ResultRows): string {
  const asOne = labelNames.length > LABEL_COLUMNS_MAX;
  const header = [...(asOne ? ["series"] : labelNames), "time", "value"];
  const values = alignDecimals(rows.map(({ value }) => value));
  const lines = rows.map(({ labels, time }, i) => {
    const names = asOne ? [labels.toString()] : labelNames.map((name) => labels.get(name));
    return [...names, time, values[i]!];
  });
  return layOut(header, lines, 1);
}

/** One line per time; a series without a sample then has an empty cell. */
function sideBySide({ series }: MatrixResult): string {
  const times = [...new Set(series.flatMap((one) => [...one.times]))].sort((a, b) => a - b);
  const columns = series.map((one) => {
    const values = new Map(Array.from(one.times, (time, i) => [time, formatFloatJson(one.values[i]!)]));
    return alignDecimals(times.map((time) => values.get(time) ?? ""));
  });
  const lines = times.map((time, i) => [formatRfc3339(time), ...columns.map((column) => column[i]!)]);
  return layOut(["time", ...series.map(({ labels }) => labels.toString())], lines, columns.length);
}

/** Pads on the right, so that right-aligned cells have their points below each other. */
function alignDecimals(cells: readonly string[]): string[] {
  const fractionOf = (cell: string) => (cell.includes(".") ? cell.length - cell.indexOf(".") : 0);
  const widest = cells.reduce((width, cell) => Math.max(width, fractionOf(cell)), 0);
  return cells.map((cell) => cell + " ".repeat(widest - fractionOf(cell)));
}

/** The last `numeric` columns are aligned to the right. */
export function layOut(
  header: readonly string[],
  lines: readonly (readonly string[])[],
  numeric: number,
): string {
  const none = { top: "", "top-mid": "", "top-left": "", "top-right": "", bottom: "", "bottom-mid": "" };
  const nor = { "bottom-left": "", "bottom-right": "", left: "", "left-mid": "", mid: "", "mid-mid": "" };
  const table = new Table({
    head: [...header],
    colAligns: header.map((_, i) => (i < header.length - numeric ? "left" : "right")),
    chars: { ...none, ...nor, right: "", "right-mid": "", middle: "  " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  for (const line of lines) table.push([...line]);
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}
