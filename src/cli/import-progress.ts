/**
 * Runs an import with a progress bar on a terminal, and says what came of it.
 */

import { SingleBar } from "cli-progress";
import { openFileStream } from "../local-files.js";
import type { ImportOptions, ImportResult } from "../model/importing.js";
import { formatRfc3339 } from "../model/rfc3339.js";
import type { Connection } from "./connection.js";
import type { Terminal } from "./terminal.js";

export async function importWithProgress(
  connection: Pick<Connection, "import">,
  source: string | AsyncIterable<Uint8Array>,
  options: ImportOptions,
  title: string,
  terminal: Terminal,
): Promise<ImportResult> {
  if (!terminal.isInteractive || typeof source !== "string") return connection.import(source, options);
  const { sizeBytes } = await openFileStream(source);
  const bar = new SingleBar({
    format: `  ${title} [{bar}] {percentage}%`,
    barsize: 30,
    clearOnComplete: true,
    hideCursor: true,
  });
  bar.start(Math.max(1, sizeBytes), 0);
  try {
    return await connection.import(source, { ...options, onProgress: ({ bytes }) => bar.update(bytes) });
  } finally {
    bar.stop();
  }
}

/** `weather.csv: 8,759 samples in 3 series from 2010-01-01T01:00:00Z to 2010-12-31T23:00:00Z: a, b, c`. */
export function formatImport(
  title: string,
  { samples, series, timeRange, metricNames }: ImportResult,
): string {
  const counts = `${title}: ${formatCount(samples, "sample")} in ${formatCount(series, "series", "series")}`;
  if (timeRange === undefined) return counts;
  const range = ` from ${formatRfc3339(timeRange.minTime)} to ${formatRfc3339(timeRange.maxTime)}`;
  const shown = metricNames.slice(0, 5).join(", ");
  const more = metricNames.length > 5 ? ` and ${metricNames.length - 5} more` : "";
  return `${counts}${range}: ${shown}${more}`;
}

/** What was left out, one line each; none when all was kept. */
export function formatImportWarnings(title: string, { malformed, rejected }: ImportResult): string[] {
  const lines: string[] = [];
  const [first, ...others] = malformed.first;
  if (first !== undefined) {
    const rows = formatCount(malformed.count, "row");
    lines.push(`warning: ${title}: ${rows} could not be read; line ${first.line}: ${first.reason}`);
    for (const { line, reason } of others.slice(0, 4))
      lines.push(`warning: ${title}: line ${line}: ${reason}`);
  }
  for (const [reason, { count, first: sample }] of rejected) {
    const example = `${sample.labels} at ${formatRfc3339(sample.time)}`;
    lines.push(
      `warning: ${title}: ${formatCount(count, "sample")} refused (${reason}), the first ${example}`,
    );
  }
  return lines;
}

/** `1 block`, `12,345 blocks`. */
export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}
