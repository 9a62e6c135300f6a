import { afterEach, describe, expect, it } from "vitest";
import type { PushConfig } from "../../../src/ingest/source/push-config.js";
import { hour, minute, second } from "../source/source-world.js";
import { GatewayWorld } from "./gateway-world.js";

const opened: GatewayWorld[] = [];
afterEach(async () => {
  for (const { gateway, world } of opened.splice(0)) {
    await gateway.close();
    await world.close();
  }
});

async function open(...options: Parameters<typeof GatewayWorld.open>): Promise<GatewayWorld> {
  const world = await GatewayWorld.open(...options);
  opened.push(world);
  return world;
}

async function reopen(world: GatewayWorld, configs: readonly PushConfig[] = []): Promise<GatewayWorld> {
  const again = await world.killAndReopen(configs);
  opened.push(again);
  return again;
}

const backup = "# TYPE backup_bytes gauge\nbackup_bytes 42\n";

describe("groups", () => {
  it("stand for ever, and instant queries find them", async () => {
    const world = await open();
    await world.push("/metrics/job/backup", backup);
    await world.advance(10 * hour);
    expect(await world.series()).toEqual(['backup_bytes{job="backup"} 42']);
    expect(await world.series("push_failure_time_seconds")).toHaveLength(1);
  });

  it("replace all by PUT, and families of the same names by POST", async () => {
    const world = await open();
    await world.push("/metrics/job/a", 'm{k="1"} 1\nm{k="2"} 2\nn 3\n');
    await world.push("/metrics/job/a", 'm{k="1"} 4\n', { replaces: false });
    expect(await world.series()).toEqual(['m{job="a", k="1"} 4', 'n{job="a"} 3']);
    await world.push("/metrics/job/a", "n 5\n");
    expect(await world.series()).toEqual(['n{job="a"} 5']);
    await world.push("/metrics/job/a", "");
    expect(await world.series()).toEqual([]);
    expect(await world.series("push_time_seconds")).toHaveLength(1);
  });

  it("have their last word when pushed many times in a millisecond", async () => {
    const world = await open();
    const pushes = Array.from({ length: 30 }, (_, i) => world.push("/metrics/job/a", `m ${i}\n`));
    const results = await Promise.all(pushes);
    expect(results.every(({ rejected }) => rejected.size === 0)).toBe(true);
    world.world.clock.advance(30);
    expect(await world.series()).toEqual(['m{job="a"} 29']);
  });

  it("of a hundred hosts at once do not run ahead of the clock", async () => {
    const world = await open();
    await Promise.all(Array.from({ length: 100 }, (_, i) => world.push(`/metrics/job/a/host/${i}`, "m 1\n")));
    expect(await world.world.query("count(m)")).toEqual(["{} 100"]);
  });

  it("are removed one by one, and what they have ends", async () => {
    const world = await open();
    await world.push("/metrics/job/a", "m 1\n");
    await world.push("/metrics/job/a/x/1", "m 2\n");
    await world.remove("/metrics/job/a");
    await world.remove("/metrics/job/none");
    expect(await world.series('{job!="",__name__!~"push_(hold|last).*"}')).toEqual([
      'm{job="a", x="1"} 2',
      'push_failure_time_seconds{job="a", x="1"} 0',
      expect.stringContaining('push_time_seconds{job="a", x="1"}'),
    ]);
    await world.gateway.wipe();
    await world.advance(minute);
    expect(await world.series('{job!=""}')).toEqual([]);
    expect(world.gateway.groups()).toEqual([]);
  });

  it("take no metric of another type, and say when that was", async () => {
    const world = await open();
    await world.push("/metrics/job/a", "# TYPE m counter\nm 1\n");
    await expect(world.push("/metrics/job/b", "# TYPE m gauge\nm 1\n")).rejects.toThrow(/is not a COUNTER/);
    await expect(world.push("/metrics/job/a", "m 1 1700000000000\n")).rejects.toThrow(
      /must not have timestamps/,
    );
    expect(await world.series()).toEqual(['m{job="a"} 1']);
    expect(await world.series("push_failure_time_seconds > 0")).toHaveLength(2);
    expect(await world.series("push_time_seconds == 0")).toEqual(['push_time_seconds{job="b"} 0']);
  });

  it("are as they were when the disk is full", async () => {
    const world = await open();
    await world.push("/metrics/job/a", "m 1\n");
    const { fileSystem } = world.world;
    fileSystem.failAfter(0, "ENOSPC");
    const refused = [
      world.push("/metrics/job/a", "n 2\n"),
      world.push("/metrics/job/b", "m 2\n"),
      world.remove("/metrics/job/a"),
    ];
    expect((await Promise.allSettled(refused)).map(({ status }) => status)).toEqual(
      Array(3).fill("rejected"),
    );
    fileSystem.heal();
    const shown = world.gateway
      .groups()
      .map(({ labels, families }) => [labels.get("job"), families.has("m")]);
    expect(shown).toEqual([["a", true]]);
    await world.push("/metrics/job/b", "m 3\n");
    expect(await world.series()).toEqual(['m{job="a"} 1', 'm{job="b"} 3']);
  });

  it("are as many as may be, and no more", async () => {
    const world = await open([], { groupsMax: 1, seriesMax: 20 });
    await world.push("/metrics/job/a", "m 1\n");
    await expect(world.push("/metrics/job/b", "m 1\n")).rejects.toThrow(/groupsMax/);
    const many = Array.from({ length: 20 }, (_, i) => `m{k="${i}"} 1\n`).join("");
    await expect(world.push("/metrics/job/a", many)).rejects.toThrow(/seriesMax/);
    expect(await world.series()).toEqual(['m{job="a"} 1']);
  });

  it("take the place of as many as they had, also where there is no room for more", async () => {
    const world = await open([], { groupsMax: 2, seriesMax: 12 });
    const nine = (value: number) => Array.from({ length: 9 }, (_, i) => `m{k="${i}"} ${value}\n`).join("");
    await world.push("/metrics/job/a", nine(1));
    await world.push("/metrics/job/a", nine(2));
    await world.push("/metrics/job/a", nine(3), { replaces: false });
    await expect(world.push("/metrics/job/a", "n 1\n", { replaces: false })).rejects.toThrow(
      "of the 12 series that groups may have",
    );
    expect(await world.series('m{k="8"}')).toEqual(['m{job="a", k="8"} 3']);
  });

  it("of a job that is alone may have all of a small room, and what is deleted makes room", async () => {
    const world = await open([], { groupsMax: 4, seriesMax: 24 });
    for (const i of [0, 1, 2, 3]) await world.push(`/metrics/job/a/instance/${i}`, "m 1\n");
    await expect(world.push("/metrics/job/b", "m 1\n")).rejects.toThrow("there are 4 groups");
    await world.remove("/metrics/job/a/instance/0");
    await world.push("/metrics/job/b", "m 1\n");
    expect(await world.series()).toHaveLength(4);
  });

  it("of one job leave others some room, without a configuration", async () => {
    const world = await open([], { groupsMax: 10, seriesMax: 1000 });
    for (let i = 0; i < 9; i++) await world.push(`/metrics/job/a/instance/${i}`, "m 1\n");
    await expect(world.push("/metrics/job/a/instance/9", "m 1\n")).rejects.toThrow(
      "of the 10 groups that may be this job has 9",
    );
    await world.push("/metrics/job/a/instance/0", "m 2\n");
    await world.push("/metrics/job/b", "m 1\n");
  });

  it("of one job leave others the room that is promised to them", async () => {
    const configs = ["a", "b"].map((jobName) => ({ jobName, tokens: [{ token: jobName }] }));
    const world = await open(configs, { groupsMax: 8, seriesMax: 40 });
    const many = (count: number) => Array.from({ length: count }, (_, i) => `m{k="${i}"} 1\n`).join("");
    for (const i of [0, 1, 2, 3, 4])
      await world.push(`/metrics/job/a/instance/${i}`, "m 1\n", { token: "a" });
    await expect(world.push("/metrics/job/a/instance/5", many(14), { token: "a" })).rejects.toThrow(
      "of the 40 series that groups may have",
    );
    await world.push("/metrics/job/a/instance/5", many(13), { token: "a" });
    await expect(world.push("/metrics/job/a/instance/6", "m 1\n", { token: "a" })).rejects.toThrow(
      "of the 8 groups that may be this job has 6",
    );
    await world.push("/metrics/job/b/instance/0", "m 1\n", { token: "b" });
    await world.push("/metrics/job/b/instance/1", many(4), { token: "b" });
    await expect(world.push("/metrics/job/b/instance/2", "m 1\n", { token: "b" })).rejects.toThrow(
      "there are 8",
    );
  });
});

describe("groups of a source that has ended", () => {
  const listed = ({ gateway }: GatewayWorld) =>
    gateway.groups().map(({ labels, families }) => {
      const metrics = [...families.values()].flatMap(({ family }) => family.metrics);
      return `${[...labels.values()].join("/")}: ${metrics.length}`;
    });

  it("are gone from the list, and do not come back with a restart", async () => {
    const world = await open();
    await world.push("/metrics/job/a/instance/i", "m 1\n");
    await world.push("/metrics/job/a/instance/i/path/x", "m 1\n");
    await world.push("/metrics/job/a/instance/j", "m 1\n");
    await world.world.end({ grouping: { job: "a", instance: "i" } });
    expect(listed(world)).toEqual(["j/a: 3"]);
    expect(await world.series()).toEqual(['m{instance="j", job="a"} 1']);
    const again = await reopen(world);
    expect(listed(again)).toEqual(["j/a: 3"]);
    expect(await again.series()).toEqual(['m{instance="j", job="a"} 1']);
  });

  it("lose what was of it alone, histograms whole", async () => {
    const world = await open();
    const histogram =
      '# TYPE h histogram\nh_bucket{instance="i",le="1"} 1\nh_sum{instance="i"} 1\nh_count{instance="i"} 1\n';
    await world.push("/metrics/job/a", `m{instance="i"} 1\nm{instance="j"} 2\n${histogram}`);
    await world.world.end({ grouping: { job: "a", instance: "i" } });
    expect(listed(world)).toEqual(["a: 3"]);
    const again = await reopen(world);
    expect(await again.series()).toEqual(['m{instance="j", job="a"} 2']);
  });

  it("stand when they were pushed again meanwhile", async () => {
    const world = await open();
    await world.push("/metrics/job/a", "m 1\n");
    const [, result] = await Promise.all([
      world.world.end({ grouping: { job: "a" } }),
      world.push("/metrics/job/a", "m 2\n"),
    ]);
    expect(result.rejected.size).toBe(0);
    world.world.clock.advance(20);
    expect(await world.series()).toEqual(['m{job="a"} 2']);
    expect(listed(world)).toEqual(["a: 3"]);
    expect(await world.series("push_failure_time_seconds")).toHaveLength(1);
  });

  it("stand or go with their series, whenever the disk is full", async () => {
    for (let operations = 0; operations < 8; operations++) {
      const world = await open();
      await world.push("/metrics/job/a", "m 1\n");
      await world.push("/metrics/job/b", "m 1\n");
      const { fileSystem } = world.world;
      fileSystem.failAfter(operations, "ENOSPC");
      await world.world.end({ grouping: { job: "a" } }).catch(() => {});
      fileSystem.heal();
      await world.advance(11 * second);
      const isLive = (await world.series('m{job="a"}')).length > 0;
      expect([operations, ...listed(world).sort()]).toEqual([
        operations,
        ...(isLive ? ["a: 3"] : []),
        "b: 3",
      ]);
      const again = await reopen(world);
      expect((await again.series('m{job="a"}')).length > 0).toBe(isLive);
    }
  });

  it("are gone when their job is not configured any more", async () => {
    const configs = ["a", "b"].map((jobName) => ({ jobName, tokens: [{ token: jobName }] }));
    const world = await open(configs);
    await world.push("/metrics/job/a", "m 1\n", { token: "a" });
    await world.push("/metrics/job/b", "m 1\n", { token: "b" });
    await world.world.sources.configure(configs.slice(1));
    expect(listed(world)).toEqual(["b: 3"]);
  });
});

describe("groups without a server", () => {
  it("end when they are over, for as long as the database is open", async () => {
    const world = await open();
    await world.push("/metrics/job/a", "m 1\n", { staleness: { kind: "hold", durationMs: hour } });
    await world.push("/metrics/job/b", "m 1\n");
    const again = await reopen(world);
    await again.advance(hour + second);
    expect(await again.series()).toEqual(['m{job="b"} 1']);
    const { database } = await again.world.killAndReopen();
    expect((await database.pushgateway()).groups()).toHaveLength(1);
    await database.close();
  });

  it("that were over while nobody was there end at open", async () => {
    const world = await open();
    await world.push("/metrics/job/a", "m 1\n", { staleness: { kind: "hold", durationMs: hour } });
    await world.sleep(2 * hour);
    const again = await reopen(world);
    await again.advance(second);
    expect([listedCount(again), await again.series()]).toEqual([0, []]);
  });
});

const listedCount = ({ gateway }: GatewayWorld) => gateway.groups().length;

describe("a cron job's result", () => {
  it("lives exactly as long as its policy says", async () => {
    const world = await open();
    await world.push("/metrics/job/backup/host/a", backup, { staleness: { kind: "hold", durationMs: hour } });
    await world.advance(30 * minute);
    // Another host of the same job, and so of the same source.
    await world.push("/metrics/job/backup/host/b", backup, { staleness: { kind: "hold", durationMs: hour } });
    await world.advance(30 * minute - 1);
    expect(await world.series()).toHaveLength(2);
    await world.advance(1);
    expect(await world.series()).toEqual(['backup_bytes{host="b", job="backup"} 42']);
    expect(world.gateway.groups()).toHaveLength(1);
    await world.advance(30 * minute);
    expect(await world.series('{job!="",__name__!~"push_(hold|last).*"}')).toEqual([]);
    await world.advance(2 * second);
    expect(await world.series('{job!=""}')).toEqual([]);
  });

  it("begins anew with each push", async () => {
    const world = await open();
    for (let run = 0; run < 3; run++) {
      await world.push("/metrics/job/backup", backup, { staleness: { kind: "hold", durationMs: minute } });
      await world.advance(59 * second);
    }
    expect(await world.series()).toHaveLength(1);
    await world.push("/metrics/job/backup", backup);
    await world.advance(hour);
    expect(await world.series()).toHaveLength(1);
  });

  it("ends with its lease when that is wanted", async () => {
    const world = await open();
    await world.push("/metrics/job/poll", "m 1\n", { staleness: { kind: "lease" }, intervalMs: minute });
    await world.advance(2 * minute);
    expect(await world.series()).toEqual(['m{job="poll"} 1', 'up{job="poll"} 1']);
    await world.advance(10 * second);
    expect(await world.series()).toEqual(['up{job="poll"} 0']);
  });

  it("has the time that it was measured at, by option", async () => {
    const world = await open();
    const time = world.world.clock.now() - 30 * second;
    await world.push("/metrics/job/a", `m 1 ${time}\n`, { takesTimes: true });
    expect(await world.world.query("m", time)).toEqual(['m{job="a"} 1']);
    expect(await world.world.query("m", time - 1)).toEqual([]);
  });
});

describe("a restart", () => {
  it("leaves groups and series as they were", async () => {
    const before = await open();
    await before.push("/metrics/job/a", 'm{k="1"} 1\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum NaN\n');
    await before.push("/metrics/job/a", "n -Inf\n", { replaces: false });
    await before.push("/metrics/job/a/x/1", "m 2\n");
    await before.push("/metrics/job/b", "m 3\n", { staleness: { kind: "hold", durationMs: hour } });
    await before.remove("/metrics/job/a/x/1");
    await expect(before.push("/metrics/job/a", "# TYPE m counter\nm 1\n")).rejects.toThrow();
    await before.advance(minute);
    const expected = await before.series('{job!=""}');
    const shown = before.gateway.groups().map(({ labels, families }) => [labels, families]);
    const after = await reopen(before);
    expect(after.gateway.groups().map(({ labels, families }) => [labels, families])).toEqual(shown);
    expect(await after.series('{job!=""}')).toEqual(expected);
    await after.advance(40 * minute);
    expect(await after.series("m")).toEqual(['m{job="a", k="1"} 1', 'm{job="b"} 3']);
    await after.advance(20 * minute);
    expect(await after.series("m")).toEqual(['m{job="a", k="1"} 1']);
    await after.remove("/metrics/job/a");
    expect(await after.series()).toEqual([]);
  });

  it("begins series again that were away for a month", async () => {
    const before = await open();
    await before.push("/metrics/job/a", "m 1\n");
    await before.sleep(30 * 24 * hour);
    const after = await reopen(before);
    expect(await after.series()).toEqual(['m{job="a"} 1']);
  });

  it("ends what was over meanwhile", async () => {
    const before = await open();
    await before.push("/metrics/job/a", "m 1\n", { staleness: { kind: "hold", durationMs: 2 * minute } });
    await before.sleep(3 * minute);
    const after = await reopen(before);
    await after.advance(1);
    expect(await after.series()).toEqual([]);
    expect(after.gateway.groups()).toEqual([]);
  });

  it("in the middle of pushes keeps what was answered", async () => {
    const before = await open();
    await before.push("/metrics/job/a", "m 1\nn 1\n");
    // Cut down between any two operations of the file system: each state must be that before or that after.
    const states: GatewayWorld[] = [];
    const crashes: Promise<void>[] = [];
    const { world } = before;
    world.fileSystem.onOperation = () => {
      if (states.length + crashes.length > 20) return;
      crashes.push(before.killAndReopen().then((state) => void states.push(state)));
    };
    await before.push("/metrics/job/a", "m 2\n");
    world.fileSystem.onOperation = () => {};
    await Promise.all(crashes);
    opened.push(...states);
    expect(states.length).toBeGreaterThan(2);
    for (const state of states) {
      await state.advance(6 * minute);
      const groups = state.gateway.groups().map(({ families }) => [...families.keys()]);
      const isAfter = groups[0]?.includes("n") === false;
      expect(await state.series()).toEqual(isAfter ? ['m{job="a"} 2'] : ['m{job="a"} 1', 'n{job="a"} 1']);
    }
  });
});

const relay: PushConfig = { jobName: "relay", honorLabels: true, tokens: [{ token: "relay" }] };

const jobs: readonly PushConfig[] = [
  {
    jobName: "greenhouse",
    tokens: [
      { token: "one", labels: { instance: "gh-1" } },
      { token: "two", labels: { instance: "gh-2" }, allow: { kind: "wet|dry|" } },
    ],
  },
];

describe("with push_configs", () => {
  it("groups are those of the credential", async () => {
    const world = await open(jobs);
    await world.push("/metrics/job/greenhouse", "m 1\n", { token: "one" });
    await world.push("/metrics/job/greenhouse", "m 2\n", { token: "two" });
    expect(await world.series("m")).toEqual([
      'm{instance="gh-1", job="greenhouse"} 1',
      'm{instance="gh-2", job="greenhouse"} 2',
    ]);
    await world.remove("/metrics/job/greenhouse", "two");
    await world.advance(minute);
    expect(await world.series("m")).toEqual(['m{instance="gh-1", job="greenhouse"} 1']);
    expect(await world.series("up")).toEqual(['up{instance="gh-1", job="greenhouse"} 1']);
  });

  it("a job's types are nobody else's", async () => {
    const tokenOf = (jobName: string): PushConfig => ({ jobName, tokens: [{ token: jobName }] });
    const world = await open([tokenOf("a"), tokenOf("b")]);
    await world.push("/metrics/job/a", "# TYPE x gauge\nx 1\n# TYPE h histogram\nh_count 1\n", {
      token: "a",
    });
    await world.push("/metrics/job/b", "x 2\nh_count 2\n", { token: "b" });
    expect(await world.series("x")).toEqual(['x{job="a"} 1', 'x{job="b"} 2']);
    await expect(
      world.push("/metrics/job/b/instance/i", "# TYPE x gauge\nx 1\n", { token: "b" }),
    ).rejects.toThrow(/is a GAUGE, and is not a UNTYPED/);
    const again = await reopen(world, [tokenOf("a"), tokenOf("b")]);
    await again.advance(minute);
    await again.push("/metrics/job/b", "x 3\n", { token: "b" });
    expect(await again.series("x")).toEqual(['x{job="a"} 1', 'x{job="b"} 3']);
  });

  it("groups of a relay end, whatever their job", async () => {
    const world = await open([relay]);
    await world.push("/metrics/job/a", "m 1\nn 1\n", { token: "relay" });
    await world.push("/metrics/job/a", "m 2\n", { token: "relay" });
    await world.advance(minute);
    expect(await world.series('{job="a",__name__!~"push_.*"}')).toEqual(['m{job="a"} 2']);
    await world.remove("/metrics/job/a", "relay");
    await world.advance(minute);
    expect(await world.series('{job="a"}')).toEqual([]);
  });

  it("a forged label is named", async () => {
    const world = await open(jobs);
    const forge = (path: string, text: string) => world.push(path, text, { token: "two" });
    await expect(forge("/metrics/job/other", "m 1\n")).rejects.toThrow(/the label job is "greenhouse"/);
    await expect(forge("/metrics/job/greenhouse", 'm{instance="gh-1"} 1\n')).rejects.toThrow(
      /label instance/,
    );
    await expect(forge("/metrics/job/greenhouse", 'm{kind="odd"} 1\n')).rejects.toThrow(/label kind/);
    await expect(world.remove("/metrics/job/greenhouse/kind/odd", "two")).rejects.toThrow(/label kind/);
    expect(await world.series("m")).toEqual([]);
    expect(world.gateway.groups()).toEqual([]);
  });
});
