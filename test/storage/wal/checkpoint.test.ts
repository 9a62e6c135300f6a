import { describe, expect, it } from "vitest";
import { writeCheckpoint } from "../../../src/storage/wal/checkpoint.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import { seededRandom } from "../../support/seeded-random.js";
import { DIRECTORY, openWal, payloadOf, replayTexts } from "./wal-fixture.js";

/** Segments 1 to 3 with one record each, ended. */
async function threeSegments() {
  const fileSystem = new MemFileSystem();
  const wal = await openWal(fileSystem);
  for (const text of ["one", "two", "three"]) {
    await wal.append(payloadOf(text));
    await wal.rotate();
  }
  return { fileSystem, wal };
}

async function* laterOn(texts: readonly string[]): AsyncGenerator<Uint8Array> {
  const reused = new Uint8Array(100);
  for (const text of texts) {
    await null;
    yield reused.subarray(0, new TextEncoder().encodeInto(text, reused).written);
  }
}

describe("writeCheckpoint", () => {
  it("stands for the segments up to N, before and after they are removed", async () => {
    const { fileSystem, wal } = await threeSegments();
    await writeCheckpoint(fileSystem, DIRECTORY, 2, laterOn(["still one", "still two"]));
    const before = await replayTexts(fileSystem);
    expect(before).toMatchObject({
      texts: ["still one", "still two", "three"],
      corruptions: [],
      lastSegment: 3,
    });
    await wal.truncate(2);
    expect(await fileSystem.list(DIRECTORY)).toEqual(["00000003", "checkpoint.00000002"]);
    expect((await replayTexts(fileSystem)).texts).toEqual(before.texts);
  });

  it("is replaced by a later one; open removes the leftovers and goes on behind it", async () => {
    const { fileSystem, wal } = await threeSegments();
    await wal.close();
    await writeCheckpoint(fileSystem, DIRECTORY, 1, [payloadOf("old")]);
    await writeCheckpoint(fileSystem, DIRECTORY, 3, [payloadOf("all")]);
    await (await fileSystem.create(`${DIRECTORY}/checkpoint.00000004.tmp`)).write(payloadOf("half"));
    expect((await replayTexts(fileSystem)).texts).toEqual(["all"]);
    const reopened = await openWal(fileSystem);
    expect(reopened.segment).toBe(4);
    expect(await fileSystem.list(DIRECTORY)).toEqual(["checkpoint.00000003"]);
    await reopened.append(payloadOf("next"));
    expect(await replayTexts(fileSystem)).toMatchObject({ texts: ["all", "next"], corruptions: [] });
  });

  it("writes many records in bounded pieces", async () => {
    const fileSystem = new MemFileSystem();
    await fileSystem.makeDirectory(DIRECTORY);
    const record = new Uint8Array(1000);
    await writeCheckpoint(
      fileSystem,
      DIRECTORY,
      1,
      Array.from({ length: 3000 }, () => record),
    );
    expect(await replayTexts(fileSystem)).toMatchObject({ records: 3000, corruptions: [], lastSegment: 1 });
  });

  it("that lost bytes is corruption, not a torn tail", async () => {
    const { fileSystem } = await threeSegments();
    await writeCheckpoint(fileSystem, DIRECTORY, 3, ["a", "b"].map(payloadOf));
    const path = `${DIRECTORY}/checkpoint.00000003`;
    const bytes = await fileSystem.readFile(path);
    for (let size = 0; size < bytes.length; size++) {
      const file = await fileSystem.openForAppend(path);
      await file.truncate(0);
      await file.write(bytes.subarray(0, size));
      const { corruptions, tornBytes } = await replayTexts(fileSystem);
      expect(corruptions).toMatchObject([{ file: path }]);
      expect(tornBytes).toBe(0);
    }
  });

  it("leaves the segments or the checkpoint in force after a crash at any step", async () => {
    for (let seed = 0; seed < 30; seed++) {
      const { fileSystem, wal } = await threeSegments();
      const random = seededRandom(seed);
      const crashes: MemFileSystem[] = [];
      fileSystem.onOperation = () => crashes.push(fileSystem.crash(random));
      await writeCheckpoint(fileSystem, DIRECTORY, 2, [payloadOf("both")]);
      await wal.truncate(2);
      fileSystem.onOperation = undefined;
      for (const crashed of [...crashes, fileSystem.crash(random)]) {
        const { texts, corruptions } = await replayTexts(crashed);
        expect([
          ["one", "two", "three"],
          ["both", "three"],
        ]).toContainEqual(texts);
        expect(corruptions).toEqual([]);
      }
      expect((await replayTexts(fileSystem.crash(random))).texts).toEqual(["both", "three"]);
    }
  });
});
