/**
 * Blocks with dense chunks, given to programs that cannot read them: they say so, and nothing else happens. Exported,
 * the same data go everywhere.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase } from "../../src/index.js";
import { appendFleet, fleetStart } from "../support/fleet-database.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { freePort, query, type RunningServer, start, startPrometheus } from "../support/processes.js";

const isMissing = ["prometheus", "promtool", "victoria-metrics", "vmctl"].map(isPeerMissing).includes(true);

describe.skipIf(isMissing)("blocks with dense chunks", () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-dense-"));
  const exported = join(directory, "exported");
  let snapshot: string;
  let prometheus: RunningServer;
  let victoriaMetrics: RunningServer;

  beforeAll(async () => {
    const database = await openDatabase({ directory: join(directory, "data") });
    await appendFleet(database);
    snapshot = await database.snapshot();
    await database.exportBlocks(exported);
    await database.close();
    // Of a Prometheus that writes to it; promtool insists on a log.
    mkdirSync(join(snapshot, "wal"));
    const configFile = join(directory, "prometheus.yml");
    writeFileSync(configFile, "global: {}\n");
    const address = `127.0.0.1:${await freePort()}`;
    const flags = [`-storageDataPath=${join(directory, "vm")}`, `-httpListenAddr=${address}`];
    [prometheus, victoriaMetrics] = await Promise.all([
      startPrometheus(findPeer("prometheus")!, { directory: snapshot, configFile }),
      start(
        findPeer("victoria-metrics")!,
        [...flags, "-retentionPeriod=100y"],
        `http://${address}`,
        "/health",
      ),
    ]);
  });

  afterAll(async () => {
    await Promise.all([prometheus?.stop(), victoriaMetrics?.stop()]);
    rmSync(directory, { recursive: true, force: true });
  });

  function run(
    program: string,
    ...args: string[]
  ): { readonly status: number | null; readonly output: string } {
    const { status, stdout, stderr } = spawnSync(findPeer(program)!, args, { encoding: "utf8" });
    return { status, output: `${stdout}${stderr}` };
  }

  function vmctl(blocks: string) {
    const flags = ["-s", "--disable-progress-bar", `--vm-addr=${victoriaMetrics.url}`];
    return run("vmctl", "prometheus", ...flags, `--prom-snapshot=${blocks}`);
  }

  const ulids = () => readdirSync(snapshot).filter((name) => /^[0-9A-Z]{26}$/.test(name));

  it("say in meta.json that they are such", () => {
    const stats = ulids().map((ulid) => {
      const meta = JSON.parse(readFileSync(join(snapshot, ulid, "meta.json"), "utf8")) as {
        stats: { numDenseChunks?: number };
      };
      return meta.stats.numDenseChunks ?? 0;
    });
    expect(stats.reduce((sum, count) => sum + count)).toBeGreaterThan(0);
  });

  it("are listed and analyzed by promtool, whose dump ends where the first one comes", () => {
    expect(run("promtool", "tsdb", "list", snapshot).output).toContain(ulids()[0]);
    expect(run("promtool", "tsdb", "analyze", snapshot, ulids()[0]!).output).toContain("Total Series:");
    const bounds = ["--min-time=0", "--max-time=99999999999999"];
    // It overlooks the error that a query gets to see.
    expect(run("promtool", "tsdb", "dump", ...bounds, snapshot).output).not.toContain("requests_total");
    mkdirSync(join(exported, "wal"));
    const dumped = run("promtool", "tsdb", "dump", ...bounds, exported).output;
    expect(dumped.split("\n").length).toBeGreaterThan(10_000);
  });

  it("make a query of Prometheus fail, which goes on", async () => {
    const at = (time: number) => ({ query: "requests_total", time: String(time / 1000) });
    await expect(query(prometheus, "query", at(fleetStart + 3_600_000))).rejects.toThrow(
      /invalid chunk encoding/,
    );
    expect(await query(prometheus, "query", at(0))).toEqual([]);
    expect(prometheus.process.exitCode).toBeNull();
  });

  it("are refused by vmctl, which imports what is exported of them", async () => {
    const refused = vmctl(snapshot);
    expect(refused.status).not.toBe(0);
    expect(refused.output).toContain("invalid chunk encoding");
    const imported = vmctl(exported);
    expect(imported.status, imported.output).toBe(0);
    await fetch(`${victoriaMetrics.url}/internal/force_flush`);
    const [count] = await query(victoriaMetrics, "query", {
      query: "sum(count_over_time(requests_total[8h]))",
      time: String(fleetStart / 1000 + 7 * 3600),
    });
    expect(Number(count!.value![1])).toBeGreaterThan(9000);
  });
});
