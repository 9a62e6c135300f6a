/**
 * An agent against servers that do as they please: it reaches what it lists and nothing else, and goes on trying.
 */

import { once } from "node:events";
import { type AddressInfo, createServer, type Server as TcpServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { Agent } from "../../src/agent/agent.js";
import {
  type AgentMessage,
  decodeAgentMessage,
  encodeMessage,
  type ServerMessage,
  subprotocol,
  windowSizeBytes,
} from "../../src/agent/messages.js";
import { parseConfig } from "../../src/config.js";
import { readTextFile } from "../../src/local-files.js";
import { systemClock } from "../../src/model/clock.js";
import { eventually } from "../support/eventually.js";
import { FakeClock } from "../support/fake-clock.js";
import { HttpServers } from "../support/http-servers.js";

const targets = new HttpServers();
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  targets.close();
});

class ScriptedServer {
  readonly received: AgentMessage[] = [];
  readonly closed: [number, string][] = [];
  readonly tokens: (string | undefined)[] = [];
  connection: WebSocket | undefined;
  readonly url: string;

  private constructor(webSockets: WebSocketServer) {
    this.url = `http://127.0.0.1:${(webSockets.address() as AddressInfo).port}`;
    webSockets.on("connection", (connection, { headers }) => {
      this.connection = connection;
      this.tokens.push(headers.authorization);
      connection.on("message", (data) => this.received.push(decodeAgentMessage(data as Buffer)));
      connection.on("close", (code, reason) => this.closed.push([code, reason.toString()]));
      connection.on("error", () => {});
    });
  }

  static async start(options: { autoPong?: boolean } = {}): Promise<ScriptedServer> {
    const webSockets = new WebSocketServer({
      ...{ host: "127.0.0.1", port: 0, handleProtocols: () => subprotocol },
      ...options,
    });
    closers.push(() => {
      for (const client of webSockets.clients) client.terminate();
      webSockets.close();
    });
    await once(webSockets, "listening");
    return new ScriptedServer(webSockets);
  }

  send(message: ServerMessage): void {
    this.connection!.send(encodeMessage(message));
  }

  /** The ids of the targets that it was told of last. */
  async ids(count: number): Promise<readonly string[]> {
    await eventually(() => expect(this.#lastTargets()).toHaveLength(count));
    return this.#lastTargets().map(({ id }) => id);
  }

  #lastTargets() {
    const told = this.received.filter((message) => message.kind === "targets");
    return told.at(-1)?.targets ?? [];
  }

  of(scrape: number): readonly AgentMessage[] {
    return this.received.filter((message) => "scrape" in message && message.scrape === scrape);
  }
}

function start(url: string, urls: readonly string[], { clock = systemClock, more = "" } = {}) {
  const told: string[] = [];
  const agent = new Agent({
    server: {
      url: new URL(url),
      token: { text: "s3cret" },
      ...{ ca: undefined, cert: undefined, key: undefined, proxyUrl: undefined },
    },
    ...{ clock, random: () => 0, version: "1.2.3", readFile: readTextFile },
    onEvent: ({ level, message }) => told.push(`${level} ${message}`),
  });
  const hosts = JSON.stringify(urls.map((target) => target.replace("http://", "")));
  const text = `scrape_configs: [{ job_name: a, static_configs: [{ targets: ${hosts} }]${more} }]`;
  agent.configure(parseConfig(text, "a.yml").scrapeConfigs);
  agent.start();
  closers.push(() => agent.close());
  return { agent, told };
}

const timeout = { "x-prometheus-scrape-timeout-seconds": "5" };

describe("an agent", () => {
  it("that is closed while it still reads its token connects to nobody", async () => {
    const server = await ScriptedServer.start();
    const { agent } = start(server.url, []);
    await agent.close();
    // Comes after whatever the agent may have sent.
    start(server.url, ["h:1"]);
    await server.ids(1);
    expect(server.tokens).toHaveLength(1);
  });

  it("shows its token, and tells of its targets under ids that stay", async () => {
    const server = await ScriptedServer.start();
    const { agent } = start(server.url, ["h:1", "h:2"]);
    const ids = await server.ids(2);
    expect(server.tokens).toEqual(["Bearer s3cret"]);
    expect(server.received[0]).toMatchObject({
      targets: [
        { job: "a", url: "http://h:1/metrics", labels: { instance: "h:1", job: "a" } },
        { job: "a", url: "http://h:2/metrics", labels: { instance: "h:2", job: "a" } },
      ],
    });
    await agent.close();
    await eventually(() => expect(server.closed).toEqual([[1001, "the agent ends"]]));
    server.received.length = 0;
    start(server.url, ["h:2", "h:1"]);
    expect(await server.ids(2)).toEqual([...ids].reverse());
  });

  it("asks what it lists, with the headers of a scrape and no others", async () => {
    let asked: Record<string, unknown> = {};
    const target = await targets.plain((request, response) => {
      asked = { ...request.headers, path: request.url };
      response.writeHead(200, { "content-type": "text/plain", "set-cookie": "a=b", "x-secret": "s" });
      response.end("a 1\n");
    });
    const server = await ScriptedServer.start();
    start(server.url, [target]);
    const [id = ""] = await server.ids(1);
    const headers = {
      ...timeout,
      accept: "text/plain",
      host: "evil",
      cookie: "c",
      authorization: "Bearer x",
    };
    server.send({ kind: "ask", scrape: 1, target: id, headers });
    await eventually(() => expect(server.of(1).map(({ kind }) => kind)).toEqual(["head", "body", "end"]));
    expect(asked).toEqual({
      ...{ ...timeout, accept: "text/plain", path: "/metrics", host: target.replace("http://", "") },
      connection: "keep-alive",
    });
    expect(server.of(1)[0]).toEqual({
      ...{ kind: "head", scrape: 1, status: 200, statusText: "OK" },
      headers: { "content-type": "text/plain" },
    });
    expect(String((server.of(1)[1] as { bytes: Buffer }).bytes)).toBe("a 1\n");
  });

  it("reaches nothing that it does not list, whatever it is asked for", async () => {
    let reached = 0;
    const inner = await targets.plain((_request, response) => {
      reached++;
      response.end("a 1\n");
    });
    const server = await ScriptedServer.start();
    start(server.url, ["127.0.0.1:1"]);
    await server.ids(1);
    const asked = [inner, `${inner}/metrics`, "../../metrics", "0".repeat(16), "__proto__", ""];
    for (const [i, target] of asked.entries())
      server.send({ kind: "ask", scrape: i + 1, target, headers: timeout });
    const reason = "the agent has no such target any more";
    await eventually(() => {
      for (const [i] of asked.entries())
        expect(server.of(i + 1)).toEqual([{ kind: "failed", scrape: i + 1, reason }]);
    });
    expect(reached).toBe(0);
  });

  it("sends no more of a page than it may, and goes on with credit", async () => {
    const target = await targets.plain((_request, response) => response.end(Buffer.alloc(600_000, "#")));
    const server = await ScriptedServer.start();
    start(server.url, [target]);
    const [id = ""] = await server.ids(1);
    server.send({ kind: "ask", scrape: 1, target: id, headers: timeout });
    const sizeOf = () =>
      server.of(1).reduce((sum, message) => sum + (message.kind === "body" ? message.bytes.length : 0), 0);
    await eventually(() => expect(sizeOf()).toBe(windowSizeBytes));
    // More than a window is not believed.
    server.send({ kind: "credit", scrape: 1, sizeBytes: 1e9 });
    await eventually(() => expect(sizeOf()).toBe(2 * windowSizeBytes));
    server.send({ kind: "cancel", scrape: 1 });
    await eventually(() => expect(server.of(1).at(-1)?.kind).toBe("failed"));
    expect(sizeOf()).toBe(2 * windowSizeBytes);
    server.send({ kind: "credit", scrape: 1, sizeBytes: 10 });
    server.send({ kind: "cancel", scrape: 1 });
  });

  it("gives up on a target by itself when the time is over, and does not take more than a few scrapes of it", async () => {
    const target = await targets.plain(() => {});
    const server = await ScriptedServer.start();
    const clock = new FakeClock(1_000_000);
    start(server.url, [target], { clock });
    const [id = ""] = await server.ids(1);
    for (let scrape = 1; scrape <= 5; scrape++)
      server.send({
        ...{ kind: "ask", scrape, target: id },
        headers: { "x-prometheus-scrape-timeout-seconds": "0.3" },
      });
    await eventually(() => expect(server.of(5)).toHaveLength(1));
    expect(server.of(5)[0]).toMatchObject({ reason: "the agent has too many scrapes under way" });
    clock.advance(300);
    const late = { kind: "failed", scrape: 1, reason: "no complete answer within the timeout of 0.3s" };
    await eventually(() => expect(server.of(1)).toEqual([late]));
  });

  it("does not ask a target more often than it allows, however fast a server asks", async () => {
    let asked = 0;
    const target = await targets.plain((_request, response) => {
      asked++;
      response.end("a 1\n");
    });
    const server = await ScriptedServer.start();
    const clock = new FakeClock(1_000_000);
    start(server.url, [target], { clock });
    const [id = ""] = await server.ids(1);
    for (let scrape = 1; scrape <= 150; scrape++) {
      server.send({ kind: "ask", scrape, target: id, headers: timeout });
      await eventually(() => expect(server.of(scrape).at(-1)?.kind).toMatch(/end|failed/));
    }
    expect(asked).toBe(100);
    const reason = "the target is asked for more often than the agent allows";
    expect(server.of(150)).toEqual([{ kind: "failed", scrape: 150, reason }]);
    clock.advance(50);
    server.send({ kind: "ask", scrape: 151, target: id, headers: timeout });
    await eventually(() => expect(server.of(151).at(-1)?.kind).toBe("end"));
  });

  it("does not let a server fill its log", async () => {
    const server = await ScriptedServer.start();
    const { agent, told } = start(server.url, []);
    await eventually(() => expect(server.received).toHaveLength(1));
    const refused = Array.from({ length: 50 }, () => ({ id: "\n".repeat(9), reason: "no\nforged line" }));
    for (let i = 0; i < 20; i++) server.send({ kind: "accepted", count: i, refused, refusedCount: 50 });
    server.send({ kind: "ask", scrape: 1, target: "", headers: timeout });
    await eventually(() => expect(server.of(1)).toHaveLength(1));
    await agent.close();
    expect(told).toHaveLength(41);
    expect(told.at(-1)).toBe("warning 981 lines about the server were left out, as they came too fast");
    expect(told.join("")).not.toContain("\n");
  });

  it.each([
    [
      "more reasons than there may be",
      (to: WebSocket) => {
        const refused = Array.from({ length: 51 }, () => ({ id: "", reason: "" }));
        to.send(encodeMessage({ kind: "accepted", count: 0, refused, refusedCount: 51 }));
      },
    ],
    ["a text message", (to: WebSocket) => to.send("hello")],
    ["a message of no kind", (to: WebSocket) => to.send(Buffer.from([77, 0, 0, 0, 0]))],
    ["a message of an agent", (to: WebSocket) => to.send(encodeMessage({ kind: "end", scrape: 1 }))],
    ["a message that is too long", (to: WebSocket) => to.send(Buffer.alloc(1024 * 1024 + 1))],
  ])("hangs up on a server that sends %s, and comes back", async (_what, lie) => {
    const server = await ScriptedServer.start();
    const { told } = start(server.url, []);
    await eventually(() => expect(server.received).toHaveLength(1));
    lie(server.connection!);
    await eventually(() => expect(server.received).toHaveLength(2));
    expect(server.closed.map(([code]) => code)).toEqual([expect.toBeOneOf([1002, 1006, 1009])]);
    expect(told.join("\n")).toMatch(/warning the connection has ended: .*; trying again in 1.0s/);
  });

  it("says what answered instead of the server, whatever that was", async () => {
    const url = await targets.plain((_request, response) =>
      response.writeHead(502).end('{"error":"no \\x upstream"}'),
    );
    const { told } = start(url, []);
    await eventually(() => expect(told).toHaveLength(1));
    expect(told[0]).toContain('the server answered 502: "no \\x upstream"; trying again in');
  });

  it("leaves a server that is silent, and tries again later and later", async () => {
    const clock = new FakeClock(1_000_000);
    const server = await ScriptedServer.start({ autoPong: false });
    const { told } = start(server.url, [], { clock });
    await eventually(() => expect(server.received).toHaveLength(1));
    // What has come already counts at the first beat.
    for (let beat = 0; beat < 3; beat++) clock.advance(15_000);
    const silent =
      "warning the connection has ended: the peer was silent for 30s; trying again in 0.5s, and so on";
    await eventually(() => expect(told.at(-1)).toBe(silent));
  });

  it("waits longer each time, half a minute at most, and says so once", async () => {
    const clock = new FakeClock(1_000_000);
    const { url, connections } = await rudeServer();
    const { told } = start(url, [], { clock });
    const delays: number[] = [];
    for (let attempt = 1; attempt <= 8; attempt++) {
      await eventually(() => expect([connections(), clock.nextDue]).toEqual([attempt, expect.any(Number)]));
      delays.push(clock.nextDue! - clock.now());
      clock.advance(clock.nextDue! - clock.now());
    }
    expect(delays).toEqual([1000, 2000, 4000, 8000, 15_000, 15_000, 15_000, 15_000]);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(
      /^warning cannot connect to ws:\/\/127.0.0.1:\d+\/api\/v1\/agent: .*; trying again in 1.0s/,
    );
  });
});

/** Hangs up on everybody. */
async function rudeServer(): Promise<{ url: string; connections: () => number }> {
  let count = 0;
  const server: TcpServer = createServer((socket) => {
    count++;
    socket.destroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections: () => count };
}
