/**
 * ScrapeManager: the pools of all jobs: start, look at, change, stop.
 */

import { createDiscovery } from "../discovery/create-discovery.js";
import type { DiscoveryEvent, TargetGroup } from "../discovery/discovery.js";
import { KubernetesWatches } from "../discovery/kubernetes/kubernetes-watches.js";
import { InvalidArgumentError } from "../model/errors.js";
import type { Labels } from "../model/labels.js";
import { AddedTargets } from "./added-targets.js";
import { GatheredCommits } from "./gathered-commits.js";
import { MemoryPressure, type ReadMemory } from "./memory-pressure.js";
import { PageBuffers } from "./page-buffers.js";
import type { ScrapeConfig } from "./scrape-config.js";
import { ScrapeCounts } from "./scrape-counts.js";
import type { ScrapeLoop } from "./scrape-loop.js";
import { ScrapePool, type ScrapePoolOptions } from "./scrape-pool.js";
import type { ScrapePoolStatus } from "./status.js";
import { Ticks } from "./ticks.js";

export interface ScrapeManagerOptions
  extends Omit<
    ScrapePoolOptions,
    "ticks" | "commits" | "buffers" | "counts" | "createDiscovery" | "addedTargets" | "shortage" | "findLoop"
  > {
  /** When it is given, scrapes are skipped while little memory is left. */
  readonly readMemory?: ReadMemory;
  /** What an operator should know of discovery. */
  readonly onDiscoveryEvent: (event: DiscoveryEvent) => void;
}

export class ScrapeManager {
  /** Since the start. */
  readonly counts: ScrapeCounts;
  readonly #options: ScrapePoolOptions;
  readonly #memory: MemoryPressure | undefined;
  #pools: readonly ScrapePool[];
  /** By job, reloads notwithstanding. */
  readonly #added = new Map<string, Set<AddedTargets>>();
  /** Of jobs that are gone, until their series are marked. */
  #retiring: readonly ScrapePool[] = [];

  constructor(configs: readonly ScrapeConfig[], options: ScrapeManagerOptions) {
    const ofDiscovery = { ...options, onEvent: options.onDiscoveryEvent, watches: new KubernetesWatches() };
    const { clock, readMemory, onProblem } = options;
    this.counts = new ScrapeCounts(clock);
    this.#memory =
      readMemory &&
      new MemoryPressure({ clock, read: readMemory, onChange: () => this.#reviewMemory(onProblem) });
    this.#options = {
      ...options,
      ticks: new Ticks(clock),
      commits: new GatheredCommits(clock),
      buffers: new PageBuffers(),
      counts: this.counts,
      shortage: () => this.#memory?.reason,
      findLoop: (labels) => this.#findLoop(labels),
      addedTargets: (jobName) => [...(this.#added.get(jobName) ?? [])].flatMap(({ targets }) => targets),
      createDiscovery: (config) => createDiscovery(config, ofDiscovery),
    };
    this.#pools = configs.map((config) => new ScrapePool(config, this.#options));
  }

  start(): void {
    this.#memory?.start();
    for (const pool of this.#pools) pool.start();
  }

  /**
   * Jobs are what their names say: one that stays goes on as far as it has not changed, one that is gone ends as its
   * targets do, when nothing of them has come for two intervals.
   */
  async configure(configs: readonly ScrapeConfig[]): Promise<void> {
    const before = this.#pools;
    const find = ({ jobName }: ScrapeConfig) => before.find((pool) => pool.config.jobName === jobName);
    const kept = configs.map((config) => ({ config, pool: find(config) }));
    this.#pools = kept.map(({ config, pool }) => pool ?? new ScrapePool(config, this.#options));
    const gone = before.filter((pool) => !this.#pools.includes(pool));
    for (const pool of gone) pool.retire();
    this.#retiring = [...this.#retiring.filter((pool) => !pool.isRetired), ...gone];
    for (const pool of this.#pools) if (!before.includes(pool)) pool.start();
    await Promise.all(kept.map(({ config, pool }) => pool?.configure(config)));
  }

  /**
   * Adds targets to a job, which are scraped as its others are, until they are removed. A job that a reload takes away
   * takes them along, and one that comes back brings them. Throws InvalidArgumentError when there is no such job.
   */
  addTargets(jobName: string, groups: readonly TargetGroup[]): AddedTargets {
    const find = () => this.#pools.find(({ config }) => config.jobName === jobName);
    if (find() === undefined)
      throw new InvalidArgumentError(`there is no job "${jobName}" to add targets to`);
    const ofJob = this.#added.get(jobName) ?? new Set();
    this.#added.set(jobName, ofJob);
    const added = new AddedTargets(() => {
      if (added.targets.length > 0) ofJob.add(added);
      else ofJob.delete(added);
      find()?.refresh();
    });
    added.replace(groups);
    return added;
  }

  /** Resolves when no loop will append any more. */
  async stop(): Promise<void> {
    this.#memory?.stop();
    await Promise.all([...this.#pools, ...this.#retiring].map((pool) => pool.stop()));
  }

  pools(): readonly ScrapePoolStatus[] {
    return this.#pools.map((pool) => pool.status);
  }

  #reviewMemory(tell: (problem: string) => void): void {
    const { reason } = this.#memory!;
    tell(reason === undefined ? "scrapes go on: memory is free again" : `scrapes are ${reason}`);
    for (const pool of this.#pools) pool.reviewShortage();
  }

  #findLoop(labels: Labels): ScrapeLoop | undefined {
    for (const pool of this.#pools)
      for (const loop of pool.loops) if (loop.target.labels.equals(labels)) return loop;
    return undefined;
  }
}
