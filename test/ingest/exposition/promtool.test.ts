/**
 * The same OpenMetrics file, read by us and by the real Prometheus (promtool makes blocks of it and dumps them).
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseExposition } from "../../../src/ingest/exposition/parse-exposition.js";
import { formatFloat } from "../../../src/model/float-text.js";
import { type Labels, quoteText } from "../../../src/model/labels.js";
import { findPeer, isPeerMissing } from "../../support/peers.js";

const promtool = findPeer("promtool");

const text = fc.string({ unit: fc.constantFrom(..."abz019 _.:-/{}=,#'äß☃", "\\", '"', "\n"), maxLength: 8 });
const value = fc.oneof(
  fc.double({ noNaN: true }).map(String),
  fc.constantFrom("NaN", "nan", "+Inf", "-inf", "Infinity", "-0", "1e3", "1E-3", ".5", "5.", "+7", "00012"),
  fc.tuple(fc.nat(), fc.nat(), fc.integer({ min: -40, max: 40 })).map(([a, b, c]) => `${a}.${b}e${c}`),
  fc.bigInt({ min: 0n, max: 10n ** 30n }).map(String),
);

function writeFile(count: number): string {
  const lines = fc.sample(fc.record({ name: text, label: text, value }), { numRuns: count, seed: 20101 });
  const escapeText = (raw: string) =>
    raw.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return [
    "# TYPE h histogram",
    ...["1", "2.50", "1e6", "+Inf", "x"].map((bound) => `h_bucket{le="${bound}"} 1 7`),
    "# TYPE s summary",
    ...["0", "0.99", "1"].map((quantile) => `s{quantile="${quantile}"} 1 7 # {trace_id="a b"} 1 1.5`),
    "# TYPE u unknown",
    // Quarters of a second, which are exact: Prometheus reads 1.001 as 1000 milliseconds.
    ...lines.map((line, i) => {
      const series =
        i % 2 === 0 ? `u{i="${i}",l="${escapeText(line.label)}"}` : `{"n.${escapeText(line.name)}",i="${i}"}`;
      return `${series} ${line.value} ${i / 4}`;
    }),
    "# EOF\n",
  ].join("\n");
}

/** As `promtool tsdb dump` writes them. */
function readOurselves(file: string): string[] {
  const samples: string[] = [];
  parseExposition(
    Buffer.from(file),
    { format: "openmetrics" },
    {
      sample: (series, sampleValue, time) =>
        samples.push(`${printLabels(series.labels())} ${formatFloat(sampleValue)} ${time}`),
    },
  );
  return samples.sort();
}

function printLabels(labels: Labels): string {
  const isLegacy = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
  const pairs = [...labels].map(
    ([name, text]) => `${isLegacy.test(name) ? name : quoteText(name)}=${quoteText(text)}`,
  );
  return `{${pairs.join(", ")}}`;
}

function readWithPromtool(file: string): string[] {
  const directory = mkdtempSync(join(tmpdir(), "narthex-promtool-"));
  try {
    writeFileSync(join(directory, "file.om"), file);
    const output = join(directory, "output");
    execFileSync(promtool!, [
      "tsdb",
      "create-blocks-from",
      "openmetrics",
      join(directory, "file.om"),
      output,
    ]);
    mkdirSync(join(output, "wal"), { recursive: true });
    const dump = execFileSync(promtool!, ["tsdb", "dump", "--min-time=-1000000000000", output], {
      encoding: "utf8",
    });
    return dump
      .trimEnd()
      .split("\n")
      .map((line) =>
        line.replace(/ (\S+) (-?\d+)$/, (_, number, time) => ` ${formatFloat(goNumber(number))} ${time}`),
      )
      .sort();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function goNumber(number: string): number {
  return number.endsWith("Inf") ? Number(`${number.slice(0, -3)}Infinity`) : Number(number);
}

describe.skipIf(isPeerMissing("promtool"))("against promtool", () => {
  it("reads the same series, values and times", () => {
    const file = writeFile(400);
    const samples = readOurselves(file);
    expect(samples.length).toBe(408);
    expect(samples).toEqual(readWithPromtool(file));
  });
});
