import { describe, expect, it } from "vitest";
import { Labels } from "../../../src/model/labels.js";
import { CHUNK_DENSE, type EncodedChunk } from "../../../src/model/series.js";
import { writeBlock } from "../../../src/storage/block/block-writer.js";
import { checkBlock } from "../../../src/storage/block/check-block.js";
import { encodeAdaptively } from "../../../src/storage/chunk/encode-chunks.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

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
