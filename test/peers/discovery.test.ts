/**
 * Discovery beside a real Prometheus: the same files and the same server that lists targets, changing, failing and coming
 * back, give the same targets in both.
 */

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { api, type RunningServer, startNarthex, startPrometheus } from "../support/processes.js";

const isMissing = ["prometheus", "promtool"].map(isPeerMissing).includes(true);

interface Discovery {
  readonly activeTargets: readonly Record<string, unknown>[];
  readonly droppedTargets: readonly Record<string, unknown>[];
}

describe.skipIf(isMissing)("configurations of discovery", () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-discovery-check-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const files = [
    "[a.json]",
    "[a.txt]",
    "[]",
    "['*.yml']",
    "['*/a.yml']",
    "['a*b*.yml']",
    "[a.JSON, b.YAML]",
    "[a]",
    "a.json",
  ];
  const urls = ["http://h/t", "https://u:p@h", "ftp://h/", "h:80", "''", "http://", "http:///x", "HTTP://h"];
  const dns = [
    ...[
      "{ names: [a] }",
      "{ names: [] }",
      "{}",
      "{ names: [a], type: A }",
      "{ names: [a], type: a, port: 1 }",
    ],
    ...["{ names: [a], type: TXT }", "{ names: [a], type: MX, port: 9100 }", "{ names: [a], port: x }"],
    ...["{ names: [a], type: SRV, port: 1, refresh_interval: 1x }", "{ names: [a], name: b }"],
  ];
  const jobs = [
    ...files.map((list) => `file_sd_configs: [{ files: ${list} }]`),
    ...urls.map((url) => `http_sd_configs: [{ url: ${url} }]`),
    ...dns.map((config) => `dns_sd_configs: [${config}]`),
    ...[
      "file_sd_configs:",
      "http_sd_configs: []",
      "dns_sd_configs: {}",
      "http_sd_configs: [{ url: http://h, x: y }]",
    ],
    "http_sd_configs: [{ url: http://h, basic_auth: { username: u }, authorization: { credentials: c } }]",
    "http_sd_configs: [{ url: http://h, tls_config: { insecure_skip_verify: true }, proxy_url: http://p }]",
  ];

  it("are accepted and refused alike", async () => {
    const judged = await Promise.all(
      jobs.map(async (keys, i) => {
        const text = `scrape_configs:\n- job_name: a\n  ${keys}\n`;
        const file = join(directory, `${i}.yml`);
        writeFileSync(file, text);
        let isOurs = true;
        try {
          parseConfig(text, file);
        } catch {
          isOurs = false;
        }
        const args = ["check", "config", "--syntax-only", file];
        const isTheirs = await new Promise((resolve) =>
          execFile(findPeer("promtool")!, args, (error) => resolve(error === null)),
        );
        return { keys, isOurs, isTheirs };
      }),
    );
    expect(judged.filter(({ isOurs, isTheirs }) => isOurs !== isTheirs)).toEqual([]);
    expect(judged.filter(({ isOurs }) => isOurs).length).toBeGreaterThan(8);
  });
});

describe.skipIf(isMissing)("the same discoveries", () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-discovery-"));
  const path = (name: string) => join(directory, name);
  let inventory: Server;
  let reply: { status: number; text: string; contentType?: string };
  let narthex: RunningServer;
  let prometheus: RunningServer;

  /** As careful programs write: nobody sees half of it. */
  function put(name: string, text: string): void {
    writeFileSync(path(`${name}.new`), text);
    renameSync(path(`${name}.new`), path(name));
  }

  beforeAll(async () => {
    inventory = createServer((request, response) => {
      const isAllowed = request.headers.authorization === `Basic ${Buffer.from("u:p").toString("base64")}`;
      const { status, text, contentType = "application/json" } = reply;
      response.writeHead(isAllowed ? status : 401, { "content-type": contentType }).end(text);
    });
    await new Promise<void>((listening) => inventory.listen(0, "127.0.0.1", listening));
    const { port } = inventory.address() as AddressInfo;
    mkdirSync(path("targets"));
    mkdirSync(path("more"));
    for (const name of ["w", "x", "z"]) put(`more/${name}.json`, `[{"targets": ["${name}:1"]}]`);
    for (const name of ["*", "n"]) put(`more/${name}.yml`, "- targets: [star:1]\n");
    put(
      "targets/a.json",
      '[{"targets": ["a:1", "a:2", "a:1"], "labels": {"env": "x", "__path": "p", "ü.y": "z"}}]',
    );
    put(
      "targets/b.yml",
      "- targets: ['b:1', b:2]\n  labels: {version: 1.10, on: yes, none: }\n- targets: []\n",
    );
    put("targets/bad.yml", "- targets: ['bad/1', '']\n- {labels: {a: b}}\n");
    reply = {
      status: 200,
      text: '[{"targets": ["h:1"], "labels": {"job": "own", "__metrics_path__": "/own"}}]',
    };
    const configFile = path("prometheus.yml");
    const config = {
      // Nobody answers there: these are looked at, not scraped.
      global: { scrape_interval: "1h" },
      scrape_configs: [
        {
          job_name: "files",
          file_sd_configs: [
            { files: ["targets/*.json", "targets/*.yml", "none.yaml"], refresh_interval: "1s" },
            {
              files: ["m?re/[x-z].json", "[^t]ore/\\*.yml", "[.json", "more/[]w].json"],
              refresh_interval: "1s",
            },
          ],
          static_configs: [{ targets: ["s:1"], labels: { env: "static" } }],
          relabel_configs: [
            { source_labels: ["__meta_filepath"], regex: ".*/(.*)", target_label: "file" },
            { source_labels: ["__address__"], regex: "a:2", action: "drop" },
          ],
        },
        {
          job_name: "http",
          http_sd_configs: [
            {
              url: `http://127.0.0.1:${port}/list?of=targets`,
              refresh_interval: "1s",
              basic_auth: { username: "u", password: "p" },
            },
          ],
        },
      ],
    };
    writeFileSync(configFile, JSON.stringify(config, undefined, 1));
    mkdirSync(path("theirs"));
    narthex = await startNarthex(path("ours"), ["--config", configFile]);
    prometheus = await startPrometheus(findPeer("prometheus")!, { directory: path("theirs"), configFile });
  });

  afterAll(async () => {
    await Promise.all([narthex?.stop(), prometheus?.stop()]);
    inventory?.closeAllConnections();
    inventory?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const ofPatterns = ["x:1", "z:1", "star:1"];
  const fields = ["discoveredLabels", "labels", "scrapePool", "scrapeUrl", "scrapeInterval", "scrapeTimeout"];

  async function targetsOf(server: RunningServer) {
    const { activeTargets, droppedTargets } = await api<Discovery>(server, "targets", {});
    const sorted = (targets: readonly Record<string, unknown>[]) =>
      targets.map((target) => JSON.stringify(fields.map((field) => sortKeys(target[field])))).sort();
    return { active: sorted(activeTargets), dropped: sorted(droppedTargets) };
  }

  function sortKeys(value: unknown): unknown {
    return typeof value === "object" && value !== null ? Object.entries(value).sort() : value;
  }

  /** Waits until exactly these are active in both, then compares all that is known of them. */
  async function agreeOn(...addresses: string[]): Promise<void> {
    const expected = [...addresses, ...ofPatterns].sort().join(" ");
    await Promise.all(
      [narthex, prometheus].map(async (server) => {
        let seen = "";
        for (const deadline = Date.now() + 60_000; seen !== expected; ) {
          const { activeTargets } = await api<Discovery>(server, "targets", {});
          const found = activeTargets.map(
            ({ discoveredLabels }) => (discoveredLabels as Record<string, string>).__address__,
          );
          seen = found.sort().join(" ");
          if (Date.now() > deadline) expect(seen, server.url).toBe(expected);
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
      }),
    );
    const [ours, theirs] = await Promise.all([narthex, prometheus].map(targetsOf));
    expect(ours).toEqual(theirs);
  }

  it("find the same targets", async () => {
    await agreeOn("s:1", "a:1", "b:1", "b:2", "h:1");
  });

  it("keep the targets of what fails, while others change", async () => {
    put("targets/a.json", '[{"targets": ["a:3"]');
    put("targets/b.yml", "- targets: ['b:2', 'b:3']\n");
    put("targets/c.yml", "- targets: ['c:1']\n  unknown: x\n");
    put("targets/d.yml", "- targets: ['d:1']\n");
    reply = { status: 503, text: "[]" };
    await agreeOn("s:1", "a:1", "b:2", "b:3", "d:1", "h:1");
  });

  it("find those again that come back, and lose those whose file is gone", async () => {
    put("targets/a.json", '[{"targets": ["a:1", "a:4"], "labels": {"env": "y"}}]');
    put("targets/c.yml", "- targets: ['c:1']\n");
    rmSync(path("targets/b.yml"));
    reply = { status: 200, text: '[{"targets": ["h:1", "h:2"]}, {"targets": ["h:3"]}]' };
    await agreeOn("s:1", "a:1", "a:4", "c:1", "d:1", "h:1", "h:2", "h:3");
    const { activeTargets } = await api<Discovery>(narthex, "targets", {});
    expect(activeTargets.map(({ labels }) => labels)).toContainEqual({
      env: "y",
      file: "a.json",
      instance: "a:4",
      job: "files",
    });
  });

  it("keep targets when the list is of another type, and lose them when it is empty", async () => {
    reply = { status: 200, text: "[]", contentType: "text/plain" };
    put("targets/d.yml", "- targets: ['d:2']\n");
    await agreeOn("s:1", "a:1", "a:4", "c:1", "d:2", "h:1", "h:2", "h:3");
    reply = { status: 200, text: "[]" };
    await agreeOn("s:1", "a:1", "a:4", "c:1", "d:2");
  });
});
