import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { DatabaseEvent } from "../src/api.js";
import { reloadOnSignal } from "../src/server/signals.js";
import { type Server, type ServerOptions, startServer } from "../src/server.js";
import { eventually } from "./support/eventually.js";

const root = mkdtempSync(join(tmpdir(), "narthex-reload-"));
const configFile = join(root, "narthex.yml");
const events: DatabaseEvent[] = [];
const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  events.length = 0;
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function start(config: string, changes: Partial<ServerOptions> = {}): Promise<Server> {
  writeFileSync(configFile, config);
  const server = await startServer({
    database: { directory: mkdtempSync(join(root, "data-")) },
    host: "127.0.0.1",
    port: 0,
    configFile,
    enableLifecycle: true,
    version: "1.2.3",
    onEvent: (event) => events.push(event),
    ...changes,
  });
  servers.push(server);
  return server;
}

async function push(server: Server, token: string, text = 'gh_celsius{instance="gh-01"} 21\n') {
  const headers = { authorization: `Bearer ${token}` };
  return fetch(`${server.url}/api/v1/import/prometheus`, { method: "POST", headers, body: text });
}

async function reload(server: Server): Promise<string> {
  const response = await fetch(`${server.url}/-/reload`, { method: "POST" });
  return `${response.status} ${await response.text()}`;
}

async function query(server: Server, expression: string): Promise<unknown> {
  const response = await fetch(`${server.url}/api/v1/query?${new URLSearchParams({ query: expression })}`);
  const { data } = (await response.json()) as { data: { result: readonly { value: [number, string] }[] } };
  return data.result.map(({ value }) => value[1]);
}

async function metric(server: Server, name: string): Promise<number> {
  const page = await (await fetch(`${server.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, "m").exec(page)?.[1]);
}

const greenhouse = (token: string, more = "") =>
  `push_configs: [{ job_name: greenhouse, tokens: [{ token: ${token} }]${more} }]\n`;

describe("a server with push_configs", () => {
  it("says of expected sources that they have not pushed, before anybody did", async () => {
    const server = await start(greenhouse("t", ", interval: 1m, expected: [gh-01, gh-02]"));
    await eventually(async () => expect(await query(server, 'up{job="greenhouse"}')).toEqual(["0", "0"]));
    const response = await push(server, "t");
    expect([response.status, response.headers.get("x-push-interval")]).toEqual([204, "1m"]);
    expect(await query(server, 'up{job="greenhouse", instance="gh-01"}')).toEqual(["1"]);
  });
});

describe("a reload", () => {
  it("revokes a token and gives another", async () => {
    const server = await start(greenhouse("first"));
    expect((await push(server, "first")).status).toBe(204);
    writeFileSync(configFile, greenhouse("second"));
    expect(await reload(server)).toBe("200 ");
    expect((await push(server, "first")).status).toBe(401);
    expect((await push(server, "second", 'gh_celsius{instance="gh-01"} 22 1000\n')).status).toBe(204);
    expect(events.map(({ message }) => message)).toContain("the configuration was read again");
  });

  it("reads a token file again", async () => {
    const file = join(root, "g.token");
    writeFileSync(file, "one\n");
    const server = await start("push_configs: [{ job_name: g, tokens: [{ token_file: g.token }] }]");
    expect((await push(server, "one")).status).toBe(204);
    writeFileSync(file, "two\n");
    await server.reload();
    expect([(await push(server, "one")).status, (await push(server, "two")).status]).toEqual([401, 204]);
  });

  it("changes nothing when the file is wrong, and names the place", async () => {
    const server = await start(greenhouse("first"));
    const before = await metric(server, "narthex_config_last_reload_success_timestamp_seconds");
    expect(before).toBeGreaterThan(1e9);
    writeFileSync(configFile, `${greenhouse("second")}scrape_configz: []\n`);
    expect(await reload(server)).toMatch(/^400 .*bad_data.*narthex\.yml:2:1: unknown key .*scrape_configs/);
    expect(events.at(-1)).toMatchObject({ level: "error", message: expect.stringContaining(":2:1:") });
    expect((await push(server, "second")).status).toBe(401);
    expect((await push(server, "first")).status).toBe(204);
    expect(await metric(server, "narthex_config_last_reload_successful")).toBe(0);
    expect(await metric(server, "narthex_config_last_reload_success_timestamp_seconds")).toBe(before);
    writeFileSync(configFile, greenhouse("first"));
    expect(await reload(server)).toBe("200 ");
    expect(await metric(server, "narthex_config_last_reload_successful")).toBe(1);
  });

  it("lets jobs that are as they were go on, and ends and begins the others", async () => {
    const job = (name: string, path: string) =>
      `  - { job_name: ${name}, metrics_path: ${path}, static_configs: [{ targets: ["127.0.0.1:9"] }] }\n`;
    const server = await start(
      `scrape_configs:\n${job("same", "/a")}${job("other", "/a")}${job("gone", "/a")}`,
    );
    writeFileSync(
      configFile,
      `scrape_configs:\n${job("new", "/a")}${job("other", "/b")}${job("same", "/a")}`,
    );
    await server.reload();
    const answer = await (await fetch(`${server.url}/api/v1/targets`)).json();
    const { activeTargets } = (
      answer as { data: { activeTargets: { scrapePool: string; scrapeUrl: string }[] } }
    ).data;
    expect(
      activeTargets.map(({ scrapePool, scrapeUrl }) => `${scrapePool} ${new URL(scrapeUrl).pathname}`),
    ).toEqual(["new /a", "other /b", "same /a"]);
  });

  it("comes with SIGHUP, too", async () => {
    const server = await start(greenhouse("first"));
    reloadOnSignal(server);
    writeFileSync(configFile, greenhouse("second"));
    process.emit("SIGHUP");
    await eventually(async () => expect((await push(server, "second")).status).toBe(204));
    writeFileSync(configFile, "[]");
    process.emit("SIGHUP");
    await eventually(() => expect(events.at(-1)).toMatchObject({ level: "error" }));
    expect((await push(server, "second", 'b{instance="x"} 1\n')).status).toBe(204);
    process.removeAllListeners("SIGHUP");
  });

  it("is refused once the server closes", async () => {
    const server = await start(greenhouse("first"));
    const closed = server.close();
    await expect(server.reload()).rejects.toThrow("the server closes");
    await closed;
  });

  it("says what waits for a restart", async () => {
    const server = await start("storage: { tsdb: { retention: { time: 1d } } }");
    writeFileSync(configFile, "storage: { tsdb: { retention: { time: 2d } } }");
    await server.reload();
    expect(events.filter(({ level }) => level === "warning").map(({ message }) => message)).toEqual([
      "storage.tsdb.retention has changed: it is as it was until the server is started again",
    ]);
  });

  it("warns of what is new only, in the order of the file", async () => {
    const job = (name: string) => `  - { job_name: ${name}, ec2_sd_configs: [] }\n`;
    const text = `alerting: {}\nscrape_configs:\n${job("a")}remote_read: []\n`;
    const server = await start(text);
    const warned = () =>
      events
        .splice(0)
        .filter(({ level }) => level === "warning")
        .map(({ message }) => /:\d+: \S+/.exec(message)?.[0]);
    expect(warned()).toEqual([":1: alerting", ":3: scrape_configs[0].ec2_sd_configs", ":4: remote_read"]);
    await server.reload();
    expect(warned()).toEqual([]);
    writeFileSync(configFile, `# a comment\nrule_files: []\n${text}`);
    await server.reload();
    expect(warned()).toEqual([":2: rule_files"]);
    writeFileSync(configFile, text.replace(job("a"), job("a") + job("b")));
    await server.reload();
    expect(warned()).toEqual([":4: scrape_configs[1].ec2_sd_configs"]);
  });

  it("is refused to clients unless the operator has allowed it", async () => {
    const server = await start("", { enableLifecycle: false });
    expect(await reload(server)).toMatch(/^403 .*--web\.enable-lifecycle, or send the process SIGHUP/);
  });

  it("changes users and headers", async () => {
    const webConfigFile = join(root, "web.yml");
    writeFileSync(webConfigFile, "http_server_config: { headers: { X-Frame-Options: deny } }");
    const server = await start("", { webConfigFile });
    const read = async () => fetch(`${server.url}/api/v1/labels`);
    expect((await read()).headers.get("x-frame-options")).toBe("deny");
    // The hash is of "password", with the lowest cost.
    writeFileSync(
      webConfigFile,
      "basic_auth_users: { a: $2b$04$RCEWJubomEZghLl5Ffx60u8deSy9mHPgO7TUfeMget.bSxx2rKD8O }",
    );
    await server.reload();
    const refused = await read();
    expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([
      401,
      expect.stringMatching(/^Basic/),
    ]);
    expect(refused.headers.get("x-frame-options")).toBe(null);
  });
});
