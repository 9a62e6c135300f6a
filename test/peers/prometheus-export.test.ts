/**
 * What we export, as a real Prometheus and its promtool read it.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase } from "../../src/index.js";
import { appendFleet, fleetStart } from "../support/fleet-database.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { builtCli, query, type RunningServer, startNarthex, startPrometheus } from "../support/processes.js";

const isMissing = isPeerMissing("prometheus") || isPeerMissing("promtool");

describe.skipIf(isMissing)("an export", () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-export-"));
  const data = join(directory, "data");
  const blocks = join(directory, "blocks");
  const fromText = join(directory, "from-text");
  let narthex: RunningServer;
  let fromBlocks: RunningServer;
  let fromOpenMetrics: RunningServer;

  beforeAll(async () => {
    const database = await openDatabase({ directory: data });
    await appendFleet(database);
    await database.close();
    const run = (...args: string[]) =>
      execFileSync(process.execPath, [builtCli, "export", "--data", data, ...args], { stdio: "pipe" });
    run("--format", "prometheus-blocks", "--output", blocks);
    const file = join(directory, "all.om");
    run("--format", "openmetrics", "--output", file);
    mkdirSync(fromText);
    execFileSync(findPeer("promtool")!, ["tsdb", "create-blocks-from", "openmetrics", file, fromText], {
      stdio: "pipe",
    });
    const configFile = join(directory, "prometheus.yml");
    writeFileSync(configFile, "global: {}\n");
    const binary = findPeer("prometheus")!;
    [narthex, fromBlocks, fromOpenMetrics] = await Promise.all([
      startNarthex(data),
      startPrometheus(binary, { directory: blocks, configFile }),
      startPrometheus(binary, { directory: fromText, configFile }),
    ]);
  });

  afterAll(async () => {
    await Promise.all([narthex?.stop(), fromBlocks?.stop(), fromOpenMetrics?.stop()]);
    rmSync(directory, { recursive: true, force: true });
  });

  it("is of blocks that promtool lists, without the temporary and the log", () => {
    const output = execFileSync(findPeer("promtool")!, ["tsdb", "list", fromText], { encoding: "utf8" });
    expect(output.trim().split("\n").length).toBeGreaterThan(2);
    expect(readdirSync(blocks).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it.each(["requests_total", "temperature_celsius", "late_total"])(
    "holds the very samples of %s",
    async (name) => {
      const parameters = { query: `${name}[10h]`, time: String(fleetStart / 1000 + 8 * 3600) };
      const [ours, asBlocks, asText] = await Promise.all(
        [narthex, fromBlocks, fromOpenMetrics].map((server) => query(server, "query", parameters)),
      );
      expect(ours!.flatMap(({ values }) => values!).length).toBeGreaterThan(3);
      expect(asBlocks).toEqual(ours);
      expect(asText).toEqual(ours);
    },
  );

  it("of blocks keeps staleness", async () => {
    const parameters = {
      query: "temperature_celsius",
      start: String(fleetStart / 1000),
      end: String(fleetStart / 1000 + 7 * 3600),
      step: "31s",
    };
    const [ours, theirs] = await Promise.all(
      [narthex, fromBlocks].map((server) => query(server, "query_range", parameters)),
    );
    expect(ours!.length).toBe(1);
    expect(theirs).toEqual(ours);
  });
});
