/**
 * The scripts of PromQL once more, over HTTP: what is asked and answered as text is the same to the bit.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { decodeQueryResult } from "../../src/api/result-json.js";
import { NotImplementedError, QueryError } from "../../src/model/errors.js";
import type { EngineResult, QueryEngine } from "../../src/query/engine.js";
import { runScript, type ScriptEngine } from "../support/promql-script-run.js";
import { testApp } from "./test-app.js";

const here = dirname(fileURLToPath(import.meta.url));
const ownFolder = join(here, "..", "testdata", "promql");
/** Outside of the repository; see CONTRIBUTING.md. */
const outsideFolder = join(here, "..", "..", "..", "shared", "promqltest");

const form = { "content-type": "application/x-www-form-urlencoded" };

/** An engine behind the API: each question is a request, each answer is read from JSON. */
function overHttp(engine: QueryEngine, features: ReadonlySet<string>): ScriptEngine {
  const { database, post } = testApp({}, { features });
  const ask = async (path: string, parameters: Record<string, string>): Promise<EngineResult> => {
    const { text } = await post(`/api/v1/${path}`, String(new URLSearchParams(parameters)), form);
    const { status, data, error, warnings = [], infos = [] } = JSON.parse(text);
    if (status !== "success") throw errorOf(error);
    return decodeQueryResult(data, { warnings, infos }) as EngineResult;
  };
  return {
    instant(queryable, query, { time }) {
      database.answerQuery = (expression, options) =>
        engine.instant(queryable, expression, { time: Number(options.time) });
      return ask("query", { query, time: String(time / 1000) });
    },
    range(queryable, query, { start, end, stepMs }) {
      database.answerRange = (expression, options) => {
        const times = {
          start: Number(options.start),
          end: Number(options.end),
          stepMs: Number(options.step),
        };
        return engine.range(queryable, expression, times);
      };
      const seconds = { start: start / 1000, end: end / 1000, step: stepMs / 1000 };
      const texts = Object.entries(seconds).map(([name, value]) => [name, String(value)]);
      return ask("query_range", { query, ...Object.fromEntries(texts) });
    },
  };
}

/** Without what the API puts before the texts of parse errors. */
function errorOf(text: string): QueryError {
  const feature = /^not implemented yet: (.*)$/.exec(text)?.[1];
  if (feature !== undefined) return new NotImplementedError(feature);
  return new QueryError(text.replace(/^invalid parameter "query": (?:\d+:\d+: parse error: )?/, ""));
}

function scriptsIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => name.endsWith(".test"));
}

describe.each([ownFolder, outsideFolder].filter(existsSync))("scripts of %s, over HTTP", (folder) => {
  let passed = 0;

  it.each(scriptsIn(folder))("%s", async (file) => {
    const outcomes = await runScript(readFileSync(join(folder, file), "utf8"), { through: overHttp });
    const failures = outcomes.flatMap(({ line, query, outcome }) =>
      outcome.kind === "failed" ? [`${file}:${line} ${query}: ${outcome.reason}`] : [],
    );
    expect(failures).toEqual([]);
    passed += outcomes.filter(({ outcome }) => outcome.kind === "passed").length;
  });

  it("were many", () => {
    expect(passed).toBeGreaterThan(100);
  });
});
