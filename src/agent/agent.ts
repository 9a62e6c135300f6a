/**
 * Agent: what runs behind a firewall: it opens a connection to the server, tells of its targets, and asks them for their
 * pages when the server wants them. It goes on trying for as long as it lives.
 */

import type { Socket } from "node:net";
import { WebSocket } from "ws";
import { Allowance } from "../discovery/allowance.js";
import { Connections } from "../http-client/connections.js";
import { describeFailure } from "../http-client/describe-failure.js";
import { defaultHttpClientConfig } from "../http-client/http-client-config.js";
import { type ReadFile, SecretValues } from "../http-client/secret-values.js";
import type { Clock } from "../model/clock.js";
import { InvalidArgumentError, MalformedInputError, UnavailableError } from "../model/errors.js";
import type { ScrapeConfig } from "../scrape/scrape-config.js";
import type { ServerAccess } from "./agent-config.js";
import { toldTargetsMax } from "./agent-target.js";
import { Channel, type ChannelEnding, closeCodes, connectionOptions } from "./channel.js";
import { LimitedLog } from "./limited-log.js";
import { type ListedTarget, ListedTargets } from "./listed-targets.js";
import {
  type AgentMessage,
  decodeServerMessage,
  encodeMessage,
  messageSizeMaxBytes,
  type ServerMessage,
  subprotocol,
} from "./messages.js";
import { PageErrand } from "./page-errand.js";

export interface AgentOptions {
  readonly server: ServerAccess;
  readonly clock: Clock;
  /** From 0 to 1: so that agents do not all come back at once. */
  readonly random: () => number;
  readonly version: string;
  readonly readFile: ReadFile;
  readonly onEvent: (event: AgentEvent) => void;
}

/** Something that whoever runs the agent should know. */
export interface AgentEvent {
  readonly level: "info" | "warning";
  readonly message: string;
}

const firstDelayMs = 1000;
const delayMaxMs = 30_000;
/** A connection that lived this long was a good one. */
const settledMs = 30_000;
const handshakeTimeoutMs = 10_000;
/** What goes on being wrong is told again after this. */
const repeatMs = 10 * 60_000;
const answerMaxBytes = 4096;
const noTrouble = { text: "", at: Number.NEGATIVE_INFINITY };
/** Scrapes under way: of one target, as one that was cancelled may still end; and of all, as a server has them. */
const scrapesOfTargetMax = 4;
const scrapesMax = 1000;
/** Of one target: twenty a second, and more for a moment, as after a reload. */
const scrapeLimits = { burst: 100, refillMs: 50 };

export class Agent {
  readonly #options: AgentOptions;
  readonly #url: URL;
  readonly #connections: Connections;
  readonly #log: LimitedLog;
  readonly #secrets: SecretValues;
  readonly #listed: ListedTargets;
  readonly #errands = new Map<number, PageErrand>();
  /** By the id of the target: how often it may still be asked. */
  readonly #allowances = new Map<string, Allowance>();
  #channel: Channel | undefined;
  /** While there is no connection yet. */
  #dialling: WebSocket | undefined;
  #cancelTimer: () => void = () => {};
  #failures = 0;
  #lastTrouble = noTrouble;
  #isClosed = false;
  #ended: () => void = () => {};

  /** Throws InvalidArgumentError when the server cannot be reached as it is said. */
  constructor(options: AgentOptions) {
    const { ca, cert, key, proxyUrl, url } = options.server;
    this.#options = options;
    this.#url = endpointOf(url);
    if (proxyUrl !== undefined && this.#url.protocol === "ws:")
      throw new InvalidArgumentError("through a proxy the server is reached by https:// only");
    this.#log = new LimitedLog("the server", options);
    this.#secrets = new SecretValues(options.readFile);
    this.#connections = new Connections(
      {
        tls: { ...defaultHttpClientConfig.tls, ca, cert, key },
        proxy: proxyUrl === undefined ? undefined : proxyOf(proxyUrl),
      },
      this.#secrets,
    );
    this.#listed = new ListedTargets({ ...options, onChange: () => this.#tellTargets() });
  }

  /** What may be scraped, in place of what was said before. */
  configure(configs: readonly ScrapeConfig[]): void {
    this.#listed.configure(configs);
  }

  get targetCount(): number {
    return this.#listed.targets.length;
  }

  start(): void {
    void this.#dial();
  }

  /** Hangs up. Resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer();
    this.#dialling?.terminate();
    if (this.#channel !== undefined) {
      const ended = new Promise<void>((resolve) => {
        this.#ended = resolve;
      });
      this.#channel.close(closeCodes.goingAway, "the agent ends");
      await ended;
    }
    this.#log.close();
    await this.#listed.stop();
    this.#connections.close();
  }

  async #dial(): Promise<void> {
    try {
      await this.#connect();
    } catch (error) {
      this.#failures++;
      this.#retry(`cannot connect to ${this.#url.href}: ${describeFailure(error)}`, this.#delayMs());
    }
  }

  /** The token is read each time: it may have been renewed. */
  async #connect(): Promise<void> {
    const token = await this.#secrets.read(this.#options.server.token);
    if (!/^[\x21-\x7e]+$/.test(token)) throw new UnavailableError("the token is empty or has blanks in it");
    const asked = new URL(this.#url.href.replace(/^ws/, "http"));
    const route = asked.protocol === "https:" ? await this.#connections.routeTo(asked, true) : undefined;
    if (this.#isClosed) throw new UnavailableError("the agent ends");
    const agent = route?.options.agent;
    const webSocket = new WebSocket(this.#url, [subprotocol], {
      ...connectionOptions,
      handshakeTimeout: handshakeTimeoutMs,
      headers: { authorization: `Bearer ${token}`, "user-agent": `Narthex/${this.#options.version}` },
      ...(typeof agent === "object" && { agent }),
    });
    this.#dialling = webSocket;
    return new Promise((resolve, reject) => {
      let socket: Socket;
      webSocket.on("upgrade", (response) => {
        socket = response.socket;
      });
      webSocket.once("open", () => {
        // In the same turn, so that nothing comes before there is somebody who takes it.
        this.#begin(webSocket, socket);
        resolve();
      });
      webSocket.once("error", reject);
      webSocket.once("unexpected-response", (request, response) => {
        readAnswer(response).then((text) => {
          request.destroy();
          reject(new UnavailableError(`the server answered ${response.statusCode}: ${text}`));
        }, reject);
      });
    });
  }

  #begin(webSocket: WebSocket, socket: Socket): void {
    this.#dialling = undefined;
    if (this.#isClosed) {
      webSocket.terminate();
      return;
    }
    const { clock } = this.#options;
    const since = clock.monotonic();
    const channel = new Channel(webSocket, {
      ...{ clock, socket },
      onMessage: (encoded) => this.#take(decodeServerMessage(encoded)),
      onClose: (ending) => this.#lost(ending, clock.monotonic() - since),
    });
    this.#channel = channel;
    this.#tell("info", `connected to ${this.#url.href}`);
    this.#tellTargets();
  }

  #lost({ code, reason }: ChannelEnding, livedMs: number): void {
    this.#channel = undefined;
    for (const errand of this.#errands.values()) errand.cancel();
    this.#errands.clear();
    this.#ended();
    if (this.#isClosed) return;
    this.#failures = livedMs >= settledMs ? 0 : this.#failures + 1;
    if (livedMs >= settledMs) this.#lastTrouble = noTrouble;
    // Whoever was replaced must not push the other out at once.
    const delayMs = code === closeCodes.replaced ? delayMaxMs : this.#delayMs();
    this.#retry(`the connection has ended: ${reason}`, delayMs);
  }

  #take(message: ServerMessage): void {
    switch (message.kind) {
      case "accepted":
        this.#tellAccepted(message);
        break;
      case "ask":
        this.#ask(message);
        break;
      case "credit":
        // The end of the page may have been on its way.
        this.#errands.get(message.scrape)?.credit(message.sizeBytes);
        break;
      case "cancel":
        this.#errands.get(message.scrape)?.cancel();
    }
  }

  #ask({ scrape, target: id, headers }: Extract<ServerMessage, { kind: "ask" }>): void {
    const { clock } = this.#options;
    const channel = this.#channel;
    const send = async (message: AgentMessage) => {
      const encoded = encodeMessage(message);
      await (message.kind === "body" ? channel?.sendInTurn(encoded) : channel?.send(encoded));
    };
    const target = this.#listed.find(id);
    if (this.#errands.has(scrape)) throw new MalformedInputError("a scrape that is under way already");
    if (target === undefined) {
      void send({ kind: "failed", scrape, reason: "the agent has no such target any more" });
      return;
    }
    const refusal = this.#refusal(target);
    if (refusal !== undefined) {
      void send({ kind: "failed", scrape, reason: refusal });
      return;
    }
    const errand = new PageErrand({ clock, scrape, target, headers, send });
    this.#errands.set(scrape, errand);
    void errand.run().then(() => {
      if (this.#errands.get(scrape) === errand) this.#errands.delete(scrape);
    });
  }

  /** Why a server does not get what it asks for: targets are not to suffer from one that has gone wild. */
  #refusal({ id }: ListedTarget): string | undefined {
    const ofTarget = [...this.#errands.values()].filter(({ targetId }) => targetId === id).length;
    if (this.#errands.size >= scrapesMax || ofTarget >= scrapesOfTargetMax)
      return "the agent has too many scrapes under way";
    const allowance = this.#allowances.get(id) ?? new Allowance(this.#options.clock, scrapeLimits);
    this.#allowances.set(id, allowance);
    return allowance.take() === 0 ? undefined : "the target is asked for more often than the agent allows";
  }

  #tellTargets(): void {
    for (const id of this.#allowances.keys())
      if (this.#listed.find(id) === undefined) this.#allowances.delete(id);
    if (this.#channel === undefined) return;
    const { targets } = this.#listed;
    let told = targets.slice(0, toldTargetsMax);
    let encoded = encodeMessage({ kind: "targets", targets: told });
    while (encoded.length > messageSizeMaxBytes) {
      told = told.slice(0, Math.floor(told.length * 0.9));
      encoded = encodeMessage({ kind: "targets", targets: told });
    }
    if (told.length < targets.length)
      this.#tell("warning", `only the first ${told.length} of ${targets.length} targets can be told of`);
    void this.#channel.send(encoded);
  }

  #tellAccepted({ count, refused, refusedCount }: Extract<ServerMessage, { kind: "accepted" }>): void {
    this.#tell("info", `the server scrapes ${count} targets`);
    for (const { id, reason } of refused) {
      const url = this.#listed.find(id)?.url ?? "a target that is gone";
      this.#tell("warning", `the server refuses ${url}: ${reason}`);
    }
    if (refusedCount > refused.length)
      this.#tell("warning", `the server refuses ${refusedCount} targets in all`);
  }

  #retry(trouble: string, delayMs: number): void {
    if (this.#isClosed) return;
    const now = this.#options.clock.monotonic();
    if (trouble !== this.#lastTrouble.text || now - this.#lastTrouble.at >= repeatMs) {
      this.#lastTrouble = { text: trouble, at: now };
      this.#tell("warning", `${trouble}; trying again in ${(delayMs / 1000).toFixed(1)}s, and so on`);
    }
    this.#cancelTimer = this.#options.clock.schedule(delayMs, () => void this.#dial());
  }

  /** Twice as long each time, and anywhere in the upper half of that. */
  #delayMs(): number {
    const fullMs = Math.min(delayMaxMs, firstDelayMs * 2 ** Math.min(this.#failures, 10));
    return Math.round((fullMs * (1 + this.#options.random())) / 2);
  }

  #tell(level: AgentEvent["level"], message: string): void {
    this.#log.tell(level, message);
  }
}

function endpointOf(server: URL): URL {
  const url = new URL(server);
  url.protocol = url.protocol.replace(/^http/, "ws");
  if (url.protocol !== "ws:" && url.protocol !== "wss:")
    throw new InvalidArgumentError("the server's URL must begin with https:// or http://");
  if (url.username !== "" || url.password !== "")
    throw new InvalidArgumentError("the server's URL must have no user: an agent shows its token");
  url.pathname = `${url.pathname.replace(/\/$/, "")}/api/v1/agent`;
  return url;
}

function proxyOf(url: string) {
  return { http: url, https: url, noProxy: undefined, connectHeaders: {} };
}

/** The server says in JSON what is wrong; whatever else answered says it in its own way. */
async function readAnswer(response: AsyncIterable<Buffer>): Promise<string> {
  let text = "";
  for await (const piece of response) {
    text += piece.toString("utf8");
    if (text.length > answerMaxBytes) break;
  }
  const [, error] = /"error":("(?:[^"\\]|\\.)*")/.exec(text) ?? [];
  const told = error === undefined ? text.slice(0, 200) : unquoted(error);
  return told.replace(/\p{Cc}+/gu, " ");
}

/** What looks like a text of JSON and is none stays as it is. */
function unquoted(quoted: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch (error) {
    if (error instanceof SyntaxError) return quoted;
    throw error;
  }
}
