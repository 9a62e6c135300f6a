/**
 * FoundTargets: all that the discoveries of one job have found, told as a whole, and not too often.
 *
 * The first news is told at once, later ones at most every five seconds: what comes meanwhile is told together. Groups
 * that are as they were are no news.
 */

import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../model/clock.js";
import type { Labels } from "../model/labels.js";
import { type Discovery, type DiscoveryStatus, type TargetGroup, targetsOf } from "./discovery.js";
import type { DiscoveryConfig } from "./discovery-config.js";

export interface FoundTargetsOptions {
  readonly clock: Clock;
  readonly createDiscovery: (config: DiscoveryConfig) => Discovery;
  /** Called with the labels of all targets. Must not throw. */
  readonly onTargets: (targets: readonly Labels[]) => void;
}

export interface FoundTargetsStatus extends DiscoveryStatus {
  /** How many there are of it. */
  readonly targets: number;
}

interface RunningDiscovery {
  readonly config: DiscoveryConfig;
  readonly discovery: Discovery;
  /** By source, in the order in which they first came. */
  readonly found: Map<string, readonly Labels[]>;
}

const pauseMs = 5000;

export class FoundTargets {
  readonly #options: FoundTargetsOptions;
  #running: readonly RunningDiscovery[] = [];
  readonly #stopping = new Set<Promise<void>>();
  #toldAt = Number.NEGATIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;

  constructor(options: FoundTargetsOptions) {
    this.#options = options;
  }

  /**
   * Says which discoveries there are. Those that were there go on; targets of those that are gone are gone a while
   * later, when new ones had the time to find them, too.
   */
  configure(configs: readonly DiscoveryConfig[]): void {
    const before = this.#running;
    this.#running = configs.map(
      (config) => before.find((running) => isDeepStrictEqual(running.config, config)) ?? this.#begin(config),
    );
    const gone = before.filter((running) => !this.#running.includes(running));
    for (const { discovery } of gone) this.#end(discovery);
    if (gone.some(({ found }) => found.size > 0)) this.#tellAfter(pauseMs);
  }

  get statuses(): readonly FoundTargetsStatus[] {
    return this.#running.map(({ discovery, found }) => ({
      ...discovery.status,
      targets: flatten(found).length,
    }));
  }

  /** Resolves when nothing will be told any more. */
  async stop(): Promise<void> {
    for (const { discovery } of this.#running) this.#end(discovery);
    this.#running = [];
    this.#cancelTimer?.();
    await Promise.all(this.#stopping);
  }

  #begin(config: DiscoveryConfig): RunningDiscovery {
    const discovery = this.#options.createDiscovery(config);
    const found = new Map<string, readonly Labels[]>();
    discovery.run((source, groups) => this.#take(found, source, groups));
    return { config, discovery, found };
  }

  #end(discovery: Discovery): void {
    const stopping = discovery.stop().finally(() => this.#stopping.delete(stopping));
    this.#stopping.add(stopping);
  }

  #take(found: Map<string, readonly Labels[]>, source: string, groups: readonly TargetGroup[]): void {
    const before = found.get(source) ?? [];
    const after = [...targetsOf(groups)];
    if (after.length === 0) found.delete(source);
    else found.set(source, after);
    if (isSame(before, after)) return;
    this.#tellAfter(Math.max(0, this.#toldAt + pauseMs - this.#options.clock.monotonic()));
  }

  #tellAfter(delayMs: number): void {
    this.#cancelTimer ??= this.#options.clock.schedule(delayMs, () => {
      this.#cancelTimer = undefined;
      this.#toldAt = this.#options.clock.monotonic();
      this.#options.onTargets(this.#running.flatMap(({ found }) => flatten(found)));
    });
  }
}

function flatten(found: ReadonlyMap<string, readonly Labels[]>): Labels[] {
  return [...found.values()].flat();
}

function isSame(before: readonly Labels[], after: readonly Labels[]): boolean {
  return before.length === after.length && before.every((labels, i) => labels.equals(after[i]!));
}
