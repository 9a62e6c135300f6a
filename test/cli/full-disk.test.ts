/**
 * A disk that is really full: a small tmpfs, which needs the right to mount one.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type RunningServer, startNarthex } from "../support/processes.js";

const root = mkdtempSync(join(tmpdir(), "narthex-full-disk-"));
const isMounted = mount("size=2m");
const samplesPerBatch = 5000;
const servers: RunningServer[] = [];

afterAll(async () => {
  for (const server of servers) await server.stop();
  if (isMounted) execFileSync("umount", ["-l", root]);
  rmSync(root, { recursive: true, force: true });
});

function mount(options: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "none", root], { stdio: "pipe" });
    return true;
  } catch (error) {
    process.stderr.write(`\n!! a tmpfs cannot be mounted: the test of a full disk is SKIPPED (${error})\n`);
    return false;
  }
}

async function serve(): Promise<RunningServer> {
  const server = await startNarthex(join(root, "data"));
  servers.push(server);
  return server;
}

const firstTime = Date.now() - 600_000;

/** One series of its own, some minutes of it. */
function push(server: RunningServer, batch: number): Promise<Response> {
  const lines = Array.from(
    { length: samplesPerBatch },
    (_, i) => `full{batch="${batch}"} ${i * 0.7} ${firstTime + 100 * i}\n`,
  );
  return fetch(`${server.url}/api/v1/import/prometheus`, { method: "POST", body: lines.join("") });
}

/** Samples by batch. */
async function stored(server: RunningServer): Promise<ReadonlyMap<number, number>> {
  const query = new URLSearchParams({ query: "count_over_time(full[1h])" });
  const response = await fetch(`${server.url}/api/v1/query?${query}`);
  expect(response.status).toBe(200);
  const { data } = (await response.json()) as {
    data: { result: { metric: { batch: string }; value: [number, string] }[] };
  };
  return new Map(data.result.map(({ metric, value }) => [Number(metric.batch), Number(value[1])]));
}

async function storageStatus(server: RunningServer) {
  const response = await fetch(`${server.url}/api/v1/status/tsdb`);
  const { data } = (await response.json()) as {
    data: { losses: string[]; writes: { state: string; since: string | null; reason: string | null } };
  };
  return data;
}

describe.skipIf(!isMounted)("a server whose disk is full", () => {
  it("answers 503, serves queries, and goes on when there is room; a kill loses nothing", async () => {
    const server = await serve();
    const acknowledged = new Map<number, number>();
    let batch = 0;
    let refusal: Response | undefined;
    while (refusal === undefined) {
      const response = await push(server, ++batch);
      if (response.status === 204) acknowledged.set(batch, samplesPerBatch);
      else refusal = response;
      expect(batch).toBeLessThan(200);
    }
    expect(refusal.status).toBe(503);
    expect(refusal.headers.get("retry-after")).toBe("10");
    expect(await refusal.text()).toContain('"errorType":"unavailable","error":"no space left: cannot write ');
    for (let i = 0; i < 5; i++) expect((await push(server, ++batch)).status).toBe(503);

    expect(acknowledged.size).toBeGreaterThan(10);
    expect(await stored(server)).toEqual(acknowledged);
    const { writes } = await storageStatus(server);
    expect(writes.state).toBe("refused");
    expect(Date.parse(writes.since ?? "")).toBeGreaterThan(firstTime);
    expect(await (await fetch(`${server.url}/metrics`)).text()).toContain("\nnarthex_writes_refused 1\n");

    expect(mount("remount,size=8m")).toBe(true);
    for (let i = 0; i < 5; i++) {
      expect((await push(server, ++batch)).status).toBe(204);
      acknowledged.set(batch, samplesPerBatch);
    }
    expect((await storageStatus(server)).writes.state).toBe("accepted");
    expect(await stored(server)).toEqual(acknowledged);

    await server.stop("SIGKILL");
    const reopened = await serve();
    expect(await stored(reopened)).toEqual(acknowledged);
    expect((await storageStatus(reopened)).losses).toEqual([]);
  });
});
