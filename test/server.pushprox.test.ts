/**
 * Scraping through PushProx with `proxy_url`: what its proxy is asked, and what comes of it.
 *
 * PushProx itself is no package that could be had here: test/support/pushprox.ts does as it does.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { type Server, startServer } from "../src/server.js";
import { eventually } from "./support/eventually.js";
import { HttpServers } from "./support/http-servers.js";
import { PushProxClient, PushProxProxy } from "./support/pushprox.js";

const root = mkdtempSync(join(tmpdir(), "narthex-pushprox-"));
const targets = new HttpServers();
let closers: (() => unknown)[] = [];
let server: Server;

afterEach(async () => {
  for (const close of closers.reverse()) await close();
  closers = [];
  targets.close();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function start(name: string, job: string): Promise<PushProxProxy> {
  const proxy = await PushProxProxy.start();
  closers.push(() => proxy.close());
  const configFile = join(root, `${name}.yml`);
  writeFileSync(configFile, `scrape_configs:\n  - { job_name: node, proxy_url: "${proxy.url}", ${job} }\n`);
  server = await startServer({
    database: { directory: join(root, name) },
    ...{ host: "127.0.0.1", port: 0, configFile, version: "1.2.3", onEvent: () => {} },
  });
  closers.push(() => server.close());
  return proxy;
}

async function sample(expression: string): Promise<string | undefined> {
  const answer = await fetch(`${server.url}/api/v1/query?query=${encodeURIComponent(expression)}`);
  const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
  return data.result[0]?.value[1];
}

async function lastError(): Promise<string | undefined> {
  const answer = await fetch(`${server.url}/api/v1/targets`);
  const { data } = (await answer.json()) as { data: { activeTargets: { lastError: string }[] } };
  return data.activeTargets[0]?.lastError;
}

describe("PushProx", () => {
  it("is asked for whole URLs, by the name of the client behind it", async () => {
    const target = await targets.plain((request, response) => {
      if (request.url !== "/m?p=1") return response.writeHead(404).end();
      response.writeHead(200, { "content-type": "text/plain", "content-encoding": "gzip" });
      return response.end(gzipSync("a 7\n"));
    });
    const { port } = new URL(target);
    const proxy = await start(
      "one",
      `scrape_interval: 500ms, metrics_path: /m, params: { p: [1] }, static_configs: [{ targets: ["gh-01.example:${port}"] }]`,
    );
    const client = new PushProxClient(proxy.url, "gh-01.example");
    closers.push(() => client.close());
    await eventually(async () => {
      expect(await sample("a")).toBe("7");
      expect(await sample(`up{job="node",instance="gh-01.example:${port}"}`)).toBe("1");
    });
    expect(proxy.seen[0]).toMatchObject({
      line: `GET http://gh-01.example:${port}/m?p=1 HTTP/1.1`,
      headers: {
        host: `gh-01.example:${port}`,
        "accept-encoding": "gzip",
        "x-prometheus-scrape-timeout-seconds": "0.5",
      },
    });
    expect(await (await fetch(`${proxy.url}/clients`)).json()).toEqual([
      { targets: ["gh-01.example"], labels: null },
    ]);
  });

  it("says that a target is down whose client does not poll, and up when it comes", async () => {
    const target = await targets.plain((_request, response) => {
      response.writeHead(200, { "content-type": "text/plain" }).end("a 7\n");
    });
    const proxy = await start(
      "two",
      `scrape_interval: 500ms, static_configs: [{ targets: ["gh-02.example:${new URL(target).port}"] }]`,
    );
    await eventually(async () => expect(await lastError()).toMatch(/timeout of 0.5s|HTTP status 500/));
    await eventually(async () => expect(await sample("up")).toBe("0"));
    const client = new PushProxClient(proxy.url, "gh-02.example");
    closers.push(() => client.close());
    await eventually(async () => expect(await sample("up")).toBe("1"));
  });
});
