/**
 * One target, scraped by us and by a real Prometheus under limits, with times of its own, and taken away by a reload: the
 * same samples, and ends at the same scrape.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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
  let changed = 0;
  let removed = 0;
  let ended = 0;

  const write = (address: string, gone: readonly string[]) => {
    const entries = jobs.map(([name, keys]) => {
      const addresses = name === "targets" ? [address, "127.0.0.1:1"] : [address];
      const separator = keys === "" ? "" : `, ${keys}`;
      return `  - { job_name: ${name}, static_configs: [{ targets: [${addresses.map((text) => `"${text}"`).join()}] }]${separator} }`;
    });
    const ending = `  - { job_name: ending, static_configs: [{ targets: [${gone.map((text) => `"${text}"`).join()}] }] }`;
    const text = ["global: { scrape_interval: 1s }", "scrape_configs:", ...entries, ending].join("\n");
    writeFileSync(configFile, `${text}\n`);
  };

  beforeAll(async () => {
    const target = await targets.plain((_, response) => {
      response.setHeader("content-type", "text/plain; version=0.0.4").end(page(Date.now() - 100));
    });
    const address = target.replace("http://", "");
    write(address, [address]);
    mkdirSync(join(directory, "theirs"));
    narthex = await startNarthex(join(directory, "ours"), ["--config", configFile, "--web.enable-lifecycle"]);
    prometheus = await startPrometheus(prometheusBinary!, {
      directory: join(directory, "theirs"),
      configFile,
    });
    for (const server of [narthex, prometheus]) {
      while ((await query(server, "query", { query: "up" })).length <= jobs.length) await sleep(100);
    }
    await sleep(2500);
    page = pages[1]!;
    changed = Date.now() / 1000;
    await sleep(2500);
    write(address, []);
    removed = Date.now() / 1000;
    for (const server of [narthex, prometheus]) server.process.kill("SIGHUP");
    // A Prometheus lets some seconds pass before it takes up what discovery says.
    for (const server of [narthex, prometheus]) {
      while ((await query(server, "query", { query: 'up{job="ending"}' })).length > 0) await sleep(100);
    }
    ended = Date.now() / 1000;
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

  it.each([
    '{__name__=~"up|scrape_samples.*|a|c|old|timed|also_timed|mine"}',
    'count by (job, exported_job) ({__name__=~"a|c|old|timed|also_timed|mine"})',
  ])("agrees on %s before and after the page changed", async (expression) => {
    for (const time of [changed - 0.3, removed - 0.1]) {
      const [ours, theirs] = await Promise.all(
        [narthex, prometheus].map((server) => at(server, expression, time)),
      );
      expect(ours!.length).toBeGreaterThan(10);
      expect(ours).toEqual(theirs);
    }
  });

  it("ends what a reload took away where its next scrape would have been", async () => {
    for (const server of [narthex, prometheus]) {
      const [up] = await query(server, "query", {
        query: 'up{job="ending"}[30s]',
        time: String(ended),
      });
      const last = up!.values!.at(-1)![0];
      for (const name of ["up", "c", "scrape_samples_scraped"]) {
        const count = async (time: number) => (await at(server, `${name}{job="ending"}`, time)).length;
        expect([server === narthex, name, await count(last + 0.9), await count(last + 1.1)]).toEqual([
          server === narthex,
          name,
          1,
          0,
        ]);
      }
      expect(await at(server, 'timed{job="ending"}', last + 1.1)).toEqual(
        await at(server, 'timed{job="ending"}', last),
      );
    }
  });
});

function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
