/**
 * Data between us and a real VictoriaMetrics: vmctl imports our snapshot when its chunks are XOR ones, and what we
 * export as Prometheus' blocks in any case; it imports our jsonl, we import its export.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../../src/index.js";
import { appendFleet, fleetStart } from "../support/fleet-database.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { freePort, query, type RunningServer, start, startNarthex } from "../support/processes.js";

const isMissing = isPeerMissing("victoria-metrics") || isPeerMissing("vmctl");
const all = new URLSearchParams({ "match[]": '{__name__!=""}' });

describe.skipIf(isMissing)("a real VictoriaMetrics", () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-vm-"));
  let database: Database;
  let fromSnapshot: RunningServer;
  let fromLines: RunningServer;
  let narthex: RunningServer;

  beforeAll(async () => {
    database = await openDatabase({ directory: join(directory, "data"), blockEncoding: "gorilla" });
    await appendFleet(database);
    const snapshot = await database.snapshot();
    [fromSnapshot, fromLines] = await Promise.all([startVictoriaMetrics("a"), startVictoriaMetrics("b")]);
    const vmctl = ["prometheus", "-s", "--disable-progress-bar", `--prom-snapshot=${snapshot}`];
    execFileSync(findPeer("vmctl")!, [...vmctl, `--vm-addr=${fromSnapshot.url}`], { stdio: "pipe" });
    const body = await linesOf(database);
    const { status } = await fetch(`${fromLines.url}/api/v1/import`, { method: "POST", body });
    expect(status).toBe(204);
    for (const { url } of [fromSnapshot, fromLines]) await fetch(`${url}/internal/force_flush`);
    narthex = await startNarthex(snapshot);
  });

  afterAll(async () => {
    await Promise.all([narthex?.stop(), fromSnapshot?.stop(), fromLines?.stop()]);
    await database?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function startVictoriaMetrics(name: string): Promise<RunningServer> {
    const address = `127.0.0.1:${await freePort()}`;
    const flags = [
      `-storageDataPath=${join(directory, name)}`,
      `-httpListenAddr=${address}`,
      "-retentionPeriod=100y",
    ];
    return start(findPeer("victoria-metrics")!, flags, `http://${address}`, "/health");
  }

  it("has every sample of our snapshot but staleness markers", async () => {
    const ours = samplesOf(await linesOf(database));
    const theirs = samplesOf(await exported(fromSnapshot));
    expect(ours.length).toBeGreaterThan(10_000);
    expect(theirs).toEqual(ours.filter((line) => !line.endsWith(" null")));
  });

  it("has every sample of our jsonl but staleness markers, and we have every sample of its", async () => {
    const ours = samplesOf(await linesOf(database));
    const text = await exported(fromLines);
    expect(samplesOf(text)).toEqual(ours.filter((line) => !line.endsWith(" null")));
    const copy = await openDatabase({ directory: join(directory, "copy") });
    await copy.import(Readable.from([Buffer.from(text)]), { format: "jsonl" });
    const again = samplesOf(await linesOf(copy));
    await copy.close();
    expect(again).toEqual(samplesOf(text));
  });

  it.each([
    "sum by (job) (count_over_time(requests_total[1h]))",
    "sum(sum_over_time(requests_total[30m]))",
    "max by (room) (max_over_time(temperature_celsius[90m]))",
    "count(last_over_time({__name__=~'.+'}[2h]))",
  ])("answers %s as we do", async (expression) => {
    const parameters = {
      query: expression,
      start: String(fleetStart / 1000 + 7200),
      end: String(fleetStart / 1000 + 7 * 3600),
      step: "30m",
      nocache: "1",
    };
    const [ours, theirs] = await Promise.all(
      [narthex, fromSnapshot].map((server) => query(server, "query_range", parameters)),
    );
    expect(ours!.length).toBeGreaterThan(0);
    expect(withNumbers(theirs!)).toEqual(withNumbers(ours!));
  });
});

async function linesOf(database: Database): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of database.export({ format: "jsonl" })) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

async function exported({ url }: RunningServer): Promise<string> {
  return (await fetch(`${url}/api/v1/export?${all}`)).text();
}

/** A line a sample, sorted: `{labels} time value`. */
function samplesOf(text: string): string[] {
  return text
    .trimEnd()
    .split("\n")
    .flatMap((line) => {
      const { metric, values, timestamps } = JSON.parse(line) as {
        metric: Record<string, string>;
        values: (number | string | null)[];
        timestamps: number[];
      };
      const labels = JSON.stringify(Object.entries(metric).sort());
      return timestamps.map((time, i) => `${labels} ${time} ${values[i]}`);
    })
    .sort();
}

/** Values as numbers: the two write them differently. */
function withNumbers(series: Awaited<ReturnType<typeof query>>) {
  return series.map(({ metric, values }) => ({
    metric,
    values: values!.map(([time, value]) => [time, Number(Number(value).toPrecision(12))]),
  }));
}
