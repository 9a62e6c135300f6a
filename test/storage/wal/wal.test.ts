import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../../src/model/clock.js";
import {
  ClosedError,
  LimitExceededError,
  PoisonedError,
  UnavailableError,
} from "../../../src/model/errors.js";
import { nodeFileSystem } from "../../../src/storage/fs/node-file-system.js";
import { replayWal } from "../../../src/storage/wal/replay-wal.js";
import { Wal, type WalOptions } from "../../../src/storage/wal/wal.js";
import { PAYLOAD_SIZE_MAX_BYTES } from "../../../src/storage/wal/wal-format.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import { DIRECTORY, openWal, payloadOf, replayTexts, settle } from "./wal-fixture.js";

const loseAll = () => 0;

/** Counts operations of a kind from now on. */
function counting(fileSystem: MemFileSystem): Map<string, number> {
  const counts = new Map<string, number>();
  fileSystem.onOperation = ({ kind }) => counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

const texts = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

describe("Wal.append", () => {
  it("writes what is appended together in one write and one sync", async () => {
    const fileSystem = new MemFileSystem();
    const wal = await openWal(fileSystem);
    await wal.append(payloadOf("first"));
    const counts = counting(fileSystem);
    const order: number[] = [];
    const appends = texts("r", 500).map((text, i) => wal.append(payloadOf(text)).then(() => order.push(i)));
    await Promise.all(appends);
    expect(Object.fromEntries(counts)).toEqual({ write: 1, sync: 1 });
    expect(order).toEqual(order.map((_, i) => i));
    expect((await replayTexts(fileSystem.crash(loseAll))).texts).toEqual(["first", ...texts("r", 500)]);
  });

  it("gathers what arrives during a sync into the next write", async () => {
    const fileSystem = new MemFileSystem();
    const wal = await openWal(fileSystem);
    await wal.append(payloadOf("first"));
    const counts = new Map<string, number>();
    const late: Promise<void>[] = [];
    fileSystem.onOperation = ({ kind }) => {
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      if (kind === "sync" && late.length === 0)
        for (const text of texts("late", 100)) late.push(wal.append(payloadOf(text)));
    };
    await wal.append(payloadOf("second"));
    await Promise.all(late);
    expect(Object.fromEntries(counts)).toEqual({ write: 2, sync: 2 });
  });

  it("copies the payload before it returns", async () => {
    const fileSystem = new MemFileSystem();
    const wal = await openWal(fileSystem);
    const payload = payloadOf("kept");
    const appended = wal.append(payload);
    payload.fill(0);
    await appended;
    expect((await replayTexts(fileSystem)).texts).toEqual(["kept"]);
  });

  it("refuses a payload that no reader would believe, and more than may wait", async () => {
    const fileSystem = new MemFileSystem();
    const wal = await openWal(fileSystem, { queuedSizeMaxBytes: 1000 });
    const tooLarge = { length: PAYLOAD_SIZE_MAX_BYTES + 1 } as Uint8Array;
    await expect(wal.append(tooLarge)).rejects.toThrow(LimitExceededError);
    const first = wal.append(new Uint8Array(900));
    await expect(wal.append(new Uint8Array(101))).rejects.toThrow(UnavailableError);
    await first;
    await wal.append(new Uint8Array(5000));
    expect((await replayTexts(fileSystem)).records).toBe(2);
  });

  it("takes an empty payload and one larger than a batch and a segment", async () => {
    const fileSystem = new MemFileSystem();
    const wal = await openWal(fileSystem, { segmentSizeBytes: 1000 });
    const large = new Uint8Array(20 * 1024 * 1024).map((_, i) => i * 7);
    await Promise.all([wal.append(new Uint8Array(0)), wal.append(large), wal.append(payloadOf("behind"))]);
    const seen: Uint8Array[] = [];
    await replayWal(fileSystem, DIRECTORY, (payload) => seen.push(payload.slice()));
    expect(seen.map((payload) => payload.length)).toEqual([0, large.length, 6]);
    expect(Buffer.compare(seen[1]!, large)).toBe(0);
  });
});

describe("Wal durability", () => {
  it("interval: acknowledges after the write and syncs when the interval has passed", async () => {
    const fileSystem = new MemFileSystem();
    const clock = new FakeClock();
    const wal = await openWal(fileSystem, { durability: "interval", clock });
    await wal.append(payloadOf("opens the segment"));
    clock.advance(100);
    await settle();
    const counts = counting(fileSystem);
    for (const text of texts("r", 10)) await wal.append(payloadOf(text));
    expect(Object.fromEntries(counts)).toEqual({ write: 10 });
    expect((await replayTexts(fileSystem.crash(loseAll))).records).toBe(1);
    expect((await replayTexts(fileSystem.kill())).records).toBe(11);
    clock.advance(99);
    await settle();
    expect(counts.get("sync")).toBeUndefined();
    clock.advance(1);
    await settle();
    expect(counts.get("sync")).toBe(1);
    expect((await replayTexts(fileSystem.crash(loseAll))).records).toBe(11);
    expect(clock.nextDue).toBeUndefined();
  });

  it("interval: a sync that fails later poisons", async () => {
    const fileSystem = new MemFileSystem();
    const clock = new FakeClock();
    const failures: unknown[] = [];
    const onTrouble: WalOptions["onTrouble"] = (error) => failures.push(error);
    const wal = await openWal(fileSystem, { durability: "interval", clock, onTrouble });
    await wal.append(payloadOf("acknowledged"));
    fileSystem.failAfter(0, "sync");
    clock.advance(100);
    await settle();
    expect(failures.length).toBe(1);
    expect(wal.poisoned).toBe(true);
    await expect(wal.append(payloadOf("no"))).rejects.toThrow(PoisonedError);
  });

  it("none: never syncs a record by itself, survives a kill", async () => {
    const fileSystem = new MemFileSystem();
    const clock = new FakeClock();
    const wal = await openWal(fileSystem, { durability: "none", clock });
    await wal.append(payloadOf("first"));
    const counts = counting(fileSystem);
    await wal.append(payloadOf("second"));
    expect(Object.fromEntries(counts)).toEqual({ write: 1 });
    expect(clock.nextDue).toBeUndefined();
    expect((await replayTexts(fileSystem.kill())).texts).toEqual(["first", "second"]);
    expect((await replayTexts(fileSystem.crash(loseAll))).texts).toEqual([]);
    await wal.close();
    expect((await replayTexts(fileSystem.crash(loseAll))).texts).toEqual(["first", "second"]);
  });
});

describe("Wal segments", () => {
  it("rotate ends the segment behind what was appended; later appends go to the next", async () => {
    const fileSystem = new MemFileSystem();
    const wal = await openWal(fileSystem, { durability: "none" });
    expect(await wal.rotate()).toBe(0);
    expect(await fileSystem.list(DIRECTORY)).toEqual([]);
    const before = wal.append(payloadOf("before"));
    const rotated = wal.rotate();
    const after = wal.append(payloadOf("after"));
    await Promise.all([before, after]);
    expect(await rotated).toBe(1);
    expect(wal.segment).toBe(2);
    expect((await replayTexts(fileSystem.crash(loseAll))).texts).toEqual(["before"]);
    await wal.truncate(1);
    expect((await replayTexts(fileSystem)).texts).toEqual(["after"]);
    expect(await fileSystem.list(DIRECTORY)).toEqual(["00000002"]);
    const file = await fileSystem.openForRead(`${DIRECTORY}/00000002`);
    expect(wal.sizeBytes).toBe(file.size);
    await expect(wal.truncate(2)).rejects.toThrow("only ended segments are removed");
  });

  it("rotate ends an empty segment when its number must be beyond another one and is not yet", async () => {
    const fileSystem = new MemFileSystem();
    const wal = await openWal(fileSystem);
    expect(await wal.rotate(0)).toBe(1);
    expect(await wal.rotate(0)).toBe(1);
    expect(await Promise.all([wal.rotate(), wal.rotate(1)])).toEqual([1, 2]);
    await Promise.all([wal.append(payloadOf("after")), wal.rotate(2)]);
    await wal.close();
    const { texts: read, segments, corruptions } = await replayTexts(fileSystem.crash(loseAll));
    expect({ read, segments, corruptions }).toEqual({ read: ["after"], segments: 3, corruptions: [] });
  });

  it("begins a new segment before one would grow too large", async () => {
    const fileSystem = new MemFileSystem();
    const wal = await openWal(fileSystem, { segmentSizeBytes: 400 });
    for (const text of texts("record ", 40)) await wal.append(payloadOf(text));
    const { segments, texts: read, bytes } = await replayTexts(fileSystem.crash(loseAll));
    expect(read).toEqual(texts("record ", 40));
    expect(segments).toBeGreaterThan(2);
    expect(wal.sizeBytes).toBe(bytes);
    for (let segment = 1; segment <= segments; segment++) {
      const { size } = await fileSystem.openForRead(`${DIRECTORY}/0000000${segment}`);
      expect(size).toBeLessThanOrEqual(400 + 13);
    }
  });

  it("goes on behind the existing segments, and creates none without an append", async () => {
    const fileSystem = new MemFileSystem();
    for (let round = 1; round <= 3; round++) {
      await (await openWal(fileSystem)).close();
      const wal = await openWal(fileSystem);
      expect(wal.segment).toBe(round);
      await wal.append(payloadOf(`round ${round}`));
      await wal.close();
    }
    expect(await fileSystem.list(DIRECTORY)).toEqual(["00000001", "00000002", "00000003"]);
    const { texts: read, corruptions, lastSegment } = await replayTexts(fileSystem);
    expect(read).toEqual(["round 1", "round 2", "round 3"]);
    expect(corruptions).toEqual([]);
    expect(lastSegment).toBe(3);
  });
});

it("Wal.open begins at the given segment at least", async () => {
  const fileSystem = new MemFileSystem();
  const wal = await openWal(fileSystem, {}, 7);
  expect(wal.segment).toBe(7);
  await wal.append(payloadOf("seventh"));
  await wal.close();
  expect((await openWal(fileSystem, {}, 3)).segment).toBe(8);
  expect(await replayTexts(fileSystem)).toMatchObject({
    texts: ["seventh"],
    corruptions: [],
    lastSegment: 7,
  });
});

describe("Wal failures", () => {
  it.each(["sync", "EIO"] as const)(
    "%s poisons: this append, those waiting, and every later one",
    async (kind) => {
      const fileSystem = new MemFileSystem();
      const failures: unknown[] = [];
      const wal = await openWal(fileSystem, { onTrouble: (error) => failures.push(error) });
      await wal.append(payloadOf("acknowledged"));
      fileSystem.failAfter(0, kind);
      const failing = [wal.append(payloadOf("failed")), wal.rotate(), wal.append(payloadOf("waiting"))];
      await Promise.all(failing.map((promise) => expect(promise).rejects.toThrow(PoisonedError)));
      fileSystem.heal();
      await expect(wal.append(payloadOf("later"))).rejects.toThrow(PoisonedError);
      await expect(wal.rotate()).rejects.toThrow(PoisonedError);
      expect(failures.length).toBe(1);
      expect(wal.poisoned).toBe(true);
      await wal.close();

      const reopened = await openWal(fileSystem.crash(loseAll));
      expect(reopened.poisoned).toBe(false);
      const { texts: read, corruptions } = await replayTexts(fileSystem.crash(loseAll));
      expect(read).toEqual(["acknowledged"]);
      expect(corruptions).toEqual([]);
    },
  );

  it("close writes what was appended, and is the end", async () => {
    const fileSystem = new MemFileSystem();
    const wal = await openWal(fileSystem, { durability: "interval" });
    const appended = wal.append(payloadOf("last"));
    const closed = wal.close();
    await expect(wal.append(payloadOf("late"))).rejects.toThrow(ClosedError);
    await expect(wal.rotate()).rejects.toThrow(ClosedError);
    await Promise.all([appended, closed, wal.close()]);
    expect((await replayTexts(fileSystem.crash(loseAll))).texts).toEqual(["last"]);
  });
});

it("Wal works on the real file system", async () => {
  const directory = await mkdtemp(`${tmpdir()}/narthex-wal-`);
  const options = {
    fileSystem: nodeFileSystem,
    directory,
    durability: "commit",
    durabilityIntervalMs: 100,
  } as const;
  for (let round = 0; round < 2; round++) {
    const wal = await Wal.open({ ...options, clock: systemClock }, 1);
    await Promise.all(texts("r", 100).map((text) => wal.append(payloadOf(text))));
    await wal.rotate();
    await wal.append(payloadOf("x"));
    await wal.close();
  }
  const summary = await replayWal(nodeFileSystem, directory, () => {});
  expect(summary).toMatchObject({ segments: 4, records: 202, corruptions: [], lastSegment: 4, tornBytes: 0 });
  await rm(directory, { recursive: true });
});
