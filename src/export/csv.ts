/**
 * Series as CSV (RFC 4180): a header, then one line a sample: time (RFC 3339, UTC), a column for each label, value.
 */

import type { SeriesSamples } from "../model/exporting.js";
import { formatRfc3339 } from "../model/rfc3339.js";
import { isStaleAt } from "../model/staleness.js";
import { valueText } from "./value-text.js";

export function csvHeader(labelNames: readonly string[]): string {
  return `${["time", ...labelNames, "value"].map(quoteWhereNeeded).join(",")}\n`;
}

/** `labelNames` are all that any series has, in the order of the columns. */
export function* csvLines(
  { labels, parts }: SeriesSamples,
  labelNames: readonly string[],
): Generator<string, void, void> {
  const cells = labelNames.map((name) => `${quoteWhereNeeded(labels.get(name))},`).join("");
  for (const { times, values, length } of parts) {
    for (let i = 0; i < length; i++) {
      const value = isStaleAt(values, i) ? "stale" : valueText(values[i]!);
      yield `${formatRfc3339(times[i]!)},${cells}${value}\n`;
    }
  }
}

/** Also of blanks at the ends, which readers cut off otherwise. */
function quoteWhereNeeded(cell: string): string {
  return /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
