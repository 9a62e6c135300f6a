import { describe, expect, it } from "vitest";
import { PoisonedError, WriteRefusedError } from "../../../src/model/errors.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import { seededRandom } from "../../support/seeded-random.js";
import { openWal, payloadOf, replayTexts } from "./wal-fixture.js";

/** Of an EIO, a durable write does not say that it was no failed sync: see "is poisoned". */
const cases = [
  { kind: "ENOSPC", durability: "commit" },
  { kind: "ENOSPC", durability: "none" },
  { kind: "EIO-write", durability: "none" },
] as const;
type Case = (typeof cases)[number];
const withoutRoom: Case = cases[0];

interface Moment {
  readonly step: string;
  readonly fileSystem: MemFileSystem;
  readonly acknowledged: readonly string[];
}

const healedBefore = 20;
const crashesPerStep = 4;

/**
 * Appends, now and then many at once, to a log that fails from its `failAfter`th operation on and is healed later.
 * Remembers what a power loss may leave at each operation.
 */
async function run({ kind, durability }: Case, failAfter: number, fileSystem = new MemFileSystem()) {
  const random = seededRandom(failAfter);
  const appended: string[] = [];
  const acknowledged: string[] = [];
  const appends: Promise<unknown>[] = [];
  const moments: Moment[] = [];
  const wal = await openWal(fileSystem, { durability, segmentSizeBytes: 400 });
  fileSystem.onOperation = ({ index, kind: operation, path }) => {
    const step = `before ${index} ${operation} ${path}`;
    for (let i = 0; i < crashesPerStep; i++)
      moments.push({ step, fileSystem: fileSystem.crash(random), acknowledged: [...acknowledged] });
  };
  fileSystem.failAfter(failAfter, kind);
  for (let i = 0; i < 32; i++) {
    if (i === healedBefore) {
      await Promise.all(appends);
      fileSystem.heal();
    }
    const text = `record ${i} ${"x".repeat(i % 5)}`;
    appended.push(text);
    const append: Promise<unknown> = wal.append(payloadOf(text)).then(
      () => void acknowledged.push(text),
      (error: unknown) => expect(error).toBeInstanceOf(WriteRefusedError),
    );
    appends.push(append);
    if (random() < 0.2) await append;
    if (i % 7 === 6) await wal.rotate().catch((error) => expect(error).toBeInstanceOf(WriteRefusedError));
  }
  await wal.close();
  fileSystem.onOperation = undefined;
  return { fileSystem, appended, acknowledged, moments, wal };
}

/** Whether all of `some` stand in `all`, in its order. */
function isWithin(some: readonly string[], all: readonly string[]): boolean {
  let at = -1;
  return some.every((one) => {
    at = all.indexOf(one, at + 1);
    return at >= 0;
  });
}

describe.each(cases)("a log that is refused by the disk ($kind, durability $durability)", (refused) => {
  it("takes back each write that fails, and goes on when it can, without being reopened", async () => {
    for (let failAfter = 0; failAfter < 40; failAfter++) {
      const { fileSystem, appended, acknowledged, wal } = await run(refused, failAfter);
      expect(wal.poisoned).toBe(false);
      expect(wal.trouble).toBeUndefined();
      expect(isWithin(appended.slice(-8), acknowledged)).toBe(true);
      const { texts, corruptions, tornBytes } = await replayTexts(fileSystem);
      expect([texts, corruptions, tornBytes]).toEqual([acknowledged, [], 0]);
    }
  });

  it("says since when and why, and tells each refusal and the end of it", async () => {
    const { kind, durability } = refused;
    const fileSystem = new MemFileSystem();
    const clock = new FakeClock(5000);
    const told: (string | undefined)[] = [];
    const wal = await openWal(fileSystem, {
      clock,
      durability,
      onTrouble: (error) => told.push(error?.code),
    });
    await wal.append(payloadOf("before"));
    fileSystem.failAfter(0, kind);
    const first = wal.append(payloadOf("first"));
    await expect(first).rejects.toThrow(kind === "ENOSPC" ? /^no space left: / : /^a write was refused: /);
    clock.advance(1000);
    await expect(wal.append(payloadOf("second"))).rejects.toThrow("nothing was stored, try again later");
    expect(wal.trouble).toMatchObject({ kind: "refused", since: 5000 });
    fileSystem.heal();
    await wal.append(payloadOf("after"));
    expect(wal.trouble).toBeUndefined();
    expect(told).toEqual(["write-refused", "write-refused", undefined]);
    expect((await replayTexts(fileSystem)).texts).toEqual(["before", "after"]);
  });
});

describe("a log without room", () => {
  it("has all that it acknowledged after a power loss at any step, and no corruption", async () => {
    for (let failAfter = 0; failAfter < 40; failAfter++) {
      const { appended, moments } = await run(withoutRoom, failAfter);
      for (const { step, fileSystem, acknowledged } of moments) {
        const { texts, corruptions } = await replayTexts(fileSystem);
        expect(corruptions, step).toEqual([]);
        expect(isWithin(acknowledged, texts), step).toBe(true);
        expect(isWithin(texts, appended), step).toBe(true);
      }
    }
  });

  it("would show corruption if what was taken back were not synced (this test can fail)", async () => {
    let corruptions = 0;
    for (let failAfter = 0; failAfter < 40; failAfter++) {
      const { moments } = await run(withoutRoom, failAfter, withoutSyncOfTruncation());
      for (const { fileSystem } of moments) corruptions += (await replayTexts(fileSystem)).corruptions.length;
    }
    expect(corruptions).toBeGreaterThan(0);
  });

  it("rejects the appends of one write and tries those of the next", async () => {
    const fileSystem = new MemFileSystem();
    const wal = await openWal(fileSystem);
    await wal.append(payloadOf("zero"));
    fileSystem.failAfter(0, "ENOSPC");
    const together = [wal.append(payloadOf("one")), wal.append(payloadOf("two")), wal.rotate()];
    fileSystem.onOperation = ({ kind }) => {
      if (kind === "truncate") fileSystem.heal();
    };
    const next = wal.append(payloadOf("three"));
    const outcomes = await Promise.allSettled([...together, next]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected", "fulfilled"]);
    expect((await replayTexts(fileSystem)).texts).toEqual(["zero", "three"]);
  });

  it("acknowledges what was written when only the end of the segment finds no room", async () => {
    const fileSystem = new MemFileSystem();
    const wal = await openWal(fileSystem);
    await wal.append(payloadOf("zero"));
    fileSystem.failAfter(2, "ENOSPC");
    const appended = wal.append(payloadOf("one"));
    const rotated = expect(wal.rotate()).rejects.toThrow(WriteRefusedError);
    await Promise.all([appended, rotated]);
    expect(wal.segment).toBe(1);
    fileSystem.heal();
    expect(await wal.rotate()).toBe(1);
    await wal.append(payloadOf("two"));
    const { texts, corruptions } = await replayTexts(fileSystem);
    expect([texts, corruptions]).toEqual([["zero", "one", "two"], []]);
  });

  it("closes without an end, which the next open gives it", async () => {
    const fileSystem = new MemFileSystem();
    const wal = await openWal(fileSystem);
    await wal.append(payloadOf("one"));
    fileSystem.failAfter(0, "ENOSPC");
    await wal.close();
    fileSystem.heal();
    const reopened = await openWal(fileSystem.crash(() => 0));
    expect(reopened.segment).toBe(2);
    const { texts, corruptions, tornBytes } = await replayTexts(fileSystem);
    expect([texts, corruptions, tornBytes]).toEqual([["one"], [], 0]);
  });

  it("is poisoned when the refused write cannot be taken back", async () => {
    const fileSystem = new MemFileSystem();
    const wal = await openWal(fileSystem);
    await wal.append(payloadOf("kept"));
    fileSystem.failAfter(0, "EIO");
    await expect(wal.append(payloadOf("lost"))).rejects.toThrow(PoisonedError);
    expect(wal.trouble?.kind).toBe("poisoned");
  });

  it.each(["EIO-write", "sync", "ENOSPC-sync"] as const)(
    "is poisoned when a durable write fails that may have been on its way to the disk (%s)",
    async (kind) => {
      const fileSystem = new MemFileSystem();
      const wal = await openWal(fileSystem);
      await wal.append(payloadOf("kept"));
      fileSystem.failAfter(0, kind);
      await expect(wal.append(payloadOf("lost"))).rejects.toThrow(PoisonedError);
      fileSystem.heal();
      await expect(wal.append(payloadOf("later"))).rejects.toThrow(PoisonedError);
      await wal.close();
      const reopened = await openWal(fileSystem.crash(() => 0));
      expect(reopened.segment).toBe(2);
      const { texts, corruptions } = await replayTexts(fileSystem.crash(() => 0));
      expect([texts, corruptions]).toEqual([["kept"], []]);
    },
  );

  it("is poisoned when the header of its first segment is in doubt", async () => {
    const fileSystem = new MemFileSystem();
    const wal = await openWal(fileSystem);
    fileSystem.failAfter(1, "EIO-write");
    await expect(wal.append(payloadOf("lost"))).rejects.toThrow(PoisonedError);
    const { texts, corruptions } = await replayTexts(fileSystem.crash(() => 0));
    expect([texts, corruptions]).toEqual([[], []]);
  });

  it("is poisoned when the taking back cannot be synced", async () => {
    const fileSystem = new MemFileSystem();
    const wal = await openWal(fileSystem);
    await wal.append(payloadOf("kept"));
    fileSystem.failAfter(0, "ENOSPC");
    fileSystem.onOperation = ({ kind }) => {
      if (kind === "truncate") fileSystem.failAfter(0, "sync");
    };
    await expect(wal.append(payloadOf("lost"))).rejects.toThrow(PoisonedError);
    fileSystem.heal();
    await expect(wal.append(payloadOf("later"))).rejects.toThrow(PoisonedError);
    const { texts, corruptions } = await replayTexts(fileSystem.crash(() => 0));
    expect([texts, corruptions]).toEqual([["kept"], []]);
  });
});

/** A file system whose files forget the sync that follows a truncation. */
function withoutSyncOfTruncation(): MemFileSystem {
  const fileSystem = new MemFileSystem();
  const create = fileSystem.create.bind(fileSystem);
  fileSystem.create = async (path) => {
    const file = await create(path);
    const { sync, truncate } = file;
    let isTruncated = false;
    return Object.assign(file, {
      truncate: (size: number) => {
        isTruncated = true;
        return truncate(size);
      },
      sync: async () => {
        if (!isTruncated) await sync();
        isTruncated = false;
      },
    });
  };
  return fileSystem;
}
