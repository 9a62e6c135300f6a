import { describe, expect, it } from "vitest";
import { StorageError } from "../../../src/model/errors.js";
import { Labels } from "../../../src/model/labels.js";
import { ALL_TIME } from "../../../src/model/sample.js";
import { BlockReader } from "../../../src/storage/block/block-reader.js";
import { ulidSource } from "../../../src/storage/block/ulid.js";
import { encodeChunks } from "../../../src/storage/chunk/encode-chunks.js";
import { mergeChunks } from "../../../src/storage/chunk/sort-samples.js";
import { type CutOptions, cutBlocks } from "../../../src/storage/compaction/cut-blocks.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const hour = 3_600_000;

function options(changes: Partial<CutOptions> = {}): CutOptions {
  let made = 0;
  return {
    blockDurationMs: 2 * hour,
    samplesMax: 1000,
    recentFrom: Number.NEGATIVE_INFINITY,
    newUlid: ulidSource(new FakeClock(1), (size) => new Uint8Array(size).fill(++made)),
    ...changes,
  };
}

/** Samples of value 1 at these hours. */
const chunksAt = (...hours: number[]) =>
  encodeChunks({
    times: Float64Array.from(hours, (each) => each * hour),
    values: new Float64Array(hours.length).fill(1),
    length: hours.length,
  });

const series = [
  { labels: Labels.from({ a: "1" }), chunks: [...chunksAt(0, 1, 2, 5), ...chunksAt(1.5)] },
  { labels: Labels.from({ a: "2" }), chunks: chunksAt(2, 3) },
];

describe("cutBlocks", () => {
  it("cuts windows, merges chunks that overlap, and says what the blocks hold", async () => {
    const fileSystem = new MemFileSystem();
    await fileSystem.makeDirectory("db");
    const extra = { narthex: { walSegment: 4 } };
    const metas = await cutBlocks(fileSystem, "db", series, options({ extra }));
    expect(
      metas.map(({ minTime, maxTime, stats, narthex }) => [
        minTime / hour,
        (maxTime - 1) / hour,
        stats,
        narthex,
      ]),
    ).toEqual([
      [0, 1.5, { numSamples: 3, numSeries: 1, numChunks: 1 }, extra.narthex],
      [2, 3, { numSamples: 3, numSeries: 2, numChunks: 2 }, extra.narthex],
      [5, 5, { numSamples: 1, numSeries: 1, numChunks: 1 }, extra.narthex],
    ]);
    const block = await BlockReader.open(fileSystem, `db/${metas[0]!.ulid}`);
    const [first] = await block.querier(ALL_TIME).select([]);
    expect([...mergeChunks(first!.chunks).times].map((time) => time / hour)).toEqual([0, 1, 1.5]);
    expect(block.meta).toEqual(metas[0]);
  });

  it("writes nothing for nothing", async () => {
    const fileSystem = new MemFileSystem();
    const none = [{ labels: Labels.from({ a: "1" }), chunks: [] }];
    expect(await cutBlocks(fileSystem, "db", none, options())).toEqual([]);
  });

  it("leaves nothing behind wherever it fails", async () => {
    const fileSystem = new MemFileSystem();
    await fileSystem.makeDirectory("db");
    let failures = 0;
    for (; (await fileSystem.list("db")).length === 0; failures++) {
      fileSystem.failAfter(failures, "ENOSPC");
      await cutBlocks(fileSystem, "db", series, options()).catch((error: unknown) => {
        expect(error).toBeInstanceOf(StorageError);
      });
      fileSystem.heal();
    }
    // Three blocks, each of at least a dozen operations.
    expect(failures).toBeGreaterThan(36);
    expect((await fileSystem.list("db")).map((name) => name.endsWith(".tmp/"))).toEqual([
      false,
      false,
      false,
    ]);
  });
});
