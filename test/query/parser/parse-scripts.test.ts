/**
 * The scripts of test/testdata/parser: a query after `> ` (one line each), then the tree or the error it gives.
 * `features: a, b` holds until the next such line. UPDATE=1 rewrites what follows the queries.
 */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ParseError } from "../../../src/model/errors.js";
import { parse } from "../../../src/query/parser/parse.js";
import { caretText, formatParseError } from "../../../src/query/parser/parse-error.js";
import { astText } from "./ast-text.js";
import { everyFeature } from "./features.js";

const folder = fileURLToPath(new URL("../../testdata/parser/", import.meta.url));

describe.each(readdirSync(folder).filter((name) => name.endsWith(".txt")))("%s", (name) => {
  it("holds", () => {
    const script = readFileSync(folder + name, "utf8");
    const actual = run(script);
    if (process.env.UPDATE === "1") writeFileSync(folder + name, actual);
    else expect(actual).toBe(script);
  });
});

/** The script with every outcome replaced by the present one. */
function run(script: string): string {
  let features: ReadonlySet<string> = everyFeature;
  const blocks = script.trim().split(/\n{2,}/);
  const output = blocks.map((block) => {
    const lines = block.split("\n");
    const setting = lines.find((line) => line.startsWith("features:"));
    if (setting !== undefined) features = featuresOf(setting);
    const queryLines = lines.filter((line) => line === ">" || line.startsWith("> "));
    if (queryLines.length === 0) return block;
    const head = lines.filter((line) => line.startsWith("#") || line.startsWith("features:"));
    const query = queryLines.map((line) => line.slice(2)).join("\n");
    return [...head, ...queryLines, outcome(query, features)].join("\n");
  });
  return `${output.join("\n\n")}\n`;
}

function featuresOf(setting: string): ReadonlySet<string> {
  const names = setting.slice("features:".length).trim();
  if (names === "all") return everyFeature;
  return new Set(names === "none" ? [] : names.split(/, */));
}

function outcome(query: string, features: ReadonlySet<string>): string {
  try {
    return astText(parse(query, { features }));
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const caret = caretText(error).replaceAll(/^/gm, "    ");
    return `${formatParseError(error)}\n${caret}`;
  }
}
