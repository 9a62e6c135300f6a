/**
 * GatheredCommits: scrapes that end at about the same time begin their commits together: one write of the log makes all of
 * them durable, and they are applied in one turn.
 *
 * Whose page has come waits for those that are still on their way, but only for a moment: a slow target holds nobody up.
 */

import type { Clock } from "../model/clock.js";

const gatheredMaxMs = 25;

export class GatheredCommits {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #scrapesOnTheirWay = 0;
  #cancelTimer: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A scrape is on its way, until `arrive`. */
  depart(): void {
    this.#scrapesOnTheirWay++;
  }

  arrive(): void {
    this.#scrapesOnTheirWay--;
    if (this.#scrapesOnTheirWay === 0) this.#begin();
  }

  /** To be called before `arrive`. Calls `commit` when it is to begin: at the latest in a moment. */
  add(commit: () => void): void {
    if (this.#waiting.length === 0)
      this.#cancelTimer = this.#clock.schedule(gatheredMaxMs, () => this.#begin());
    this.#waiting.push(commit);
  }

  #begin(): void {
    if (this.#waiting.length === 0) return;
    this.#cancelTimer();
    for (const commit of this.#waiting.splice(0)) commit();
  }
}
