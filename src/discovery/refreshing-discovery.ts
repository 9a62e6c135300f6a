/**
 * RefreshingDiscovery: a Discovery that looks again and again: at an interval, and when something seems to have changed.
 *
 * One look at a time. What fails is told once, as long as it stays the same, and once more when it is over: see TroubleLog.
 */

import { TsdbError } from "../model/errors.js";
import type { Discovery, DiscoveryStatus, OnGroups } from "./discovery.js";
import { TroubleLog, type TroubleLogOptions } from "./trouble-log.js";

export interface Lookout extends Pick<DiscoveryStatus, "kind" | "place"> {
  readonly intervalMs: number;
  /**
   * Looks once and tells what it found. Returns what could not be seen, in sentences; a TsdbError that it throws
   * counts as one.
   */
  look(onGroups: OnGroups, signal: AbortSignal): Promise<readonly string[]>;
  /** Calls `onChange` when it may be worth looking, until what it returns is called. Renewed with every interval. */
  watch?(onChange: () => void): () => void;
  /** Called once, after the last look. */
  close?(): void;
}

export type RefreshingDiscoveryOptions = TroubleLogOptions;

/** Between a change and the look at it: many changes at once are one. */
const pauseMs = 100;

export class RefreshingDiscovery implements Discovery {
  readonly #lookout: Lookout;
  readonly #options: RefreshingDiscoveryOptions;
  readonly #troubles: TroubleLog;
  readonly #stopping = new AbortController();
  #cancelTick: () => void = () => {};
  #cancelSoon: (() => void) | undefined;
  #unwatch: () => void = () => {};
  #running: Promise<void> | undefined;
  #status: DiscoveryStatus;

  constructor(lookout: Lookout, options: RefreshingDiscoveryOptions) {
    this.#lookout = lookout;
    this.#options = options;
    const { kind, place } = lookout;
    this.#status = { kind, place, refreshes: 0, failures: 0, lastRefresh: undefined, lastError: "" };
    this.#troubles = new TroubleLog(`${kind} discovery of ${place}`, options);
  }

  get status(): DiscoveryStatus {
    return this.#status;
  }

  run(onGroups: OnGroups): void {
    this.#unwatch();
    this.#unwatch = this.#lookout.watch?.(() => this.#lookSoon(onGroups)) ?? (() => {});
    this.#running ??= this.#look(onGroups);
    this.#cancelTick = this.#options.clock.schedule(this.#lookout.intervalMs, () => this.run(onGroups));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancelTick();
    this.#cancelSoon?.();
    this.#unwatch();
    this.#troubles.close();
    this.#lookout.close?.();
  }

  #lookSoon(onGroups: OnGroups): void {
    this.#cancelSoon ??= this.#options.clock.schedule(pauseMs, () => {
      this.#cancelSoon = undefined;
      if (this.#running === undefined) this.#running = this.#look(onGroups);
      else this.#lookSoon(onGroups);
    });
  }

  async #look(onGroups: OnGroups): Promise<void> {
    const { signal } = this.#stopping;
    let problems: readonly string[];
    try {
      problems = await this.#lookout.look((source, groups) => {
        if (!signal.aborted) onGroups(source, groups);
      }, signal);
    } catch (error) {
      if (!(error instanceof TsdbError)) throw error;
      problems = [error.message];
    }
    this.#running = undefined;
    if (!signal.aborted) this.#note(problems.join("; "));
  }

  #note(lastError: string): void {
    const before = this.#status;
    this.#status = {
      ...before,
      refreshes: before.refreshes + 1,
      failures: before.failures + (lastError === "" ? 0 : 1),
      lastRefresh: this.#options.clock.now(),
      lastError,
    };
    this.#troubles.note(lastError);
  }
}
