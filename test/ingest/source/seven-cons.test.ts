/**
 * What people hold against push, each as a test that reads like its sentence. The transport's part (a slow body, a
 * gzip bomb, a snappy bomb) is in the tests of the routes.
 */

import { afterEach, describe, expect, it } from "vitest";
import { Labels } from "../../../src/model/labels.js";
import {
  celsius,
  greenhouse,
  hour,
  minute,
  type PushedSample,
  SourceWorld,
  second,
  start,
} from "./source-world.js";

const token = "gh-secret";
let world: SourceWorld;
afterEach(() => world.close());

describe("1. there is no up: nobody sees that a pusher is dead", () => {
  it("a dead pusher has up 0 and its series are gone from instant vectors within two leases", async () => {
    world = await SourceWorld.open([greenhouse]);
    await world.push({ token }, [celsius("gh-01", 21)]);
    await world.advance(2 * (2 * minute + 6 * second));
    expect(await world.query("up == 0")).toHaveLength(1);
    expect(await world.query("gh_celsius")).toEqual([]);
  });

  it("a pusher that never came is down, too", async () => {
    world = await SourceWorld.open([{ ...greenhouse, expected: ["gh-09"] }]);
    await world.advance(second);
    expect(await world.query("up == 0")).toEqual(['up{instance="gh-09", job="greenhouse", site="berlin"} 0']);
  });
});

describe("2. anybody can push anything in anybody's name", () => {
  it("a forged label is refused, by name, and the rest of the push is kept", async () => {
    world = await SourceWorld.open([greenhouse]);
    const forged = (labels: Record<string, string>): PushedSample => [
      { __name__: "gh_celsius", instance: "gh-01", ...labels },
      1,
    ];
    const result = await world.push({ token }, [
      forged({ job: "bank" }),
      forged({ site: "paris" }),
      forged({ instance: "server-1" }),
      forged({ __name__: "node_load1" }),
      celsius("gh-01", 21),
    ]);
    expect(result.appended).toBe(1);
    expect(result.rejected.get("forbidden-label")).toMatchObject({
      count: 4,
      message: 'the label job is "greenhouse" for this token, not "bank"; leave it out',
    });
    expect(world.status("greenhouse", "gh-01")?.lastRejected?.reason).toContain("the label job");
    expect(await world.query('{job="greenhouse", __name__!~"push_.*|up"}')).toHaveLength(1);
  });

  it("a revoked token is refused, and the sources of others are unharmed", async () => {
    const other = {
      jobName: "attic",
      intervalMs: minute,
      tokens: [{ token: "attic", labels: { instance: "a" } }],
    };
    world = await SourceWorld.open([greenhouse, other]);
    await world.push({ token: "attic" }, [[{ __name__: "m" }, 1]]);
    await world.sources.configure([{ ...greenhouse, tokens: [{ token: "gh-new" }] }, other]);
    await expect(world.push({ token }, [celsius("gh-01", 1)])).rejects.toThrow(
      "no entry of push_configs has this token",
    );
    expect(world.sources.refusedAdmissions()[0]).toMatchObject({ address: "127.0.0.1", time: start });
    expect(JSON.stringify(world.sources.refusedAdmissions())).not.toContain(token);
    await world.push({ token: "gh-new" }, [celsius("gh-01", 1)]);
    expect(await world.query("up")).toHaveLength(2);
  });
});

describe("3. a pusher can bring the server down", () => {
  const modest = {
    series: 100,
    ...greenhouse,
    limits: { seriesMax: 100, samplesPerSecond: 50, requestsPerSecond: 2 },
  };
  const flood = (from: number, count: number): readonly PushedSample[] =>
    Array.from({ length: count }, (_, i) => [
      { __name__: "gh_flood", instance: "gh-01", n: String(from + i) },
      i,
    ]);

  it("a flood of series is cut off at the budget, and known series keep flowing", async () => {
    world = await SourceWorld.open([modest]);
    await world.push({ token }, [celsius("gh-01", 20), ...flood(0, 99)]);
    await world.advance(2 * second);
    const result = await world.push({ token }, [
      ...flood(500, 300),
      celsius("gh-01", 21),
      celsius("gh-02", 22),
    ]);
    expect(result.appended).toBe(2);
    expect(result.rejected.get("series-limit")?.count).toBe(300);
    expect(await world.query("gh_celsius")).toHaveLength(2);
    expect(world.status("greenhouse", "gh-01")?.series).toBe(100);
  });

  it("a flood of requests is told when to come again, and others are unharmed", async () => {
    world = await SourceWorld.open([modest]);
    const noisy = { token, address: "10.0.0.1" };
    for (let i = 0; i < 20; i++) await world.push(noisy, [celsius("gh-01", 1, start - i)]);
    await expect(world.push(noisy, [])).rejects.toMatchObject({ code: "too-many-requests", retryAfterMs: 1 });
    await world.push({ token, address: "10.0.0.2" }, [celsius("gh-02", 1)]);
    await world.advance(second);
    await world.push(noisy, [celsius("gh-01", 1)]);
  });

  it("a body larger than the burst passes once, and is paid off before the next", async () => {
    world = await SourceWorld.open([{ ...modest, limits: { samplesPerSecond: 10 } }]);
    const many = Array.from({ length: 400 }, (_, i) => celsius("gh-01", i, start - i * second));
    expect((await world.push({ token }, many)).appended).toBe(400);
    await expect(world.push({ token }, [])).rejects.toThrow(
      "more than 10 samples a second; come again in 31 s",
    );
    await world.advance(31 * second);
    await world.push({ token }, [celsius("gh-01", 1)]);
  });

  it("a body that is far larger is left in its middle, with exact counts of what was kept", async () => {
    world = await SourceWorld.open([{ ...modest, limits: { samplesPerSecond: 10 } }]);
    const push = world.sources.admit({
      protocol: "text",
      sender: { address: "127.0.0.1", token },
      isFullState: true,
    });
    const series = push.series(Labels.from({ __name__: "gh_celsius", instance: "gh-01" }));
    for (let i = 0; i < 150; i++) push.append(series, start - i * second, i);
    await push.flush();
    for (let i = 150; i < 200; i++) push.append(series, start - i * second, i);
    for (let line = 1; line <= 100_000; line++) push.malformed(line, "no value");
    expect(push.stagedSamples).toBe(100_050);
    const reason =
      "the body has far more samples than the 10 a second of this sender allow; 200 are kept and 100000 refused, the rest was " +
      "not read: send smaller bodies, of 100 samples at the most";
    await expect(push.flush()).rejects.toMatchObject({
      code: "limit-exceeded",
      message: reason,
      result: { appended: 200, malformed: { count: 100_000 } },
    });
    expect(world.status("greenhouse", "gh-01")).toMatchObject({
      state: "up",
      pushes: 1,
      samplesAccepted: 200,
      lastRejected: { reason },
    });
    await expect(world.push({ token }, [])).rejects.toThrow("come again in 61 s");
    await world.advance(61 * second);
    await world.push({ token }, [celsius("gh-01", 1)]);
  });

  it("what is refused or cannot be read is paid for as well", async () => {
    world = await SourceWorld.open([{ ...modest, limits: { samplesPerSecond: 10 } }]);
    const forged = Array.from({ length: 200 }, (): PushedSample => [{ __name__: "node_load1" }, 1]);
    expect((await world.push({ token }, forged)).rejected.get("forbidden-label")?.count).toBe(200);
    await expect(world.push({ token }, [])).rejects.toThrow("come again in 11 s");
    await world.advance(11 * second);
    const push = world.sources.admit({ protocol: "text", sender: { address: "127.0.0.1", token } });
    for (let line = 1; line <= 200; line++) push.malformed(line, "no value");
    push.rollback("the body is too large");
    await expect(world.push({ token }, [])).rejects.toThrow("more than 10 samples a second");
  });

  it("its debt is its own: what all may together is not used up by one body", async () => {
    const attic = { jobName: "attic", tokens: [{ token: "attic", labels: { instance: "a" } }] };
    world = await SourceWorld.open([{ ...modest, limits: { samplesPerSecond: 10 } }, attic], {
      samplesPerSecond: 20,
    });
    const many = Array.from({ length: 4000 }, (_, i) => celsius("gh-01", i, start - i * second));
    expect((await world.push({ token }, many)).appended).toBe(4000);
    await expect(world.push({ token }, [])).rejects.toThrow("more than 10 samples a second");
    await world.push({ token: "attic" }, [[{ __name__: "m" }, 1]]);
  });

  it("a token with which somebody makes up instances does not shut out the other jobs", async () => {
    const attic = {
      jobName: "attic",
      expected: ["hatch"],
      tokens: [{ token: "attic", labels: { instance: "a" } }],
    };
    world = await SourceWorld.open([greenhouse, attic], { seriesMax: 30, sourcesMax: 10 });
    const madeUp = (count: number, metric: string): readonly PushedSample[] =>
      Array.from({ length: count }, (_, i) => [{ __name__: metric, instance: `gh-${i}` }, i]);
    const first = await world.push({ token }, madeUp(20, "gh_a"));
    expect([first.appended, first.rejected.get("series-limit")]).toMatchObject([
      8,
      {
        count: 12,
        message:
          "of the 10 sources this job has 8, and what is left is kept for other jobs; no new ones are taken; those that are known are",
      },
    ]);
    const more = ["gh_b", "gh_c"].flatMap((metric) => madeUp(8, metric));
    expect((await world.push({ token }, more)).rejected.get("series-limit")?.count).toBe(1);
    const others = Array.from({ length: 8 }, (_, i): PushedSample => [{ __name__: `m${i}` }, i]);
    expect((await world.push({ token: "attic" }, others)).appended).toBe(7);
    expect(world.status("attic", "hatch")).toMatchObject({ state: "awaited" });
  });

  it("all sources together have a budget, too", async () => {
    world = await SourceWorld.open([greenhouse], { seriesMax: 10, pushesMax: 2 });
    const { appended, rejected } = await world.push({ token }, flood(0, 30));
    expect([appended, rejected.get("series-limit")?.count]).toEqual([10, 20]);
    const request = { protocol: "text", sender: { address: "::1", token } } as const;
    const slow = world.sources.admit(request);
    expect(() => world.sources.admit(request)).toThrow("wait for their answers");
    slow.rollback("the body did not come");
    await world.push({ token }, []);
  });
});

describe("4. a device that was offline leaves a gap, or its batch is dropped", () => {
  it("a nine-hour offline device catches up without a gap", async () => {
    world = await SourceWorld.open([greenhouse]);
    const at = (i: number) => start - 137 + i * minute;
    await world.push({ token }, [celsius("gh-01", 0, at(0))]);
    await world.advance(9 * hour);
    const result = await world.push(
      { token },
      Array.from({ length: 540 }, (_, i) => celsius("gh-01", i + 1, at(i + 1))),
    );
    expect([result.appended, [...result.rejected]]).toEqual([540, []]);
    const counted = await world.query("count_over_time(gh_celsius[10h])");
    expect(counted).toEqual(['{instance="gh-01", job="greenhouse", site="berlin"} 541']);
    for (const i of [10, 100, 300, 500])
      expect(await world.query("gh_celsius", at(i) + 30 * second)).toEqual([
        `gh_celsius{instance="gh-01", job="greenhouse", site="berlin"} ${i}`,
      ]);
  });

  it("a clock that is far ahead is told so", async () => {
    world = await SourceWorld.open([greenhouse]);
    const { appended, rejected } = await world.push({ token }, [
      celsius("gh-01", 1, start + 9 * minute),
      celsius("gh-01", 1, start + hour),
    ]);
    expect(appended).toBe(1);
    expect(rejected.get("too-far-in-future")?.message).toMatch(
      /^3600 s ahead of the server's clock; set the clock/,
    );
  });
});

describe("5. a retry counts twice", () => {
  it("the same batch sent three times changes nothing", async () => {
    world = await SourceWorld.open([greenhouse]);
    const batch = Array.from({ length: 50 }, (_, i) => celsius("gh-01", i / 3, start - i * second));
    for (let i = 0; i < 3; i++) {
      const result = await world.push({ token }, batch);
      expect([result.appended, [...result.rejected]]).toEqual([50, []]);
    }
    const counted = await world.query("count_over_time(gh_celsius[1h])");
    expect(counted).toEqual(['{instance="gh-01", job="greenhouse", site="berlin"} 50']);
  });
});

describe("6. what was pushed once is never forgotten", () => {
  it("a cron job's result lives exactly as long as its policy says", async () => {
    const cron = {
      jobName: "cron",
      staleness: { kind: "hold", durationMs: 2 * hour },
      tokens: [{ token }],
    } as const;
    world = await SourceWorld.open([cron]);
    await world.push({ token }, [[{ __name__: "result" }, 1]]);
    await world.advance(2 * hour - second);
    expect(await world.has("result")).toBe(true);
    await world.advance(2 * second);
    expect(await world.has("result")).toBe(false);
  });

  it("a renamed host's series are gone with the old name", async () => {
    world = await SourceWorld.open([greenhouse]);
    await world.push({ token }, [celsius("gh-old", 1)]);
    for (let i = 0; i < 4; i++) {
      await world.advance(minute);
      await world.push({ token }, [celsius("gh-new", 1)]);
    }
    expect(await world.query("gh_celsius")).toEqual([
      'gh_celsius{instance="gh-new", job="greenhouse", site="berlin"} 1',
    ]);
  });
});

describe("7. people push events", () => {
  it("series with one sample each are refused in the end, with the label to blame; metrics keep flowing", async () => {
    world = await SourceWorld.open([greenhouse]);
    let number = 0;
    const events = (): readonly PushedSample[] =>
      Array.from({ length: 100 }, () => [
        { __name__: "gh_request", instance: "gh-01", id: String(number++) },
        1,
      ]);
    let result = await world.push({ token }, [celsius("gh-01", 1), ...events()]);
    for (let i = 0; i < 80; i++) {
      await world.advance(minute);
      result = await world.push({ token }, [celsius("gh-01", i), ...events()]);
    }
    expect(result.appended).toBe(1);
    expect(result.rejected.get("event-abuse")).toMatchObject({
      count: 100,
      message:
        'of 1000 series none had a second sample; the label "id" has a new value in each: these are events, not ' +
        "metrics; leave the label out and count the events instead, new series are taken again in an hour",
    });
  });

  it("honest churn is not: series that come again, if only tomorrow", async () => {
    const daily = {
      jobName: "daily",
      intervalMs: hour,
      tokens: [{ token, labels: { instance: "d" } }],
    } as const;
    world = await SourceWorld.open([daily]);
    const results = Array.from(
      { length: 1100 },
      (_, i): PushedSample => [{ __name__: "rows", table: String(i) }, 1],
    );
    for (let day = 0; day < 12; day++) {
      const { rejected } = await world.push({ token }, results);
      expect([...rejected]).toEqual([]);
      await world.advance(24 * hour);
    }
  });
});
