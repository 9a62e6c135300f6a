/**
 * Agents: the server's side of all agents: who may connect, and through whom a target is asked.
 *
 * Which targets an agent told of is kept (ToldTargets), so that `up` is 0 for those of an agent that is not there also
 * after this server was restarted.
 */

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { HttpRequester } from "../http-client/http-client.js";
import type { Clock } from "../model/clock.js";
import {
  ForbiddenError,
  UnauthorizedError,
  UnavailableError,
  UnsupportedMediaTypeError,
} from "../model/errors.js";
import type { OpenJournal } from "../model/journal.js";
import type { Labels } from "../model/labels.js";
import { digestKey, tokenDigest } from "../model/token-digest.js";
import type { AgentConfig } from "./agent-config.js";
import { AgentLink } from "./agent-link.js";
import { Channel, closeCodes, connectionOptions } from "./channel.js";
import { type AgentStatus, KnownAgent } from "./known-agent.js";
import { LimitedLog } from "./limited-log.js";
import { subprotocol } from "./messages.js";
import { ToldTargets } from "./told-targets.js";

export interface AgentsOptions {
  readonly clock: Clock;
  readonly openJournal: OpenJournal;
  readonly setTargets: (pool: string, targets: readonly Labels[]) => void;
  /** Something that an operator should know. */
  readonly onEvent: (event: { level: "info" | "warning"; message: string }) => void;
}

type UpgradeRequest = Parameters<WebSocketServer["handleUpgrade"]>[0];

export class Agents {
  readonly #options: AgentsOptions;
  readonly #told: ToldTargets;
  /** By the name of the agent: what is said of it in the log. */
  readonly #logs = new Map<string, LimitedLog>();
  readonly #webSockets = new WebSocketServer({
    ...connectionOptions,
    noServer: true,
    clientTracking: false,
    handleProtocols: () => subprotocol,
  });
  #byName = new Map<string, KnownAgent>();
  readonly #byDigest = new Map<string, KnownAgent>();
  #isClosed = false;

  private constructor(options: AgentsOptions, told: ToldTargets) {
    this.#options = options;
    this.#told = told;
  }

  static async open(options: AgentsOptions): Promise<Agents> {
    return new Agents(options, await ToldTargets.open(options));
  }

  /** Hangs up on whoever does not count any more by `configs`. */
  revoke(configs: readonly AgentConfig[]): void {
    const digests = new Map(configs.map(({ name, tokenSha256 }) => [name, digestKey(tokenSha256)]));
    for (const [key, agent] of this.#byDigest) {
      const { name } = agent.config;
      if (digests.get(name) === key) continue;
      this.#byDigest.delete(key);
      const remedy = digests.has(name)
        ? "the server knows another one"
        : `there is no agent "${name}" any more`;
      agent.hangUp(closeCodes.revoked, `the token counts no more: ${remedy}`);
    }
  }

  /** In place of what was said before; pools of all their jobs must be there. */
  configure(configs: readonly AgentConfig[]): void {
    this.revoke(configs);
    const before = this.#byName;
    this.#byName = new Map(
      configs.map((config) => [config.name, before.get(config.name) ?? this.#create(config)]),
    );
    for (const [name, agent] of before) {
      if (this.#byName.has(name)) continue;
      agent.end();
      this.#logs.get(name)?.close();
      this.#logs.delete(name);
    }
    this.#told.review(new Set(this.#byName.keys()));
    for (const config of configs) {
      const agent = this.#byName.get(config.name)!;
      agent.configure(config);
      this.#byDigest.set(digestKey(config.tokenSha256), agent);
    }
  }

  statuses(): readonly AgentStatus[] {
    return [...this.#byName.values()].map(({ status }) => status);
  }

  /** Asks for a target of an agent; fails while the agent is not there. */
  requesterOf(name: string, id: string): HttpRequester {
    return {
      request: async (url, request) => {
        const agent = this.#byName.get(name);
        if (agent === undefined) throw new UnavailableError(`there is no agent "${name}" any more`);
        return agent.requesterOf(id).request(url, request);
      },
    };
  }

  /**
   * Takes a connection that wants to be one of an agent. Throws UnauthorizedError, ForbiddenError,
   * UnsupportedMediaTypeError or UnavailableError, and then the caller answers.
   */
  upgrade(request: UpgradeRequest, socket: Duplex, head: Buffer): void {
    if (this.#isClosed) throw new UnavailableError("the server closes");
    const agent = this.#identify(request);
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const { remoteAddress = "an unknown address" } = request.socket;
      const software = (request.headers["user-agent"] ?? "").slice(0, 100);
      const { name } = agent.config;
      const link: AgentLink = new AgentLink(
        new Channel(webSocket, {
          clock: this.#options.clock,
          socket: socket as Socket,
          onMessage: (encoded) => link.take(encoded),
          onClose: (ending) => {
            if (!this.#isClosed) agent.disconnect(link, ending);
            link.ended(ending);
          },
        }),
        { name, onTargets: (targets) => agent.take(link, targets) },
      );
      const since = this.#options.clock.now();
      const before = agent.connect(link, { address: remoteAddress, software, since });
      before?.close(closeCodes.replaced, `another connection came with this token, from ${remoteAddress}`);
      const again = before === undefined ? "" : ", in place of the connection that there was";
      this.#tell(name, "info", `agent "${name}" has come from ${remoteAddress}${again}`);
    });
  }

  /** Hangs up. Resolves when what was told is kept. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const agent of this.#byName.values()) agent.hangUp(closeCodes.goingAway, "the server closes");
    for (const log of this.#logs.values()) log.close();
    await this.#told.close();
  }

  #identify({ headers }: UpgradeRequest): KnownAgent {
    // Agents are programs: only browsers say where they come from.
    if (headers.origin !== undefined) throw new ForbiddenError("web pages are no agents");
    const [, token] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? "") ?? [];
    if (token === undefined)
      throw new UnauthorizedError('an agent shows its token: the header "Authorization: Bearer <token>"');
    const agent = this.#byDigest.get(digestKey(tokenDigest(token)));
    if (agent === undefined)
      throw new UnauthorizedError(
        "no entry of agent_configs has this token; check that it is sent whole, and that it was not revoked",
      );
    const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
    if (!offered.includes(subprotocol))
      throw new UnsupportedMediaTypeError(
        `this server speaks ${subprotocol} with agents, not ${offered.join(", ") || "nothing"}; use the same version`,
      );
    return agent;
  }

  #create(config: AgentConfig): KnownAgent {
    const { clock, setTargets } = this.#options;
    const { name } = config;
    return new KnownAgent(config, this.#told.of(name), {
      ...{ clock, setTargets },
      onTold: ({ told }) => this.#told.keep(name, told),
      onEvent: (level, message) => this.#tell(name, level, message),
    });
  }

  /** An agent that comes and goes as fast as it can does not fill the log. */
  #tell(name: string, level: "info" | "warning", message: string): void {
    const log = this.#logs.get(name) ?? new LimitedLog(`agent "${name}"`, this.#options);
    this.#logs.set(name, log);
    log.tell(level, message);
  }
}
