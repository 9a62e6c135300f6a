import { afterEach, describe, expect, it } from "vitest";
import type { PushConfig } from "../../../src/ingest/source/push-config.js";
import { celsius, greenhouse, hour, minute, SourceWorld, second } from "./source-world.js";

const token = "gh-secret";
const worlds: SourceWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

async function open(configs: readonly PushConfig[]): Promise<SourceWorld> {
  const world = await SourceWorld.open(configs);
  worlds.push(world);
  return world;
}

async function restart(world: SourceWorld, configs: readonly PushConfig[]): Promise<SourceWorld> {
  const next = await world.killAndReopen(configs);
  worlds.push(next);
  return next;
}

const upOf = (value: number) => [`up{instance="gh-01", job="greenhouse", site="berlin"} ${value}`];
const lease = 2 * minute + 6 * second;

describe("after a kill", () => {
  it("a dead pusher is down, and its series gone, within two leases of its last push", async () => {
    const before = await open([greenhouse]);
    await before.push({ token }, [celsius("gh-01", 21)]);
    await before.advance(100 * second);
    const world = await restart(before, [greenhouse]);
    expect(world.status("greenhouse", "gh-01")).toMatchObject({ state: "up", series: 1 });
    expect(await world.query("gh_celsius")).toHaveLength(1);
    await world.advance(2 * lease - 100 * second);
    expect(await world.query("up")).toEqual(upOf(0));
    expect(await world.query("gh_celsius")).toEqual([]);
  });

  it("a living one goes on, and its series begin no second time", async () => {
    const before = await open([greenhouse]);
    await before.push({ token }, [celsius("gh-01", 21)]);
    await before.advance(30 * second);
    const world = await restart(before, [greenhouse]);
    for (let i = 0; i < 5; i++) {
      await world.push({ token }, [celsius("gh-01", 22)]);
      await world.advance(minute);
    }
    expect(await world.query("min_over_time(up[1h])")).toEqual([
      '{instance="gh-01", job="greenhouse", site="berlin"} 1',
    ]);
    expect(world.status("greenhouse", "gh-01")).toMatchObject({ series: 1 });
  });

  it("one that was down stays so, for the rest of the day", async () => {
    const before = await open([greenhouse]);
    await before.push({ token }, [celsius("gh-01", 21)]);
    await before.advance(hour);
    const world = await restart(before, [greenhouse]);
    await world.advance(hour);
    expect(await world.query("up")).toEqual(upOf(0));
    expect(await world.query("gh_celsius")).toEqual([]);
    await world.advance(25 * hour);
    expect(await world.query('{job="greenhouse"}')).toEqual([]);
  });

  it("one that had ended does not come back", async () => {
    const before = await open([greenhouse]);
    await before.push({ token }, [celsius("gh-01", 21)]);
    await before.end({ token, grouping: { instance: "gh-01" } });
    const world = await restart(before, [greenhouse]);
    expect(world.sources.list()).toEqual([]);
    await world.advance(10 * minute);
    expect(await world.query('{job="greenhouse"}')).toEqual([]);
  });

  it("held values go on until their hold ends", async () => {
    const config: PushConfig = {
      jobName: "backup",
      staleness: { kind: "hold", durationMs: 10 * hour },
      tokens: [{ token }],
    };
    const before = await open([config]);
    await before.push({ token }, [[{ __name__: "backup_bytes" }, 42]]);
    await before.advance(3 * hour);
    const world = await restart(before, [config]);
    await world.advance(7 * hour - minute);
    expect(await world.query("backup_bytes")).toEqual(['backup_bytes{job="backup"} 42']);
    await world.advance(minute + second);
    expect(await world.query("backup_bytes")).toEqual([]);
  });

  it("a held value ends when its sender says so", async () => {
    const config: PushConfig = {
      jobName: "backup",
      staleness: { kind: "hold", durationMs: 10 * hour },
      tokens: [{ token }],
    };
    const before = await open([config]);
    await before.push({ token }, [[{ __name__: "backup_bytes" }, 42]]);
    await before.advance(hour);
    const world = await restart(before, [config]);
    await world.push({ token }, [[{ __name__: "backup_bytes" }, "stale"]]);
    await world.advance(hour);
    expect(await world.query("backup_bytes")).toEqual([]);
  });

  it("groups without configuration that live for ever go on, too", async () => {
    const before = await open([]);
    const group = {
      staleness: { kind: "forever" },
      grouping: { job: "batch", run: "a" },
      isFullState: true,
    } as const;
    await before.push(group, [[{ __name__: "files" }, 7]]);
    await before.advance(hour);
    const world = await restart(before, []);
    await world.advance(hour);
    expect(await world.query("files")).toEqual(['files{job="batch", run="a"} 7']);
    await world.push(group, [[{ __name__: "bytes" }, 9]]);
    expect(await world.query('{run="a"}')).toEqual(['bytes{job="batch", run="a"} 9']);
    await world.end(group);
    await world.advance(hour);
    expect(await world.query('{job="batch"}')).toEqual([]);
  });

  it("a learnt interval is known, and learnt anew", async () => {
    const { intervalMs: _, ...config } = greenhouse;
    const before = await open([config]);
    for (let i = 0; i < 4; i++) {
      await before.push({ token }, [celsius("gh-01", i)]);
      await before.advance(20 * second);
    }
    const world = await restart(before, [config]);
    expect(world.status("greenhouse", "gh-01")?.interval).toEqual({ intervalMs: 20_000, origin: "learnt" });
    for (let i = 0; i < 4; i++) {
      await world.advance(30 * second);
      await world.push({ token }, [celsius("gh-01", i)]);
    }
    expect(world.status("greenhouse", "gh-01")?.interval).toEqual({ intervalMs: 30_000, origin: "learnt" });
  });
});
