import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32c } from "../../../src/kernels/crc32c.js";
import { CorruptionError, StorageError } from "../../../src/model/errors.js";
import { replayWal } from "../../../src/storage/wal/replay-wal.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import { DIRECTORY, openWal, payloadOf, replayTexts } from "./wal-fixture.js";

const FILE = `${DIRECTORY}/00000001`;
const records = ["first", "", "a longer third record", "4", "the fifth record", "last"];

/** A file system whose WAL has these files. */
async function withFiles(files: Record<string, Uint8Array>): Promise<MemFileSystem> {
  const fileSystem = new MemFileSystem();
  await fileSystem.makeDirectory(DIRECTORY);
  for (const [path, content] of Object.entries(files)) await (await fileSystem.create(path)).write(content);
  return fileSystem;
}

/** The bytes of segment 1 with `records`, and where each record ends. */
async function segmentBytes(isEnded: boolean): Promise<{ bytes: Uint8Array; ends: number[] }> {
  const fileSystem = new MemFileSystem();
  const wal = await openWal(fileSystem);
  const ends: number[] = [];
  for (const text of records) {
    await wal.append(payloadOf(text));
    ends.push(wal.sizeBytes);
  }
  if (isEnded) await wal.close();
  return { bytes: await fileSystem.readFile(FILE), ends };
}

const startOf = (ends: readonly number[], record: number) => (record === 0 ? 16 : ends[record - 1]!);

/** What replay finds after the log was replayed, opened, appended to and closed, as a database does. */
async function replayAfterOpen(fileSystem: MemFileSystem) {
  const { lastSegment } = await replayTexts(fileSystem);
  const wal = await openWal(fileSystem, {}, lastSegment + 1);
  await wal.append(payloadOf("new"));
  await wal.close();
  return replayTexts(fileSystem);
}

describe("a segment that was cut at any byte", () => {
  it("as the last one: gives what is complete; open cuts the torn tail, which is never reported again", async () => {
    const { bytes, ends } = await segmentBytes(false);
    for (let size = 0; size <= bytes.length; size++) {
      const fileSystem = await withFiles({ [FILE]: bytes.slice(0, size) });
      const complete = ends.filter((end) => end <= size);
      const replayed = await replayTexts(fileSystem);
      expect(replayed.texts).toEqual(records.slice(0, complete.length));
      expect(replayed.corruptions).toEqual([]);
      expect(replayed.tornBytes).toBe(size < 16 ? size : size - Math.max(16, ...complete));
      const reopened = await replayAfterOpen(fileSystem);
      expect(reopened.texts).toEqual([...records.slice(0, complete.length), "new"]);
      expect([reopened.corruptions, reopened.tornBytes]).toEqual([[], 0]);
    }
  });

  it("before another segment: is corruption with file and offset, and nothing else is lost", async () => {
    const { bytes, ends } = await segmentBytes(true);
    const behind = new MemFileSystem();
    const wal = await openWal(behind, {}, 2);
    await wal.append(payloadOf("behind"));
    await wal.close();
    const second = await behind.readFile(`${DIRECTORY}/00000002`);
    for (let size = 0; size < bytes.length; size++) {
      const fileSystem = await withFiles({ [FILE]: bytes.slice(0, size), [`${DIRECTORY}/00000002`]: second });
      const complete = ends.filter((end) => end <= size).length;
      const { texts, corruptions, tornBytes } = await replayTexts(fileSystem);
      expect(texts).toEqual([...records.slice(0, complete), "behind"]);
      expect(tornBytes).toBe(0);
      expect(corruptions.length).toBe(1);
      expect(corruptions[0]).toMatchObject({ file: FILE });
      expect(corruptions[0]!.offset + corruptions[0]!.bytes).toBe(size);
    }
  });
});

describe("a segment with any bit flipped", () => {
  it("loses only the record that was hit, says where, and leaves the file as it is", async () => {
    const { bytes, ends } = await segmentBytes(true);
    const endFrame = ends.at(-1)!;
    for (let at = 0; at < bytes.length; at++) {
      for (const bit of [0, 1, 4, 7]) {
        const damaged = bytes.slice();
        damaged[at]! ^= 1 << bit;
        const fileSystem = await withFiles({ [FILE]: damaged });
        const hit = at < 16 ? -1 : ends.findIndex((end) => at < end);
        const expected = records.filter((_, record) => record !== hit || at >= endFrame);
        if (at === 4) continue;
        const { texts, corruptions, tornBytes } = await replayTexts(fileSystem);
        expect(texts).toEqual(expected);
        if (at >= endFrame) {
          expect([corruptions, tornBytes]).toEqual([[], 13]);
          continue;
        }
        const start = at < 16 ? 0 : startOf(ends, hit);
        const end = at < 16 ? 16 : ends[hit]!;
        expect(tornBytes).toBe(0);
        expect(corruptions).toMatchObject([{ file: FILE, offset: start, bytes: end - start }]);
        const reopened = await replayAfterOpen(fileSystem);
        expect(reopened.texts).toEqual([...expected, "new"]);
        expect(reopened.corruptions).toEqual(corruptions);
        expect(await fileSystem.readFile(FILE)).toEqual(damaged);
      }
    }
  });

  it("refuses a format version from the future by name", async () => {
    const future = new Uint8Array(16);
    future.set([0x4e, 0x58, 0x57, 0x4c, 9, 1, 0, 0, 0, 0, 0, 1]);
    new DataView(future.buffer).setUint32(12, crc32c(future.subarray(0, 12)));
    const replaying = replayTexts(await withFiles({ [FILE]: future }));
    await expect(replaying).rejects.toThrow(
      `WAL format version 9 is newer than this release, which reads 1 (${FILE}`,
    );
  });
});

describe("damage around segments", () => {
  it("finds the next record behind a hole of zeros and behind garbage that looks like records", async () => {
    const { bytes, ends } = await segmentBytes(true);
    const zeros = bytes.slice();
    zeros.fill(0, ends[1], ends[3]);
    const withHole = await replayTexts(await withFiles({ [FILE]: zeros }));
    expect(withHole.texts).toEqual([records[0], records[1], records[4], records[5]]);
    expect(withHole.corruptions).toMatchObject([{ offset: ends[1], bytes: ends[3]! - ends[1]! }]);

    // Record 3 is overwritten by a copy of record 1 and ones: a frame counts only where it was written.
    const copied = bytes.slice();
    copied.fill(1, ends[1], ends[2]);
    copied.set(bytes.subarray(16, ends[0]), ends[1]! + 2);
    const withCopy = await replayTexts(await withFiles({ [FILE]: copied }));
    expect(withCopy.texts).toEqual(records.filter((_, record) => record !== 2));
  });

  it("does not take a frame inside of a payload for a record", async () => {
    const { bytes } = await segmentBytes(false);
    const fileSystem = new MemFileSystem();
    const wal = await openWal(fileSystem);
    await wal.append(bytes.subarray(16));
    await wal.append(payloadOf("behind"));
    await wal.close();
    const damaged = (await fileSystem.readFile(FILE)).slice();
    damaged[17]! ^= 0x40;
    const { texts, corruptions } = await replayTexts(await withFiles({ [FILE]: damaged }));
    expect(texts).toEqual(["behind"]);
    expect(corruptions).toMatchObject([{ offset: 16 }]);
  });

  it("reports a segment that is missing, and one under another's name", async () => {
    const fileSystem = new MemFileSystem();
    const wal = await openWal(fileSystem);
    for (const text of ["one", "two", "three"]) {
      await wal.append(payloadOf(text));
      await wal.rotate();
    }
    await wal.close();
    const renamed = fileSystem.kill();
    await fileSystem.remove(`${DIRECTORY}/00000002`);
    const missing = await replayTexts(fileSystem);
    expect(missing.texts).toEqual(["one", "three"]);
    expect(missing.corruptions).toMatchObject([
      { file: `${DIRECTORY}/00000002`, message: "the segment is missing" },
    ]);

    await renamed.rename(`${DIRECTORY}/00000003`, `${DIRECTORY}/00000004`);
    const { texts, corruptions } = await replayTexts(renamed);
    expect(texts).toEqual(["one", "two"]);
    expect(corruptions.map(({ message }) => message)).toEqual([
      "the segment is missing",
      "the file header names another file",
    ]);
    const size = (await renamed.readFile(`${DIRECTORY}/00000004`)).length;
    await openWal(renamed);
    expect((await renamed.readFile(`${DIRECTORY}/00000004`)).length).toBe(size);
  });

  it("survives any bytes at all", async () => {
    const { bytes } = await segmentBytes(true);
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.tuple(fc.nat(bytes.length), fc.nat(bytes.length)).map(([from, to]) => bytes.slice(from, to)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (pieces) => {
        const fileSystem = await withFiles({ [FILE]: Buffer.concat(pieces) });
        const before = await replayTexts(fileSystem);
        for (const text of before.texts) expect(records).toContain(text);
        const after = await replayAfterOpen(fileSystem);
        expect(after.texts).toEqual([...before.texts, "new"]);
        expect(after.tornBytes).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});

describe("replayWal", () => {
  it("of nothing is empty", async () => {
    expect(await replayTexts(new MemFileSystem())).toEqual({
      segments: 0,
      records: 0,
      bytes: 0,
      tornBytes: 0,
      corruptions: [],
      lastSegment: 0,
      texts: [],
    });
  });

  it("reports a record that the visitor cannot understand and goes on; other errors end it", async () => {
    const { bytes, ends } = await segmentBytes(true);
    const fileSystem = await withFiles({ [FILE]: bytes });
    let visited = 0;
    const summary = await replayWal(fileSystem, DIRECTORY, () => {
      if (++visited === 3) throw new CorruptionError("no such kind");
    });
    expect(visited).toBe(records.length);
    expect(summary.records).toBe(records.length - 1);
    expect(summary.corruptions).toEqual([
      {
        file: FILE,
        offset: ends[1],
        bytes: ends[2]! - ends[1]!,
        message: "a record cannot be understood: no such kind",
      },
    ]);
    const failing = replayWal(fileSystem, DIRECTORY, () => {
      throw new StorageError("elsewhere");
    });
    await expect(failing).rejects.toThrow("elsewhere");
  });

  it("passes on a read error", async () => {
    const { bytes } = await segmentBytes(true);
    const fileSystem = await withFiles({ [FILE]: bytes });
    fileSystem.failAfter(1, "EIO");
    await expect(replayTexts(fileSystem)).rejects.toThrow(StorageError);
  });

  it("gives the place of each record", async () => {
    const { bytes, ends } = await segmentBytes(true);
    const places: number[] = [];
    const visit = (_: Uint8Array, place: { segment: number; offset: number }) => places.push(place.offset);
    await replayWal(await withFiles({ [FILE]: bytes }), DIRECTORY, visit);
    expect(places).toEqual(records.map((_, record) => startOf(ends, record)));
  });

  it("reads a segment larger than its window, torn and damaged as well", async () => {
    const fileSystem = new MemFileSystem();
    const wal = await openWal(fileSystem);
    const large = (seed: number) => new Uint8Array(700_000).fill(seed);
    for (let seed = 1; seed <= 5; seed++) await wal.append(large(seed));
    const bytes = (await fileSystem.readFile(FILE)).slice(0, -3);
    bytes[16 + 13 + 5]! ^= 1;
    const seen: number[] = [];
    const summary = await replayWal(await withFiles({ [FILE]: bytes }), DIRECTORY, (payload) => {
      expect(payload.every((byte) => byte === payload[0])).toBe(true);
      seen.push(payload[0]!);
    });
    expect(seen).toEqual([2, 3, 4]);
    expect(summary.tornBytes).toBe(700_013 - 3);
    expect(summary.corruptions).toMatchObject([{ offset: 16, bytes: 700_013 }]);
  });
});
