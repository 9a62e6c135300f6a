/**
 * The Pushgateway class of prom-client, over a real socket, against our server as it is built and started; and what is
 * left when that server is killed.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Counter, Histogram, Pushgateway, Registry } from "prom-client";
import { afterAll, describe, expect, it } from "vitest";
import { Labels } from "../../src/model/labels.js";
import { query, startNarthex } from "../support/processes.js";

const directory = mkdtempSync(join(tmpdir(), "narthex-prom-client-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function metrics() {
  const registry = new Registry();
  const runs = new Counter({
    name: "runs_total",
    help: "Runs.",
    labelNames: ["kind"],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: "run_seconds",
    help: "Time.",
    buckets: [1, 5],
    registers: [registry],
  });
  return { registry, runs, seconds };
}

describe("prom-client's Pushgateway", () => {
  it("adds, replaces and deletes; a killed server has the groups again", async () => {
    let server = await startNarthex(directory);
    const shown = async () => {
      const found = await query(server, "query", { query: '{job!="",__name__!~"push_.*|.*_bucket"}' });
      return found.map(({ metric, value }) => `${Labels.from(metric)} ${value?.[1]}`).sort();
    };
    const { registry, runs, seconds } = metrics();
    runs.inc({ kind: "nightly" }, 3);
    seconds.observe(2);
    const plain = new Pushgateway(server.url, {}, registry);
    const zipped = new Pushgateway(server.url, { headers: { "Content-Encoding": "gzip" } }, registry);
    const groupings = { path: "/var/log a+b", host: "größe" };
    await plain.pushAdd({ jobName: "backup" });
    await zipped.push({ jobName: "back/up", groupings });
    const both = [
      'run_seconds_count{host="größe", job="back/up", path="/var/log a+b"} 1',
      'run_seconds_count{job="backup"} 1',
      'run_seconds_sum{host="größe", job="back/up", path="/var/log a+b"} 2',
      'run_seconds_sum{job="backup"} 2',
      'runs_total{host="größe", job="back/up", kind="nightly", path="/var/log a+b"} 3',
      'runs_total{job="backup", kind="nightly"} 3',
    ];
    expect(await shown()).toEqual(both.toSorted());

    await server.stop("SIGKILL");
    server = await startNarthex(directory);
    try {
      expect(await shown()).toEqual(both.toSorted());
      await new Pushgateway(server.url, {}, registry).delete({ jobName: "back/up", groupings });
      const other = new Registry();
      new Counter({ name: "others_total", help: "Others.", registers: [other] }).inc();
      await new Pushgateway(server.url, {}, other).push({ jobName: "backup" });
      expect(await shown()).toEqual(['others_total{job="backup"} 1']);
    } finally {
      await server.stop("SIGKILL");
    }
  });
});
