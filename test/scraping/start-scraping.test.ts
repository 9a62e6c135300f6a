import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../../src/index.js";
import {
  InvalidArgumentError,
  type Scraping,
  type ScrapingOptions,
  startScraping,
} from "../../src/scraping/index.js";
import { eventually } from "../support/eventually.js";
import { HttpServers } from "../support/http-servers.js";

const servers = new HttpServers();
let directory: string;
let database: Database;
let scraping: Scraping | undefined;
let address: string;
let told: string[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "narthex-scraping-"));
  database = await openDatabase({ directory: join(directory, "data") });
  const url = await servers.plain((_, response) => {
    response.setHeader("content-type", "text/plain").end("# TYPE heat gauge\nheat 21\n");
  });
  address = url.replace("http://", "");
  told = [];
});

afterEach(async () => {
  await scraping?.close();
  scraping = undefined;
  await database.close();
  servers.close();
  rmSync(directory, { recursive: true, force: true });
});

const job = { job_name: "app", scrape_interval: "50ms" };

async function start(options: ScrapingOptions): Promise<Scraping> {
  scraping = await startScraping(database, { onEvent: ({ message }) => told.push(message), ...options });
  return scraping;
}

async function instances(): Promise<(string | undefined)[]> {
  const result = await database.query("heat");
  return result.type === "vector" ? result.series.map(({ labels }) => labels.get("instance")) : [];
}

const become = (expected: readonly string[]) =>
  eventually(async () => expect(await instances()).toEqual(expected));

describe("startScraping", () => {
  it("says where agents are named, which need a server", async () => {
    const configFile = join(directory, "a.yml");
    const entry = "{ name: cellar, token_file: nowhere, jobs: [app] }";
    writeFileSync(configFile, `scrape_configs: [{ job_name: app }]\nagent_configs:\n  - ${entry}\n`);
    await start({ configFile });
    expect(told).toEqual([
      `${configFile}:3:13: agent_configs are ignored here: agents connect to narthex serve`,
    ]);
  });

  it("scrapes what a configuration names, as an object and as text", async () => {
    const static_configs = [{ targets: [address], labels: { instance: "x" } }];
    const running = await start({ config: { scrape_configs: [{ ...job, static_configs }] } });
    await become(["x"]);
    const [status] = running.status();
    expect(status).toMatchObject({ jobName: "app", discoveries: [], droppedTargets: [] });
    expect(status!.targets).toMatchObject([{ health: "up", url: `http://${address}/metrics` }]);
    expect(status!.targets[0]!.metadata?.metadataOf("heat")?.type).toBe("gauge");
    const text = `scrape_configs: [{ job_name: app, scrape_interval: 50ms, static_configs: [{ targets: [${address}], labels: { instance: y } }] }]`;
    await running.reload(text);
    await become(["y"]);
  });

  it("scrapes the targets that the program adds, until it removes them", async () => {
    const relabel_configs = [{ source_labels: ["zone"], target_label: "instance" }];
    const running = await start({ config: { scrape_configs: [{ ...job, relabel_configs }] } });
    const added = running.addTargets("app", [{ targets: [address], labels: { zone: "cellar" } }]);
    await become(["cellar"]);
    added.replace([{ targets: [address], labels: { zone: "attic" } }]);
    await become(["attic"]);
    added.remove();
    await become([]);
    expect(() => running.addTargets("other", [])).toThrow('there is no job "other" to add targets to');
  });

  it("reads its file again when it is told to, all or nothing", async () => {
    const configFile = join(directory, "prometheus.yml");
    const write = (instance: string) =>
      writeFileSync(
        configFile,
        JSON.stringify({
          global: { evaluation_interval: "1m" },
          scrape_configs: [{ ...job, static_configs: [{ targets: [address], labels: { instance } }] }],
        }),
      );
    write("a");
    const running = await start({ configFile });
    expect(told).toEqual([`${configFile}:1: global.evaluation_interval is not acted on yet`]);
    await become(["a"]);
    writeFileSync(configFile, "scrape_configs: 5");
    await expect(running.reload()).rejects.toThrow("scrape_configs must be a list");
    expect(running.status()[0]!.targets[0]!.labels.get("instance")).toBe("a");
    write("b");
    await running.reload();
    await become(["b"]);
  });

  it("reads no file that is for a server, and those that name more jobs", async () => {
    const configFile = join(directory, "prometheus.yml");
    const config = {
      push_configs: [{ job_name: "pushed", tokens: [{ token_file: "none.token" }] }],
      scrape_config_files: ["more.yml"],
    };
    writeFileSync(configFile, JSON.stringify(config));
    writeFileSync(join(directory, "more.yml"), JSON.stringify({ scrape_configs: [job] }));
    const running = await start({ configFile });
    expect(running.status().map(({ jobName }) => jobName)).toEqual(["app"]);
  });

  it("refuses what is no configuration, and anything after its close", async () => {
    await expect(start({ config: { scrape_config: [] } })).rejects.toThrow(
      'config:1:2: unknown key "scrape_config" in the file; did you mean "scrape_configs"?',
    );
    await expect(start({})).rejects.toThrow("either configFile or config must be given");
    await expect(start({ config: { global: { sample_limit: 1n } } })).rejects.toThrow(InvalidArgumentError);
    await expect(start({ configFile: join(directory, "none.yml") })).rejects.toThrow(/none\.yml/);
    const running = await start({ config: { scrape_configs: [job] } });
    await Promise.all([running.close(), running.close()]);
    expect(() => running.addTargets("app", [])).toThrow("scraping was closed");
    await expect(running.reload("{}")).rejects.toThrow("scraping was closed");
  });
});
