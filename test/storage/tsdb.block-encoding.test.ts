/**
 * The option `blockEncoding` of a whole database: what cuts, imports and compactions write, and that it changes no
 * answer.
 */

import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { type BlockEncoding, type Database, type DatabaseOptions, openDatabase } from "../../src/index.js";
import { ALL_TIME } from "../../src/model/sample.js";
import { CHUNK_DENSE, CHUNK_XOR } from "../../src/model/series.js";
import type { BlockMeta } from "../../src/storage/block/block-meta.js";
import { BlockReader } from "../../src/storage/block/block-reader.js";
import { isUlid } from "../../src/storage/block/ulid.js";
import { checkDirectory } from "../../src/storage/tsdb/check-directory.js";
import { FakeClock } from "../support/fake-clock.js";
import { appendFleet, fleetStart } from "../support/fleet-database.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const hour = 3_600_000;
const fleetEnd = fleetStart + 7 * hour;

const open = (fileSystem: MemFileSystem, options: Partial<DatabaseOptions> = {}) =>
  openDatabase({ directory: "data", fileSystem, clock: new FakeClock(fleetEnd), ...options });

/** Deletes a series that every block has, and with it rewrites them all. */
async function rewriteAll(database: Database, instance: string): Promise<void> {
  await database.deleteSeries({ match: [`requests_total{instance="${instance}"}`] });
  await database.clean();
}

async function fleetWith(blockEncoding: BlockEncoding): Promise<MemFileSystem> {
  const fileSystem = new MemFileSystem();
  const database = await open(fileSystem, { blockEncoding });
  await appendFleet(database);
  await rewriteAll(database, "i4");
  await database.close();
  return fileSystem;
}

const expressions = [
  "requests_total",
  "rate(requests_total[5m])",
  'sum by (job) (increase(requests_total{instance!="i2"}[1h]))',
  "temperature_celsius",
  "count_over_time(temperature_celsius[10m])",
  "last_over_time(late_total[7h])",
  'count_over_time({__name__=~".+"}[1d])',
];

async function answersOf(database: Database): Promise<readonly unknown[]> {
  expect(database.describe().losses).toEqual([]);
  const pieces: Uint8Array[] = [];
  for await (const piece of database.export({ format: "jsonl" })) pieces.push(piece);
  const answers: unknown[] = [Buffer.concat(pieces).toString()];
  for (const expression of expressions)
    answers.push(await database.queryRange(expression, { start: fleetStart, end: fleetEnd, step: "7m" }));
  return answers;
}

async function answersIn(fileSystem: MemFileSystem, directory = "data"): Promise<readonly unknown[]> {
  const database = await open(fileSystem, { directory });
  const answers = await answersOf(database);
  await database.close();
  return answers;
}

/** Bytes of chunks by encoding, in all blocks. */
async function chunkBytesOf(
  fileSystem: MemFileSystem,
  directory = "data",
): Promise<ReadonlyMap<number, number>> {
  const bytesOf = new Map<number, number>();
  for (const name of await fileSystem.list(directory)) {
    const ulid = name.slice(0, -1);
    if (!isUlid(ulid)) continue;
    const block = await BlockReader.open(fileSystem, `${directory}/${ulid}`);
    for (const { chunks } of await block.querier(ALL_TIME).select([]))
      for (const { encoding, bytes } of chunks)
        bytesOf.set(encoding, (bytesOf.get(encoding) ?? 0) + bytes.length);
    await block.close();
  }
  return bytesOf;
}

const total = (bytesOf: ReadonlyMap<number, number>) =>
  [...bytesOf.values()].reduce((sum, bytes) => sum + bytes, 0);

describe("blockEncoding", () => {
  it("changes how many bytes blocks take, and no answer", async () => {
    const [gorilla, adaptive] = [await fleetWith("gorilla"), await fleetWith("adaptive")];
    const [xorBytes, denseBytes] = [await chunkBytesOf(gorilla), await chunkBytesOf(adaptive)];
    expect([...xorBytes.keys()]).toEqual([CHUNK_XOR]);
    expect(denseBytes.has(CHUNK_DENSE)).toBe(true);
    expect(total(denseBytes)).toBeLessThan(total(xorBytes) * 0.6);
    const { blocks } = await checkDirectory({ directory: "data", fileSystem: adaptive });
    expect(blocks.length).toBeGreaterThan(0);
    expect(blocks.flatMap(({ problems }) => problems)).toEqual([]);
    const answers = await answersIn(gorilla);
    expect(JSON.stringify(answers).length).toBeGreaterThan(100_000);
    expect(await answersIn(adaptive)).toEqual(answers);
  });

  it("is adaptive unless it is chosen, from the first cut on", async () => {
    const fileSystem = new MemFileSystem();
    const database = await open(fileSystem);
    await appendFleet(database);
    await database.close();
    const bytesOf = await chunkBytesOf(fileSystem);
    expect(bytesOf.get(CHUNK_DENSE)).toBeGreaterThan(bytesOf.get(CHUNK_XOR) ?? 0);
  });

  it("is that of bulk imports, and stands in meta.json", async () => {
    const lines = Array.from({ length: 500 }, (_, i) => `room_celsius ${(i % 50) / 10} ${fleetStart + i}`);
    for (const blockEncoding of ["adaptive", "gorilla"] as const) {
      const fileSystem = new MemFileSystem();
      const database = await open(fileSystem, { blockEncoding });
      await database.import(Readable.from([lines.join("\n")]), { format: "prometheus" });
      await database.close();
      const encoding = blockEncoding === "adaptive" ? CHUNK_DENSE : CHUNK_XOR;
      expect([...(await chunkBytesOf(fileSystem)).keys()]).toEqual([encoding]);
      const [ulid] = (await fileSystem.list("data")).filter((name) => isUlid(name.slice(0, -1)));
      const { stats } = JSON.parse(
        new TextDecoder().decode(await fileSystem.readFile(`data/${ulid}meta.json`)),
      ) as BlockMeta;
      expect(stats.numDenseChunks).toBe(blockEncoding === "adaptive" ? stats.numChunks : undefined);
    }
  });

  it("is XOR again after a compaction with gorilla", async () => {
    const fileSystem = await fleetWith("adaptive");
    const neverDense = await fleetWith("gorilla");
    for (const each of [fileSystem, neverDense]) {
      const database = await open(each, { blockEncoding: "gorilla" });
      await rewriteAll(database, "i5");
      await database.close();
    }
    expect([...(await chunkBytesOf(fileSystem)).keys()]).toEqual([CHUNK_XOR]);
    expect(await answersIn(fileSystem)).toEqual(await answersIn(neverDense));
  });

  it("leaves blocks that are exported XOR; those of a snapshot are as they are", async () => {
    const fileSystem = await fleetWith("adaptive");
    const database = await open(fileSystem, { blockEncoding: "adaptive" });
    const answers = await answersOf(database);
    await database.exportBlocks("exported");
    await database.snapshot({ directory: "copied" });
    await database.close();
    expect([...(await chunkBytesOf(fileSystem, "exported")).keys()]).toEqual([CHUNK_XOR]);
    expect((await chunkBytesOf(fileSystem, "copied")).has(CHUNK_DENSE)).toBe(true);
    for (const directory of ["exported", "copied"]) {
      expect(await answersIn(fileSystem, directory)).toEqual(answers);
    }
  });
});
