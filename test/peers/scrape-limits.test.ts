/**
 * One target, scraped by us and by a real Prometheus under limits, with times of its own, and taken away by a reload: the
 * same samples, and ends at the same scrape.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.js";
import { HttpServers } from "../support/http-servers.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { query, type RunningServer, startNarthex, startPrometheus } from "../support/processes.js";

const prometheusBinary = findPeer("prometheus");

/** The page changes once, on a signal. */
const pages = [
  (time: number) => `# TYPE a gauge\na{b="long value"} 1\nc 2\nold 3\ntimed 4 ${time}\nmine{job="own"} 5\n`,
  (time: number) => `# TYPE a gauge\na{b="long value"} 1\nc 2\nalso_timed 4 ${time}\nmine{job="own"} 5\n`,
];

const jobs = [
  ["plain", ""],
  ["tracked", "track_timestamps_staleness: true"],
  ["untimed", "honor_timestamps: false"],
  ["honored", "honor_labels: true"],
  ["labels", "label_limit: 3"],
  ["enough_labels", "label_limit: 4"],
  ["names", "label_name_length_limit: 7"],
  ["values", "label_value_length_limit: 9"],
  ["samples", "sample_limit: 3"],
  [
    "kept",
    "sample_limit: 3, metric_relabel_configs: [{ source_labels: [__name__], regex: 'a|c', action: drop }]",
  ],
  ["body", "body_size_limit: 20B"],
  ["targets", "target_limit: 1"],
] as const;

describe.skipIf(isPeerMissing("prometheus"))("scrapes beside a real Prometheus", () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-limits-"));
  const configFile = join(directory, "prometheus.yml");
  const targets = new HttpServers();
  let narthex: RunningServer;
  let prometheus: RunningServer;
  let page = pages[0]!;
  let address: string;
  /** By server and job, since the page is as it is. */
  const scrapes = new Map<string, number>();

  const write = (gone: readonly string[]) => {
    const entries = jobs.map(([name, keys]) => {
      const addresses = name === "targets" ? [address, "127.0.0.1:1"] : [address];
      const separator = keys === "" ? "" : `, ${keys}`;
      return `  - { job_name: ${name}, params: { of: [${name}] }, static_configs: [{ targets: [${addresses.map((text) => `"${text}"`).join()}] }]${separator} }`;
    });
    const ending = `  - { job_name: ending, static_configs: [{ targets: [${gone.map((text) => `"${text}"`).join()}] }] }`;
    const text = ["global: { scrape_interval: 1s }", "scrape_configs:", ...entries, ending].join("\n");
    writeFileSync(configFile, `${text}\n`);
  };

  beforeAll(async () => {
    const target = await targets.plain((request, response) => {
      const scrape = `${request.headers["user-agent"]?.split("/")[0]} ${request.url}`;
      scrapes.set(scrape, (scrapes.get(scrape) ?? 0) + 1);
      response.setHeader("content-type", "text/plain; version=0.0.4").end(page(Date.now() - 100));
    });
    address = target.replace("http://", "");
    write([address]);
    mkdirSync(join(directory, "theirs"));
    narthex = await startNarthex(join(directory, "ours"), ["--config", configFile, "--web.enable-lifecycle"]);
    prometheus = await startPrometheus(prometheusBinary!, {
      directory: join(directory, "theirs"),
      configFile,
    });
  });

  afterAll(async () => {
    await Promise.all([narthex?.stop(), prometheus?.stop()]);
    targets.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function at(server: RunningServer, expression: string, time: number): Promise<string[]> {
    const series = await query(server, "query", { query: expression, time: String(time) });
    return series
      .map(({ metric, value }) => `${JSON.stringify(Object.entries(metric).sort())} ${value![1]}`)
      .sort();
  }

  /** Both have asked for the page thrice: what they asked for first is stored. But a job over its targets does not ask. */
  async function isScraped(): Promise<void> {
    for (const server of ["Narthex", "Prometheus"])
      for (const [job] of jobs.filter(([name]) => name !== "targets"))
        await eventually(() =>
          expect(scrapes.get(`${server} /metrics?of=${job}`), `${server} ${job}`).toBeGreaterThan(2),
        );
  }

  async function agree(): Promise<void> {
    await isScraped();
    // A scrape may be late on a busy machine: then they agree after the next one.
    for (const expression of [
      '{__name__=~"up|scrape_samples.*|scrape_series_added|a|c|old|timed|also_timed|mine"}',
      'count by (job, exported_job) ({__name__=~"a|c|old|timed|also_timed|mine"})',
    ])
      await eventually(async () => {
        const time = Date.now() / 1000;
        const [ours, theirs] = await Promise.all(
          [narthex, prometheus].map((server) => at(server, expression, time)),
        );
        expect(ours!.length).toBeGreaterThan(10);
        expect(ours).toEqual(theirs);
      });
  }

  it("agree", agree);

  it("agree when the page has changed", async () => {
    page = pages[1]!;
    scrapes.clear();
    await agree();
  });

  it("end what a reload took away where its next scrape would have been", async () => {
    write([]);
    for (const server of [narthex, prometheus]) server.process.kill("SIGHUP");
    for (const server of [narthex, prometheus]) {
      // A Prometheus lets some seconds pass before it takes up what discovery says.
      await eventually(async () =>
        expect(await query(server, "query", { query: 'up{job="ending"}' })).toEqual([]),
      );
      const [up] = await query(server, "query", { query: 'up{job="ending"}[2m]' });
      const last = up!.values!.at(-1)![0];
      const lifeOf = async (name: string) => {
        const steps = { start: String(last), end: String(last + 10), step: "0.1" };
        const [series] = await query(server, "query_range", { query: `${name}{job="ending"}`, ...steps });
        return series!.values!.length;
      };
      const lives = await Promise.all(["up", "c", "scrape_samples_scraped"].map(lifeOf));
      expect(new Set(lives).size, `${server.url} ${lives}`).toBe(1);
      // Ten, but for a last scrape that was late.
      expect(lives[0]).toBeGreaterThan(0);
      expect(lives[0]).toBeLessThan(50);
      expect(await at(server, 'timed{job="ending"}', last + 1.1)).toEqual(
        await at(server, 'timed{job="ending"}', last),
      );
    }
  });
});
