import { describe, expect, it } from "vitest";
import { CorruptionError } from "../../../src/model/errors.js";
import { Labels } from "../../../src/model/labels.js";
import { Matcher } from "../../../src/model/matcher.js";
import { ALL_TIME } from "../../../src/model/sample.js";
import { BlockReader } from "../../../src/storage/block/block-reader.js";
import { type BlockSeries, publishBlocks, writeBlock } from "../../../src/storage/block/block-writer.js";
import { openBlocks } from "../../../src/storage/block/open-blocks.js";
import { removeBlock } from "../../../src/storage/block/remove-block.js";
import { encodeChunks } from "../../../src/storage/chunk/encode-chunks.js";
import { mergeChunks } from "../../../src/storage/chunk/sort-samples.js";
import { type CompactedBlock, stageCompaction } from "../../../src/storage/compaction/compact-blocks.js";
import { SeededRandom } from "../../simulation/random.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const ulidOf = (number: number) => `01J0000000000000000000000${number}`;

type Content = Readonly<Record<string, Readonly<Record<number, number>>>>;

/** Series by the value of their only label, samples by time. */
function seriesOf(content: Content): readonly BlockSeries[] {
  return Object.entries(content)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, samples]) => {
      const times = Float64Array.from(Object.keys(samples), Number).sort();
      const values = times.map((time) => samples[time]!);
      return { labels: Labels.from({ name }), chunks: encodeChunks({ times, values, length: times.length }) };
    });
}

async function write(fileSystem: MemFileSystem, number: number, content: Content): Promise<BlockReader> {
  const times = Object.values(content).flatMap((samples) => Object.keys(samples).map(Number));
  const range = { minTime: Math.min(...times), maxTime: Math.max(...times) };
  await writeBlock(fileSystem, "db", { ulid: ulidOf(number), range, series: seriesOf(content) });
  return BlockReader.open(fileSystem, `db/${ulidOf(number)}`);
}

/** As a database does it: staged, then published. */
async function compactBlocks(
  fileSystem: MemFileSystem,
  directory: string,
  sources: readonly BlockReader[],
  block: CompactedBlock,
) {
  const meta = await stageCompaction(fileSystem, directory, sources, block);
  if (meta !== undefined) await publishBlocks(fileSystem, directory, [meta]);
  return meta;
}

async function newDirectory(): Promise<MemFileSystem> {
  const fileSystem = new MemFileSystem();
  await fileSystem.makeDirectory("db");
  await fileSystem.syncDirectory("/");
  return fileSystem;
}

async function contentOf(block: BlockReader): Promise<Content> {
  const content: Record<string, Record<number, number>> = {};
  for (const { labels, chunks } of await block.querier(ALL_TIME).select([])) {
    const { times, values } = mergeChunks(chunks);
    content[labels.get("name")] = Object.fromEntries([...times].map((time, i) => [time, values[i]!]));
  }
  return content;
}

/** `count` samples from `start` on, one each ten milliseconds. */
const ramp = (start: number, count: number, value = 1) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [start + i * 10, value + i]));

const older: Content = { a: ramp(0, 200), b: ramp(0, 10), d: { 5: 1, 2000: 7 } };
const younger: Content = { a: { 15: -1, 20: -2, 5000: 3 }, c: ramp(3000, 300), d: { 5: 2, 2001: 8 } };

describe.each(["gorilla", "adaptive"] as const)("stageCompaction (%s)", (encoding) => {
  it("holds what the sources held; of two samples the older block's counts", async () => {
    const fileSystem = await newDirectory();
    const sources = [await write(fileSystem, 2, younger), await write(fileSystem, 1, older)];
    const meta = await compactBlocks(fileSystem, "db", sources, { ulid: ulidOf(9), encoding });
    const block = await BlockReader.open(fileSystem, `db/${ulidOf(9)}`);
    await block.verify();
    const expected = {
      a: { ...younger.a, ...older.a },
      b: older.b,
      c: younger.c,
      d: { ...younger.d, ...older.d },
    };
    expect(await contentOf(block)).toEqual(expected);
    expect(meta).toEqual(block.meta);
    expect(block.meta).toMatchObject({
      minTime: 0,
      maxTime: 5991,
      stats: { numSeries: 4, numSamples: 202 + 10 + 300 + 3 },
      compaction: {
        level: 2,
        sources: [ulidOf(1), ulidOf(2)],
        parents: [
          { ulid: ulidOf(2), minTime: 5, maxTime: 5991 },
          { ulid: ulidOf(1), minTime: 0, maxTime: 2001 },
        ],
      },
    });
  });

  it("leaves out what was deleted, and the names of series that have nothing left", async () => {
    const fileSystem = await newDirectory();
    const source = await write(fileSystem, 1, older);
    await source.deleteSamples([new Matcher("name", "=", "a")], { minTime: 100, maxTime: 1_000_000 });
    await source.deleteSamples([new Matcher("name", "=", "b")], ALL_TIME);
    await compactBlocks(fileSystem, "db", [source], { ulid: ulidOf(2), encoding });
    const block = await BlockReader.open(fileSystem, `db/${ulidOf(2)}`);
    expect(await contentOf(block)).toEqual({ a: ramp(0, 10), d: older.d });
    expect(await block.querier(ALL_TIME).labelValues("name")).toEqual(["a", "d"]);
    expect(block.tombstones.size).toBe(0);
    expect(block.meta).toMatchObject({
      minTime: 0,
      maxTime: 2001,
      compaction: { level: 1, sources: [ulidOf(1)] },
    });
    expect(block.sizeBytes).toBeLessThan(source.sizeBytes);
  });

  it("applies each block's tombstones to its own samples only", async () => {
    const fileSystem = await newDirectory();
    const first = await write(fileSystem, 1, { a: { 1: 10, 2: 20 } });
    await first.deleteSamples([], ALL_TIME);
    const second = await write(fileSystem, 2, { a: { 2: 21 } });
    await compactBlocks(fileSystem, "db", [first, second], { ulid: ulidOf(3), encoding });
    expect(await contentOf(await BlockReader.open(fileSystem, `db/${ulidOf(3)}`))).toEqual({ a: { 2: 21 } });
  });

  it("writes nothing when all is deleted", async () => {
    const fileSystem = await newDirectory();
    const source = await write(fileSystem, 1, older);
    await source.deleteSamples([], ALL_TIME);
    expect(await compactBlocks(fileSystem, "db", [source], { ulid: ulidOf(2), encoding })).toBeUndefined();
    expect(await fileSystem.list("db")).toEqual([`${ulidOf(1)}/`]);
  });

  it("merges many series of many blocks, with a bounded number of chunks at once", async () => {
    const random = new SeededRandom(3);
    const fileSystem = await newDirectory();
    const expected: Record<string, Record<number, number>> = {};
    const sources: BlockReader[] = [];
    for (let number = 1; number <= 4; number++) {
      const content: Record<string, Record<number, number>> = {};
      for (let i = 0; i < 1500; i++) {
        if (random.chance(0.3)) continue;
        const name = `s${i}`;
        content[name] = { [random.below(1000)]: number, [1000 + random.below(9)]: number };
        expected[name] = { ...content[name], ...expected[name] };
      }
      sources.push(await write(fileSystem, number, content));
    }
    await compactBlocks(fileSystem, "db", sources, { ulid: ulidOf(9), encoding });
    const block = await BlockReader.open(fileSystem, `db/${ulidOf(9)}`);
    expect(await contentOf(block)).toEqual(expected);
  });

  it("names the file of a source that cannot be read, and leaves nothing behind", async () => {
    const fileSystem = await newDirectory();
    const source = await write(fileSystem, 1, older);
    const file = `db/${ulidOf(1)}/chunks/000001`;
    const bytes = await fileSystem.readFile(file);
    bytes[40]! ^= 1;
    await fileSystem.remove(file);
    await (await fileSystem.create(file)).write(bytes);
    const broken = await BlockReader.open(fileSystem, `db/${ulidOf(1)}`);
    const failure = await compactBlocks(fileSystem, "db", [broken], {
      ulid: ulidOf(2),
      encoding,
    }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CorruptionError);
    expect((failure as CorruptionError).file).toBe(file);
    expect(await fileSystem.list("db")).toEqual([`${ulidOf(1)}/`]);
    await source.close();
  });

  it("leaves the sources or the result at any crash, never both", async () => {
    const random = new SeededRandom(5);
    const fileSystem = await newDirectory();
    const sources = [await write(fileSystem, 1, older), await write(fileSystem, 2, younger)];
    const before = await Promise.all(sources.map(contentOf));
    const crashes: MemFileSystem[] = [];
    fileSystem.onOperation = () => crashes.push(fileSystem.crash(random.next), fileSystem.kill());
    await compactBlocks(fileSystem, "db", sources, { ulid: ulidOf(9), encoding });
    for (const { meta } of sources) await removeBlock(fileSystem, "db", meta.ulid);
    fileSystem.onOperation = undefined;
    const result = await contentOf(await BlockReader.open(fileSystem, `db/${ulidOf(9)}`));
    const found = new Set<string>();
    for (const crashed of crashes) {
      for (const name of await crashed.list("db"))
        if (name.includes("tmp")) await crashed.remove(`db/${name.slice(0, -1)}`);
      const { blocks, losses } = await openBlocks(crashed, "db");
      expect(losses).toEqual([]);
      const isResult = blocks.length === 1;
      found.add(isResult ? "result" : "sources");
      expect(await Promise.all(blocks.map(contentOf))).toEqual(isResult ? [result] : before);
    }
    expect([...found].sort()).toEqual(["result", "sources"]);
  });
});
