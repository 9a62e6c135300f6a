import { describe, expect, it } from "vitest";
import { Labels } from "../../../src/model/labels.js";
import { Matcher } from "../../../src/model/matcher.js";
import { ALL_TIME } from "../../../src/model/sample.js";
import { NO_SERIES } from "../../../src/model/series.js";
import { decodeChunk } from "../../../src/storage/chunk/encode-chunks.js";
import { Head } from "../../../src/storage/head/head.js";
import { HeadAppender } from "../../../src/storage/head/head-appender.js";
import { HeadCut } from "../../../src/storage/head/head-cut.js";
import { HeadQuerier } from "../../../src/storage/head/head-querier.js";

const minute = 60_000;
const seriesCount = 200;
const isStable = (i: number) => i % 20 === 0;

/** Half an hour of samples for pods that live as long, and for the few series that stay. */
async function liveHalfAnHour(head: Head, half: number): Promise<void> {
  for (let i = 0; i < 30; i++) {
    const appender = new HeadAppender(head, () => Promise.resolve());
    for (let n = 0; n < seriesCount; n++) {
      const pod = isStable(n) ? `stable-${n}` : `pod-${half}-${n}`;
      const labels = Labels.from({ __name__: "pod_cpu_seconds_total", pod, namespace: `ns-${n % 7}` });
      appender.append(NO_SERIES, labels, half * 30 * minute + i * minute, n + i / 7);
    }
    await appender.commit();
  }
}

/** As a cut does it: all that is older than two hours. Returns what a block would have got. */
async function cutHour(head: Head, half: number): Promise<number> {
  head.beginGeneration();
  const cut = await HeadCut.take(head, (half - 4) * 30 * minute);
  let samples = 0;
  for (const { chunks } of cut) for (const { count } of chunks) samples += count;
  await cut.drop();
  return samples;
}

describe("Head, when every series is replaced each half hour", () => {
  it("holds no more after four days than after one, and loses nothing", async () => {
    const head = new Head();
    let cutSamples = 0;
    let afterOneDay = head.capacity();
    for (let half = 0; half < 4 * 48; half++) {
      await liveHalfAnHour(head, half);
      if (half % 2 === 1) cutSamples += await cutHour(head, half);
      if (half === 47) afterOneDay = head.capacity();
    }
    expect(cutSamples + head.sampleCount).toBe(4 * 48 * 30 * seriesCount);
    const { slots, pairs, openChunkBytes, closedChunkBytes } = head.capacity();
    expect(slots).toBe(afterOneDay.slots);
    expect(slots).toBeLessThan(8 * seriesCount);
    expect(pairs).toBe(afterOneDay.pairs);
    expect(openChunkBytes).toBe(afterOneDay.openChunkBytes);
    expect(closedChunkBytes).toBeLessThanOrEqual(4 * 1024 * 1024);
    expect(head.select([new Matcher("pod", "=~", "stable-.*")]).length).toBe(seriesCount / 20);
    expect(head.select([new Matcher("pod", "=~", "pod-0-.*")])).toEqual([]);
  });

  it("does not take from a reader what it has handed out", async () => {
    const head = new Head();
    await liveHalfAnHour(head, 0);
    const held = await new HeadQuerier(head, ALL_TIME).select([]);
    const decoded = () => held.map(({ chunks }) => chunks.map((chunk) => [...decodeChunk(chunk).values]));
    const before = decoded();
    for (let half = 1; half < 12; half++) {
      await liveHalfAnHour(head, half);
      await cutHour(head, half);
    }
    expect(decoded()).toEqual(before);
  });
});
