/**
 * TroubleLog: what a discovery tells of its troubles: each that is new, at once, but no more than a few in a row and then
 * one a minute: a server that fails otherwise each time, or comes and goes, must not fill the log. What is told late is
 * how things stand then.
 */

import type { Clock } from "../model/clock.js";
import { Allowance } from "./allowance.js";
import type { DiscoveryEvent } from "./discovery.js";

export interface TroubleLogOptions {
  readonly clock: Clock;
  readonly onEvent: (event: DiscoveryEvent) => void;
}

const limits = { burst: 5, refillMs: 60_000 };

export class TroubleLog {
  readonly #subject: string;
  readonly #options: TroubleLogOptions;
  readonly #allowance: Allowance;
  /** What was told last, and what is so now; empty when all is well. */
  #told = "";
  #now = "";
  #cancelTimer: (() => void) | undefined;

  /** `subject` is what has troubles, as `http discovery of URL`. */
  constructor(subject: string, options: TroubleLogOptions) {
    this.#subject = subject;
    this.#options = options;
    this.#allowance = new Allowance(options.clock, limits);
  }

  /** How things stand: a sentence, or nothing when all is well. */
  note(trouble: string): void {
    this.#now = trouble;
    if (this.#cancelTimer === undefined) this.#tell();
  }

  close(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = () => {};
  }

  #tell(): void {
    if (this.#now === this.#told) return;
    const { clock, onEvent } = this.#options;
    const delayMs = this.#allowance.take();
    if (delayMs > 0) {
      this.#cancelTimer = clock.schedule(delayMs, () => {
        this.#cancelTimer = undefined;
        this.#tell();
      });
      return;
    }
    this.#told = this.#now;
    onEvent(
      this.#now === ""
        ? { level: "info", message: `${this.#subject} works again` }
        : { level: "warning", message: `${this.#subject} keeps the targets that it had: ${this.#now}` },
    );
  }
}
