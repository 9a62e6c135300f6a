/**
 * Agents: the server's side of all agents: who may connect, and through whom a target is asked.
 *
 * Which targets an agent told of is kept in a journal, so that `up` is 0 for those of an agent that is not there also
 * after this server was restarted.
 */

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { HttpRequester } from "../http-client/http-client.js";
import type { Clock } from "../model/clock.js";
import {
  CorruptionError,
  ForbiddenError,
  MalformedInputError,
  TsdbError,
  UnauthorizedError,
  UnavailableError,
  UnsupportedMediaTypeError,
} from "../model/errors.js";
import type { Journal, OpenJournal } from "../model/journal.js";
import type { Labels } from "../model/labels.js";
import { digestKey, tokenDigest } from "../model/token-digest.js";
import type { AgentConfig } from "./agent-config.js";
import { AgentLink } from "./agent-link.js";
import { type AgentTarget, readAgentTargets } from "./agent-target.js";
import { Channel, closeCodes, connectionOptions } from "./channel.js";
import { type AgentStatus, KnownAgent } from "./known-agent.js";
import { subprotocol } from "./messages.js";

export interface AgentsOptions {
  readonly clock: Clock;
  readonly openJournal: OpenJournal;
  readonly setTargets: (pool: string, targets: readonly Labels[]) => void;
  /** Something that an operator should know. */
  readonly onEvent: (event: { level: "info" | "warning"; message: string }) => void;
}

/** The journal is rewritten when it has this many bytes, and four times what it had after the last rewrite. */
const rewriteFromBytes = 4 * 1024 * 1024;

type UpgradeRequest = Parameters<WebSocketServer["handleUpgrade"]>[0];

export class Agents {
  readonly #options: AgentsOptions;
  readonly #journal: Journal;
  /** By the name of the agent: of those that have not been configured since this server started. */
  readonly #toldBefore: Map<string, readonly AgentTarget[]>;
  readonly #webSockets = new WebSocketServer({
    ...connectionOptions,
    noServer: true,
    clientTracking: false,
    handleProtocols: () => subprotocol,
  });
  #byName = new Map<string, KnownAgent>();
  readonly #byDigest = new Map<string, KnownAgent>();
  #writing: Promise<void> = Promise.resolve();
  #rewriteAtBytes: number;
  #isClosed = false;

  private constructor(
    options: AgentsOptions,
    journal: Journal,
    toldBefore: Map<string, readonly AgentTarget[]>,
  ) {
    this.#options = options;
    this.#journal = journal;
    this.#toldBefore = toldBefore;
    this.#rewriteAtBytes = Math.max(rewriteFromBytes, 4 * journal.sizeBytes);
  }

  static async open(options: AgentsOptions): Promise<Agents> {
    const told = new Map<string, readonly AgentTarget[]>();
    const journal = await options.openJournal("agents", (record) => {
      const { agent, targets } = readRecord(record);
      told.set(agent, targets);
    });
    return new Agents(options, journal, told);
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
    for (const [name, agent] of before) if (!this.#byName.has(name)) agent.end();
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
      this.#tell("info", `agent "${name}" has come from ${remoteAddress}${again}`);
    });
  }

  /** Hangs up. Resolves when what was told is kept. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const agent of this.#byName.values()) agent.hangUp(closeCodes.goingAway, "the server closes");
    await this.#writing;
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
    const told = this.#toldBefore.get(config.name) ?? [];
    this.#toldBefore.delete(config.name);
    return new KnownAgent(config, told, {
      ...{ clock, setTargets },
      onTold: (agent) => this.#keep(agent),
      onEvent: (level, message) => this.#tell(level, message),
    });
  }

  /** The last record of an agent counts. */
  #keep({ config, told }: KnownAgent): void {
    this.#writing = this.#writing.then(async () => {
      try {
        await this.#journal.append(encodeRecord(config.name, told));
        if (this.#journal.sizeBytes < this.#rewriteAtBytes) return;
        await this.#journal.rewrite([...this.#byName].map(([name, agent]) => encodeRecord(name, agent.told)));
        this.#rewriteAtBytes = Math.max(rewriteFromBytes, 4 * this.#journal.sizeBytes);
      } catch (error) {
        if (!(error instanceof TsdbError)) throw error;
        this.#tell("warning", `what agent "${config.name}" told of is not kept: ${error.message}`);
      }
    });
  }

  #tell(level: "info" | "warning", message: string): void {
    this.#options.onEvent({ level, message });
  }
}

function encodeRecord(agent: string, targets: readonly AgentTarget[]): Uint8Array {
  return Buffer.from(JSON.stringify({ agent, targets }));
}

/** Throws CorruptionError. */
function readRecord(record: Uint8Array): { agent: string; targets: readonly AgentTarget[] } {
  try {
    const { agent, targets } = JSON.parse(Buffer.from(record).toString("utf8")) ?? {};
    return { agent: String(agent), targets: readAgentTargets(targets) };
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof MalformedInputError)
      throw new CorruptionError("a record of an agent's targets cannot be understood", {}, { cause });
    throw cause;
  }
}
