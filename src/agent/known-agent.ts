/**
 * KnownAgent: one agent of the configuration, as the server sees it: its rights, the targets that it told of last, and
 * the connection over which they are scraped while there is one.
 *
 * Targets stay when the connection goes: their scrapes fail until it is back, so that `up` is 0 and what they had ends.
 */

import type { HttpRequester } from "../http-client/http-client.js";
import type { Clock } from "../model/clock.js";
import { UnavailableError } from "../model/errors.js";
import { type Labels, quoteText } from "../model/labels.js";
import { formatRfc3339 } from "../model/rfc3339.js";
import type { TimestampMs } from "../model/sample.js";
import { type AgentConfig, agentPoolName } from "./agent-config.js";
import type { AgentLink } from "./agent-link.js";
import { type AgentTarget, decideTargets, type RefusedTarget } from "./agent-target.js";
import type { ChannelEnding } from "./channel.js";

export interface KnownAgentOptions {
  readonly clock: Clock;
  /** All that the agent brings into one job, by the name of its pool. */
  readonly setTargets: (pool: string, targets: readonly Labels[]) => void;
  /** The agent told of other targets than before. */
  readonly onTold: (agent: KnownAgent) => void;
  readonly onEvent: (level: "info" | "warning", message: string) => void;
}

export interface AgentStatus {
  readonly name: string;
  readonly jobs: readonly string[];
  /** The peer's address and what it calls itself; undefined when there is no connection. */
  readonly connection: AgentConnection | undefined;
  /** Why the last connection ended; empty when there was none. */
  readonly lastEnd: string;
  readonly targets: number;
  /** The first of them. */
  readonly refused: readonly RefusedTarget[];
  readonly refusedCount: number;
}

export interface AgentConnection {
  readonly address: string;
  readonly software: string;
  readonly since: TimestampMs;
}

/** How often an agent may tell of its targets, as for discoveries; of what comes in between the last counts. */
const pauseMs = 5000;

export class KnownAgent {
  readonly #options: KnownAgentOptions;
  #config: AgentConfig;
  #link: AgentLink | undefined;
  #connection: AgentConnection | undefined;
  #lastEnd = "";
  #told: readonly AgentTarget[];
  #decision: ReturnType<typeof decideTargets>;
  /** The newest that were told of during the pause. */
  #waiting: readonly AgentTarget[] | undefined;
  #isPausing = false;

  /** `told` is what it told of before this server started. */
  constructor(config: AgentConfig, told: readonly AgentTarget[], options: KnownAgentOptions) {
    this.#config = config;
    this.#told = told;
    this.#options = options;
    this.#decision = decideTargets(told, config);
  }

  get config(): AgentConfig {
    return this.#config;
  }

  get told(): readonly AgentTarget[] {
    return this.#told;
  }

  get status(): AgentStatus {
    return {
      name: this.#config.name,
      jobs: this.#config.jobs,
      connection: this.#connection,
      lastEnd: this.#lastEnd,
      targets: this.#decision.acceptedCount,
      refused: this.#decision.refused,
      refusedCount: this.#decision.refusedCount,
    };
  }

  /** The rights, said anew. Its pools must be there. */
  configure(config: AgentConfig): void {
    const gone = this.#config.jobs.filter((job) => !config.jobs.includes(job));
    this.#setNone(gone);
    this.#config = config;
    this.#decide();
  }

  /** Takes the place of the connection that there was, if any, which is handed back. */
  connect(link: AgentLink, connection: AgentConnection): AgentLink | undefined {
    const before = this.#link;
    this.#link = link;
    this.#connection = connection;
    this.#waiting = undefined;
    return before;
  }

  /** Nothing happens when `link` was replaced. */
  disconnect(link: AgentLink, { reason }: ChannelEnding): void {
    if (this.#link !== link) return;
    this.#waiting = undefined;
    this.#link = undefined;
    this.#connection = undefined;
    this.#lastEnd = `${formatRfc3339(this.#options.clock.now())}: ${reason}`;
    this.#options.onEvent("warning", `agent "${this.#config.name}" has gone: ${reason}`);
  }

  take(link: AgentLink, targets: readonly AgentTarget[]): void {
    if (this.#link !== link) return;
    if (this.#isPausing) {
      this.#waiting = targets;
      return;
    }
    this.#isPausing = true;
    this.#options.clock.schedule(pauseMs, () => {
      this.#isPausing = false;
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (waiting !== undefined && this.#link !== undefined) this.take(this.#link, waiting);
    });
    const isNews = JSON.stringify(targets) !== JSON.stringify(this.#told);
    this.#told = targets;
    this.#decide();
    if (isNews) this.#options.onTold(this);
  }

  /** Its targets are gone. */
  end(): void {
    this.#setNone(this.#config.jobs);
  }

  hangUp(code: number, reason: string): void {
    this.#waiting = undefined;
    this.#link?.close(code, reason);
  }

  /** Asks for the target with this id. */
  requesterOf(id: string): HttpRequester {
    return {
      request: async (_url, request) => {
        if (this.#link !== undefined) return this.#link.request(id, request);
        const since = this.#lastEnd === "" ? "since this server started" : `since ${this.#lastEnd}`;
        throw new UnavailableError(`agent "${this.#config.name}" is not connected, ${since}`);
      },
    };
  }

  #decide(): void {
    const before = this.#decision;
    this.#decision = decideTargets(this.#told, this.#config);
    const { name } = this.#config;
    for (const [job, labels] of this.#decision.accepted)
      this.#options.setTargets(agentPoolName(name, job), labels);
    this.#link?.tell(this.#decision);
    const { refused, refusedCount } = this.#decision;
    if (refusedCount === 0 || JSON.stringify(refused) === JSON.stringify(before.refused)) return;
    const [{ id, reason } = { id: "", reason: "" }] = refused;
    const url = quoteText(this.#told.find((target) => target.id === id)?.url ?? "");
    this.#options.onEvent(
      "warning",
      `of agent "${name}" ${refusedCount} targets are refused, the first, ${url}, because ${reason}`,
    );
  }

  #setNone(jobs: readonly string[]): void {
    for (const job of jobs) this.#options.setTargets(agentPoolName(this.#config.name, job), []);
  }
}
