/**
 * The format of a file to import, told from its name or from its first bytes.
 */

import type { ImportOptions } from "../model/importing.js";
import type { ExpositionFormat } from "./exposition/exposition-format.js";
import type { ExpositionVisitor } from "./exposition/exposition-visitor.js";
import { parseExposition } from "./exposition/parse-exposition.js";

const closingLine = Buffer.from("# EOF\n");

export type ImportFormat = NonNullable<ImportOptions["format"]>;

const formatsByEnding: ReadonlyMap<string, ImportFormat> = new Map([
  ["csv", "csv"],
  ["tsv", "csv"],
  ["om", "openmetrics"],
  ["openmetrics", "openmetrics"],
  ["prom", "prometheus"],
  ["jsonl", "jsonl"],
  ["ndjson", "jsonl"],
]);

/** By the ending, before a `.gz`; undefined when it says nothing. */
export function importFormatOfName(fileName: string): ImportFormat | undefined {
  const ending = /\.([^./\\]+)$/.exec(fileName.toLowerCase().replace(/\.gz$/, ""))?.[1];
  return ending === undefined ? undefined : formatsByEnding.get(ending);
}

/** Tries the first lines as samples; what is neither exposition nor JSON is taken for CSV. */
export function guessImportFormat(head: Uint8Array): ImportFormat {
  if (
    /^\s*\{\s*"(?:metric|values|timestamps)"\s*:/.test(Buffer.from(head.subarray(0, 256)).toString("latin1"))
  )
    return "jsonl";
  const lastLineEnd = head.lastIndexOf(0x0a);
  const lines = Buffer.from(lastLineEnd < 0 ? head : head.subarray(0, lastLineEnd + 1));
  const isClosed = lines.includes("# EOF");
  const prometheus = tryFormat(lines, "prometheus");
  // The `# EOF` of a long file is not in its head.
  const openMetrics = tryFormat(isClosed ? lines : Buffer.concat([lines, closingLine]), "openmetrics");
  if (Math.max(prometheus.samples, openMetrics.samples) === 0) return "csv";
  const isOpenMetrics =
    openMetrics.malformed < prometheus.malformed ||
    (isClosed && openMetrics.malformed === prometheus.malformed);
  return isOpenMetrics ? "openmetrics" : "prometheus";
}

function tryFormat(lines: Uint8Array, format: ExpositionFormat): { samples: number; malformed: number } {
  const attempt = { samples: 0, malformed: 0 };
  const visitor: ExpositionVisitor = {
    sample: () => attempt.samples++,
    malformed: () => attempt.malformed++,
  };
  parseExposition(lines, { format }, visitor);
  return attempt;
}
