/**
 * LimitedLog: lines of a log about the other end of a connection, which may have its reasons to want many: what comes too
 * fast is left out, and told of by its number.
 */

import { Allowance } from "../discovery/allowance.js";
import type { Clock } from "../model/clock.js";

export interface LogLine {
  readonly level: "info" | "warning";
  readonly message: string;
}

export interface LimitedLogOptions {
  readonly clock: Clock;
  readonly onEvent: (line: LogLine) => void;
}

/** An hour's worth is 400 lines, whatever the other end does. */
const limits = { burst: 40, refillMs: 10_000 };
/** Between two lines that say how many were left out. */
const summaryMs = 10 * 60_000;

export class LimitedLog {
  /** What the lines that are left out are about. */
  readonly #subject: string;
  readonly #options: LimitedLogOptions;
  readonly #allowance: Allowance;
  #leftOut = 0;
  #cancelTimer: () => void = () => {};

  constructor(subject: string, options: LimitedLogOptions) {
    this.#subject = subject;
    this.#options = options;
    this.#allowance = new Allowance(options.clock, limits);
  }

  tell(level: LogLine["level"], message: string): void {
    const { clock, onEvent } = this.#options;
    if (this.#allowance.take() === 0) {
      onEvent({ level, message });
      return;
    }
    this.#leftOut++;
    if (this.#leftOut === 1) this.#cancelTimer = clock.schedule(summaryMs, () => this.#sumUp());
  }

  /** Tells what is still to be told. */
  close(): void {
    this.#cancelTimer();
    if (this.#leftOut > 0) this.#sumUp();
  }

  #sumUp(): void {
    const message = `${this.#leftOut} lines about ${this.#subject} were left out, as they came too fast`;
    this.#leftOut = 0;
    this.#options.onEvent({ level: "warning", message });
  }
}
