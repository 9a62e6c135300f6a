import { describe, expect, it } from "vitest";
import { CHUNK_XOR, type EncodedChunk } from "../../../src/model/series.js";
import { chunkRef, chunkRefOffset, chunkRefSegment } from "../../../src/storage/block/block-format.js";
import { ChunkFileReader } from "../../../src/storage/block/chunk-file-reader.js";
import { ChunkFileWriter } from "../../../src/storage/block/chunk-file-writer.js";
import { planChunkReads } from "../../../src/storage/block/plan-chunk-reads.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

/** A chunk of `size` bytes; the first two are the count of samples. */
function chunk(size: number, fill: number): EncodedChunk {
  const bytes = new Uint8Array(size).fill(fill);
  bytes.set([0, 1]);
  return { encoding: CHUNK_XOR, minTime: fill, maxTime: fill, count: 1, bytes };
}

describe("chunk files", () => {
  it("go on in the next segment when one is full, and hold a chunk that is larger than a segment", async () => {
    const fileSystem = new MemFileSystem();
    await fileSystem.makeDirectory("b/chunks");
    const writer = new ChunkFileWriter(fileSystem, "b", 100);
    const chunks = [chunk(20, 1), chunk(30, 2), chunk(40, 3), chunk(300, 4), chunk(20, 5)];
    const metas = [...(await writer.write(chunks.slice(0, 2))), ...(await writer.write(chunks.slice(2)))];
    await writer.finish();
    expect(await fileSystem.list("b/chunks")).toEqual(["000001", "000002", "000003", "000004"]);
    expect(metas.map(({ ref }) => chunkRefSegment(ref))).toEqual([0, 0, 1, 2, 3]);
    const reader = await ChunkFileReader.open(fileSystem, "b");
    expect(reader.sizeBytes).toBe(writer.sizeBytes);
    const read = await reader.read(Float64Array.from(metas, ({ ref }) => ref));
    expect(read.map(({ bytes }) => [...bytes])).toEqual(chunks.map(({ bytes }) => [...bytes]));
    await reader.close();
  });

  it("are refused when one is missing", async () => {
    const fileSystem = new MemFileSystem();
    await fileSystem.makeDirectory("b/chunks");
    const writer = new ChunkFileWriter(fileSystem, "b", 50);
    await writer.write([chunk(30, 1), chunk(30, 2), chunk(30, 3)]);
    await writer.finish();
    await fileSystem.remove("b/chunks/000002");
    await expect(ChunkFileReader.open(fileSystem, "b")).rejects.toThrow(/missing.*000002/);
  });
});

describe("chunkRef", () => {
  it("holds segment and offset beyond 32 bits", () => {
    const ref = chunkRef(1_000_000, 536_870_911);
    expect(Number.isSafeInteger(ref)).toBe(true);
    expect([chunkRefSegment(ref), chunkRefOffset(ref)]).toEqual([1_000_000, 536_870_911]);
  });
});

describe("planChunkReads", () => {
  const plan = (refs: number[], sizes = [1_000_000, 1_000_000]) =>
    planChunkReads(Float64Array.from(refs), sizes).map(({ segment, start, end, refs: { length } }) => [
      segment,
      start,
      end,
      length,
    ]);

  it.each<[string, number[], number[][]]>([
    ["nothing for nothing", [], []],
    ["neighbours as one", [8, 200, 400], [[0, 8, 2960, 3]]],
    ["what lies close as one", [8, 10_000], [[0, 8, 12_560, 2]]],
    [
      "what lies far apart by itself",
      [8, 100_000],
      [
        [0, 8, 2568, 1],
        [0, 100_000, 102_560, 1],
      ],
    ],
    [
      "segments by themselves",
      [999_900, 2 ** 32 + 8],
      [
        [0, 999_900, 1_000_000, 1],
        [1, 8, 2568, 1],
      ],
    ],
    ["nothing behind the end", [2_000_000], [[0, 2_000_000, 2_000_000, 1]]],
  ])("reads %s", (_, refs, expected) => {
    expect(plan(refs)).toEqual(expected);
  });

  it("keeps single reads bounded", () => {
    const refs = Array.from({ length: 10_000 }, (_, i) => i * 2000);
    const reads = plan(refs, [20_000_000]);
    expect(reads.length).toBe(5);
    expect(Math.max(...reads.map(([, start, end]) => end! - start!))).toBeLessThanOrEqual(4 * 1024 * 1024);
  });
});
