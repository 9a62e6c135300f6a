/**
 * ListedTargets: what an agent may scrape: the targets of the `scrape_configs` of its own configuration, relabelled as
 * a server would, each with the client that asks it.
 *
 * Nobody else can name a place: what is not listed here is not reached, and redirects are not followed.
 */

import { isDeepStrictEqual } from "node:util";
import { createDiscovery } from "../discovery/create-discovery.js";
import type { DiscoveryEvent } from "../discovery/discovery.js";
import { FoundTargets } from "../discovery/found-targets.js";
import { HttpClient, type HttpRequester } from "../http-client/http-client.js";
import type { ReadFile } from "../http-client/secret-values.js";
import type { Clock } from "../model/clock.js";
import { Labels } from "../model/labels.js";
import type { ScrapeConfig } from "../scrape/scrape-config.js";
import { selectTargets } from "../scrape/select-targets.js";
import { type AgentTarget, targetId } from "./agent-target.js";

export interface ListedTargetsOptions {
  readonly clock: Clock;
  readonly version: string;
  readonly readFile: ReadFile;
  /** Others than before. */
  readonly onChange: () => void;
  readonly onEvent: (event: DiscoveryEvent) => void;
}

export interface ListedTarget extends AgentTarget {
  readonly client: HttpRequester;
}

interface Job {
  readonly config: ScrapeConfig;
  readonly client: HttpClient;
  readonly discovery: FoundTargets;
  found: readonly Labels[];
  problems: readonly string[];
}

export class ListedTargets {
  readonly #options: ListedTargetsOptions;
  #jobs: readonly Job[] = [];
  #targets: ReadonlyMap<string, ListedTarget> = new Map();

  constructor(options: ListedTargetsOptions) {
    this.#options = options;
  }

  /** In place of what was said before. Jobs that are as they were go on. */
  configure(configs: readonly ScrapeConfig[]): void {
    const before = this.#jobs;
    const jobs = configs.map(
      (config) => before.find((job) => isDeepStrictEqual(job.config, config)) ?? this.#createJob(config),
    );
    this.#jobs = jobs;
    for (const job of before) if (!jobs.includes(job)) this.#end(job);
    this.#list();
    for (const { discovery, config } of jobs) discovery.configure(config.discoveries);
  }

  get targets(): readonly AgentTarget[] {
    return [...this.#targets.values()].map(({ id, job, url, labels }) => ({ id, job, url, labels }));
  }

  find(id: string): ListedTarget | undefined {
    return this.#targets.get(id);
  }

  async stop(): Promise<void> {
    const jobs = this.#jobs;
    this.#jobs = [];
    this.#targets = new Map();
    await Promise.all(jobs.map((job) => this.#end(job)));
  }

  #createJob(config: ScrapeConfig): Job {
    const { clock, onEvent } = this.#options;
    const job: Job = {
      config,
      client: new HttpClient({ ...config.http, followRedirects: false }, this.#options),
      discovery: new FoundTargets({
        clock,
        createDiscovery: (discovery) => createDiscovery(discovery, { ...this.#options, onEvent }),
        onTargets: (found) => {
          job.found = found;
          this.#list();
        },
      }),
      found: [],
      problems: [],
    };
    return job;
  }

  async #end({ client, discovery }: Job): Promise<void> {
    await discovery.stop();
    client.close();
  }

  #list(): void {
    const before = this.#targets;
    this.#targets = new Map(
      this.#jobs.flatMap((job) => this.#targetsOf(job)).map((target) => [target.id, target]),
    );
    const isSame =
      before.size === this.#targets.size && [...this.#targets.keys()].every((id) => before.has(id));
    if (!isSame) this.#options.onChange();
  }

  #targetsOf(job: Job): readonly ListedTarget[] {
    const { config, client, found } = job;
    const fixed = config.staticTargets.map(({ address, labels }) =>
      Labels.from({ ...labels, __address__: address }),
    );
    const { active, problems } = selectTargets(config, [...fixed, ...found]);
    for (const message of problems)
      if (!job.problems.includes(message)) this.#options.onEvent({ level: "warning", message });
    job.problems = problems;
    return active.flatMap(({ url, labels }) => {
      const shown = withoutUser(url);
      if (shown === undefined) return [];
      const id = targetId(config.jobName, shown, labels);
      return [
        { id, job: config.jobName, url: shown, labels: labels.toObject(), client: asking(client, url) },
      ];
    });
  }
}

/** Asks for `url`, whatever it is asked for. */
function asking(client: HttpRequester, url: string): HttpRequester {
  return { request: (_, request) => client.request(url, request) };
}

/** What may be told of it; undefined when it is no URL. */
function withoutUser(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  url.username = "";
  url.password = "";
  return url.href;
}
