/**
 * QueryBudget: what one query may take of memory and time.
 *
 * Bytes are counted before they are loaded or allocated. Samples are counted as Prometheus counts them: those that
 * are decoded, and the points that values hold. What a node has used up for its own work is given back when it is
 * left, so that only its value counts on.
 *
 * Source: the texts of the errors are those of Prometheus `promql/engine.go`.
 */

import type { Clock } from "../../model/clock.js";
import { QueryCanceledError, QueryLimitError, QueryTimeoutError } from "../../model/errors.js";
import { ColumnPool } from "./column-pool.js";
import { byteCount, type Column, STEP_BYTES, sampleCount, type Value } from "./value.js";

export interface BudgetLimits {
  readonly samplesMax: number;
  readonly bytesMax: number;
  readonly timeoutMs: number;
}

/** Samples between two looks at the clock. */
const samplesPerCheck = 20_000;

export class QueryBudget {
  readonly #limits: BudgetLimits;
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  readonly #deadline: number;
  readonly #pool = new ColumnPool();
  #bytes = 0;
  #samples = 0;
  #untilCheck = samplesPerCheck;

  constructor(limits: BudgetLimits, clock: Clock, signal?: AbortSignal) {
    this.#limits = limits;
    this.#clock = clock;
    this.#signal = signal;
    this.#deadline = clock.monotonic() + limits.timeoutMs;
  }

  /** Bytes about to be loaded; they stay until the query ends. */
  reserveBytes(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#limits.bytesMax) return;
    throw new QueryLimitError(
      `query processing would load more than ${this.#limits.bytesMax} bytes into memory in query execution`,
    );
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

  /** Runs one node's work and afterwards counts only its value. */
  holding(work: () => Value): Value {
    const bytes = this.#bytes;
    const samples = this.#samples;
    const value = work();
    this.#bytes = bytes + byteCount(value);
    this.#samples = samples;
    this.addSamples(sampleCount(value));
    return value;
  }

  /** Called from long loops with the samples worked on since the last call. */
  tick(samples: number): void {
    this.#untilCheck -= samples;
    if (this.#untilCheck > 0) return;
    this.#untilCheck = samplesPerCheck;
    this.checkTime("expression evaluation");
  }

  /** Throws when the query was cancelled or its time is over. `stage` says where, in Prometheus' words. */
  checkTime(stage: string): void {
    if (this.#signal?.aborted === true) throw new QueryCanceledError(`query was canceled in ${stage}`);
    if (this.#clock.monotonic() > this.#deadline) throw new QueryTimeoutError(`query timed out in ${stage}`);
  }
}
