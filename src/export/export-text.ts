/**
 * exportText: series to the bytes of a text format, piece by piece.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { unreachable } from "../model/assert.js";
import type { ExportFormat, SeriesSamples } from "../model/exporting.js";
import { csvHeader, csvLines } from "./csv.js";
import { jsonLines } from "./json-lines.js";
import { openMetricsEnd, openMetricsLines } from "./openmetrics.js";

/** Pieces are this long, but for the last. */
const pieceLength = 64 * 1024;

/** `labelNames` are all that any of the series has; only CSV asks for them. */
export async function* exportText(
  format: ExportFormat,
  series: AsyncIterable<SeriesSamples>,
  labelNames: () => Promise<readonly string[]>,
): AsyncGenerator<Uint8Array, void, void> {
  const names = format === "csv" ? await labelNames() : [];
  let text = format === "csv" ? csvHeader(names) : "";
  for await (const each of series) {
    for (const line of linesOf(format, each, names)) {
      text += line;
      if (text.length < pieceLength) continue;
      yield Buffer.from(text);
      text = "";
      // A consumer that takes it at once would keep everybody else waiting.
      await nextTurn();
    }
  }
  if (format === "openmetrics") text += openMetricsEnd;
  if (text !== "") yield Buffer.from(text);
}

function linesOf(format: ExportFormat, series: SeriesSamples, names: readonly string[]): Iterable<string> {
  switch (format) {
    case "openmetrics":
      return openMetricsLines(series);
    case "csv":
      return csvLines(series, names);
    case "jsonl":
      return jsonLines(series);
    default:
      return unreachable(format);
  }
}
