/**
 * The query engine agrees with an evaluator that knows nothing of plans, columns and kernels.
 */

import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/model/clock.js";
import { ParseError, QueryError } from "../../src/model/errors.js";
import { QueryEngine } from "../../src/query/engine.js";
import { parse } from "../../src/query/parser/parse.js";
import { print } from "../../src/query/parser/print.js";
import { Dice } from "../differential/dice.js";
import { approximate, weights } from "../differential/expression-weights.js";
import { randomExpression } from "../differential/random-expression.js";
import { randomSeries, setDurationMs } from "../differential/random-series.js";
import { smallerForms } from "../differential/shrink.js";
import { MemoryQueryable } from "../support/memory-queryable.js";
import { evaluateNaively, NaiveError, type NaiveQuery } from "../support/naive-evaluator.js";

const seed = Number(process.env.SEED ?? 1);
const expressions = Number(process.env.EXPRESSIONS ?? 800);
const base = Date.UTC(2023, 11, 31, 23, 0, 0, 500);
const features = new Set(["promql-experimental-functions"]);

/** Ties in topk, and the hash of limit_ratio, are not told by the semantics; info has its scripts. */
const omitted = new Set(["topk", "bottomk", "limit_ratio", "info", "matrix", "string"]);
const { root: _, matrix: __, scalar: ___, vector: ____, sortFunction: _____, ...computing } = weights;
const exact = new Set([
  "count",
  "group",
  "min",
  "max",
  "count_values",
  "limitk",
  "last_over_time",
  "label_replace",
]);
/** Everything that adds or divides: the naive evaluator rounds once where the engine compensates. */
const inexact = new Set([
  ...approximate,
  ...Object.values(computing)
    .flatMap((table) => Object.keys(table))
    .filter((name) => !exact.has(name)),
]);

const engine = new QueryEngine({
  lookbackDeltaMs: 300_000,
  timeoutMs: 60_000,
  samplesMax: 50_000_000,
  bytesMax: 2 ** 30,
  features,
  clock: systemClock,
  defaultStepMs: 60_000,
});
const series = [...randomSeries(seed, base, true)].sort((a, b) => a.labels.compare(b.labels));
const queryable = new MemoryQueryable({ samplesPerChunk: 50 });
for (const { labels, samples } of series) {
  for (const { time, value } of samples) queryable.append(labels, time, value);
}

describe("the engine and the naive evaluator", () => {
  it(`agree on ${expressions} expressions (SEED=${seed})`, async () => {
    const differences: string[] = [];
    let compared = 0;
    for (let i = 0; i < expressions && differences.length < 10; i++) {
      const asked = randomQuery(new Dice(seed * 1_000_003 + i));
      const { difference, isAnswered } = await compare(asked);
      if (difference !== undefined) differences.push(await smallestDifference(asked));
      if (isAnswered) compared++;
    }
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(expressions / 2);
  });
});

interface AskedQuery {
  readonly expression: string;
  readonly query: NaiveQuery;
}

async function compare({ expression, query }: AskedQuery) {
  const [ours, naive] = [await engineAnswer(expression, query), naiveAnswer(expression, query)];
  if (ours !== undefined && naive !== undefined)
    return { difference: differenceOf(ours, naive), isAnswered: true };
  // The engine may meet an error between the steps, in windows that no step asks for.
  const isAgreed = query.stepMs > 0 || ours === naive;
  return {
    difference: isAgreed ? undefined : `an error is ${ours === undefined ? "wrong" : "right"}`,
    isAnswered: false,
  };
}

async function smallestDifference(asked: AskedQuery): Promise<string> {
  let { expression } = asked;
  const { start, end, stepMs } = asked.query;
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false;
    for (const form of smallerForms(parse(expression, { features }))) {
      const smaller = { ...asked, expression: print(form) };
      if ((await compare(smaller)).difference === undefined) continue;
      expression = smaller.expression;
      isSmaller = true;
      break;
    }
  }
  const { difference } = await compare({ ...asked, expression });
  return `${expression} from ${start} to ${end} by ${stepMs}: ${difference} (${asked.expression})`;
}

/** Go has dates for NaN and infinities: what its conversion to an integer happens to give. */
const ofNoDate = /(?:minute|hour|day_of_\w+|days_in_month|month|year)\(extreme\)/;

function randomQuery(dice: Dice): AskedQuery {
  let expression: string;
  do expression = randomExpression(dice, { omitted, approximate: inexact, around: base });
  while (ofNoDate.test(expression));
  const offset = dice.integer(setDurationMs + 15 * 60_000) - 5 * 60_000;
  const start = base + (dice.chance(0.5) ? Math.round(offset / 15_000) * 15_000 : offset);
  const stepMs = dice.chance(0.5) ? 0 : dice.pick([1000, 15_000, 60_000, 133_000]);
  return { expression, query: { series, start, end: start + stepMs * dice.integer(5), stepMs } };
}

/** Values by time and labels; undefined for an error. */
type Points = ReadonlyMap<string, number>;

async function engineAnswer(expression: string, query: NaiveQuery): Promise<Points | undefined> {
  const points = new Map<string, number>();
  try {
    const { start, end, stepMs } = query;
    const result =
      stepMs === 0
        ? await engine.instant(queryable, expression, { time: start })
        : await engine.range(queryable, expression, { start, end, stepMs });
    if (result.type === "scalar") points.set(`${start} {}`, result.value);
    if (result.type === "vector") {
      for (const { labels, time, value } of result.series) points.set(`${time} ${labels}`, value);
    }
    if (result.type === "matrix") {
      for (const { labels, times, values } of result.series) {
        for (const [i, time] of times.entries()) points.set(`${time} ${labels}`, values[i]!);
      }
    }
    return points;
  } catch (error) {
    if (error instanceof QueryError || error instanceof ParseError) return undefined;
    throw error;
  }
}

function naiveAnswer(expression: string, query: NaiveQuery): Points | undefined {
  const points = new Map<string, number>();
  try {
    const tree = parse(expression, { features });
    for (let time = query.start; time <= query.end; time += query.stepMs || 1) {
      const value = evaluateNaively(tree, time, query);
      if (value.kind === "scalar") points.set(`${time} {}`, value.value);
      if (value.kind !== "vector") continue;
      for (const { labels, value: number } of value.elements) points.set(`${time} ${labels}`, number);
    }
    return points;
  } catch (error) {
    if (error instanceof NaiveError || error instanceof ParseError) return undefined;
    throw error;
  }
}

function differenceOf(ours: Points, naive: Points): string | undefined {
  for (const [key, value] of ours) {
    const expected = naive.get(key);
    if (expected === undefined) return `${key}: ${value}, but nothing is right`;
    if (!isClose(value, expected)) return `${key}: ${value}, but ${expected} is right`;
  }
  for (const key of naive.keys())
    if (!ours.has(key)) return `${key}: nothing, but ${naive.get(key)} is right`;
  return undefined;
}

function isClose(a: number, b: number): boolean {
  return Object.is(a, b) || Math.abs(a - b) <= 1e-8 * Math.max(1, Math.abs(a), Math.abs(b));
}
