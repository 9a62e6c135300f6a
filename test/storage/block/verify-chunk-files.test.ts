import { describe, expect, it } from "vitest";
import { CorruptionError } from "../../../src/model/errors.js";
import { Labels } from "../../../src/model/labels.js";
import { writeBlock } from "../../../src/storage/block/block-writer.js";
import { ChunkFileReader } from "../../../src/storage/block/chunk-file-reader.js";
import { ChunkFileWriter } from "../../../src/storage/block/chunk-file-writer.js";
import { openBlocks } from "../../../src/storage/block/open-blocks.js";
import { verifyChunkFiles } from "../../../src/storage/block/verify-chunk-files.js";
import { encodeChunks } from "../../../src/storage/chunk/encode-chunks.js";
import { IndexContent, type IndexedSeries } from "../../../src/storage/index/index-content.js";
import { IndexReader } from "../../../src/storage/index/index-reader.js";
import { writeIndex } from "../../../src/storage/index/index-writer.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const chunksOf = (from: number, samples: number) => {
  const times = Float64Array.from({ length: samples }, (_, i) => from + i);
  return encodeChunks({ times, values: times, length: samples });
};

/** Twelve series of three chunks each, in files of some chunks each. */
async function manyFiles() {
  const fileSystem = new MemFileSystem();
  await fileSystem.makeDirectory("b/chunks");
  const writer = new ChunkFileWriter(fileSystem, "b", 170);
  const series: IndexedSeries[] = [];
  for (let i = 10; i < 22; i++) {
    const chunks = [0, 100, 200].flatMap((from) => chunksOf(from, 5));
    series.push({ labels: Labels.from({ i: `${i}` }), chunks: await writer.write(chunks) });
  }
  await writer.finish();
  const parts: Uint8Array[] = [];
  const content = new IndexContent();
  for (const each of series) content.add(each);
  await writeIndex(content, async (bytes) => void parts.push(bytes.slice()));
  const index = await IndexReader.open(Buffer.concat(parts), "b/index");
  const files = await fileSystem.list("b/chunks");
  return { fileSystem, index, files };
}

async function cut(fileSystem: MemFileSystem, path: string, sizeBytes: number): Promise<void> {
  const file = await fileSystem.openForAppend(path);
  await file.truncate(sizeBytes);
}

describe("verifyChunkFiles", () => {
  it("finds each file that is missing", async () => {
    const { fileSystem, index, files } = await manyFiles();
    expect(files.length).toBeGreaterThan(5);
    await verifyChunkFiles(index, await ChunkFileReader.open(fileSystem, "b"));
    for (const name of files) {
      const damaged = fileSystem.kill();
      await damaged.remove(`b/chunks/${name}`);
      const opening = ChunkFileReader.open(damaged, "b").then((reader) => verifyChunkFiles(index, reader));
      await expect(opening).rejects.toThrow(new RegExp(`b/chunks/${name}`));
    }
  });

  it("finds each file that is shorter than the index needs, by any number of bytes", async () => {
    const { fileSystem, index, files } = await manyFiles();
    for (const name of files) {
      const { length } = await fileSystem.readFile(`b/chunks/${name}`);
      for (let size = 0; size < length; size++) {
        const damaged = fileSystem.kill();
        await cut(damaged, `b/chunks/${name}`, size);
        const opening = ChunkFileReader.open(damaged, "b").then((reader) => verifyChunkFiles(index, reader));
        await expect(opening, `${name} of ${size}`).rejects.toThrow(CorruptionError);
        await expect(opening).rejects.toThrow(`b/chunks/${name}`);
      }
    }
  });
});

describe("openBlocks", () => {
  it.each([
    ["is missing", (disk: MemFileSystem, path: string) => disk.remove(path)],
    ["is too short", (disk: MemFileSystem, path: string) => cut(disk, path, 30)],
    ["is missing with its directory", (disk: MemFileSystem) => disk.remove(`db/${broken}/chunks`)],
  ])("sets a block aside whose chunk file %s, and names both", async (_, damage) => {
    const fileSystem = new MemFileSystem();
    await fileSystem.makeDirectory("db");
    for (const ulid of [broken, whole]) {
      const series = [{ labels: Labels.from({ a: "b" }), chunks: chunksOf(0, 9) }];
      await writeBlock(fileSystem, "db", { ulid, range: { minTime: 0, maxTime: 9 }, series });
    }
    await damage(fileSystem, `db/${broken}/chunks/000001`);
    const { blocks, losses } = await openBlocks(fileSystem, "db");
    expect(blocks.map(({ meta }) => meta.ulid)).toEqual([whole]);
    expect(losses).toHaveLength(1);
    expect(losses[0]).toMatch(new RegExp(`^the block db/${broken} is broken.*\\(db/${broken}/chunks`));
    expect(await fileSystem.list("db")).toContain(`${broken}.quarantined/`);
  });
});

const broken = "01J00000000000000000000001";
const whole = "01J00000000000000000000002";
