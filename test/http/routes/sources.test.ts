import { describe, expect, it } from "vitest";
import { failure, testApp } from "../test-app.js";

async function appWithSources() {
  const { database, get, post, app } = testApp();
  await database.sources.configure([
    {
      jobName: "greenhouse",
      intervalMs: 60_000,
      tokens: [{ token: "t", name: "key", labels: { instance: "gh-01" }, allow: { __name__: "gh_.*" } }],
      expected: ["gh-01", "gh-02"],
      staleness: { kind: "hold", durationMs: 3_600_000 },
    },
  ]);
  const push = (body: string, token = "t") =>
    post("/api/v1/import/prometheus", body, { authorization: `Bearer ${token}` });
  const sources = async (query = "") =>
    (
      JSON.parse((await get(`/api/v1/sources${query}`)).text) as {
        data: { sources: unknown[]; refused: unknown[] };
      }
    ).data;
  return { database, get, push, sources, app };
}

/** Of the clock of the test, or the millisecond behind a decision that came first. */
const at = (time: string) => expect.stringMatching(new RegExp(`^1970-01-01T${time}(\\.001)?Z$`));

describe("/api/v1/sources", () => {
  it("tells state, times, counts, and the last push that was taken and refused", async () => {
    const { push, sources } = await appWithSources();
    await push("gh_celsius 21\nother 1\n");
    const answer = await sources();
    expect(answer.sources[0]).toEqual({
      job: "greenhouse",
      instance: "gh-01",
      state: "up",
      reason:
        'it pushes as expected; of its last push something was refused: forbidden-label: the metric name is "other" and must match ' +
        '"gh_.*" for this token',
      expected: true,
      interval: "1m",
      intervalOrigin: "configured",
      staleness: "hold:1h",
      series: 1,
      seriesLimit: 10_000,
      pushes: 1,
      samplesAccepted: 1,
      samplesRejected: 1,
      lastPush: at("00:16:40"),
      nextExpected: at("00:17:40"),
      leaseEnd: expect.stringMatching(/^1970-01-01T00:18:46/),
      holdEnd: at("01:16:40"),
      lastAccepted: {
        time: at("00:16:40"),
        protocol: "text",
        credential: "key",
        address: "127.0.0.1",
        samples: 1,
        excerpt: expect.stringMatching(/^gh_celsius\{instance="gh-01", job="greenhouse"\} 21 100000[01]$/),
      },
      lastRejected: expect.objectContaining({ reason: expect.stringContaining("the metric name") }),
    });
    expect(answer.sources[1]).toMatchObject({
      instance: "gh-02",
      state: "awaited",
      lastPush: null,
      interval: "1m",
    });
  });

  it("tells pushes of nobody knows whom, without their secret", async () => {
    const { push, sources } = await appWithSources();
    await push("gh_celsius 21\n", "s3cret");
    const { refused } = await sources();
    expect(refused).toEqual([
      {
        time: "1970-01-01T00:16:40Z",
        protocol: "text",
        address: "127.0.0.1",
        reason: expect.stringContaining("no entry of push_configs has this token"),
      },
    ]);
    expect(JSON.stringify(refused)).not.toContain("s3cret");
  });

  it("selects by job, instance and state", async () => {
    const { sources, get } = await appWithSources();
    expect((await sources("?job=greenhouse")).sources).toHaveLength(2);
    expect((await sources("?job=other")).sources).toEqual([]);
    expect((await sources("?instance=gh-02")).sources).toHaveLength(1);
    expect((await sources("?state=up")).sources).toEqual([]);
    expect(failure(await get("/api/v1/sources?state=gone"))).toContain(
      "none of awaited, up, down, unmanaged",
    );
  });
});

describe("DELETE /api/v1/push", () => {
  it("ends the source, which a push begins anew", async () => {
    const { app, push, sources, database } = await appWithSources();
    await push("gh_celsius 21\n");
    const headers = { authorization: "Bearer t" };
    const done = await app.inject({ method: "DELETE", url: "/api/v1/push", headers });
    expect(done.statusCode).toBe(204);
    expect(database.samples.filter((line) => line.startsWith("gh_celsius")).at(-1)).toContain("stale");
    expect((await sources()).sources[0]).toMatchObject({ state: "awaited", series: 0 });
    await push("gh_celsius 22\n");
    expect((await sources()).sources[0]).toMatchObject({ state: "up" });
  });

  it("wants to know which instance, and refuses another one's", async () => {
    const { app, database } = testApp();
    await database.sources.configure([
      { jobName: "a", tokens: [{ token: "any" }, { token: "one", labels: { instance: "i" } }] },
    ]);
    const end = async (token: string, query = "") => {
      const headers = { authorization: `Bearer ${token}` };
      const { statusCode, body } = await app.inject({
        method: "DELETE",
        url: `/api/v1/push${query}`,
        headers,
      });
      return `${statusCode} ${body}`;
    };
    expect(await end("any")).toMatch(/^400 .*say which job and instance end/);
    expect(await end("any", "?instance=x")).toBe("204 ");
    expect(await end("one", "?instance=x")).toMatch(/^403 .*the label instance is/);
    expect(await end("wrong", "?instance=x")).toMatch(/^401 /);
  });
});
