import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { DatabaseEvent } from "../src/api.js";
import { Labels } from "../src/model/labels.js";
import { type Server, startServer } from "../src/server.js";
import { eventually } from "./support/eventually.js";

const root = mkdtempSync(join(tmpdir(), "narthex-server-sd-"));
const configFile = join(root, "narthex.yml");
const events: DatabaseEvent[] = [];
const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  events.length = 0;
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function start(config: string): Promise<Server> {
  writeFileSync(configFile, config);
  const server = await startServer({
    database: { directory: mkdtempSync(join(root, "data-")) },
    host: "127.0.0.1",
    port: 0,
    configFile,
    version: "1.2.3",
    onEvent: (event) => events.push(event),
  });
  servers.push(server);
  return server;
}

async function answer(server: Server, path: string) {
  const response = await fetch(`${server.url}/api/v1/${path}`);
  return ((await response.json()) as { data: Record<string, unknown> }).data;
}

async function instances(server: Server): Promise<string[]> {
  const { activeTargets } = await answer(server, "targets");
  return (activeTargets as { labels: { instance: string } }[]).map(({ labels }) => labels.instance);
}

async function metrics(server: Server): Promise<string> {
  return (await fetch(`${server.url}/metrics`)).text();
}

describe("a server with discovery", () => {
  it("scrapes what is found, and says when it cannot be seen", async () => {
    writeFileSync(join(root, "targets.json"), '[{"targets": ["127.0.0.1:1"], "labels": {"instance": "x"}}]');
    const server = await start(
      "scrape_configs: [{ job_name: a, file_sd_configs: [{ files: [targets.json], refresh_interval: 100ms }] }]",
    );
    await eventually(async () => expect(await instances(server)).toEqual(["x"]));
    writeFileSync(join(root, "targets.json"), "[");
    await eventually(() => expect(events.map(({ level }) => level)).toContain("warning"));
    expect(await instances(server)).toEqual(["x"]);
    const { discoveries } = await answer(server, "targets");
    expect(discoveries).toMatchObject([
      { scrapePool: "a", kind: "file", targets: 1, place: join(root, "targets.json") },
    ]);
    const page = await metrics(server);
    expect(page).toContain('narthex_discovered_targets{scrape_job="a",kind="file"} 1');
    expect(page).toContain('narthex_discovery_failing{scrape_job="a",kind="file"} 1');
    expect(page).toMatch(/narthex_discovery_failures_total\{scrape_job="a",kind="file"\} [1-9]/);
    expect(page).toMatch(/narthex_discovery_refreshes_total\{scrape_job="a",kind="file"\} [1-9]/);
    expect(page).toContain('narthex_scrape_pool_targets{scrape_job="a"} 1\n');
    expect(page).toContain('narthex_scrape_pool_dropped_targets{scrape_job="a"} 0\n');
    expect(page).toMatch(/narthex_scrape_pool_targets_down\{scrape_job="a"\} [01]\n/);
  });

  it("scrapes what the program adds", async () => {
    const server = await start("scrape_configs: [{ job_name: a }]");
    const target = Labels.from({ __address__: "127.0.0.1:1" });
    const added = server.addTargets("a", [{ targets: [target], labels: Labels.from({ instance: "mine" }) }]);
    expect(await instances(server)).toEqual(["mine"]);
    await server.reload();
    expect(await instances(server)).toEqual(["mine"]);
    added.replace([]);
    expect(await instances(server)).toEqual([]);
    expect(await answer(server, "targets")).not.toHaveProperty("discoveries");
  });

  it("reads folders of text files", async () => {
    mkdirSync(join(root, "textfile"));
    writeFileSync(join(root, "textfile/backup.prom"), 'backup_ok{disk="a"} 1\n');
    const server = await start(
      "textfile_configs: [{ job_name: batch, directories: [textfile], scrape_interval: 2s, labels: { instance: here } }]",
    );
    const found = async (expression: string) => {
      const { result } = await answer(server, `query?${new URLSearchParams({ query: expression })}`);
      return (result as { metric: unknown; value: unknown[] }[]).map(({ metric, value }) => [
        metric,
        value[1],
      ]);
    };
    await eventually(async () => {
      expect(await found("backup_ok")).toEqual([
        [{ __name__: "backup_ok", disk: "a", instance: "here", job: "batch" }, "1"],
      ]);
      expect(await found("up")).toEqual([[{ __name__: "up", instance: "here", job: "batch" }, "1"]]);
      expect(await found("node_textfile_mtime_seconds")).toHaveLength(1);
    });
  });
});
