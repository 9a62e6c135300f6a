/**
 * PromQL behaviour as scripts: our own, by concept, and the field's where they are at hand.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type EvalOutcome, runScript } from "../support/promql-script-run.js";

const here = dirname(fileURLToPath(import.meta.url));
const ownFolder = join(here, "..", "testdata", "promql");
/** Outside of the repository; see CONTRIBUTING.md. */
const outsideFolder = join(here, "..", "..", "..", "shared", "promqltest");

/** Evals of the field's scripts that do not pass yet, by `file:line`, with the reason. The list only shrinks. */
const notYet: Readonly<Record<string, string>> = {};

/** Of the field's evals, as long as native histograms and start timestamps are not evaluated. */
const passedMin = 682;

function scriptsIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => name.endsWith(".test"));
}

function failuresOf(outcomes: readonly EvalOutcome[], file: string): readonly string[] {
  return outcomes.flatMap(({ line, query, outcome }) => {
    const place = `${file}:${line}`;
    if (outcome.kind === "failed" && notYet[place] === undefined)
      return [`${place} ${query}: ${outcome.reason}`];
    if (outcome.kind !== "failed" && notYet[place] !== undefined) {
      return [`${place} ${query}: passes now; take it off the list`];
    }
    return [];
  });
}

function count(outcomes: readonly EvalOutcome[], kind: string): number {
  return outcomes.filter(({ outcome }) => outcome.kind === kind).length;
}

describe("our scripts", () => {
  it.each(scriptsIn(ownFolder))("%s", async (file) => {
    const outcomes = await runScript(readFileSync(join(ownFolder, file), "utf8"));
    expect(failuresOf(outcomes, file)).toEqual([]);
    expect(count(outcomes, "passed")).toBe(outcomes.length);
  });
});

describe.skipIf(!existsSync(outsideFolder))("the field's scripts", () => {
  const total = { passed: 0, skipped: 0 };

  it.each(scriptsIn(outsideFolder))("%s", async (file) => {
    const outcomes = await runScript(readFileSync(join(outsideFolder, file), "utf8"));
    total.passed += count(outcomes, "passed");
    total.skipped += count(outcomes, "skipped");
    expect(failuresOf(outcomes, file)).toEqual([]);
  });

  it("pass in number: what is skipped for native histograms or start timestamps does not grow", () => {
    process.stdout.write(`the field's scripts: ${total.passed} evals pass, ${total.skipped} are skipped\n`);
    expect(total.passed).toBeGreaterThanOrEqual(passedMin);
  });
});
