/**
 * The differential fuzzer: random expressions, instant and range, to ours and to a real Prometheus; what differs is
 * made as small as it gets.
 */

import type { TimestampMs } from "../../src/model/sample.js";
import { parse } from "../../src/query/parser/parse.js";
import { print } from "../../src/query/parser/print.js";
import { type Answer, differenceOf } from "./answer.js";
import { Dice } from "./dice.js";
import { approximate, changedSince35 } from "./expression-weights.js";
import { knownChange } from "./known-changes.js";
import { type FuzzQuery, Peers } from "./peers.js";
import { randomExpression } from "./random-expression.js";
import { setDurationMs } from "./random-series.js";
import { smallerForms } from "./shrink.js";

export interface FuzzOptions {
  /** The path of a Prometheus 3.5 or later. */
  readonly prometheus: string;
  readonly expressions: number;
  readonly seed: number;
  /** Names of Prometheus' feature flags, besides those that expressions need. */
  readonly features?: readonly string[];
  /** Shrinking costs hundreds of queries each. */
  readonly differencesMax: number;
  readonly onDifference: (difference: Difference) => void;
  readonly onProgress?: (report: FuzzReport) => void;
}

export interface Difference {
  readonly original: FuzzQuery;
  /** The smallest query found that still differs. */
  readonly query: FuzzQuery;
  /** In words. */
  readonly difference: string;
  readonly ours: Answer;
  readonly theirs: Answer;
}

export interface FuzzReport {
  expressions: number;
  /** Answered with an error by both. */
  errors: number;
  /** Answered with at least one point by both. */
  nonEmpty: number;
  differences: number;
  /** Explained by a change of Prometheus since 3.5, by the change's name. */
  changed: Map<string, number>;
  /** Prometheus gave another answer to the same query when asked again: the order of its series is left open. */
  undetermined: number;
  /** Equal results with other annotations, and equal errors with other words: told, not counted as differences. */
  otherWords: Map<string, string>;
}

/** Where the sets begin: around the epoch, and in our days, across changes of day, month and year. */
const bases: readonly TimestampMs[] = [
  -30 * 60_000,
  Date.UTC(2000, 1, 28, 23),
  Date.UTC(2023, 11, 31, 23, 0, 0, 500),
  Date.UTC(2026, 2, 1, 5, 13),
];
const concurrent = 4;

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { prometheus, seed, features = [] } = options;
  const peers = await Peers.start(prometheus, { seed, bases, features });
  try {
    const run = new FuzzRun(peers, options);
    await Promise.all(Array.from({ length: concurrent }, () => run.work()));
    return run.report;
  } finally {
    await peers.stop();
  }
}

class FuzzRun {
  readonly report: FuzzReport = {
    expressions: 0,
    errors: 0,
    nonEmpty: 0,
    differences: 0,
    changed: new Map(),
    undetermined: 0,
    otherWords: new Map(),
  };
  readonly #peers: Peers;
  readonly #options: FuzzOptions;
  #begun = 0;

  constructor(peers: Peers, options: FuzzOptions) {
    this.#peers = peers;
    this.#options = options;
  }

  async work(): Promise<void> {
    const { expressions, seed, differencesMax, onProgress } = this.#options;
    while (this.#begun < expressions && this.report.differences < differencesMax) {
      const index = this.#begun++;
      await this.#try(randomQuery(new Dice(seed * 1_000_003 + index)));
      this.report.expressions++;
      if (this.report.expressions % 1000 === 0) onProgress?.(this.report);
    }
  }

  async #try(query: FuzzQuery): Promise<void> {
    const { report } = this;
    const { ours, theirs, difference } = await this.#compare(query);
    const change = difference === undefined ? undefined : knownChange(query, ours, theirs);
    if (difference === undefined) {
      this.#countAgreement(query, ours, theirs);
    } else if (change !== undefined) {
      report.changed.set(change, (report.changed.get(change) ?? 0) + 1);
    } else if (await this.#isUndetermined(query, theirs)) {
      report.undetermined++;
    } else {
      report.differences++;
      this.#options.onDifference({ original: query, ...(await this.#smallest(query)) });
    }
  }

  #countAgreement({ expression }: FuzzQuery, ours: Answer, theirs: Answer): void {
    const { report } = this;
    if (ours.kind === "error") report.errors++;
    else if (ours.series.length > 0) report.nonEmpty++;
    const [a, b] = [wordsOf(ours), wordsOf(theirs)];
    const isNew = a !== b && !report.otherWords.has(wordsPattern(a, b));
    if (isNew) report.otherWords.set(wordsPattern(a, b), `${expression}\n    ours:   ${a}\n    theirs: ${b}`);
  }

  async #compare(query: FuzzQuery) {
    const [ours, theirs] = await Promise.all([this.#peers.ours(query), this.#peers.theirs(query)]);
    return { ours, theirs, difference: differenceOf(ours, theirs, isOrdered(query)) };
  }

  /** Asks again: Prometheus adds, and breaks ties, in the order of a Go map in some range queries. */
  async #isUndetermined(query: FuzzQuery, first: Answer): Promise<boolean> {
    for (let i = 0; i < 8; i++) {
      const { theirs, difference } = await this.#compare(query);
      if (difference === undefined || differenceOf(first, theirs, false) !== undefined) return true;
    }
    return false;
  }

  async #smallest(query: FuzzQuery) {
    let smallest = { query, ...(await this.#compare(query)) };
    for (let isSmaller = true; isSmaller; ) {
      isSmaller = false;
      for (const candidate of smallerQueries(smallest.query)) {
        const compared = await this.#compare(candidate);
        if (compared.difference === undefined) continue;
        if (knownChange(candidate, compared.ours, compared.theirs) !== undefined) continue;
        if (await this.#isUndetermined(candidate, compared.theirs)) continue;
        smallest = { query: candidate, ...compared };
        isSmaller = true;
        break;
      }
    }
    return { ...smallest, difference: smallest.difference ?? "gone when asked again" };
  }
}

/** Instant or range, at times around one of the sets. */
function randomQuery(dice: Dice): FuzzQuery {
  const base = dice.pick(bases);
  const expression = randomExpression(dice, { omitted: changedSince35, approximate, around: base });
  const offset = dice.integer(setDurationMs + 15 * 60_000) - 5 * 60_000;
  const start = base + (dice.chance(0.5) ? Math.round(offset / 15_000) * 15_000 : offset);
  if (dice.chance(0.4)) return { expression, start, end: start, stepMs: 0 };
  const stepMs = dice.pick([500, 1000, 7000, 15_000, 30_000, 60_000, 60_000, 133_000, 600_000]);
  return { expression, start, end: start + stepMs * dice.integer(30) + dice.integer(stepMs), stepMs };
}

/** The smaller forms of the expression; an instant query, or fewer steps, in place of a range query. */
function* smallerQueries(query: FuzzQuery): Generator<FuzzQuery> {
  const { start, end, stepMs } = query;
  if (stepMs > 0) {
    for (let at = start; at <= end; at += stepMs) yield { ...query, start: at, end: at, stepMs: 0 };
    const half = start + Math.floor((end - start) / stepMs / 2) * stepMs;
    if (end > start) yield { ...query, end: half < end ? half : start };
    if (end >= half + stepMs) yield { ...query, start: half + stepMs };
  }
  const written = new Set([query.expression]);
  for (const form of smallerForms(parse(query.expression, { features: anyFeature }))) {
    const expression = print(form);
    if (written.has(expression) || !isParsed(expression)) continue;
    written.add(expression);
    yield { ...query, expression };
  }
}

const anyFeature = new Set(["promql-experimental-functions"]);

function isParsed(expression: string): boolean {
  try {
    parse(expression, { features: anyFeature });
    return true;
  } catch {
    return false;
  }
}

const sorted = new Set(["sort", "sort_desc", "sort_by_label", "sort_by_label_desc", "topk", "bottomk"]);

/** Whether the order of the answer's series means something. */
function isOrdered({ expression, stepMs }: FuzzQuery): boolean {
  if (stepMs > 0 || !isParsed(expression)) return false;
  const root = parse(expression, { features: anyFeature });
  return (
    (root.kind === "call" && sorted.has(root.function)) ||
    (root.kind === "aggregation" && sorted.has(root.operator))
  );
}

function wordsOf(answer: Answer): string {
  if (answer.kind === "error") return answer.message;
  return [...answer.warnings, ...answer.infos].sort().join(" | ");
}

/** One of each kind of difference in words is enough. */
function wordsPattern(ours: string, theirs: string): string {
  return `${ours} <> ${theirs}`.replace(/"[^"]*"|\{[^}]*\}|[-+]?\d[\d.e+:]*/g, "_").slice(0, 120);
}
