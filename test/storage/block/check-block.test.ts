import { describe, expect, it } from "vitest";
import { Labels } from "../../../src/model/labels.js";
import { formatRfc3339 } from "../../../src/model/rfc3339.js";
import { CHUNK_DENSE, type EncodedChunk } from "../../../src/model/series.js";
import { writeBlock } from "../../../src/storage/block/block-writer.js";
import { checkBlock } from "../../../src/storage/block/check-block.js";
import { encodeAdaptively } from "../../../src/storage/chunk/encode-chunks.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import { seededRandom } from "../../support/seeded-random.js";

const ulid = "01J00000000000000000000001";

/** What a check says of a block with this chunk, whose checksums are right whatever it holds. */
async function problemsWith(chunk: EncodedChunk): Promise<readonly string[]> {
  const fileSystem = new MemFileSystem();
  await fileSystem.makeDirectory("db");
  const { minTime, maxTime } = chunk;
  await writeBlock(fileSystem, "db", {
    ulid,
    range: { minTime, maxTime },
    series: [{ labels: Labels.from({ __name__: "x" }), chunks: [chunk] }],
  });
  const { problems } = await checkBlock(fileSystem, `db/${ulid}`, ulid);
  return problems.map(({ message }) => message);
}

describe("checkBlock, of dense chunks", () => {
  const length = 300;
  const times = Float64Array.from({ length }, (_, i) => i * 1000);
  const [dense] = encodeAdaptively({ times, values: times.map((time) => (time % 7) / 100), length });

  it("finds nothing wrong with a sound one", async () => {
    expect(dense!.encoding).toBe(CHUNK_DENSE);
    expect(await problemsWith(dense!)).toEqual([]);
  });

  it("tells of other times than the index has", async () => {
    const [problem] = await problemsWith({ ...dense!, maxTime: dense!.maxTime + 1 });
    expect(problem).toMatch("other first and last times");
  });

  it("tells of one that does not decode", async () => {
    const cut = dense!.bytes.slice(0, dense!.bytes.length >> 1);
    expect(await problemsWith({ ...dense!, bytes: cut })).not.toEqual([]);
  });
});

describe("checkBlock, of chunks that share their times", () => {
  const length = 120;
  const random = seededRandom(1);
  const times = Float64Array.from({ length }, (_, i) => i * 1000 + Math.floor(random() * 16));
  const range = { minTime: times[0]!, maxTime: times[length - 1]! };

  async function sharingBlock(): Promise<MemFileSystem> {
    const fileSystem = new MemFileSystem();
    await fileSystem.makeDirectory("db");
    const series = [1, 2, 3].map((n) => {
      const values = times.map((_, i) => (i * n) % 10);
      return { labels: Labels.from({ n: String(n) }), chunks: encodeAdaptively({ times, values, length }) };
    });
    await writeBlock(fileSystem, "db", { ulid, range, series });
    return fileSystem;
  }

  it("finds nothing wrong with sound ones, and notices each byte that is changed", async () => {
    const fileSystem = await sharingBlock();
    const path = `db/${ulid}/chunks/000001`;
    const bytes = await fileSystem.readFile(path);
    expect(bytes.filter((byte) => byte === 0x81).length).toBeGreaterThanOrEqual(2);
    expect((await checkBlock(fileSystem, `db/${ulid}`, ulid)).problems).toEqual([]);
    for (let i = 0; i < bytes.length; i++) {
      // The header's three last bytes mean nothing.
      if (i >= 5 && i < 8) continue;
      await replaceFile(fileSystem, path, bytes.with(i, bytes[i]! ^ 4));
      const { problems } = await checkBlock(fileSystem, `db/${ulid}`, ulid);
      expect(problems.map(({ file }) => file).filter((file) => !file.startsWith(`db/${ulid}`))).toEqual([]);
      expect(problems.length, `byte ${i}`).toBeGreaterThan(0);
    }
  });

  it("tells of each borrower of a broken lender, and what is lost with it", async () => {
    const fileSystem = await sharingBlock();
    const path = `db/${ulid}/chunks/000001`;
    const bytes = await fileSystem.readFile(path);
    await replaceFile(fileSystem, path, bytes.with(30, bytes[30]! ^ 4));
    const { problems } = await checkBlock(fileSystem, `db/${ulid}`, ulid);
    const lost = `from ${formatRfc3339(range.minTime)} to ${formatRfc3339(range.maxTime)}`;
    expect(problems.map(({ message }) => message)).toEqual(
      [1, 2, 3].map((n) =>
        expect.stringMatching(`^the checksum of a chunk is wrong .*: {n="${n}"} ${lost}$`),
      ),
    );
  });
});

async function replaceFile(fileSystem: MemFileSystem, path: string, bytes: Uint8Array): Promise<void> {
  await fileSystem.remove(path);
  const file = await fileSystem.create(path);
  await file.write(bytes);
  await file.close();
}
