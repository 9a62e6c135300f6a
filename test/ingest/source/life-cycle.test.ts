import { afterEach, describe, expect, it } from "vitest";
import { SeriesList } from "../../../src/ingest/push/series-list.js";
import { Labels } from "../../../src/model/labels.js";
import { celsius, greenhouse, hour, minute, SourceWorld, second, start } from "./source-world.js";

const token = "gh-secret";
let world: SourceWorld;
afterEach(() => world.close());

describe("a source that pushes", () => {
  it("has up and what is known of it, with forced labels", async () => {
    world = await SourceWorld.open([greenhouse]);
    const result = await world.push({ token }, [celsius("gh-01", 21.5)]);
    expect(result).toMatchObject({ appended: 1, malformed: { count: 0 } });
    expect(await world.query('{job="greenhouse"}')).toEqual([
      'gh_celsius{instance="gh-01", job="greenhouse", site="berlin"} 21.5',
      'push_interval_seconds{instance="gh-01", job="greenhouse", site="berlin"} 60',
      `push_last_success_timestamp_seconds{instance="gh-01", job="greenhouse", site="berlin"} ${start / 1000}`,
      'push_samples_accepted{instance="gh-01", job="greenhouse", site="berlin"} 1',
      'push_samples_rejected{instance="gh-01", job="greenhouse", site="berlin"} 0',
      'up{instance="gh-01", job="greenhouse", site="berlin"} 1',
    ]);
  });

  it("stays up while it pushes in time", async () => {
    world = await SourceWorld.open([greenhouse]);
    for (let i = 0; i < 30; i++) {
      await world.push({ token }, [celsius("gh-01", i)]);
      await world.advance(minute + (i % 3) * 10 * second);
      expect(await world.query('up{instance="gh-01"}')).toEqual([
        'up{instance="gh-01", job="greenhouse", site="berlin"} 1',
      ]);
    }
    expect(await world.query("changes(up[1h])")).toEqual([
      '{instance="gh-01", job="greenhouse", site="berlin"} 0',
    ]);
  });

  it("is down, and its series are gone, when two pushes are missed", async () => {
    world = await SourceWorld.open([greenhouse]);
    await world.push({ token }, [celsius("gh-01", 21), celsius("gh-02", 22)]);
    await world.advance(minute);
    await world.push({ token }, [celsius("gh-02", 23)]);
    await world.advance(minute);
    expect(await world.query("gh_celsius")).toHaveLength(2);
    await world.advance(10 * second);
    expect(await world.query("up == 0")).toEqual(['up{instance="gh-01", job="greenhouse", site="berlin"} 0']);
    expect(await world.query("gh_celsius")).toEqual([
      'gh_celsius{instance="gh-02", job="greenhouse", site="berlin"} 23',
    ]);
    expect(world.status("greenhouse", "gh-01")).toMatchObject({ state: "down", series: 0 });
  });

  it("is reported as down for a day, then forgotten", async () => {
    world = await SourceWorld.open([greenhouse]);
    await world.push({ token }, [celsius("gh-01", 21)]);
    for (let i = 0; i < 24; i++) {
      await world.advance(hour);
      expect(await world.query("up")).toEqual(['up{instance="gh-01", job="greenhouse", site="berlin"} 0']);
      expect(await world.query("push_last_success_timestamp_seconds")).toHaveLength(1);
    }
    await world.advance(10 * minute);
    expect(await world.query('{job="greenhouse"}')).toEqual([]);
    expect(world.sources.list()).toEqual([]);
  });

  it("comes back", async () => {
    world = await SourceWorld.open([greenhouse]);
    await world.push({ token }, [celsius("gh-01", 21)]);
    await world.advance(hour);
    await world.push({ token }, [celsius("gh-01", 25)]);
    expect(await world.query('{__name__=~"up|gh_celsius"}')).toEqual([
      'gh_celsius{instance="gh-01", job="greenhouse", site="berlin"} 25',
      'up{instance="gh-01", job="greenhouse", site="berlin"} 1',
    ]);
  });

  it("says itself whether it is up, if it likes", async () => {
    world = await SourceWorld.open([greenhouse]);
    const up = (value: number) => [{ __name__: "up", instance: "gh-01", site: "berlin" }, value] as const;
    await world.push({ token }, [up(1), celsius("gh-01", 1)]);
    await world.advance(minute);
    const { rejected } = await world.push({ token }, [up(0.5)]);
    expect([...rejected]).toEqual([]);
    expect(await world.query("up")).toEqual(['up{instance="gh-01", job="greenhouse", site="berlin"} 0.5']);
    await world.advance(10 * minute);
    expect(await world.query("up")).toEqual(['up{instance="gh-01", job="greenhouse", site="berlin"} 0']);
    await world.push({ token }, [up(1)]);
    expect(await world.query("up")).toEqual(['up{instance="gh-01", job="greenhouse", site="berlin"} 1']);
  });

  it("lives by the arrival of its pushes, not by the times of its samples", async () => {
    world = await SourceWorld.open([greenhouse]);
    await world.push({ token }, [celsius("gh-01", 21, start - hour)]);
    expect(await world.query("up")).toHaveLength(1);
    expect(await world.query("gh_celsius")).toEqual([]);
    expect(await world.query("gh_celsius", start - hour)).toHaveLength(1);
  });

  it("learns the interval when nobody says it", async () => {
    const { intervalMs: _, ...config } = greenhouse;
    world = await SourceWorld.open([config]);
    for (let i = 0; i < 4; i++) {
      await world.push({ token }, [celsius("gh-01", i)]);
      if (i < 3) await world.advance(20 * second);
    }
    expect(world.status("greenhouse", "gh-01")?.interval).toEqual({ intervalMs: 20_000, origin: "learnt" });
    await world.advance(43 * second);
    expect(await world.has("up == 0")).toBe(true);
  });

  it("declares the interval itself when the configuration does not", async () => {
    const { intervalMs: _, ...config } = greenhouse;
    world = await SourceWorld.open([config]);
    await world.push({ token, intervalMs: 10 * second }, [celsius("gh-01", 1)]);
    expect(world.status("greenhouse", "gh-01")?.interval).toEqual({ intervalMs: 10_000, origin: "declared" });
    await world.advance(22 * second);
    expect(await world.query("up")).toEqual(['up{instance="gh-01", job="greenhouse", site="berlin"} 0']);
  });

  it("is found by instant queries between pushes that are an hour apart", async () => {
    world = await SourceWorld.open([{ ...greenhouse, intervalMs: hour }]);
    await world.push({ token }, [celsius("gh-01", 1)]);
    for (let i = 0; i < 12; i++) {
      await world.advance(5 * minute);
      expect(await world.query("up")).toEqual(['up{instance="gh-01", job="greenhouse", site="berlin"} 1']);
    }
  });

  it("is not up by pushes of which storage takes nothing", async () => {
    world = await SourceWorld.open([greenhouse]);
    const result = await world.push({ token }, [celsius("gh-01", 21, 0.5)]);
    expect(result).toMatchObject({ appended: 0 });
    await world.advance(second);
    expect(await world.query("up")).toEqual(['up{instance="gh-01", job="greenhouse", site="berlin"} 0']);
    expect(world.status("greenhouse", "gh-01")).toMatchObject({
      state: "down",
      lastPush: undefined,
      lastAccepted: undefined,
      samplesAccepted: 0,
      samplesRejected: 1,
      lastRejected: {
        samples: 1,
        reason: expect.stringMatching(/^invalid-time: gh_celsius\{.*\} at 0.5 ms$/),
      },
    });
    await world.push({ token }, [celsius("gh-01", 21)]);
    expect(await world.query("up")).toEqual(['up{instance="gh-01", job="greenhouse", site="berlin"} 1']);
    for (let i = 0; i < 3; i++) {
      await world.advance(minute);
      await world.push({ token }, [celsius("gh-01", 21, 0.5)]);
    }
    await world.advance(second);
    expect(await world.query("up")).toEqual(['up{instance="gh-01", job="greenhouse", site="berlin"} 0']);
  });

  it("is not up by native histograms alone, which are not stored", async () => {
    world = await SourceWorld.open([
      { ...greenhouse, tokens: [{ token, labels: { instance: "gh-01" } }], expected: ["gh-01"] },
    ]);
    const push = world.sources.admit({ protocol: "remote-write", sender: { address: "::1", token } });
    push.notStored("native-histogram", 3);
    await push.commit();
    expect(world.status("greenhouse", "gh-01")?.state).toBe("awaited");
  });

  it("knows what storage refused in any transaction of a push, beside a source of which nothing was staged", async () => {
    world = await SourceWorld.open([{ ...greenhouse, limits: { seriesMax: 1 } }]);
    await world.push({ token }, [celsius("gh-01", 21), celsius("gh-02", 21)]);
    await world.advance(minute);
    const push = world.sources.admit({ protocol: "text", sender: { address: "::1", token } });
    const of = (instance: string, name: string) => push.series(Labels.from({ __name__: name, instance }));
    push.append(of("gh-02", "gh_other"), undefined, 1);
    push.append(of("gh-01", "gh_celsius"), 0.5, 1);
    await push.flush();
    push.append(of("gh-01", "gh_celsius"), undefined, 2);
    await push.commit();
    expect(world.status("greenhouse", "gh-01")).toMatchObject({ samplesAccepted: 2, samplesRejected: 1 });
    expect(world.status("greenhouse", "gh-02")).toMatchObject({ samplesAccepted: 1, samplesRejected: 1 });
  });

  it("keeps its lease with an empty body when its credential says who it is", async () => {
    const tokens = [{ token, labels: { instance: "gh-01" } }];
    world = await SourceWorld.open([{ ...greenhouse, tokens }]);
    await world.push({ token }, [[{ __name__: "gh_celsius" }, 20]]);
    for (let i = 0; i < 4; i++) {
      await world.advance(minute);
      await world.push({ token }, []);
    }
    expect(await world.query("up")).toEqual(['up{instance="gh-01", job="greenhouse"} 1']);
    expect(await world.query("gh_celsius")).toHaveLength(1);
  });
});

describe("an expected source", () => {
  it("is down from the start, for as long as it does not push", async () => {
    world = await SourceWorld.open([{ ...greenhouse, expected: ["gh-01", "gh-02"] }]);
    await world.advance(second);
    expect(await world.query("up")).toEqual([
      'up{instance="gh-01", job="greenhouse", site="berlin"} 0',
      'up{instance="gh-02", job="greenhouse", site="berlin"} 0',
    ]);
    expect(world.status("greenhouse", "gh-01")).toMatchObject({ state: "awaited", isExpected: true });
    await world.push({ token }, [celsius("gh-01", 1)]);
    await world.advance(second);
    expect(await world.query("up")).toEqual([
      'up{instance="gh-01", job="greenhouse", site="berlin"} 1',
      'up{instance="gh-02", job="greenhouse", site="berlin"} 0',
    ]);
    await world.advance(40 * hour);
    expect(await world.query("up")).toEqual([
      'up{instance="gh-01", job="greenhouse", site="berlin"} 0',
      'up{instance="gh-02", job="greenhouse", site="berlin"} 0',
    ]);
  });
});

describe("a full push", () => {
  const full = { token, isFullState: true } as const;
  const humidity = [{ __name__: "gh_humidity", instance: "gh-01" }, 60] as const;

  it("ends the series that it leaves out, of its source alone", async () => {
    world = await SourceWorld.open([greenhouse]);
    await world.push(full, [celsius("gh-01", 1), humidity]);
    await world.push(full, [celsius("gh-02", 2)]);
    await world.advance(minute);
    await world.push(full, [celsius("gh-01", 3)]);
    expect(await world.query('{__name__=~"gh_.*"}')).toEqual([
      'gh_celsius{instance="gh-01", job="greenhouse", site="berlin"} 3',
      'gh_celsius{instance="gh-02", job="greenhouse", site="berlin"} 2',
    ]);
  });

  it("does not end series whose samples brought their times", async () => {
    world = await SourceWorld.open([greenhouse]);
    await world.push(full, [celsius("gh-01", 1), [humidity[0], humidity[1], start - second]]);
    await world.advance(minute);
    await world.push(full, [celsius("gh-01", 3)]);
    expect(await world.has("gh_humidity")).toBe(true);
  });

  it("does not end series whose samples have brought their times since, as columns", async () => {
    world = await SourceWorld.open([greenhouse]);
    await world.push(full, [celsius("gh-01", 1), humidity]);
    await world.advance(minute);
    const push = world.sources.admit({ protocol: "text", sender: { address: "::1", token } });
    const series = new SeriesList([push.series(Labels.from(humidity[0]))]);
    const [times, values] = [Float64Array.of(push.arrivalTime), Float64Array.of(61)];
    push.appendColumns({ series, seriesIndexes: Uint32Array.of(0), times, values, length: 1 });
    await push.commit();
    await world.advance(second);
    await world.push(full, [celsius("gh-01", 3)]);
    expect(await world.has("gh_humidity")).toBe(true);
  });

  it("ends nothing when it could not be read as a whole", async () => {
    world = await SourceWorld.open([greenhouse]);
    await world.push(full, [celsius("gh-01", 1), humidity]);
    await world.advance(minute);
    const push = world.sources.admit({
      protocol: "text",
      sender: { address: "::1", token },
      isFullState: true,
    });
    push.malformed(1, "no value");
    await push.commit();
    expect(world.sources.refusedAdmissions()[0]?.reason).toBe("line 1: no value");
    expect(await world.has("gh_humidity")).toBe(true);
  });

  it("speaks of its group alone", async () => {
    world = await SourceWorld.open();
    const group = (shard: string) =>
      ({ staleness: { kind: "forever" }, isFullState: true, grouping: { job: "backup", shard } }) as const;
    await world.push(group("a"), [
      [{ __name__: "files" }, 1],
      [{ __name__: "bytes" }, 2],
    ]);
    await world.push(group("b"), [[{ __name__: "files" }, 3]]);
    await world.advance(second);
    await world.push(group("a"), [[{ __name__: "files" }, 4]]);
    expect(await world.query('{job="backup", __name__!~"push_.*"}')).toEqual([
      'files{job="backup", shard="a"} 4',
      'files{job="backup", shard="b"} 3',
    ]);
    await world.end(group("b"));
    await world.advance(hour);
    expect(await world.query("files")).toEqual(['files{job="backup", shard="a"} 4']);
  });
});

describe("staleness markers of the sender", () => {
  it("end a series, once", async () => {
    world = await SourceWorld.open([greenhouse]);
    await world.push({ token }, [celsius("gh-01", 1, start - 2000)]);
    await world.push({ token }, [[{ __name__: "gh_celsius", instance: "gh-01" }, "stale", start - 1000]]);
    expect(await world.query("gh_celsius")).toEqual([]);
    expect(world.status("greenhouse", "gh-01")?.series).toBe(0);
    await world.advance(10 * minute);
    expect(await world.query("count_over_time(gh_celsius[1h])")).toHaveLength(1);
  });
});

describe("held values", () => {
  const nightly = (staleness: NonNullable<typeof greenhouse.staleness>) => ({
    jobName: "backup",
    staleness,
    tokens: [{ token: "cron", labels: { instance: "" } }],
  });
  const result = [{ __name__: "backup_bytes" }, 42] as const;

  it("live for exactly as long as the policy says", async () => {
    world = await SourceWorld.open([nightly({ kind: "hold", durationMs: 25 * hour })]);
    await world.push({ token: "cron" }, [result]);
    await world.advance(25 * hour - minute);
    expect(await world.query("backup_bytes")).toEqual(['backup_bytes{job="backup"} 42']);
    expect(await world.query("up")).toEqual(['up{job="backup"} 1']);
    await world.advance(minute + second);
    expect(await world.query("backup_bytes")).toEqual([]);
    expect(await world.query("up")).toEqual(['up{job="backup"} 0']);
  });

  it("live for ever, until they are deleted", async () => {
    world = await SourceWorld.open([nightly({ kind: "forever" })]);
    await world.push({ token: "cron" }, [result]);
    await world.advance(72 * hour);
    expect(await world.query("backup_bytes")).toEqual(['backup_bytes{job="backup"} 42']);
    expect(await world.query("push_hold_seconds")).toEqual(['push_hold_seconds{job="backup"} Infinity']);
    await world.end({ token: "cron", grouping: { job: "backup" } });
    expect(await world.query('{job="backup"}')).toEqual([]);
    expect(world.sources.list()).toEqual([]);
  });
});

describe("the end of a source", () => {
  it("marks all of it at once", async () => {
    world = await SourceWorld.open([greenhouse]);
    await world.push({ token }, [celsius("gh-01", 1), celsius("gh-02", 2)]);
    await world.end({ token, grouping: { instance: "gh-01" } });
    expect(await world.query('{instance="gh-01"}')).toEqual([]);
    expect(await world.query('up{instance="gh-02"}')).toHaveLength(1);
    await world.advance(hour);
    expect(await world.query('{instance="gh-01"}')).toEqual([]);
  });

  it("leaves an expected one awaited", async () => {
    world = await SourceWorld.open([{ ...greenhouse, expected: ["gh-01"] }]);
    await world.push({ token }, [celsius("gh-01", 1)]);
    await world.end({ token, grouping: { instance: "gh-01" } });
    expect(await world.query('{instance="gh-01"}')).toEqual([
      'push_interval_seconds{instance="gh-01", job="greenhouse", site="berlin"} 60',
      'up{instance="gh-01", job="greenhouse", site="berlin"} 0',
    ]);
    expect(world.status("greenhouse", "gh-01")?.state).toBe("awaited");
  });

  it("comes for jobs that are not configured any more", async () => {
    world = await SourceWorld.open([greenhouse]);
    await world.push({ token }, [celsius("gh-01", 1)]);
    await world.sources.configure([{ ...greenhouse, jobName: "other" }]);
    expect(await world.query('{job="greenhouse"}')).toEqual([]);
    await world.push({ token }, [celsius("gh-01", 1)]);
    expect(await world.query("up")).toEqual(['up{instance="gh-01", job="other", site="berlin"} 1']);
  });
});

describe("without configuration", () => {
  it("stores what comes, and writes nothing besides", async () => {
    world = await SourceWorld.open();
    await world.push({}, [[{ __name__: "m", job: "j", instance: "i" }, 1]]);
    await world.advance(4 * minute);
    expect(await world.query('{__name__!=""}')).toEqual(['m{instance="i", job="j"} 1']);
    await world.advance(hour);
    expect(await world.query('count_over_time({__name__!=""}[2h])')).toEqual(['{instance="i", job="j"} 1']);
    expect(world.status("j", "i")).toMatchObject({ state: "unmanaged", pushes: 1, samplesAccepted: 1 });
  });

  it("gives a life cycle to series with a job when the request says when it comes again", async () => {
    world = await SourceWorld.open();
    await world.push({ intervalMs: 10 * second }, [
      [{ __name__: "m", job: "j", instance: "i" }, 1],
      [{ __name__: "m", place: "attic" }, 2],
    ]);
    await world.advance(30 * second);
    expect(await world.query('{__name__=~"m|up"}')).toEqual([
      'm{place="attic"} 2',
      'up{instance="i", job="j"} 0',
    ]);
  });
});
