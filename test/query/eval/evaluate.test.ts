/**
 * The engine, held against a naive evaluator on random expressions over random series. `SEED=n` runs one of them,
 * `COUNT=n` more of them.
 */

import { describe, expect, it } from "vitest";
import { ParseError, TsdbError } from "../../../src/model/errors.js";
import type { Labels } from "../../../src/model/labels.js";
import { type EngineResult, QueryEngine } from "../../../src/query/engine.js";
import { parse } from "../../../src/query/parser/parse.js";
import { Dice } from "../../differential/dice.js";
import { randomExpression } from "../../differential/random-expression.js";
import { randomSeries, setDurationMs } from "../../differential/random-series.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemoryQueryable } from "../../support/memory-queryable.js";
import { evaluateNaively } from "../../support/naive-promql.js";
import {
  NaiveError,
  type NaiveQuery,
  type NaiveSeries,
  type NaiveValue,
  NotNaiveError,
} from "../../support/naive-values.js";

const seed = process.env.SEED;
const count = Number(process.env.COUNT ?? 400);
const seeds = seed === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(seed)];
const features = new Set(["promql-experimental-functions"]);
const lookbackMs = 300_000;

/** Points by label set and time. */
type Points = ReadonlyMap<string, number>;
type Answer = Points | string;

interface Case {
  readonly text: string;
  readonly query: NaiveQuery;
  readonly stored: MemoryQueryable;
}

const base = 1_700_000_000_000;
const sets = [1, 2, 3].map((set) => {
  const stored = new MemoryQueryable({ samplesPerChunk: 50 });
  const series: readonly NaiveSeries[] = [...randomSeries(set, base)].sort((a, b) =>
    a.labels.compare(b.labels),
  );
  for (const { labels, samples } of series) {
    for (const { time, value } of samples) stored.append(labels, time, value);
  }
  return { series, stored };
});

function randomCase(seed: number): Case {
  const dice = new Dice(seed);
  const { series, stored } = dice.pick(sets);
  const stepMs = dice.pick([0, 15_000, 60_000, 300_000]);
  const start = base + dice.integer(setDurationMs / 1000) * 1000;
  const end = start + stepMs * dice.integer(5);
  const text = randomExpression(dice, { only35: false, around: start });
  return { text, query: { series, start, end, stepMs: start === end ? 0 : stepMs, lookbackMs }, stored };
}

async function askEngine({ text, query, stored }: Case): Promise<Answer> {
  const engine = new QueryEngine({
    lookbackDeltaMs: lookbackMs,
    timeoutMs: 1e9,
    samplesMax: 1e8,
    bytesMax: 2 ** 31,
    features,
    clock: new FakeClock(),
    defaultStepMs: 60_000,
  });
  try {
    const { start, end, stepMs } = query;
    return pointsOf(
      stepMs === 0
        ? await engine.instant(stored, text, { time: start })
        : await engine.range(stored, text, { start, end, stepMs }),
    );
  } catch (error) {
    if (error instanceof TsdbError) return error.message;
    throw error;
  }
}

function pointsOf(result: EngineResult): Points {
  switch (result.type) {
    case "scalar":
      return new Map([[`@${result.time}`, result.value]]);
    case "vector":
      return new Map(result.series.map(({ labels, time, value }) => [key(labels, time), value]));
    case "matrix":
      return new Map(
        result.series.flatMap(({ labels, times, values }) =>
          Array.from(times, (time, i) => [key(labels, time), values[i]!] as const),
        ),
      );
    case "string":
      return new Map();
  }
}

function key(labels: Labels, time: number): string {
  return `${labels.size === 0 ? "" : labels}@${time}`;
}

/** Undefined when the naive evaluator knows nothing of it. */
function askNaively({ text, query }: Case): Answer | undefined {
  const points = new Map<string, number>();
  try {
    const expression = parse(text, { features });
    for (let time = query.start; time <= query.end; time += query.stepMs || 1) {
      const value: NaiveValue = evaluateNaively(expression, time, query);
      if (typeof value === "number") points.set(`@${time}`, value);
      else if (typeof value === "object")
        for (const each of value) points.set(key(each.labels, time), each.value);
    }
    return points;
  } catch (error) {
    if (error instanceof NotNaiveError) return undefined;
    if (error instanceof NaiveError || error instanceof ParseError) return error.message;
    throw error;
  }
}

function difference(engine: Points, naive: Points): string | undefined {
  for (const [place, value] of naive) {
    const other = engine.get(place);
    if (other === undefined) return `${place} is missing, should be ${value}`;
    if (!areClose(value, other)) return `${place} is ${other}, should be ${value}`;
  }
  const extra = [...engine.keys()].find((place) => !naive.has(place));
  return extra === undefined ? undefined : `${extra} should not be there`;
}

/** Wide enough for variances and slopes of large numbers, which the two sum up in different ways. */
function areClose(a: number, b: number): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b);
  return a === b || Math.abs(a - b) <= 1e-7 * Math.max(Math.abs(a), Math.abs(b));
}

describe("random expressions", () => {
  it("are evaluated as the naive evaluator does", async () => {
    const differences: string[] = [];
    let compared = 0;
    for (const seed of seeds) {
      const each = randomCase(seed);
      const naive = askNaively(each);
      if (naive === undefined) continue;
      const engine = await askEngine(each);
      // Over all steps at once the engine sees equal labels that no single step has.
      if (typeof engine === "string" && engine.includes("same labelset") && each.query.stepMs > 0) continue;
      compared++;
      const found =
        typeof naive === "string" || typeof engine === "string"
          ? typeof naive === typeof engine
            ? undefined
            : `engine: ${describeAnswer(engine)}; naive: ${describeAnswer(naive)}`
          : difference(engine, naive);
      if (found !== undefined) differences.push(`SEED=${seed} ${each.text}\n  ${found}`);
    }
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(seeds.length * 0.6);
  });
});

function describeAnswer(answer: Answer): string {
  return typeof answer === "string" ? answer : `${answer.size} points`;
}
