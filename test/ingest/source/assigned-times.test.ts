/**
 * The times that the server gives: to samples that bring none, to markers and to reports. However many come in one
 * millisecond, none finds its time taken.
 */

import { afterEach, describe, expect, it } from "vitest";
import type { Database } from "../../../src/api.js";
import type { PushResult } from "../../../src/ingest/push/push.js";
import { Labels } from "../../../src/model/labels.js";
import { celsius, greenhouse, hour, minute, type PushedSample, SourceWorld, start } from "./source-world.js";

const token = "gh-secret";
let world: SourceWorld;
afterEach(() => world.close());

const rejected = (results: readonly PushResult[]) => results.flatMap((result) => [...result.rejected.keys()]);

async function valuesOf(database: Database, match: string): Promise<readonly (readonly [number, string])[]> {
  const found: (readonly [number, string])[] = [];
  for await (const piece of database.export({ format: "jsonl", match: [match] }))
    for (const line of new TextDecoder()
      .decode(piece)
      .split("\n")
      .filter((text) => text !== "")) {
      const { timestamps, values } = JSON.parse(line) as { timestamps: number[]; values: unknown[] };
      for (const [i, time] of timestamps.entries()) found.push([time - start, String(values[i])]);
    }
  return found;
}

const door = (value: number, time?: number): PushedSample => [
  { __name__: "door_open" },
  value,
  ...(time === undefined ? ([] as const) : ([time] as const)),
];

describe("samples without times", () => {
  it("of pushes in one millisecond come one behind the other, each kept", async () => {
    world = await SourceWorld.open();
    const results = [];
    for (const value of [1, 0, 1]) results.push(await world.push({}, [door(value)]));
    expect(rejected(results)).toEqual([]);
    expect(await valuesOf(world.database, "door_open")).toEqual([
      [0, "1"],
      [1, "0"],
      [2, "1"],
    ]);
  });

  it("are kept for a source with a life cycle, too, and its last value counts", async () => {
    world = await SourceWorld.open([greenhouse]);
    const results = [];
    for (const value of [21, 22, 23]) results.push(await world.push({ token }, [celsius("gh-01", value)]));
    expect(rejected(results)).toEqual([]);
    expect(await world.query("gh_celsius")).toEqual([expect.stringMatching(/ 23$/)]);
  });

  it("contradict each other within one push", async () => {
    world = await SourceWorld.open();
    await world.push({}, [door(2)]);
    const result = await world.push({}, [door(0), door(1)]);
    expect(result.appended).toBe(1);
    expect(result.rejected.get("duplicate-time")?.count).toBe(1);
  });

  it("do not follow a sample that says a time to come", async () => {
    world = await SourceWorld.open();
    await world.push({}, [door(1, start + 9 * minute)]);
    await world.push({}, [door(0)]);
    world.clock.advance(1);
    await world.push({}, [door(1)]);
    expect((await valuesOf(world.database, "door_open")).map(([time]) => time)).toEqual([0, 1, 9 * minute]);
  });

  it("run ahead of the clock by a second at the most", async () => {
    world = await SourceWorld.open();
    const results = [];
    for (let i = 0; i < 1100; i++) results.push(await world.push({}, [door(i)]));
    expect(rejected(results)).toHaveLength(99);
    expect((await valuesOf(world.database, "door_open")).at(-1)).toEqual([1000, "1000"]);
    world.clock.advance(1100);
    expect(rejected([await world.push({}, [door(1)])])).toEqual([]);
  });

  it("go on when the clock is set back", async () => {
    world = await SourceWorld.open([greenhouse]);
    await world.push({ token, isFullState: true }, [celsius("gh-01", 21)]);
    await world.push({ token, isFullState: true }, []);
    world.clock.set(start - hour);
    const results = [];
    for (const value of [22, 23, 24]) {
      results.push(await world.push({ token }, [celsius("gh-01", value)]));
      world.clock.advance(5);
    }
    expect(rejected(results)).toEqual([]);
    const times = (await valuesOf(world.database, "gh_celsius")).map(([time]) => time);
    expect(times.slice(0, 3)).toEqual([-hour, 5 - hour, 10 - hour]);
  });
});

describe("what is written about a source", () => {
  it("finds its time free when the source ends and pushes again in one millisecond", async () => {
    world = await SourceWorld.open();
    const declared = { intervalMs: minute };
    const grouping = { job: "a", instance: "i" };
    const results = [];
    for (let i = 0; i < 5; i++) {
      results.push(await world.push({ ...declared, grouping }, [[{ __name__: "m" }, i]]));
      await world.end({ grouping });
    }
    results.push(await world.push({ ...declared, grouping }, [[{ __name__: "m" }, 5]]));
    expect(rejected(results)).toEqual([]);
    expect(results.map(({ appended }) => appended)).toEqual(Array(6).fill(1));
    world.clock.advance(30);
    expect(await world.query("m")).toEqual(['m{instance="i", job="a"} 5']);
    expect(await world.query("up")).toEqual(['up{instance="i", job="a"} 1']);
  });

  it("finds its time free when full pushes of one millisecond leave out and bring back", async () => {
    world = await SourceWorld.open([greenhouse]);
    const full = { token, isFullState: true };
    const results = [];
    for (let i = 0; i < 6; i++)
      results.push(await world.push(full, [celsius("gh-01", i), ...(i % 2 ? [] : [door1(i)])]));
    expect(rejected(results)).toEqual([]);
    world.clock.advance(30);
    expect(await world.has("gh_door")).toBe(false);
    expect(rejected([await world.push(full, [celsius("gh-01", 1), door1(7)])])).toEqual([]);
    expect(await world.has("gh_door")).toBe(true);
  });

  it("finds its time free when the source ended while the push was under way", async () => {
    world = await SourceWorld.open();
    const grouping = Labels.from({ job: "a", instance: "i" });
    const sender = { address: "127.0.0.1" };
    await world.push({ intervalMs: minute, grouping: { job: "a", instance: "i" } }, [[{ __name__: "m" }, 1]]);
    const push = world.sources.admit({ protocol: "text", sender, grouping, intervalMs: minute });
    await world.end({ grouping: { job: "a", instance: "i" } });
    push.append(push.series(Labels.from({ __name__: "n" })), undefined, 2);
    expect(rejected([await push.commit()])).toEqual([]);
  });

  it("finds its time free in the millisecond of a reopen", async () => {
    world = await SourceWorld.open([greenhouse]);
    await world.push({ token }, [celsius("gh-01", 21)]);
    await world.push({ token }, [celsius("gh-02", 21)]);
    await world.end({ token, grouping: { instance: "gh-02" } });
    world = await world.killAndReopen([greenhouse]);
    const results = [
      await world.push({ token }, [celsius("gh-01", 22)]),
      await world.push({ token }, [celsius("gh-02", 22)]),
    ];
    expect(rejected(results)).toEqual([]);
    expect(await world.query("gh_celsius")).toEqual([
      expect.stringMatching(/gh-01.* 22$/),
      expect.stringMatching(/gh-02.* 22$/),
    ]);
  });
});

const door1 = (value: number): PushedSample => [{ __name__: "gh_door", instance: "gh-01" }, value];
