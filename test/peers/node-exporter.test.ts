/**
 * One node_exporter, scraped by us and by a real Prometheus from one configuration file: the same series, `up`
 * and slopes that agree, and, when it is killed, staleness at the same scrape in both.
 *
 * SCRAPE_SECONDS says how long both scrape (default 10; a minute shows more).
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import {
  type ApiSeries,
  freePort,
  query,
  type RunningServer,
  start,
  startNarthex,
  startPrometheus,
} from "../support/processes.js";

const exporterBinary = findPeer("prometheus-node-exporter");
const prometheusBinary = findPeer("prometheus");
const isMissing = ["prometheus-node-exporter", "prometheus"].map(isPeerMissing).includes(true);
const seconds = Number(process.env.SCRAPE_SECONDS ?? 10);
const intervalSeconds = 2;

const protocols = ["[OpenMetricsText1.0.0, PrometheusText0.0.4]", "[PrometheusProto]"];

describe.skipIf(isMissing).each(protocols)("a real node_exporter, asked for %s", (protocol) => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-scrape-"));
  let exporter: RunningServer;
  let narthex: RunningServer;
  let prometheus: RunningServer;
  let page: string;

  beforeAll(
    async () => {
      const address = `127.0.0.1:${await freePort()}`;
      exporter = await start(
        exporterBinary!,
        [`--web.listen-address=${address}`],
        `http://${address}`,
        "/metrics",
      );
      const configFile = join(directory, "prometheus.yml");
      writeFileSync(
        configFile,
        `global: { scrape_interval: ${intervalSeconds}s, scrape_protocols: ${protocol} }
scrape_configs:
  - job_name: node
    static_configs: [{ targets: ["${address}"], labels: { rack: r1 } }]
`,
      );
      mkdirSync(join(directory, "theirs"));
      narthex = await startNarthex(join(directory, "ours"), ["--config", configFile]);
      prometheus = await startPrometheus(prometheusBinary!, {
        directory: join(directory, "theirs"),
        configFile,
      });
      page = await (await fetch(`${exporter.url}/metrics`)).text();
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    },
    (seconds + 300) * 1000,
  );

  afterAll(async () => {
    await Promise.all([exporter?.stop(), narthex?.stop(), prometheus?.stop()]);
    rmSync(directory, { recursive: true, force: true });
  });

  const both = (expression: string, time: number) =>
    Promise.all(
      [narthex, prometheus].map((server) =>
        query(server, "query", { query: expression, time: String(time) }),
      ),
    );

  /** The end of a stretch in which all scrapes of both came in time, as they do not always on a busy machine. */
  function calmTime(): Promise<number> {
    return eventually(async () => {
      // Scrapes that began before that have ended.
      const time = Date.now() / 1000 - 3;
      const [ours = 0, theirs = 0] = (
        await both(`count_over_time(${stretch("up")}) * min_over_time(${stretch("up")})`, time)
      ).map(numberOf);
      expect(Math.min(ours, theirs)).toBeGreaterThanOrEqual((seconds - 2) / intervalSeconds - 1);
      expect(Math.abs(ours - theirs)).toBeLessThanOrEqual(1);
      return time;
    });
  }

  const stretch = (name: string) => `${name}[${seconds - 2}s]`;

  it("gives the same series", async () => {
    const time = await calmTime();
    const names = async (server: RunningServer) => {
      const expression = 'last_over_time({job="node"}[4s])';
      const series = await query(server, "query", { query: expression, time: String(time) });
      return series.map(({ metric }) => JSON.stringify(Object.entries(metric).sort()));
    };
    const [ours, theirs] = await Promise.all([names(narthex), names(prometheus)]);
    expect(ours!.length).toBeGreaterThan(100);
    expect(ours).toEqual(theirs);
  });

  it("gives up, sample counts and slopes that agree", async () => {
    const time = await calmTime();
    const [ourUp, theirUp] = await both("up", time);
    expect(ourUp).toEqual(theirUp);
    expect(ourUp![0]!.value![1]).toBe("1");
    // Not of rate, which guesses what was beyond the first and the last of so few samples.
    const [ourRate, theirRate] = await both(`sum(deriv(${stretch("node_cpu_seconds_total")}))`, time);
    expect(numberOf(ourRate)).toBeGreaterThan(0);
    expect(numberOf(ourRate) / numberOf(theirRate)).toBeCloseTo(1, 0);
    const [ourScraped, theirScraped] = await both("scrape_samples_scraped", time);
    expect(Math.abs(numberOf(ourScraped) / numberOf(theirScraped) - 1)).toBeLessThan(0.05);
  });

  it("takes the same page by push", async () => {
    const response = await fetch(`${narthex.url}/api/v1/import/prometheus`, { method: "POST", body: page });
    expect([response.status, await response.text()]).toEqual([204, ""]);
    const pushed = await query(narthex, "query", { query: 'count({__name__=~"node_.+", job=""})' });
    const [scraped] = await both('count({__name__=~"node_.+", job="node"})', await calmTime());
    expect(Math.abs(numberOf(pushed) / numberOf(scraped) - 1)).toBeLessThan(0.05);
  });

  it("marks everything stale at the first scrape after the exporter was killed, in both", async () => {
    await calmTime();
    await exporter.stop();
    const killed = Date.now() / 1000;
    for (const server of [narthex, prometheus]) {
      await eventually(async () =>
        expect(numberOf(await query(server, "query", { query: `up and timestamp(up) > ${killed}` }))).toBe(0),
      );
      const [up] = await query(server, "query", { query: "up[2m]" });
      const lastUp = up!.values!.findLastIndex(([, value]) => value === "1");
      expect(up!.values![lastUp]![0]).toBeLessThan(killed);
      const firstDown = up!.values![lastUp + 1]![0];
      const countAt = async (time: number) =>
        query(server, "query", { query: 'count({job="node", __name__=~"node_.+"})', time: String(time) });
      expect(numberOf(await countAt(firstDown - 0.001))).toBeGreaterThan(100);
      expect(await countAt(firstDown)).toEqual([]);
    }
  });
});

function numberOf(series: readonly ApiSeries[] | undefined): number {
  return Number(series?.[0]?.value?.[1]);
}
