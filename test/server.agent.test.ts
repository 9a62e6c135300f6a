/**
 * A server that scrapes through agents: real sockets between server, agent and targets.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { Agent } from "../src/agent/agent.js";
import { parseConfig } from "../src/config.js";
import { readTextFile } from "../src/local-files.js";
import { systemClock } from "../src/model/clock.js";
import { type Server, startServer } from "../src/server.js";
import { createAuthority } from "./support/certificates.js";
import { eventually } from "./support/eventually.js";
import { HostileAgent } from "./support/hostile-agent.js";
import { HttpServers } from "./support/http-servers.js";
import { freePort } from "./support/processes.js";

const root = mkdtempSync(join(tmpdir(), "narthex-agents-"));
const targets = new HttpServers();
const authority = createAuthority();
const agents: { close(): Promise<void> }[] = [];
const hostile: HostileAgent[] = [];
let server: Server | undefined;
let directories = 0;

afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.close();
  for (const agent of hostile.splice(0)) agent.end();
  await server?.close();
  server = undefined;
  targets.close();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const jobs = `scrape_configs:
  - { job_name: node, scrape_interval: 500ms, metric_relabel_configs: [{ action: labeldrop, regex: noise }] }
  - { job_name: slow, scrape_interval: 400ms, scrape_timeout: 200ms }
  - { job_name: wide, scrape_interval: 10s }
`;
const cellar = `  - { name: cellar, token: s3cret, jobs: [node, slow, wide], labels: { site: berlin }, allow: { instance: "c-.*|" } }
`;
const configFile = join(root, "server.yml");

async function startWith(
  agentConfigs: string,
  more: { webConfigFile?: string; directory?: string; port?: number } = {},
) {
  const { directory = join(root, `data-${++directories}`), ...files } = more;
  writeFileSync(configFile, `${jobs}agent_configs:\n${agentConfigs}`);
  server = await startServer({
    database: { directory },
    ...{ host: "127.0.0.1", port: 0, configFile, version: "1.2.3", onEvent: () => {}, ...files },
  });
  return server;
}

interface RunningAgent {
  readonly agent: Agent;
  readonly told: string[];
}

interface AgentChanges {
  readonly token?: string;
  readonly ca?: string;
  readonly proxyUrl?: string;
  readonly certificate?: { readonly cert: string; readonly key: string };
}

function startAgent(
  text: string,
  { token = "s3cret", ca, proxyUrl, certificate }: AgentChanges = {},
): RunningAgent {
  const told: string[] = [];
  const agent = new Agent({
    server: {
      url: new URL(server!.url),
      token: { text: token },
      ca: ca === undefined ? undefined : { text: ca },
      cert: certificate && { text: certificate.cert },
      key: certificate && { text: certificate.key },
      proxyUrl,
    },
    clock: systemClock,
    random: () => 0,
    version: "1.2.3",
    readFile: readTextFile,
    onEvent: ({ level, message }) => told.push(`${level} ${message}`),
  });
  agent.configure(listing(text));
  agent.start();
  agents.push(agent);
  return { agent, told };
}

function listing(text: string) {
  return parseConfig(text, join(root, "agent.yml")).scrapeConfigs;
}

function jobOf(job: string, urls: readonly string[], more = ""): string {
  const hosts = urls.map((url) => `"${url.replace(/^https?:\/\//, "")}"`).join(", ");
  return `  - { job_name: ${job}, static_configs: [{ targets: [${hosts}], labels: { instance: "" } }]${more} }\n`;
}

const page =
  (text: string): RequestListener =>
  (_request, response) => {
    response.setHeader("content-type", "text/plain");
    response.end(text);
  };

async function get(path: string): Promise<string> {
  return (await fetch(`${server!.url}${path}`)).text();
}

interface Found {
  readonly metric: Record<string, string>;
  readonly value: [number, string];
}

async function query(expression: string): Promise<readonly Found[]> {
  const answer = await get(`/api/v1/query?query=${encodeURIComponent(expression)}`);
  return (JSON.parse(answer) as { data: { result: Found[] } }).data.result;
}

async function sampleOf(expression: string): Promise<string | undefined> {
  return (await query(expression))[0]?.value[1];
}

interface ShownTarget {
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly labels: Record<string, string>;
  readonly health: string;
  readonly lastError: string;
}

async function shownTargets(): Promise<readonly ShownTarget[]> {
  return (JSON.parse(await get("/api/v1/targets")) as { data: { activeTargets: ShownTarget[] } }).data
    .activeTargets;
}

const openAllow = cellar.replace('"c-.*|"', '".*"');

describe("a server with agent_configs", () => {
  it("scrapes through an agent what the agent lists, under the labels of its token", async () => {
    let asked: Record<string, unknown> = {};
    const target = await targets.plain((request, response) => {
      asked = { ...request.headers, url: request.url };
      response.setHeader("content-type", "text/plain");
      response.setHeader("content-encoding", "gzip");
      response.end(gzipSync('# TYPE a counter\na{noise="x"} 7\n'));
    });
    await startWith(openAllow);
    startAgent(
      `scrape_configs:\n${jobOf("node", [target], ", metrics_path: /m, params: { p: [1] }, basic_auth: { username: u, password: w }")}`,
    );
    const instance = target.replace("http://", "");
    const labels = { agent: "cellar", instance, job: "node", site: "berlin" };
    // On a machine that is busy a scrape now and then is late.
    await eventually(async () => {
      expect(await query("a")).toMatchObject([
        { metric: { __name__: "a", ...labels }, value: [expect.anything(), "7"] },
      ]);
      expect((await query("a"))[0]!.metric).not.toHaveProperty("noise");
      expect(await query("up")).toMatchObject([
        { metric: { __name__: "up", ...labels }, value: [expect.anything(), "1"] },
      ]);
      expect(await shownTargets()).toMatchObject([
        { scrapePool: "cellar/node", scrapeUrl: `${target}/m?p=1`, labels, health: "up", lastError: "" },
      ]);
    });
    // As of a direct scrape, and with the agent's credentials.
    expect(asked).toMatchObject({
      url: "/m?p=1",
      accept: expect.stringContaining("application/openmetrics-text"),
      "accept-encoding": "gzip",
      "user-agent": "Narthex/1.2.3",
      "x-prometheus-scrape-timeout-seconds": "0.5",
      authorization: `Basic ${Buffer.from("u:w").toString("base64")}`,
    });
    expect(await get("/api/v1/agents")).toMatch(/"name":"cellar".*"targets":1.*"isConnected":true/);
    expect(await get("/metrics")).toContain('narthex_agent_connected{agent="cellar"} 1');
  });

  it("says that targets are down while their agent is away, also after it was started again", async () => {
    const target = await targets.plain(page("a 7\n"));
    const directory = join(root, "kept");
    await startWith(openAllow, { directory });
    const text = `scrape_configs:\n${jobOf("node", [target])}`;
    const { agent } = startAgent(text);
    await eventually(async () => expect(await sampleOf("up")).toBe("1"));
    await agent.close();
    await eventually(async () => expect(await sampleOf("up")).toBe("0"));
    await eventually(async () => expect(await query("a")).toEqual([]));
    const away = /: agent "cellar" is not connected, since 20.*: the agent ends$/;
    await eventually(async () => expect((await shownTargets())[0]!.lastError).toMatch(away));
    await server!.close();
    await startWith(openAllow, { directory });
    await eventually(async () => expect(await shownTargets()).toMatchObject([{ health: "down" }]));
    expect((await shownTargets())[0]!.lastError).toMatch(
      /: agent "cellar" is not connected, since this server started$/,
    );
    startAgent(text);
    await eventually(async () => expect(await sampleOf("a")).toBe("7"));
  });

  it("goes on when the server comes back: the agent dials again", async () => {
    const target = await targets.plain(page("a 7\n"));
    const port = await freePort();
    const first = await startWith(openAllow, { port });
    const { told } = startAgent(`scrape_configs:\n${jobOf("node", [target])}`);
    await eventually(async () => expect(await sampleOf("up")).toBe("1"));
    await first.close();
    await eventually(() => expect(told.join("\n")).toContain("the server closes; trying again in"));
    server = await startServer({
      database: { directory: join(root, `data-${++directories}`) },
      ...{ host: "127.0.0.1", port, configFile, version: "1.2.3", onEvent: () => {} },
    });
    await eventually(async () => expect(await sampleOf("up")).toBe("1"));
  });

  it("lets targets end that the agent lists no more", async () => {
    const one = await targets.plain(page("a 1\n"));
    const two = await targets.plain(page("a 2\n"));
    await startWith(openAllow);
    const { agent } = startAgent(`scrape_configs:\n${jobOf("node", [one, two])}`);
    await eventually(async () => expect(await query("a")).toHaveLength(2));
    agent.configure(listing(`scrape_configs:\n${jobOf("node", [two])}`));
    await eventually(async () => {
      expect(await query("up")).toHaveLength(1);
      expect(await shownTargets()).toHaveLength(1);
      expect(await query("a")).toMatchObject([{ value: [expect.anything(), "2"] }]);
    });
  });

  it("follows no redirect: what is not listed is not reached", async () => {
    let reached = 0;
    const inner = await targets.plain((_request, response) => {
      reached++;
      response.end();
    });
    const target = await targets.plain((_request, response) =>
      response.writeHead(302, { location: inner }).end(),
    );
    await startWith(openAllow);
    startAgent(`scrape_configs:\n${jobOf("node", [target], ", follow_redirects: true")}`);
    await eventually(async () =>
      expect((await shownTargets())[0]?.lastError).toMatch(/: server returned HTTP status 302 Found$/),
    );
    expect(reached).toBe(0);
  });

  it("fails a scrape that is late, and one whose page is too large, and goes on", async () => {
    const bomb = gzipSync(Buffer.alloc(3 * 1024 * 1024, "# a comment\n"));
    let isLarge = true;
    const large = await targets.plain((_request, response) => {
      response.setHeader("content-type", "text/plain");
      if (!isLarge) return response.end("a 1\n");
      response.setHeader("content-encoding", "gzip");
      return response.end(bomb);
    });
    const late = await targets.plain(() => {});
    const endless = await targets.plain((_request, response) => {
      response.setHeader("content-type", "text/plain");
      const more = () => response.write(`# ${"x".repeat(60_000)}\n`, () => setImmediate(more));
      more();
    });
    await startWith(openAllow.replace("jobs:", "body_size_limit: 1MiB, jobs:"));
    startAgent(`scrape_configs:\n${jobOf("node", [large, endless])}${jobOf("slow", [late])}`);
    const errorOf = async (url: string) =>
      (await shownTargets()).find(({ scrapeUrl }) => scrapeUrl.startsWith(url))?.lastError;
    const tooLarge = "the page is not smaller than body_size_limit, 1048576 bytes";
    await eventually(async () => expect(await errorOf(large)).toBe(tooLarge));
    await eventually(async () =>
      expect(await errorOf(endless)).toMatch(/body_size_limit|within the timeout/),
    );
    await eventually(async () =>
      expect(await errorOf(late)).toContain(": no complete answer within the timeout of 0.2s"),
    );
    isLarge = false;
    await eventually(async () => expect(await errorOf(large)).toBe(""));
  });

  it("asks a hundred targets of one agent at once", async () => {
    const filler = (i: number) => `# ${"x".repeat(i % 40 === 0 ? 600_000 : 1000)}\n`;
    const urls = await Promise.all(
      Array.from({ length: 100 }, (_, i) => targets.plain(page(`${filler(i)}a ${i}\n`))),
    );
    await startWith(openAllow);
    startAgent(`scrape_configs:\n${jobOf("wide", urls)}`);
    // Each of them once: on a busy machine there is always one that is late.
    const values = async () =>
      new Set((await query("last_over_time(a[5m])")).map(({ value }) => value[1])).size;
    await eventually(async () => expect(await values()).toBe(100));
  });

  it("takes no agent without a token that counts, and hangs up when it counts no more", async () => {
    await startWith(cellar);
    const { told } = startAgent("{}", { token: "wr0ng" });
    await eventually(() => expect(told).toHaveLength(1));
    expect(told[0]).toMatch(
      /^warning cannot connect to ws:.*: the server answered 401: no entry of agent_configs has this token; .*trying again/,
    );
    expect(told[0]).not.toContain("wr0ng");
    const agent = await HostileAgent.connect(server!.url, "s3cret");
    hostile.push(agent);
    writeFileSync(configFile, `${jobs}agent_configs:\n${cellar.replace("s3cret", "0ther")}`);
    await server!.reload();
    expect(await agent.closed).toEqual([4401, "the token counts no more: the server knows another one"]);
    await expect(HostileAgent.connect(server!.url, "s3cret")).rejects.toThrow("401");
    const again = await HostileAgent.connect(server!.url, "0ther");
    hostile.push(again);
    again.tell([{ job: "node", url: "http://h:1/" }]);
    await eventually(async () => expect(await shownTargets()).toHaveLength(1));
    writeFileSync(configFile, jobs);
    await server!.reload();
    expect((await again.closed)[1]).toBe('the token counts no more: there is no agent "cellar" any more');
    expect(await shownTargets()).toEqual([]);
    expect(await get("/api/v1/agents")).toContain('"agents":[]');
  });

  it("hands the place of an agent to the newest connection with its token", async () => {
    await startWith(cellar);
    const first = await HostileAgent.connect(server!.url, "s3cret");
    const second = await HostileAgent.connect(server!.url, "s3cret");
    hostile.push(first, second);
    expect(await first.closed).toEqual([4409, "another connection came with this token, from 127.0.0.1"]);
    second.tell([{ job: "node", url: "http://h:1/" }]);
    await eventually(() => expect(second.received.map(({ kind }) => kind)).toContain("ask"));
  });
});

describe("an agent that lies", () => {
  it("cannot write another's series, choose another job, or make the server ask", async () => {
    let asked = 0;
    const inner = await targets.plain((_request, response) => {
      asked++;
      response.end("secret 1\n");
    });
    await startWith(cellar);
    const agent = await HostileAgent.connect(server!.url, "s3cret");
    hostile.push(agent);
    agent.tell([
      { job: "node", url: inner, labels: { instance: "c-1" } },
      { job: "node", url: "http://h/", labels: { agent: "attic" } },
      { job: "node", url: "http://h/", labels: { site: "paris" } },
      { job: "node", url: "http://h/", labels: { instance: "db-1" } },
      { job: "node", url: "http://h/", labels: { job: "other" } },
      { job: "node", url: "http://h/", labels: { __address__: "h:1" } },
      { job: "node", url: "http://h/", labels: { __scrape_interval__: "1ms" } },
      { job: "other", url: "http://h/" },
      { job: "node", url: "file:///etc/passwd" },
    ]);
    await eventually(() => expect(agent.received[0]).toBeDefined());
    expect(agent.received[0]).toMatchObject({ kind: "accepted", count: 1 });
    const { refused } = agent.received[0] as {
      refused: readonly { reason: string }[];
    } & (typeof agent.received)[0];
    expect(refused.map(({ reason }) => reason)).toEqual([
      'the label agent is "cellar" for this agent, not "attic"',
      'the label site is "berlin" for this agent, not "paris"',
      'the label instance may not be "db-1" for this agent',
      'the label job is "node" for this agent, not "other"',
      'the label "__address__" is the server\'s to set',
      'the label "__scrape_interval__" is the server\'s to set',
      'the agent may not bring targets into the job "other"',
      '"file:///etc/passwd" is no URL of http or https',
    ]);
    await eventually(() => expect(agent.received.map(({ kind }) => kind)).toContain("ask"));
    expect(asked).toBe(0);
  });

  it.each([
    ["a text message", (agent: HostileAgent) => agent.webSocket.send("hello")],
    ["bytes of no kind", (agent: HostileAgent) => agent.webSocket.send(Buffer.from([99, 0, 0, 0, 0]))],
    [
      "a message that is too long",
      (agent: HostileAgent) => agent.webSocket.send(Buffer.alloc(1024 * 1024 + 1)),
    ],
    ["many fragments", sendFragments],
    ["a page that nobody asked for", (agent: HostileAgent) => agent.send({ kind: "end", scrape: 77 })],
    ["more than it may", flood],
    ["bytes that are no WebSocket", sendNoise],
  ] as const)("is hung up on: %s", async (_what, lie) => {
    await startWith(cellar);
    const agent = await HostileAgent.connect(server!.url, "s3cret");
    hostile.push(agent);
    agent.tell([{ job: "node", url: "http://h:1/" }]);
    await eventually(() => expect(agent.received.map(({ kind }) => kind)).toContain("ask"));
    await lie(agent);
    const [code] = await agent.closed;
    expect([1002, 1006, 1008, 1009]).toContain(code);
    const gone = /: agent "cellar" (?:is not connected|has gone)/;
    await eventually(async () => expect((await shownTargets())[0]!.lastError).toMatch(gone));
    await eventually(async () => expect(await sampleOf("up")).toBe("0"));
  });
});

function sendFragments({ webSocket }: HostileAgent): void {
  for (let i = 0; i < 400; i++) webSocket.send(Buffer.alloc(1), { fin: false });
}

/** Under the library, which would not send it. */
function sendNoise({ webSocket }: HostileAgent): void {
  (webSocket as unknown as { _socket: Socket })._socket.write(Buffer.alloc(5000, 0xff));
}

function flood(agent: HostileAgent): void {
  const ask = agent.received.find(({ kind }) => kind === "ask") as { scrape: number };
  const { scrape } = ask;
  agent.send({
    kind: "head",
    scrape,
    status: 200,
    statusText: "",
    headers: { "content-type": "text/plain" },
  });
  // The page of an aborted scrape is not read, and gets no credit.
  for (let i = 0; i < 300; i++) agent.send({ kind: "body", scrape, bytes: Buffer.alloc(64 * 1024, "#\n") });
}

describe.skipIf(authority === undefined)("over TLS", () => {
  const text = (target: string) => `scrape_configs:\n${jobOf("node", [target])}`;

  async function startEncrypted(more = ""): Promise<string> {
    const files = { ...authority!.sign("localhost"), ca: authority!.cert };
    for (const [name, pem] of Object.entries(files)) writeFileSync(join(root, `${name}.pem`), pem);
    const webConfigFile = join(root, "web.yml");
    writeFileSync(webConfigFile, `tls_server_config: { cert_file: cert.pem, key_file: key.pem${more} }\n`);
    await startWith(openAllow, { webConfigFile });
    return targets.plain(page("a 7\n"));
  }

  it("an agent believes only the authority that it was told", async () => {
    const target = await startEncrypted();
    const { told: mistrusting } = startAgent(text(target));
    await eventually(() => expect(mistrusting[0]).toMatch(/cannot connect to wss:.*certificate/));
    const { told } = startAgent(text(target), { ca: authority!.cert });
    await eventually(() => expect(told).toContain("info the server scrapes 1 targets"));
  });

  it("an agent shows the certificate that the server demands", async () => {
    const demand = ", client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert";
    const target = await startEncrypted(demand);
    const { told: nobody } = startAgent(text(target), { ca: authority!.cert });
    await eventually(() => expect(nobody[0]).toMatch(/cannot connect to wss:/));
    const certificate = authority!.sign("cellar");
    const { told } = startAgent(text(target), { ca: authority!.cert, certificate });
    await eventually(() => expect(told).toContain("info the server scrapes 1 targets"));
  });

  it("an agent goes through a proxy, which sees neither token nor pages", async () => {
    const target = await startEncrypted();
    const places: string[] = [];
    const proxyUrl = await targets.proxy(page(""), (place) => {
      places.push(place);
      return places.length > 1;
    });
    const { told } = startAgent(text(target), { ca: authority!.cert, proxyUrl });
    await eventually(async () => expect(told).toContain("info the server scrapes 1 targets"));
    expect(told[0]).toContain("the proxy refused the connection: 407 No");
    const { host } = new URL(server!.url);
    expect(new Set(places)).toEqual(new Set([host]));
  });
});
