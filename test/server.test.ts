import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { DatabaseEvent } from "../src/api.js";
import { Labels } from "../src/model/labels.js";
import { NO_SERIES } from "../src/model/series.js";
import { type Server, type ServerOptions, startServer } from "../src/server.js";

const root = mkdtempSync(join(tmpdir(), "narthex-server-"));
const events: DatabaseEvent[] = [];

afterAll(() => rmSync(root, { recursive: true, force: true }));

function optionsFor(name: string, changes: Partial<ServerOptions> = {}): ServerOptions {
  return {
    database: { directory: join(root, name) },
    host: "127.0.0.1",
    port: 0,
    version: "1.2.3",
    onEvent: (event) => events.push(event),
    ...changes,
  };
}

async function query(server: Server, expression: string): Promise<string> {
  const response = await fetch(`${server.url}/api/v1/query?${new URLSearchParams({ query: expression })}`);
  return response.text();
}

describe("a server", () => {
  it("keeps what it acknowledged over a restart", async () => {
    const first = await startServer(optionsFor("restart"));
    const push = await fetch(`${first.url}/api/v1/import/prometheus`, { method: "POST", body: "a 1\n" });
    expect(push.status).toBe(204);
    await first.close();
    await first.close();
    const second = await startServer(optionsFor("restart"));
    expect(await query(second, "a + 1")).toContain('"2"');
    await second.close();
  });

  it("takes retention from the configuration file, unless the command line has another", async () => {
    const configFile = join(root, "retention.yml");
    const rules = `rules: [{ match: '{job="debug"}', time: 1h }, { match: gold, time: 0s }]`;
    writeFileSync(configFile, `storage: { tsdb: { retention: { time: 1d, ${rules} } } }`);
    const day = 24 * 3_600_000;
    const push = async (name: string, retentionMs?: number) => {
      const database = { directory: join(root, name), ...(retentionMs === undefined ? {} : { retentionMs }) };
      const server = await startServer(optionsFor(name, { configFile, database }));
      const appender = server.database.appender();
      const old = (labels: Record<string, string>, ageMs: number) =>
        appender.append(NO_SERIES, Labels.from(labels), Date.now() - ageMs, 1);
      old({ __name__: "up", job: "debug" }, 2 * 3_600_000);
      old({ __name__: "up", job: "web" }, 2 * 3_600_000);
      old({ __name__: "up", job: "web" }, 2 * day);
      old({ __name__: "gold" }, 1000 * day);
      const { appended } = await appender.commit();
      await server.close();
      return appended;
    };
    events.length = 0;
    expect(await push("retention")).toBe(2);
    expect(events.filter(({ level }) => level === "warning")).toEqual([]);
    expect(await push("retention-flag", 3 * day)).toBe(3);
    expect(events).toContainEqual(
      expect.objectContaining({ level: "warning", message: expect.stringContaining("retention.time") }),
    );
  });

  it("answers every read route on a real database", async () => {
    const server = await startServer(optionsFor("routes"));
    const body = 'a{job="x"} 1 1000\na{job="y"} 2 1000\nb 3 2000\n';
    await fetch(`${server.url}/api/v1/import/prometheus`, { method: "POST", body });
    const get = async (path: string) => (await fetch(`${server.url}/api/v1/${path}`)).text();
    const success = (data: string) => `{"status":"success","data":${data}}`;
    expect(await get("query?query=sum(a)&time=1")).toBe(
      success('{"resultType":"vector","result":[{"metric":{},"value":[1,"3"]}]}'),
    );
    expect(await get("query_range?query=b&start=1&end=3&step=1")).toBe(
      success('{"resultType":"matrix","result":[{"metric":{"__name__":"b"},"values":[[2,"3"],[3,"3"]]}]}'),
    );
    expect(await get("query?query=b[5s]&time=2.5")).toBe(
      success('{"resultType":"matrix","result":[{"metric":{"__name__":"b"},"values":[[2,"3"]]}]}'),
    );
    expect(await get("query?query=rate(a)")).toContain(
      '1:6: parse error: expected type range vector in call to function \\"rate\\", got instant vector',
    );
    expect(await get("query_range?query=b[5m]&start=1&end=2&step=1")).toMatch(
      /bad_data.*must be Scalar or instant Vector/,
    );
    expect(
      await get(`query?query=1${encodeURIComponent("+1".repeat(900))}${"%20".repeat(30_000)}&time=0`),
    ).toBe(success('{"resultType":"scalar","result":[0,"901"]}'));
    expect(await get("series?match[]=a")).toBe(
      success('[{"__name__":"a","job":"x"},{"__name__":"a","job":"y"}]'),
    );
    expect(await get("series?match[]={job=~'.*'}")).toContain("at least one non-empty matcher");
    expect(await get("labels")).toBe(success('["__name__","job"]'));
    expect(await get("label/job/values?match[]=a{job='y'}")).toBe(success('["y"]'));
    expect(JSON.parse(await get("status/tsdb")).data.headStats.numSeries).toBe(3);
    await server.close();
  });

  it("cannot have a port that is taken, and leaves the directory free", async () => {
    const first = await startServer(optionsFor("port-a"));
    const { port } = new URL(first.url);
    await expect(startServer(optionsFor("port-b", { port: Number(port) }))).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: the port is in use`,
    );
    const second = await startServer(optionsFor("port-b"));
    await Promise.all([first.close(), second.close()]);
  });

  it("cannot have a directory that another one has", async () => {
    const first = await startServer(optionsFor("locked"));
    await expect(startServer(optionsFor("locked"))).rejects.toMatchObject({
      code: "locked",
      pid: process.pid,
    });
    await first.close();
  });

  it("refuses a wrong configuration, and says what of a right one it does not act on", async () => {
    const configFile = join(root, "narthex.yml");
    writeFileSync(configFile, "scrape_configz: []\n");
    await expect(startServer(optionsFor("config", { configFile }))).rejects.toMatchObject({
      code: "config",
      line: 1,
    });
    writeFileSync(configFile, "rule_files: [x.yml]\n");
    const server = await startServer(optionsFor("config", { configFile }));
    expect(events.filter(({ message }) => message.includes("rule_files"))).toHaveLength(1);
    await server.close();
  });

  it("finishes what is in flight before it closes", async () => {
    const server = await startServer(optionsFor("in-flight"));
    const push = request(`${server.url}/api/v1/import/prometheus`, { method: "POST" });
    const answered = new Promise<number>((resolve) => {
      push.once("response", (response) => resolve(response.statusCode ?? 0));
    });
    await new Promise((written) => push.write("late 1\n", written));
    while (!(await metricsPage(server)).includes("narthex_http_requests_total")) {
      // The first page is counted when it is answered: then the push before it has been accepted too.
    }
    const closed = server.close();
    push.end("late2 2\n");
    expect(await answered).toBe(204);
    await closed;
    const again = await startServer(optionsFor("in-flight"));
    expect(await query(again, "late + late2")).toContain('"3"');
    await again.close();
  });
});

async function metricsPage(server: Server): Promise<string> {
  return (await fetch(`${server.url}/metrics`)).text();
}
