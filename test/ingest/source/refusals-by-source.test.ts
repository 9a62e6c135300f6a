/**
 * What storage does not take, or a source may not push, is counted for the source that sent it, however many sources one
 * body has.
 */

import { afterEach, describe, expect, it } from "vitest";
import type { PushConfig } from "../../../src/ingest/source/push-config.js";
import { RelabelConfig } from "../../../src/relabel/relabel-config.js";
import { celsius, greenhouse, minute, SourceWorld, start } from "./source-world.js";

const token = "gh-secret";
let world: SourceWorld;
afterEach(() => world.close());

const at = start - minute;
const countsOf = (instance: string) => {
  const status = world.status("greenhouse", instance);
  return [status?.samplesAccepted, status?.samplesRejected];
};

describe("one body of several sources", () => {
  it("has its rejections by storage counted for each", async () => {
    world = await SourceWorld.open([greenhouse]);
    await world.push(
      { token },
      ["gh-01", "gh-02", "gh-03"].map((instance) => celsius(instance, 1, at)),
    );
    world.clock.advance(minute);
    const result = await world.push({ token }, [
      celsius("gh-01", 2, at),
      celsius("gh-01", 2),
      celsius("gh-02", 2, at),
      celsius("gh-03", 2),
    ]);
    expect([result.appended, result.rejected.get("duplicate-time")?.count]).toEqual([2, 2]);
    expect(["gh-01", "gh-02", "gh-03"].map(countsOf)).toEqual([
      [2, 1],
      [1, 1],
      [2, 0],
    ]);
    expect(world.status("greenhouse", "gh-02")?.lastRejected).toMatchObject({
      samples: 1,
      reason: expect.stringMatching(/^duplicate-time: gh_celsius.*gh-02/),
      excerpt: expect.stringMatching(/^gh_celsius.*gh-02.* 2 \d+$/),
    });
    expect(world.status("greenhouse", "gh-03")?.lastRejected).toBeUndefined();
  });

  it("is a sign of life of those alone of whom something was taken", async () => {
    world = await SourceWorld.open([greenhouse]);
    await world.push({ token }, [celsius("gh-01", 1, at), celsius("gh-02", 1, at)]);
    const firstPush = world.status("greenhouse", "gh-01")?.lastPush;
    world.clock.advance(minute);
    await world.push({ token }, [celsius("gh-01", 2, at), celsius("gh-02", 2)]);
    expect(world.status("greenhouse", "gh-01")?.lastPush).toBe(firstPush);
    expect(world.status("greenhouse", "gh-02")?.lastPush).toBeGreaterThan(firstPush!);
  });

  it("has what a source may not push told to that source", async () => {
    world = await SourceWorld.open([{ ...greenhouse, limits: { seriesMax: 1 } }]);
    await world.push({ token }, [
      celsius("gh-01", 1),
      [{ __name__: "gh_b", instance: "gh-01" }, 1],
      celsius("gh-02", 1),
      [{ __name__: "gh_c", instance: "gh-02" }, "stale", -1],
    ]);
    expect(["gh-01", "gh-02"].map((one) => world.status("greenhouse", one)?.lastRejected)).toMatchObject([
      {
        samples: 1,
        reason: expect.stringMatching(/^series-limit/),
        excerpt: expect.stringContaining("gh_b"),
      },
      {
        samples: 1,
        reason: expect.stringMatching(/^series-limit/),
        excerpt: expect.stringContaining("gh_c"),
      },
    ]);
  });

  it("is counted for each without configuration, too, and for nobody else", async () => {
    world = await SourceWorld.open();
    const of = (instance: string, value: number) =>
      [{ __name__: "m", job: "a", instance }, value, at] as const;
    await world.push({}, [of("i", 1), of("j", 1)]);
    await world.push({}, [of("i", 2), of("j", 1)]);
    expect(
      world.sources.list().map((one) => [one.instance, one.samplesAccepted, one.samplesRejected]),
    ).toEqual([
      ["i", 1, 1],
      ["j", 2, 0],
    ]);
  });

  it("finds the source of a series that relabelling has renamed", async () => {
    const renaming: PushConfig = {
      ...greenhouse,
      metricRelabelConfigs: [
        new RelabelConfig({
          action: "replace",
          sourceLabels: ["instance"],
          targetLabel: "instance",
          regex: "gh-01",
          replacement: "gh-02",
        }),
      ],
    };
    world = await SourceWorld.open([renaming]);
    const humidity = (value: number, time: number) =>
      [{ __name__: "gh_humid", instance: "gh-02" }, value, time] as const;
    await world.push({ token }, [celsius("gh-01", 1, at), humidity(1, at)]);
    await world.push({ token }, [celsius("gh-01", 2, at), humidity(1, at)]);
    expect(["gh-01", "gh-02"].map(countsOf)).toEqual([
      [1, 1],
      [2, 0],
    ]);
  });
});
