import { describe, expect, it } from "vitest";
import { Labels } from "../../../src/model/labels.js";
import { Matcher } from "../../../src/model/matcher.js";
import { ALL_TIME } from "../../../src/model/sample.js";
import { BlockReader } from "../../../src/storage/block/block-reader.js";
import { writeBlock } from "../../../src/storage/block/block-writer.js";
import { encodeChunks } from "../../../src/storage/chunk/encode-chunks.js";
import { mergeChunks } from "../../../src/storage/chunk/sort-samples.js";
import { SeededRandom } from "../../simulation/random.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const ulid = "01J00000000000000000000000";
const path = `db/${ulid}`;
const job = (value: string) => [new Matcher("job", "=", value)];

/** Series x and y with a sample at each of 0 to 299. */
async function written(): Promise<MemFileSystem> {
  const fileSystem = new MemFileSystem();
  await fileSystem.makeDirectory("db");
  await fileSystem.syncDirectory("/");
  const times = Float64Array.from({ length: 300 }, (_, i) => i);
  const chunks = encodeChunks({ times, values: times, length: 300 });
  const series = ["x", "y"].map((value) => ({ labels: Labels.from({ job: value }), chunks }));
  await writeBlock(fileSystem, "db", { ulid, range: { minTime: 0, maxTime: 299 }, series });
  return fileSystem;
}

async function countOf(block: BlockReader): Promise<number[]> {
  const counts: number[] = [];
  for (const value of ["x", "y"]) {
    const [series] = await block.querier(ALL_TIME).select(job(value));
    counts.push(series === undefined ? 0 : mergeChunks(series.chunks).length);
  }
  return counts;
}

describe("BlockReader.deleteSamples", () => {
  it("hides what is deleted, at once and when opened again", async () => {
    const fileSystem = await written();
    const block = await BlockReader.open(fileSystem, path);
    await block.deleteSamples(job("x"), { minTime: -50, maxTime: 9 });
    await block.deleteSamples(job("x"), { minTime: 10, maxTime: 19 });
    await block.deleteSamples([], { minTime: 299, maxTime: 400 });
    expect(await countOf(block)).toEqual([279, 299]);
    expect([...block.tombstones.values()]).toEqual([
      [
        { minTime: 0, maxTime: 19 },
        { minTime: 299, maxTime: 299 },
      ],
      [{ minTime: 299, maxTime: 299 }],
    ]);
    expect(await block.deletedShare()).toBeCloseTo(22 / 600);
    const again = await BlockReader.open(
      fileSystem.crash(() => 0),
      path,
    );
    expect(await countOf(again)).toEqual([279, 299]);
  });

  it("writes nothing when nothing changes", async () => {
    const fileSystem = await written();
    const block = await BlockReader.open(fileSystem, path);
    await block.deleteSamples(job("x"), ALL_TIME);
    const { operations } = fileSystem;
    await block.deleteSamples(job("x"), { minTime: 5, maxTime: 6 });
    await block.deleteSamples(job("z"), ALL_TIME);
    await block.deleteSamples(job("y"), { minTime: 300, maxTime: 400 });
    expect(fileSystem.operations).toBe(operations);
    expect(await countOf(block)).toEqual([0, 300]);
  });

  it("leaves the old tombstones or the new ones at any crash", async () => {
    const random = new SeededRandom(1);
    const fileSystem = await written();
    const crashes: MemFileSystem[] = [];
    fileSystem.onOperation = () => crashes.push(fileSystem.crash(random.next), fileSystem.kill());
    const block = await BlockReader.open(fileSystem, path);
    await block.deleteSamples(job("x"), ALL_TIME);
    const outcomes = new Set<string>();
    for (const crashed of crashes) outcomes.add(String(await countOf(await BlockReader.open(crashed, path))));
    expect([...outcomes].sort()).toEqual(["0,300", "300,300"]);
  });
});
