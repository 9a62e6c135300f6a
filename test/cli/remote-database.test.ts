import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { QueryResult } from "../../src/api.js";
import { RemoteDatabase } from "../../src/cli/remote-database.js";
import type { ImportOptions } from "../../src/model/importing.js";
import { Labels } from "../../src/model/labels.js";
import { testApp } from "../http/test-app.js";
import { createAuthority } from "../support/certificates.js";
import { emptyImport } from "../support/database-double.js";
import { HttpServers } from "../support/http-servers.js";

const authority = createAuthority();
const servers = new HttpServers();
const none = { warnings: [], infos: [] };
const labels = Labels.from({ __name__: "up", job: "a" });

describe("a server seen as a database", () => {
  const { app, database } = testApp();
  const directory = mkdtempSync(join(tmpdir(), "narthex-remote-"));
  let remote: RemoteDatabase;

  beforeAll(async () => {
    remote = new RemoteDatabase(await app.listen({ host: "127.0.0.1", port: 0 }));
  });

  afterAll(async () => {
    servers.close();
    await app.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const results: QueryResult[] = [
    { type: "vector", series: [{ labels, time: 1500, value: -Infinity }], warnings: ["w"], infos: ["i"] },
    { type: "scalar", time: -1, value: 1e-7, ...none },
    { type: "string", time: 0, value: 'a"b', ...none },
    {
      type: "matrix",
      series: [{ labels, times: Float64Array.of(1, 1001), values: Float64Array.of(0.1, Number.NaN) }],
      ...none,
    },
  ];
  it.each(results)("gives results as the database gave them: $type", async (result) => {
    const asked: unknown[] = [];
    database.answerQuery = (expression, { time }) => {
      asked.push(expression, time);
      return result;
    };
    expect(await remote.query("up + 1", { time: -1500 })).toEqual(result);
    expect(asked).toEqual(["up + 1", -1500]);
    database.answerRange = (_expression, { start, end, step }) => {
      asked.push(start, end, step);
      return result;
    };
    expect(await remote.queryRange("up", { start: 1, end: 2000, step: 500 })).toEqual(result);
    expect(asked.slice(2)).toEqual([1, 2000, 500]);
  });

  it("tells a failure in the server's words", async () => {
    const answer = remote.queryRange("up", { start: 0, end: 1, step: 0 });
    await expect(answer).rejects.toThrow('invalid parameter "step": zero or negative');
  });

  it("sends files, with their options, and tells what came of it", async () => {
    const path = join(directory, "weather.csv");
    writeFileSync(path, "date,temp\n2020-01-01,1\n");
    let asked: readonly [string, ImportOptions] | undefined;
    const first = { labels, time: 5, value: 2 };
    const result = {
      ...emptyImport,
      samples: 1,
      timeRange: { minTime: 0, maxTime: 1 },
      rejected: new Map([["too-old" as const, { count: 1, first }]]),
    };
    database.answerImport = (text, options) => {
      asked = [text, options];
      return result;
    };
    const progress: number[] = [];
    const options = { labels: { site: "home" }, csv: { timeColumn: "date", valueColumns: { temp: "t" } } };
    const onProgress = ({ bytes }: { bytes: number }) => progress.push(bytes);
    expect(await remote.import(path, { ...options, onProgress })).toEqual(result);
    expect(asked).toEqual(["date,temp\n2020-01-01,1\n", { format: "csv", ...options }]);
    expect(progress.at(-1)).toBe(23);
  });

  it("says when a file cannot be read, before it sends anything", async () => {
    await expect(remote.import(join(directory, "nowhere.csv"))).rejects.toThrow("nowhere.csv");
  });

  it("says when what answers is another server, and when nothing answers", async () => {
    const other = createServer((_request, response) => response.writeHead(404).end("not here"));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    await expect(new RemoteDatabase(url).query("up")).rejects.toThrow(`${url} answered 404, and not as`);
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
    await expect(new RemoteDatabase(url).query("up")).rejects.toMatchObject({
      message: `no server answers at ${url}`,
      hint: "start one with `npm start` or `narthex serve`, or open a directory with --data",
    });
  });

  it.skipIf(authority === undefined)("says how to make an authority known", async () => {
    const url = await servers.secure(authority!.sign("node.example"), (_request, response) => response.end());
    await expect(new RemoteDatabase(url).query("up")).rejects.toMatchObject({
      message: expect.stringContaining(`the connection to ${url} failed: `),
      hint: expect.stringContaining("NODE_EXTRA_CA_CERTS"),
    });
  });

  it("says when the port is one that fetch refuses", async () => {
    await expect(new RemoteDatabase("http://127.0.0.1:1").query("up")).rejects.toThrow(
      "the connection to http://127.0.0.1:1 failed: that port is kept for another protocol",
    );
  });

  it("says when the URL is none", () => {
    expect(() => new RemoteDatabase("localhost:9090")).toThrow('"localhost:9090" is no URL');
  });
});
