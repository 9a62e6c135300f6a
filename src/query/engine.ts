/**
 * QueryEngine: parse -> check -> plan -> load -> evaluate. Evaluation runs in slices, between which the event loop
 * turns: pushes, scrapes, other queries and the cancellation of this one are heard. A query has a kernel to itself
 * from load to result.
 */

import { setImmediate } from "node:timers/promises";
import { type ColumnKernel, columnKernel } from "../kernels/column-kernel.js";
import type { Clock } from "../model/clock.js";
import { InvalidArgumentError } from "../model/errors.js";
import type { Queryable } from "../model/queryable.js";
import type { TimestampMs } from "../model/sample.js";
import type { Series } from "../model/series.js";
import { Annotations } from "./eval/annotations.js";
import { QueryBudget, type SharedBytes } from "./eval/budget.js";
import type { EvalContext, EvalFeatures } from "./eval/context.js";
import { evaluatePlan } from "./eval/evaluate.js";
import { type EvaluatedResult, instantResult, rangeResult } from "./eval/result.js";
import { runInSlices, type Slices } from "./eval/slices.js";
import type { Value } from "./eval/value.js";
import type { Expression, ValueType } from "./parser/ast.js";
import { valueType } from "./parser/check.js";
import { ParseCache } from "./parser/parse.js";
import { buildPlan } from "./plan/build-plan.js";
import { explainPlan } from "./plan/explain.js";
import type { Plan, QueryTimes } from "./plan/plan.js";

export interface QueryEngineOptions {
  /** How far back an instant selector reaches; the lower end is excluded. */
  readonly lookbackDeltaMs: number;
  readonly timeoutMs: number;
  /** Samples that one query may hold. */
  readonly samplesMax: number;
  /** Bytes of chunks and columns that one query may hold; all queries that run at once together, twice as many. */
  readonly bytesMax: number;
  /** Names of Prometheus' feature flags. */
  readonly features: ReadonlySet<string>;
  readonly clock: Clock;
  /** Called between slices of a query; default: the event loop turns once. */
  readonly nextTurn?: () => Promise<void>;
  /** The step of subqueries that state none: Prometheus' global evaluation interval. */
  readonly defaultStepMs: number;
}

/** What may differ from query to query. */
export interface QuerySettings {
  /** At most the engine's. */
  readonly timeoutMs?: number | undefined;
  readonly lookbackDeltaMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface InstantQuery extends QuerySettings {
  readonly time: TimestampMs;
}

export interface RangeQuery extends QuerySettings {
  readonly start: TimestampMs;
  /** Inclusive. */
  readonly end: TimestampMs;
  readonly stepMs: number;
}

/** The result with its annotations, as `QueryResult` of the public surface. */
export type EngineResult = EvaluatedResult & {
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
};

/** Parsed queries that are kept. */
const parsedMax = 500;
/** Kernels that are kept for the next queries. More are made when more queries run at once. */
const kernelsKept = 4;

export class QueryEngine {
  readonly #options: QueryEngineOptions;
  readonly #features: EvalFeatures;
  readonly #nextTurn: () => Promise<void>;
  readonly #shared: SharedBytes;
  readonly #parsed: ParseCache;
  /** Kernels that no query has in use. */
  readonly #kernels: ColumnKernel[] = [];

  constructor(options: QueryEngineOptions) {
    this.#options = options;
    this.#shared = { max: 2 * options.bytesMax, held: 0 };
    this.#nextTurn = options.nextTurn ?? (() => setImmediate());
    this.#parsed = new ParseCache(parsedMax, { features: options.features });
    this.#features = {
      delayedNameRemoval: options.features.has("promql-delayed-name-removal"),
      typeAndUnitLabels: options.features.has("type-and-unit-labels"),
    };
  }

  /** The value at one time. Throws ParseError, QueryError and its kinds, and what storage throws. */
  async instant(queryable: Queryable, text: string, query: InstantQuery): Promise<EngineResult> {
    const plan = this.#plan(text, { start: query.time, end: query.time, stepMs: 0 }, query);
    return this.#run(queryable, plan, query, (value, budget) => instantResult(value, query.time, budget));
  }

  /** The values at every step from `start` to `end`. Throws as `instant` does. */
  async range(queryable: Queryable, text: string, query: RangeQuery): Promise<EngineResult> {
    const { start, end, stepMs } = query;
    if (!(stepMs > 0)) {
      throw new InvalidArgumentError(
        "zero or negative query resolution step widths are not accepted. Try a positive integer",
      );
    }
    const plan = this.#plan(text, { start, end, stepMs }, query);
    return this.#run(queryable, plan, query, (value, budget) => rangeResult(value, plan, budget));
  }

  /** How a query would be evaluated, as text. `stepMs` 0 and equal ends are those of an instant query. */
  explain(text: string, times: QueryTimes, settings: QuerySettings = {}): string {
    return explainPlan(this.#plan(text, times, settings));
  }

  #plan(text: string, query: QueryTimes, settings: QuerySettings): Plan {
    const expression = this.#parsed.parse(text);
    if (query.stepMs > 0) checkRangeType(expression);
    const lookbackMs = settings.lookbackDeltaMs ?? this.#options.lookbackDeltaMs;
    return buildPlan(expression, { text, query, lookbackMs, defaultStepMs: this.#options.defaultStepMs });
  }

  async #run(
    queryable: Queryable,
    plan: Plan,
    settings: QuerySettings,
    finish: (value: Value, budget: QueryBudget) => Slices<EvaluatedResult>,
  ): Promise<EngineResult> {
    const { samplesMax, bytesMax, clock } = this.#options;
    const timeoutMs = Math.min(settings.timeoutMs ?? this.#options.timeoutMs, this.#options.timeoutMs);
    const budget = new QueryBudget(
      { samplesMax, bytesMax, timeoutMs, shared: this.#shared },
      clock,
      settings.signal,
    );
    budget.checkTime("query execution");
    try {
      const { loaded, close } = await load(queryable, plan, budget, settings.signal);
      try {
        const annotations = new Annotations(plan.text);
        const value = await this.#evaluate({ plan, loaded, budget, annotations }, finish);
        return { ...value, warnings: annotations.warnings(), infos: annotations.infos() };
      } finally {
        close();
      }
    } finally {
      budget.release();
    }
  }

  /** With a kernel of its own from first slice to last. */
  async #evaluate(
    input: Pick<EvalContext, "plan" | "loaded" | "budget" | "annotations">,
    finish: (value: Value, budget: QueryBudget) => Slices<EvaluatedResult>,
  ): Promise<EvaluatedResult> {
    const kernel = this.#kernels.pop() ?? columnKernel();
    try {
      const context = { ...input, kernel, features: this.#features };
      const work = function* (): Slices<EvaluatedResult> {
        return yield* finish(yield* evaluatePlan(context), input.budget);
      };
      return await this.#drive(work(), input.budget);
    } finally {
      kernel.clear();
      if (this.#kernels.length < kernelsKept) this.#kernels.push(kernel);
    }
  }

  #drive<T>(work: Slices<T>, budget: QueryBudget): Promise<T> {
    const beginSlice = (): void => {
      budget.checkTime("query execution");
      budget.beginSlice();
    };
    beginSlice();
    return runInSlices(work, async () => {
      await this.#nextTurn();
      beginSlice();
    });
  }
}

interface Loaded {
  /** Per select of the plan. */
  readonly loaded: readonly (readonly Series[])[];
  readonly close: () => void;
}

/** Starts all selects in one go, so that they see one state of the database. */
async function load(
  queryable: Queryable,
  { selects }: Plan,
  budget: QueryBudget,
  signal: AbortSignal | undefined,
): Promise<Loaded> {
  if (selects.length === 0) return { loaded: [], close: () => {} };
  const minTime = selects.reduce((min, { range }) => Math.min(min, range.minTime), Number.POSITIVE_INFINITY);
  const maxTime = selects.reduce((max, { range }) => Math.max(max, range.maxTime), Number.NEGATIVE_INFINITY);
  const querier = queryable.querier({ minTime, maxTime });
  const reserveBytes = (bytes: number): void => budget.reserveBytes(bytes);
  const hints = signal === undefined ? { reserveBytes } : { reserveBytes, signal };
  const selected = selects.map(({ matchers, range }) => querier.select(matchers, { ...hints, range }));
  // All have ended, in success or failure, before the querier is closed behind them.
  const settled = Promise.allSettled(selected);
  const close = (): void => querier.close();
  try {
    await budget.race(settled);
    return { loaded: await Promise.all(selected), close };
  } catch (error) {
    void settled.then(close);
    throw error;
  }
}

const rangeTypes: ReadonlySet<ValueType> = new Set(["scalar", "vector"]);

function checkRangeType(expression: Expression): void {
  const type = valueType(expression);
  if (rangeTypes.has(type)) return;
  const name = type === "matrix" ? "range vector" : type;
  throw new InvalidArgumentError(
    `invalid expression type "${name}" for range query, must be Scalar or instant Vector`,
  );
}
