/**
 * QueryBudget: what one query may take of memory and time. Counted before allocation; what a node has used up for
 * its own work is given back when it is left, so that only its value counts on.
 *
 * Source: the texts of the errors are those of Prometheus `promql/engine.go`.
 */

import type { Clock } from "../../model/clock.js";
import { QueryCanceledError, QueryLimitError, QueryTimeoutError } from "../../model/errors.js";
import { type Column, sampleCount, type Value } from "./value.js";

export interface BudgetLimits {
  readonly samplesMax: number;
  readonly bytesMax: number;
  readonly timeoutMs: number;
}

/** A value and a presence byte. */
const stepBytes = 9;
/** Samples between two looks at the clock. */
const samplesPerCheck = 20_000;

export class QueryBudget {
  readonly #limits: BudgetLimits;
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  readonly #deadline: number;
  #loadedBytes = 0;
  #samples = 0;
  #untilCheck = samplesPerCheck;

  constructor(limits: BudgetLimits, clock: Clock, signal?: AbortSignal) {
    this.#limits = limits;
    this.#clock = clock;
    this.#signal = signal;
    this.#deadline = clock.monotonic() + limits.timeoutMs;
  }

  /** Compressed bytes that stay loaded until the query ends. */
  reserveBytes(bytes: number): void {
    this.#loadedBytes += bytes;
    this.#checkBytes();
  }

  /** Room for a column, zeroed: absent at every step. */
  column(steps: number): Column {
    this.#reserveSamples(steps);
    return { values: new Float64Array(steps), present: new Uint8Array(steps) };
  }

  values(steps: number): Float64Array {
    this.#reserveSamples(steps);
    return new Float64Array(steps);
  }

  /** Runs one node's work and afterwards counts only its value. */
  holding(work: () => Value): Value {
    const before = this.#samples;
    const value = work();
    this.#samples = before + sampleCount(value);
    return value;
  }

  /** Counts samples that are held for a moment, as those decoded from one series. */
  checkSamples(samples: number): void {
    if (this.#samples + samples > this.#limits.samplesMax) throw tooManySamples();
    this.tick(samples);
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

  #reserveSamples(samples: number): void {
    this.#samples += samples;
    if (this.#samples > this.#limits.samplesMax) throw tooManySamples();
    this.#checkBytes();
  }

  #checkBytes(): void {
    if (this.#loadedBytes + this.#samples * stepBytes <= this.#limits.bytesMax) return;
    throw new QueryLimitError(
      `query processing would load more than ${this.#limits.bytesMax} bytes into memory in query execution`,
    );
  }
}

function tooManySamples(): QueryLimitError {
  return new QueryLimitError("query processing would load too many samples into memory in query execution");
}
