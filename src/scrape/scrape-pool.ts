/**
 * ScrapePool: one job: its targets, and a loop for each.
 */

import { isDeepStrictEqual } from "node:util";
import type { Discovery } from "../discovery/discovery.js";
import type { DiscoveryConfig } from "../discovery/discovery-config.js";
import { FoundTargets } from "../discovery/found-targets.js";
import { HttpClient, type HttpRequester } from "../http-client/http-client.js";
import type { ReadFile } from "../http-client/secret-values.js";
import type { Appendable } from "../model/appendable.js";
import { assert } from "../model/assert.js";
import type { Clock } from "../model/clock.js";
import { Labels } from "../model/labels.js";
import type { MetadataSink } from "../model/metric-metadata.js";
import type { GatheredCommits } from "./gathered-commits.js";
import { LengthSummary } from "./length-summary.js";
import type { PageBuffers } from "./page-buffers.js";
import type { ScrapeConfig } from "./scrape-config.js";
import type { ScrapeCounts } from "./scrape-counts.js";
import { ScrapeLimitError } from "./scrape-limit-error.js";
import { ScrapeLoop, type ScrapeLoopOptions } from "./scrape-loop.js";
import { selectTargets, type TargetSelection } from "./select-targets.js";
import type { ScrapePoolStatus } from "./status.js";
import type { Target } from "./target.js";
import { SharedMetadata, TargetMetadata } from "./target-metadata.js";
import { TextfileFolder } from "./textfile-folder.js";
import type { Ticks } from "./ticks.js";

export interface ScrapePoolOptions {
  readonly appendable: Appendable;
  readonly clock: Clock;
  readonly ticks: Ticks;
  readonly commits: GatheredCommits;
  readonly buffers: PageBuffers;
  readonly counts: ScrapeCounts;
  readonly metadata?: MetadataSink;
  readonly version: string;
  /** Reads files of credentials and certificates. */
  readonly readFile: ReadFile;
  /** Failures that are not a target's: the database refused. */
  readonly onFailure: (error: unknown) => void;
  /** A target that cannot be scraped, in a sentence. */
  readonly onProblem: (problem: string) => void;
  readonly createDiscovery: (config: DiscoveryConfig) => Discovery;
  /** Those that the program itself added to a job. */
  readonly addedTargets: (jobName: string) => readonly Labels[];
  /** Why no target of any job is scraped now, in a sentence, if so. */
  readonly shortage: () => string | undefined;
  /** The loop of any job that scrapes series with exactly these labels. */
  readonly findLoop: (labels: Labels) => ScrapeLoop | undefined;
  /** Asks a target through an agent. Needed where jobs name agents. */
  readonly requesterOf?: (agent: string, target: Target) => HttpRequester;
}

export class ScrapePool {
  readonly #options: ScrapePoolOptions;
  #config: ScrapeConfig;
  #client: HttpClient;
  readonly #discovery: FoundTargets;
  #found: readonly Labels[] = [];
  #selection: TargetSelection = { active: [], dropped: [], droppedCount: 0, problems: [] };
  /** By the identity of the target. */
  #loops = new Map<string, ScrapeLoop>();
  /** As the loops. */
  readonly #metadata = new Map<string, TargetMetadata>();
  readonly #sharedMetadata = new SharedMetadata();
  /** Of targets that are gone, until their series are marked. */
  readonly #retiring = new Set<ScrapeLoop>();
  readonly #selections: LengthSummary;
  #discoveredCount = 0;
  #failedCount = 0;
  #isStarted = false;
  #isRetiring = false;
  #isStopped = false;

  constructor(config: ScrapeConfig, options: ScrapePoolOptions) {
    this.#config = config;
    this.#options = options;
    this.#client = new HttpClient(config.http, options);
    const { clock, createDiscovery } = options;
    this.#selections = new LengthSummary(clock);
    this.#discovery = new FoundTargets({
      ...{ clock, createDiscovery },
      onTargets: (found) => {
        this.#found = found;
        this.refresh();
      },
    });
    this.#select();
    this.#syncLoops();
  }

  get config(): ScrapeConfig {
    return this.#config;
  }

  get loops(): Iterable<ScrapeLoop> {
    return this.#loops.values();
  }

  start(): void {
    this.#isStarted = true;
    for (const loop of this.#loops.values()) loop.start();
    this.#discovery.configure(this.#config.discoveries);
  }

  /** Looks anew at what there is. Loops of targets that were there go on. */
  refresh(): void {
    this.#select();
    this.#syncLoops();
  }

  /** To be called when the shortage begins or ends. */
  reviewShortage(): void {
    const refusal = this.#refusal();
    for (const loop of this.#loops.values()) loop.refuse(refusal);
  }

  /**
   * The same job, said anew. Loops go on when only the choice of targets has changed; otherwise those of targets that
   * stay begin anew, with what the old ones knew where that still holds.
   */
  async configure(config: ScrapeConfig): Promise<void> {
    const before = this.#config;
    if (isDeepStrictEqual(before, config)) return;
    this.#config = config;
    this.#select();
    if (!isDeepStrictEqual(howToScrape(before), howToScrape(config))) {
      const client = this.#client;
      this.#client = new HttpClient(config.http, this.#options);
      const isKnownStill = isDeepStrictEqual(howToLabel(before), howToLabel(config));
      await this.#replaceLoops(isKnownStill);
      client.close();
    }
    this.#syncLoops();
    if (this.#isStarted) this.#discovery.configure(config.discoveries);
  }

  /** The job is gone: its targets end. */
  retire(): void {
    void this.#discovery.stop();
    this.#isRetiring = true;
    this.#selection = { ...this.#selection, active: [] };
    this.#syncLoops();
    if (this.isRetired) this.#client.close();
  }

  get isRetired(): boolean {
    return this.#loops.size === 0 && this.#retiring.size === 0;
  }

  /** Resolves when no loop will append any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#discovery.stop();
    await Promise.all([...this.#loops.values(), ...this.#retiring].map((loop) => loop.stop()));
    this.#client.close();
  }

  get status(): ScrapePoolStatus {
    const found = new Map(this.#selection.active.map((target) => [target.identity, target]));
    return {
      jobName: this.#config.jobName,
      activeTargets: [...this.#loops].map(([identity, loop]) => ({
        ...loop.status,
        // As it was found last: the loop goes on when that changes nothing for it.
        discoveredLabels: (found.get(identity) ?? loop.target).discoveredLabels,
        metadata: this.#metadataOf(identity),
      })),
      droppedTargets: this.#selection.dropped,
      droppedCount: this.#selection.droppedCount,
      discoveredCount: this.#discoveredCount,
      metadataCount: [...this.#metadata.values()].reduce((sum, { count }) => sum + count, 0),
      targetsMax: this.#config.targetsMax,
      selections: this.#selections,
      failedCount: this.#failedCount,
      relabelConfigs: this.#config.relabelConfigs,
      discoveries: this.#discovery.statuses,
    };
  }

  #select(): void {
    const begunAt = this.#options.clock.monotonic();
    const fixed = this.#config.staticTargets.map(({ address, labels }) =>
      Labels.from({ ...labels, __address__: address }),
    );
    const added = this.#options.addedTargets(this.#config.jobName);
    const toldProblems = new Set(this.#selection.problems);
    const discovered = [...fixed, ...added, ...this.#found];
    this.#discoveredCount = discovered.length;
    this.#selection = selectTargets(this.#config, discovered);
    this.#failedCount += this.#selection.problems.length;
    this.#selections.observe(this.#options.clock.monotonic() - begunAt);
    for (const problem of this.#selection.problems)
      if (!toldProblems.has(problem)) this.#options.onProblem(problem);
  }

  /** Loops for targets that are new, the end for loops whose targets are gone. */
  #syncLoops(): void {
    const before = this.#loops;
    this.#loops = new Map(
      this.#selection.active.map((target) => [
        target.identity,
        before.get(target.identity) ?? this.#createLoop(target),
      ]),
    );
    for (const [identity, loop] of before) {
      if (this.#loops.has(identity)) continue;
      this.#metadata.delete(identity);
      this.#retire(loop);
    }
    const refusal = this.#refusal();
    for (const [identity, loop] of this.#loops) {
      loop.refuse(refusal);
      if (this.#isStarted && !before.has(identity)) loop.start();
    }
  }

  /** Each on its own: one that waits for its target keeps no other one waiting. */
  async #replaceLoops(isKnownStill: boolean): Promise<void> {
    const before = [...this.#loops.values()];
    await Promise.all(before.map((loop) => this.#replaceLoop(loop, isKnownStill)));
  }

  async #replaceLoop(old: ScrapeLoop, isKnownStill: boolean): Promise<void> {
    await old.finish();
    // Gone meanwhile, and perhaps back, with a loop of the new rules.
    if (this.#isStopped || this.#loops.get(old.target.identity) !== old) return;
    const target = this.#selection.active.find(({ identity }) => identity === old.target.identity);
    if (target === undefined) return;
    // What the old rules made of its series, and the new ones do not, ends as if the target were gone.
    if (!isKnownStill) this.#retire(old);
    const loop = this.#createLoop(target, isKnownStill ? old : undefined);
    this.#loops.set(target.identity, loop);
    loop.refuse(this.#refusal());
    if (this.#isStarted) loop.start();
  }

  #createLoop(target: Target, before?: ScrapeLoop): ScrapeLoop {
    const { appendable, clock, ticks, commits, buffers, counts, version, onFailure } = this.#options;
    const { textfileDirectories: directories, agent } = this.#config;
    const client = agent === undefined ? this.#client : this.#requesterOf(agent, target);
    const options: ScrapeLoopOptions = {
      ...{ appendable, clock, ticks, commits, buffers, counts, version, onFailure, client },
      metadata: this.#metadataOf(target.identity),
      ...(directories.length > 0 && {
        folder: new TextfileFolder(directories, { clock, timeoutMs: target.timeoutMs }),
      }),
    };
    return new ScrapeLoop(target, this.#config, options, before);
  }

  #requesterOf(agent: string, target: Target): HttpRequester {
    const { requesterOf } = this.#options;
    assert(requesterOf !== undefined, "jobs that name agents need requesterOf");
    return requesterOf(agent, target);
  }

  #metadataOf(identity: string): TargetMetadata {
    let metadata = this.#metadata.get(identity);
    if (metadata === undefined) {
      metadata = new TargetMetadata(this.#sharedMetadata, this.#options.metadata);
      this.#metadata.set(identity, metadata);
    }
    return metadata;
  }

  #retire(loop: ScrapeLoop): void {
    this.#retiring.add(loop);
    loop.retire(
      () => this.#options.findLoop(loop.target.labels),
      () => {
        this.#retiring.delete(loop);
        // Nobody else ends its connections: no pool of that name comes back.
        if (this.#isRetiring && this.isRetired) this.#client.close();
      },
    );
  }

  /** Why none of the targets is scraped, if so. */
  #refusal(): ScrapeLimitError | undefined {
    const shortage = this.#options.shortage();
    if (shortage !== undefined) return new ScrapeLimitError("memory", shortage);
    const { targetsMax } = this.#config;
    const count = this.#selection.active.length;
    if (targetsMax === 0 || count <= targetsMax) return undefined;
    return new ScrapeLimitError(
      "targets",
      `the job has ${count} targets, more than target_limit, ${targetsMax}`,
    );
  }
}

/** All but what chooses the targets. */
function howToScrape(config: ScrapeConfig) {
  const { staticTargets: _, discoveries: __, relabelConfigs: ___, ...others } = config;
  const { droppedTargetsMax: _____, targetsMax: ______, ...rest } = others;
  return rest;
}

/** What the labels of scraped series depend on, besides the target. */
function howToLabel(config: ScrapeConfig) {
  const { honorLabels, nameValidation, metricRelabelConfigs } = config;
  const { labelsMax, labelNameSizeMaxBytes, labelValueSizeMaxBytes } = config;
  return [
    honorLabels,
    nameValidation,
    metricRelabelConfigs,
    labelsMax,
    labelNameSizeMaxBytes,
    labelValueSizeMaxBytes,
  ];
}
