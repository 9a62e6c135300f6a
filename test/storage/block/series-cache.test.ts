import { describe, expect, it } from "vitest";
import { Labels } from "../../../src/model/labels.js";
import { CHUNK_XOR } from "../../../src/model/series.js";
import { SeriesCache } from "../../../src/storage/block/series-cache.js";

const metas = [{ ref: 8, minTime: 0, maxTime: 9 }];
const labelsOf = (series: number) => Labels.from({ series: String(series) });
const chunkOf = (sizeBytes: number) => {
  return { encoding: CHUNK_XOR, minTime: 0, maxTime: 9, count: 1, bytes: new Uint8Array(sizeBytes) };
};

describe("SeriesCache", () => {
  it("gives back what was added, block by block", () => {
    const cache = new SeriesCache();
    const [first, second] = [cache.forBlock(), cache.forBlock()];
    const added = first.add(7, labelsOf(1), metas);
    first.addChunk(added, 0, chunkOf(10));
    expect(first.get(7)).toBe(added);
    expect(first.get(7)?.chunks[0]?.bytes.length).toBe(10);
    expect(second.get(7)).toBeUndefined();
  });

  it("has one object for equal labels of two blocks", () => {
    const cache = new SeriesCache();
    const [first, second] = [cache.forBlock(), cache.forBlock()];
    const labels = first.add(7, labelsOf(1), metas).labels;
    expect(second.add(9, labelsOf(1), metas).labels).toBe(labels);
    expect(second.add(10, labelsOf(2), metas).labels).not.toBe(labels);
  });

  it("forgets what was not used for long, and keeps what is", () => {
    const cache = new SeriesCache(64 * 1024);
    const block = cache.forBlock();
    block.add(1, labelsOf(1), metas);
    block.add(2, labelsOf(2), metas);
    for (let ref = 10; ref < 100; ref++) {
      expect(block.get(1)).toBeDefined();
      block.addChunk(block.add(ref, labelsOf(ref), metas), 0, chunkOf(2000));
    }
    expect(block.get(2)).toBeUndefined();
    expect(block.get(10)).toBeUndefined();
    expect(block.get(99)).toBeDefined();
  });

  it("holds no more than it may, also when all of it is used again and again", () => {
    const cache = new SeriesCache(64 * 1024);
    const block = cache.forBlock();
    for (let round = 0; round < 3; round++) {
      for (let ref = 0; ref < 100; ref++) {
        const known = block.get(ref);
        if (known === undefined) block.addChunk(block.add(ref, labelsOf(ref), metas), 0, chunkOf(2000));
      }
    }
    let held = 0;
    for (let ref = 0; ref < 100; ref++) held += block.get(ref)?.chunks[0]?.bytes.length ?? 0;
    expect(held).toBeGreaterThan(16 * 1024);
    expect(held).toBeLessThanOrEqual(64 * 1024);
  });
});
