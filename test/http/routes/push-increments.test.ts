import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { openDatabase } from "../../../src/database.js";
import { buildApp } from "../../../src/http/app.js";
import { FakeClock } from "../../support/fake-clock.js";
import { failure, NOW, testApp } from "../test-app.js";

const path = "/api/v1/push/increments";

describe("POST /api/v1/push/increments", () => {
  it("adds up counters and histograms of a text, and stores its gauges", async () => {
    const { database, post } = testApp();
    const body =
      '# TYPE orders_total counter\norders_total{shop="a"} 2\n# TYPE temperature gauge\ntemperature 21\n' +
      '# TYPE latency histogram\nlatency_bucket{le="1"} 1\nlatency_sum 0.5\nlatency_count 1\n';
    expect((await post(path, body)).status).toBe(204);
    expect((await post(path, body)).status).toBe(204);
    expect(database.samples.slice(5)).toEqual([
      `temperature 21 @${NOW + 1}`,
      `orders_total{shop="a"} 4 @${NOW + 1}`,
      `latency_bucket{le="1.0"} 2 @${NOW + 1}`,
      `latency_sum 1 @${NOW + 1}`,
      `latency_count 2 @${NOW + 1}`,
    ]);
  });

  it("counts a request with a key once", async () => {
    const { database, post } = testApp();
    const headers = { "idempotency-key": "a1", "content-type": "application/json" };
    const body = '{"name":"orders_total","value":2}';
    for (let i = 0; i < 3; i++) expect((await post(path, body, headers)).status).toBe(204);
    expect(new Set(database.samples)).toEqual(new Set([`orders_total 2 @${NOW}`]));
    expect(failure(await post(path, '{"name":"orders_total","value":3}', headers))).toMatch(
      /^400 error bad_data: the idempotency key "a1" belongs to another request$/,
    );
    expect(failure(await post(path, body, { "idempotency-key": "x".repeat(300) }))).toMatch(
      /1 to 255 characters/,
    );
  });

  it("holds no more of large bodies than all may", async () => {
    const { database, post } = testApp();
    const gzip = { "content-encoding": "gzip" };
    const large = gzipSync("a 1\n".repeat(100_000));
    const answers = await Promise.all(Array.from({ length: 5 }, () => post(path, large, gzip)));
    const stored = answers.filter(({ status }) => status === 204).length;
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204, 429]));
    expect((await post(path, large, gzip)).status).toBe(204);
    expect(database.samples.at(-1)).toMatch(new RegExp(`^a ${(stored + 1) * 100_000} @`));
  });

  it("says what cannot be added, and adds the rest", async () => {
    const { database, post } = testApp();
    const answer = await post(path, "orders_total -1\nerrors_total 1\n");
    expect(failure(answer)).toMatch(
      /orders_total: a counter cannot be increased by -1.* 1 kept, 0 rejected, 1 mal/,
    );
    expect(database.samples).toEqual([`errors_total 1 @${NOW}`]);
  });
});

describe("increments, on a disk", () => {
  const directories: string[] = [];
  afterEach(async () => {
    for (const directory of directories.splice(0)) await rm(directory, { recursive: true, force: true });
  });

  it("go on where they were after a restart", async () => {
    const directory = await mkdtemp(join(tmpdir(), "narthex-increments-"));
    directories.push(directory);
    const clock = new FakeClock(NOW);
    for (const total of ["3", "6"]) {
      const database = await openDatabase({ directory, clock });
      const app = buildApp({ database, clock, version: "1", onEvent: () => {} });
      for (const key of ["a", "a", `b${total}`]) {
        const headers = { "idempotency-key": key, "content-type": "text/plain" };
        const payload = key === "a" ? "orders_total 1\n" : `orders_total ${total === "3" ? 2 : 3}\n`;
        expect((await app.inject({ method: "POST", url: path, headers, payload })).statusCode).toBe(204);
      }
      const result = await database.query("orders_total", { time: NOW + 1000 });
      expect(result.type === "vector" && result.series.map(({ value }) => String(value))).toEqual([total]);
      await app.close();
      await database.close();
    }
  });
});
