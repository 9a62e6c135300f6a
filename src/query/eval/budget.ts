/**
 * QueryBudget: what one query may take of memory and time.
 *
 * Bytes are counted before they are loaded or allocated. Samples are counted as Prometheus counts them: those that
 * are decoded, and the points that values hold. What a node has used up for its own work is given back when it is
 * left, so that only its value counts on; label values that it made stay counted.
 *
 * Source: the texts of the errors are those of Prometheus `promql/engine.go`.
 */

import type { Clock } from "../../model/clock.js";
import { QueryCanceledError, QueryLimitError, QueryTimeoutError } from "../../model/errors.js";
import { ColumnPool } from "./column-pool.js";
import type { Slices } from "./slices.js";
import { byteCount, type Column, presentCount, STEP_BYTES, type Value } from "./value.js";

/** What all queries of an engine hold together: they take turns, so that each holds its columns while others run. */
export interface SharedBytes {
  readonly max: number;
  held: number;
}

export interface BudgetLimits {
  readonly samplesMax: number;
  readonly bytesMax: number;
  readonly timeoutMs: number;
  readonly shared?: SharedBytes;
}

/** Samples between two looks at the clock. */
const samplesPerCheck = 20_000;
/** How long a query works before others have their turn. */
export const SLICE_MS = 10;
/** The longest label value that a query may make; a metric has shorter ones. In UTF-16 units. */
export const LABEL_VALUE_LENGTH_MAX = 2 ** 16;
/** What looking at the labels of one series costs, in samples. */
export const LABEL_WORK = 100;
/** What a series costs beside its columns when its labels are made by the query. */
const labelsBytes = 200;

export class QueryBudget {
  readonly #limits: BudgetLimits;
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  readonly #shared: SharedBytes;
  readonly #deadline: number;
  readonly #pool = new ColumnPool();
  #bytes = 0;
  #labelBytes = 0;
  #samples = 0;
  #untilCheck = samplesPerCheck;
  #sliceEnd = Number.POSITIVE_INFINITY;
  #sliceIsOver = false;
  #isOver = false;

  constructor(limits: BudgetLimits, clock: Clock, signal?: AbortSignal) {
    this.#limits = limits;
    this.#clock = clock;
    this.#signal = signal;
    this.#shared = limits.shared ?? { max: Number.POSITIVE_INFINITY, held: 0 };
    this.#deadline = clock.monotonic() + limits.timeoutMs;
  }

  /** Bytes about to be loaded; they stay until the query ends. */
  reserveBytes(bytes: number): void {
    // A load that nobody waits for any more ends here.
    if (this.#isOver) throw new QueryCanceledError("query was canceled in query execution");
    this.#bytes += bytes;
    this.#shared.held += bytes;
    if (this.#bytes + this.#labelBytes > this.#limits.bytesMax) {
      throw new QueryLimitError(
        `query processing would load more than ${this.#limits.bytesMax} bytes into memory in query execution`,
      );
    }
    if (this.#shared.held > this.#shared.max) {
      throw new QueryLimitError(
        `this query and those that run beside it would hold more than ${this.#shared.max} bytes`,
      );
    }
  }

  /** The query is over: nothing of it is held any more. May be called again. */
  release(): void {
    this.#isOver = true;
    this.#shared.held -= this.#bytes + this.#labelBytes;
    this.#bytes = 0;
    this.#labelBytes = 0;
  }

  /** Room for a column, zeroed: absent at every step. */
  column(steps: number): Column {
    this.reserveBytes(steps * STEP_BYTES);
    return this.#pool.column(steps);
  }

  values(steps: number): Float64Array {
    this.reserveBytes(steps * STEP_BYTES);
    return new Float64Array(steps);
  }

  /** A byte per step, zeroed. */
  flags(steps: number): Uint8Array {
    this.reserveBytes(steps);
    return new Uint8Array(steps);
  }

  /** Labels that the query makes, with values of this length; called before they are made. */
  reserveLabels(valueLength: number): void {
    if (valueLength > LABEL_VALUE_LENGTH_MAX)
      throw new QueryLimitError(`a label value would be longer than ${LABEL_VALUE_LENGTH_MAX} characters`);
    const bytes = labelsBytes + 2 * valueLength;
    this.#labelBytes += bytes;
    this.#shared.held += bytes;
    this.reserveBytes(0);
  }

  /** Samples that are kept, as those of a column that was just filled. */
  addSamples(samples: number): void {
    this.checkSamples(samples);
    this.#samples += samples;
  }

  /** Samples that are held for a moment, as those decoded from one series. */
  checkSamples(samples: number): void {
    if (this.#samples + samples > this.#limits.samplesMax) {
      throw new QueryLimitError(
        "query processing would load too many samples into memory in query execution",
      );
    }
    this.tick(samples);
  }

  /** Does one node's work and afterwards counts only its value. */
  *holding(work: Slices<Value>): Slices<Value> {
    const bytes = this.#bytes;
    const samples = this.#samples;
    const value = yield* work;
    const held = bytes + byteCount(value);
    this.#shared.held += held - this.#bytes;
    this.#bytes = held;
    const points = yield* this.#countSamples(value);
    this.#samples = samples;
    this.addSamples(points);
    return value;
  }

  /** Points that a value holds: steps without a value are none. */
  *#countSamples(value: Value): Slices<number> {
    let count = 0;
    switch (value.kind) {
      case "scalar":
        return value.values.length;
      case "vector":
        for (const { column } of value.series) {
          count += presentCount(column);
          if (this.tick(column.present.length / 4)) yield;
        }
        return count;
      case "matrix":
        return value.series.reduce((sum, { times }) => sum + times.length, 0);
      case "string":
        return 0;
    }
  }

  /** Milliseconds from an arbitrary start. */
  now(): number {
    return this.#clock.monotonic();
  }

  /** The next slice begins: `tick` tells when it is over. Without it a slice has no end. */
  beginSlice(): void {
    this.#sliceEnd = this.#clock.monotonic() + SLICE_MS;
    this.#sliceIsOver = false;
  }

  /**
   * Called from long loops with the samples worked on since the last call, or work that takes as long. True when
   * the slice is over: time to yield.
   */
  tick(samples: number): boolean {
    this.#untilCheck -= samples;
    if (this.#untilCheck > 0) return this.#sliceIsOver;
    this.checkTime("expression evaluation");
    return this.#sliceIsOver;
  }

  /** Waits for others, but not beyond the deadline or a cancellation: then it throws. */
  async race(work: Promise<unknown>): Promise<void> {
    const stage = "query execution";
    await new Promise<void>((resolve, reject) => {
      const canceled = (): void =>
        end(() => reject(new QueryCanceledError(`query was canceled in ${stage}`)));
      const late = (): void => end(() => reject(new QueryTimeoutError(`query timed out in ${stage}`)));
      const stopTimer = this.#clock.schedule(Math.max(0, this.#deadline - this.#clock.monotonic()), late);
      this.#signal?.addEventListener("abort", canceled);
      const end = (settle: () => void): void => {
        stopTimer();
        this.#signal?.removeEventListener("abort", canceled);
        settle();
      };
      work.then(
        () => end(resolve),
        (error: unknown) => end(() => reject(error)),
      );
    });
    this.checkTime(stage);
  }

  /** Throws when the query was cancelled or its time is over. `stage` says where, in Prometheus' words. */
  checkTime(stage: string): void {
    if (this.#signal?.aborted === true) throw new QueryCanceledError(`query was canceled in ${stage}`);
    const now = this.#clock.monotonic();
    if (now > this.#deadline) throw new QueryTimeoutError(`query timed out in ${stage}`);
    if (now > this.#sliceEnd) this.#sliceIsOver = true;
    this.#untilCheck = samplesPerCheck;
  }
}
