import { describe, expect, it } from "vitest";
import { Labels } from "../../../src/model/labels.js";
import type { BlockMeta } from "../../../src/storage/block/block-meta.js";
import { writeBlock } from "../../../src/storage/block/block-writer.js";
import { inPrecedence, openBlocks } from "../../../src/storage/block/open-blocks.js";
import { encodeChunks } from "../../../src/storage/chunk/encode-chunks.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const ulidOf = (number: number) => `01J0000000000000000000000${number}`;
const chunks = encodeChunks({ times: Float64Array.of(1), values: Float64Array.of(1), length: 1 });

async function write(fileSystem: MemFileSystem, ulid: string, parents?: readonly string[]) {
  await writeBlock(fileSystem, "db", {
    ulid,
    range: { minTime: 0, maxTime: 9 },
    series: [{ labels: Labels.from({ a: "b" }), chunks }],
    ...(parents && { parents: parents.map((each) => ({ ulid: each, minTime: 0, maxTime: 10 })) }),
  });
}

async function directoryOf(blocks: readonly [ulid: string, parents?: readonly string[]][]) {
  const fileSystem = new MemFileSystem();
  await fileSystem.makeDirectory("db");
  for (const [ulid, parents] of blocks) await write(fileSystem, ulid, parents);
  return fileSystem;
}

describe("openBlocks", () => {
  it("removes blocks that another one replaces, whole or broken", async () => {
    const fileSystem = await directoryOf([
      [ulidOf(1)],
      [ulidOf(2)],
      [ulidOf(3)],
      [ulidOf(4), [ulidOf(1), ulidOf(2)]],
    ]);
    await fileSystem.remove(`db/${ulidOf(2)}/index`);
    const { blocks, losses } = await openBlocks(fileSystem, "db");
    expect(blocks.map(({ meta }) => meta.ulid)).toEqual([ulidOf(3), ulidOf(4)]);
    expect(losses).toEqual([]);
    expect(await fileSystem.list("db")).toEqual([`${ulidOf(3)}/`, `${ulidOf(4)}/`]);
  });

  it("makes the names of what it opens durable: a killed process may have left them in the cache", async () => {
    const fileSystem = await directoryOf([[ulidOf(1)]]);
    await fileSystem.syncDirectory("/");
    await fileSystem.rename(`db/${ulidOf(1)}`, "db/elsewhere");
    await fileSystem.syncDirectory("db");
    await fileSystem.rename("db/elsewhere", `db/${ulidOf(1)}`);
    const losesAll = () => 0;
    expect(await fileSystem.crash(losesAll).list("db")).toEqual(["elsewhere/"]);
    await openBlocks(fileSystem, "db");
    expect(await fileSystem.crash(losesAll).list("db")).toEqual([`${ulidOf(1)}/`]);
  });

  it("keeps blocks whose replacement is broken", async () => {
    const fileSystem = await directoryOf([[ulidOf(1)], [ulidOf(2), [ulidOf(1)]]]);
    await fileSystem.remove(`db/${ulidOf(2)}/index`);
    const { blocks, losses } = await openBlocks(fileSystem, "db");
    expect(blocks.map(({ meta }) => meta.ulid)).toEqual([ulidOf(1)]);
    expect(losses).toHaveLength(1);
    expect(await fileSystem.list("db")).toContain(`${ulidOf(2)}.quarantined/`);
  });

  it("sets a block aside that names another one, and removes nothing by that name", async () => {
    const fileSystem = await directoryOf([[ulidOf(1)], [ulidOf(2)]]);
    await fileSystem.rename(`db/${ulidOf(2)}`, `db/${ulidOf(3)}`);
    const { blocks, losses } = await openBlocks(fileSystem, "db");
    expect(blocks.map(({ meta }) => meta.ulid)).toEqual([ulidOf(1)]);
    expect(losses).toEqual([expect.stringContaining(`it names the block ${ulidOf(2)}`)]);
    expect(await fileSystem.list("db")).toEqual([`${ulidOf(1)}/`, `${ulidOf(3)}.quarantined/`]);
  });
});

describe("inPrecedence", () => {
  const block = (number: number, minTime: number, sources: readonly number[] = [number]) => ({
    range: { minTime, maxTime: minTime + 10 },
    meta: {
      ulid: ulidOf(number),
      compaction: { level: 1, sources: sources.map(ulidOf) } satisfies BlockMeta["compaction"],
    },
  });
  const order = (...blocks: ReturnType<typeof block>[]) =>
    inPrecedence(blocks).map(({ meta }) => meta.ulid.at(-1));

  it("is that of time, and of age where blocks overlap", () => {
    expect(order(block(1, 100), block(2, 5), block(3, 0))).toEqual(["2", "3", "1"]);
  });

  it("puts a block in the place of its oldest source", () => {
    expect(order(block(2, 0), block(5, 0, [3, 1]), block(4, 0, [4]))).toEqual(["5", "2", "4"]);
  });
});
