/**
 * Runs a PromQL test script against an engine over series in memory; tells of every `eval` what became of it.
 *
 * As the field's runner does, an instant query is also run as a range query around its time.
 */

import { NotImplementedError, TsdbError } from "../../src/model/errors.js";
import { METRIC_NAME } from "../../src/model/labels.js";
import { type EngineResult, QueryEngine } from "../../src/query/engine.js";
import { FakeClock } from "./fake-clock.js";
import { MemoryQueryable } from "./memory-queryable.js";
import { type Command, type EvalCommand, type LoadCommand, parseScript } from "./promql-script.js";
import { checkInstant, checkMatrix, checkTexts, checkVector } from "./promql-script-check.js";

export type Outcome =
  | { readonly kind: "passed" }
  | { readonly kind: "failed"; readonly reason: string }
  /** Needs what the engine does not do yet, and says so. */
  | { readonly kind: "skipped"; readonly reason: SkipReason };

export type SkipReason = "native histograms" | "start timestamps";

export interface EvalOutcome {
  readonly line: number;
  readonly query: string;
  readonly outcome: Outcome;
}

/** Everything on, as the field's own tests are run. */
export const scriptFeatures: ReadonlySet<string> = new Set([
  "promql-experimental-functions",
  "promql-extended-range-selectors",
  "promql-binop-fill-modifiers",
  "promql-duration-expr",
  "promql-delayed-name-removal",
]);

/** Who answers. */
export type ScriptEngine = Pick<QueryEngine, "instant" | "range">;

export interface ScriptOptions {
  /** Default `scriptFeatures`. */
  readonly features?: ReadonlySet<string>;
  /** Puts something between script and engine; default nothing. */
  readonly through?: (engine: QueryEngine, features: ReadonlySet<string>) => ScriptEngine;
}

export async function runScript(text: string, options: ScriptOptions = {}): Promise<readonly EvalOutcome[]> {
  const run = new ScriptRun(options);
  for (const command of parseScript(text)) await run.execute(command);
  return run.outcomes;
}

class ScriptRun {
  readonly outcomes: EvalOutcome[] = [];
  readonly #series = new MemoryQueryable();
  readonly #engine: ScriptEngine;
  #hasStartTimes = false;

  constructor({ features = scriptFeatures, through = (engine) => engine }: ScriptOptions) {
    const engine = new QueryEngine({
      lookbackDeltaMs: 300_000,
      timeoutMs: 100_000,
      samplesMax: 50_000_000,
      bytesMax: 2 ** 30,
      features,
      clock: new FakeClock(),
      defaultStepMs: 60_000,
    });
    this.#engine = through(engine, features);
  }

  async execute(command: Command): Promise<void> {
    switch (command.kind) {
      case "clear":
        this.#series.clear();
        this.#hasStartTimes = false;
        return;
      case "load":
        this.#load(command);
        return;
      case "eval": {
        const outcome = await this.#evaluate(command);
        this.outcomes.push({ line: command.line, query: command.query, outcome });
      }
    }
  }

  #load({ series, stepMs, withNativeHistograms }: LoadCommand): void {
    // Within one load, the last line of a series is the one that counts.
    const last = new Map(series.map((line) => [`${line.labels.key()}${line.startTimes}`, line]));
    for (const { labels, points, startTimes } of last.values()) {
      if (startTimes) this.#hasStartTimes = true;
      const name = labels.get(METRIC_NAME);
      const isBucket = withNativeHistograms && name.endsWith("_bucket");
      const native = labels.with({ le: "", [METRIC_NAME]: name.replace(/_bucket$/, "") });
      points.forEach((point, step) => {
        if (point === undefined) return;
        this.#series.append(labels, step * stepMs, point);
        if (isBucket) this.#series.append(native, step * stepMs, "histogram");
      });
    }
  }

  async #evaluate(command: EvalCommand): Promise<Outcome> {
    if (this.#hasStartTimes) return { kind: "skipped", reason: "start timestamps" };
    if (command.series.some(({ points }) => points.includes("histogram"))) {
      return { kind: "skipped", reason: "native histograms" };
    }
    const result = await this.#query(command);
    if (result instanceof NotImplementedError) return skipOf(result);
    const reason =
      result instanceof TsdbError
        ? checkFailure(command, result)
        : (checkTexts("fail", command, []) ??
          checkAnnotations(command, result) ??
          checkValue(command, result));
    if (reason !== undefined) return { kind: "failed", reason };
    return result instanceof TsdbError ? { kind: "passed" } : this.#evaluateAsRange(command, result);
  }

  async #query({ at, query }: EvalCommand): Promise<EngineResult | TsdbError> {
    try {
      return at.kind === "instant"
        ? await this.#engine.instant(this.#series, query, { time: at.time })
        : await this.#engine.range(this.#series, query, at);
    } catch (error) {
      if (error instanceof TsdbError) return error;
      throw error;
    }
  }

  async #evaluateAsRange(command: EvalCommand, instant: EngineResult): Promise<Outcome> {
    const { at, query, ordered } = command;
    const readsQueryTimes = /\b(start|end|step|range)\(\)/i.test(query);
    if (at.kind !== "instant" || ordered || readsQueryTimes) return { kind: "passed" };
    if (instant.type !== "vector" && instant.type !== "scalar") return { kind: "passed" };
    const times = { start: at.time - 60_000, end: at.time + 60_000, stepMs: 60_000 };
    const result = await this.#query({ ...command, at: { kind: "range", ...times } });
    if (result instanceof NotImplementedError) return { kind: "passed" };
    if (result instanceof TsdbError) return { kind: "failed", reason: `as a range query: ${result.message}` };
    const reason = checkMiddle(command, result, at.time);
    return reason === undefined
      ? { kind: "passed" }
      : { kind: "failed", reason: `as a range query: ${reason}` };
  }
}

function skipOf(error: NotImplementedError): Outcome {
  if (error.feature.startsWith("native histograms")) return { kind: "skipped", reason: "native histograms" };
  if (error.feature === "start_timestamp") return { kind: "skipped", reason: "start timestamps" };
  return { kind: "failed", reason: error.message };
}

function checkFailure(command: EvalCommand, error: TsdbError): string | undefined {
  const expected = command.expectations.some(({ type }) => type === "fail");
  return expected ? checkTexts("fail", command, [error.message]) : `failed: ${error.message}`;
}

function checkAnnotations(command: EvalCommand, result: EngineResult): string | undefined {
  if (command.expectations.some(({ type }) => type === "fail")) return "expected a failure";
  return checkTexts("warn", command, result.warnings) ?? checkTexts("info", command, result.infos);
}

function checkValue(command: EvalCommand, result: EngineResult): string | undefined {
  if (command.at.kind === "range") {
    return checkMatrix(command.series, result, command.at);
  }
  return checkInstant(command, result);
}

/** The step of a range query at which the instant query was. */
function checkMiddle(command: EvalCommand, result: EngineResult, time: number): string | undefined {
  if (result.type !== "matrix") return `got a ${result.type}`;
  const vector = result.series.flatMap(({ labels, times, values }) => {
    const index = times.indexOf(time);
    return index < 0 ? [] : [{ labels, value: values[index]! }];
  });
  if (command.scalar === undefined) return checkVector(command, vector);
  const { scalar } = command;
  const value = vector[0]?.value;
  return value === scalar || (Number.isNaN(value) && Number.isNaN(scalar)) ? undefined : `got ${value}`;
}
