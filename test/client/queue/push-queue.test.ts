import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PushQueue, type QueueLimits } from "../../../src/client/queue/push-queue.js";
import type { QueueCursor } from "../../../src/client/queue/queue-cursor.js";
import { QueueDirectory } from "../../../src/client/queue/queue-directory.js";
import { referenceCrc32c } from "../../../src/kernels/reference-crc32c.js";
import { decodeSnappy, encodeSnappy } from "../../../src/kernels/snappy.js";
import type { FileSystem } from "../../../src/storage/fs/file-system.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import { seededRandom } from "../../support/seeded-random.js";

const hour = 3_600_000;
const limits: QueueLimits = { sizeMaxBytes: 65_536, memoryMaxBytes: 65_536, ageMaxMs: hour };

interface World {
  readonly queue: PushQueue;
  readonly clock: FakeClock;
  readonly troubles: string[];
  readonly cursors: readonly QueueCursor[];
}

async function open(
  fileSystem: FileSystem | undefined,
  { addresses = ["a"], clock = new FakeClock(1_000_000), more = {} as Partial<QueueLimits> } = {},
): Promise<World> {
  const troubles: string[] = [];
  const onTrouble = (message: string) => troubles.push(message);
  const directory =
    fileSystem === undefined ? undefined : await QueueDirectory.open(fileSystem, "queue", onTrouble);
  const parts = { limits: { ...limits, ...more }, clock, directory, onTrouble, onRecord: () => {} };
  const queue = new PushQueue(addresses, parts);
  return { queue, clock, troubles, cursors: queue.cursors };
}

/** Incompressible, so that sizes are what they look like. */
function payload(text: string, sizeBytes = 0): Uint8Array {
  const random = seededRandom(text.length + sizeBytes);
  const noise = Array.from({ length: sizeBytes }, () => String.fromCharCode(33 + Math.floor(random() * 90)));
  return encodeSnappy(Buffer.from(`${text};${noise.join("")}|`));
}

async function push({ queue, clock }: World, text: string, sizeBytes = 0): Promise<void> {
  await queue.push({ payload: payload(text, sizeBytes), samples: 1, queuedAt: clock.now() });
}

/** The texts of what a cursor takes, request by request. */
async function drain(cursor: QueueCursor, sizeMaxBytes = 1_000_000): Promise<string[]> {
  const texts: string[] = [];
  for (let request = await cursor.take(sizeMaxBytes); request; request = await cursor.take(sizeMaxBytes)) {
    const parts = Buffer.from(decodeSnappy(request.body, 1_000_000)).toString().split("|");
    texts.push(
      parts
        .slice(0, -1)
        .map((part) => part.split(";")[0])
        .join(" "),
    );
    cursor.commit();
  }
  return texts;
}

const wordsOf = (texts: readonly string[]) => texts.flatMap((text) => text.split(" "));

describe("a queue", () => {
  it("gives every address everything, in order, as few requests as fit", async () => {
    const world = await open(new MemFileSystem(), { addresses: ["a", "b"] });
    for (const text of ["1", "2", "3", "4"]) await push(world, text, 96);
    expect(await drain(world.cursors[0]!)).toEqual(["1 2 3 4"]);
    expect(await drain(world.cursors[1]!, 200)).toEqual(["1 2", "3 4"]);
    await push(world, "5", 96);
    expect(await drain(world.cursors[1]!, 1)).toEqual(["5"]);
    expect(world.cursors.map(({ delivered, waiting }) => [delivered, waiting.samples])).toEqual([
      [4, 1],
      [5, 0],
    ]);
  });

  it("takes back what was not delivered", async () => {
    const world = await open(new MemFileSystem());
    await push(world, "1");
    const [cursor] = world.cursors;
    const first = await cursor!.take(1000);
    cursor!.release();
    await push(world, "2");
    expect((await cursor!.take(4))!.body).toEqual(first!.body);
    cursor!.refuse();
    expect(await drain(cursor!)).toEqual(["2"]);
    expect(cursor!.dropped.refused).toBe(1);
  });

  it.each(["disk", "memory"])("on %s drops the oldest when it is full, and counts it", async (kind) => {
    const world = await open(kind === "disk" ? new MemFileSystem() : undefined, { addresses: ["a", "b"] });
    const [a, b] = world.cursors as [QueueCursor, QueueCursor];
    for (let i = 0; i < 40; i++) await push(world, String(i), 1000);
    expect(await drain(a)).toHaveLength(1);
    const inFlight = await b.take(3500);
    expect(inFlight!.samples).toBe(3);
    for (let i = 40; i < 200; i++) {
      await push(world, String(i), 1000);
      expect(world.queue.sizeBytes).toBeLessThanOrEqual(limits.sizeMaxBytes);
    }
    b.commit();
    const kept = wordsOf(await drain(b));
    expect(kept.at(-1)).toBe("199");
    expect(kept.length).toBeGreaterThan(48);
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => String(200 - kept.length + i)));
    expect(b.dropped.overflow).toBe(200 - 3 - kept.length);
    expect(wordsOf(await drain(a))).toEqual(kept);
    expect(a.dropped.overflow).toBe(160 - kept.length);
  });

  it("counts what was in flight as dropped only when it comes back", async () => {
    const world = await open(new MemFileSystem());
    const [cursor] = world.cursors as [QueueCursor];
    for (let i = 0; i < 3; i++) await push(world, String(i), 1000);
    await cursor.take(1_000_000);
    for (let i = 3; i < 100; i++) await push(world, String(i), 1000);
    const before = cursor.dropped.overflow;
    cursor.release();
    expect(cursor.dropped.overflow).toBe(before + 3);
    const kept = wordsOf(await drain(cursor));
    expect(cursor.dropped.overflow + kept.length).toBe(100);
  });

  it("drops a record that is larger than itself", async () => {
    const world = await open(new MemFileSystem());
    await push(world, "1");
    await push(world, "giant", 100_000);
    await push(world, "2");
    expect(await drain(world.cursors[0]!)).toEqual(["2"]);
    expect(world.cursors[0]!.dropped.overflow).toBe(2);
  });

  it("drops what is too old", async () => {
    const world = await open(new MemFileSystem());
    await push(world, "1");
    world.clock.advance(hour);
    await push(world, "2");
    world.clock.advance(1);
    expect(await drain(world.cursors[0]!)).toEqual(["2"]);
    expect(world.cursors[0]!.dropped.expired).toBe(1);
  });

  it("frees the disk of what all addresses have", async () => {
    const fileSystem = new MemFileSystem();
    const world = await open(fileSystem, { addresses: ["a", "b"] });
    for (let i = 0; i < 30; i++) await push(world, String(i), 1000);
    await drain(world.cursors[0]!);
    await world.queue.flush();
    expect((await fileSystem.list("queue")).length).toBeGreaterThan(3);
    await drain(world.cursors[1]!);
    await world.queue.close();
    expect(await fileSystem.list("queue")).toEqual(["positions"]);
    expect(world.troubles).toEqual([]);
  });
});

describe("a queue on disk", () => {
  it("is found again, and each address where it was", async () => {
    const fileSystem = new MemFileSystem();
    const first = await open(fileSystem, { addresses: ["a", "b"] });
    for (const text of ["1", "2", "3"]) await push(first, text);
    await first.cursors[0]!.take(1);
    first.cursors[0]!.commit();
    await first.queue.close();
    const second = await open(fileSystem, { addresses: ["a", "b", "new"] });
    await push(second, "4");
    expect(await drain(second.cursors[0]!)).toEqual(["2 3 4"]);
    expect(await drain(second.cursors[1]!)).toEqual(["1 2 3 4"]);
    expect(await drain(second.cursors[2]!)).toEqual(["1 2 3 4"]);
  });

  it("has all that was flushed after a power loss, and nothing twice", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 60 }), async (seed, flushed) => {
        const fileSystem = new MemFileSystem();
        const world = await open(fileSystem);
        for (let i = 0; i < flushed; i++) await push(world, String(i), 1000);
        expect(await world.queue.flush()).toBe(true);
        const first = Number(wordsOf([await peek(world.cursors[0]!)])[0]);
        for (let i = flushed; i < flushed + 3; i++) await push(world, String(i), 100);
        const after = await open(await afterCrash(fileSystem, seededRandom(seed)));
        const found = wordsOf(await drain(after.cursors[0]!)).map(Number);
        expect(found).toEqual([...found].sort((a, b) => a - b));
        expect(new Set(found).size).toBe(found.length);
        for (let i = first; i < flushed; i++) expect(found).toContain(i);
      }),
      { numRuns: 60 },
    );
  });

  it("loses no more than the record that was hit when a byte is flipped, nor more than the tail when it is cut", async () => {
    const fileSystem = new MemFileSystem();
    const world = await open(fileSystem);
    const texts = ["1", "2", "3", "4", "5"];
    for (const text of texts) await push(world, text, 20);
    await world.queue.flush();
    const name = (await fileSystem.list("queue")).find((one) => one.endsWith(".queue"))!;
    const bytes = await fileSystem.readFile(`queue/${name}`);
    for (let at = 0; at < bytes.length; at++) {
      for (const mask of [1, 0x80, 0xff]) {
        const flipped = bytes.slice();
        flipped[at]! ^= mask;
        const found = await recovered(name, flipped);
        expect(found.length).toBeGreaterThanOrEqual(4);
        expect(texts.filter((text) => found.includes(text))).toEqual(found);
      }
      const cut = await recovered(name, bytes.slice(0, at));
      expect(cut).toEqual(texts.slice(0, cut.length));
      expect(cut.length).toBeGreaterThanOrEqual(
        Math.floor(((at - 16) * texts.length) / (bytes.length - 16)) - 1,
      );
    }
  });

  it("begins with the oldest when it does not know where an address was", async () => {
    const fileSystem = new MemFileSystem();
    const world = await open(fileSystem);
    for (const text of ["1", "2"]) await push(world, text);
    await world.cursors[0]!.take(1);
    world.cursors[0]!.commit();
    await world.queue.close();
    const bytes = await fileSystem.readFile("queue/positions");
    for (let at = 0; at < bytes.length; at++) {
      const flipped = bytes.slice();
      flipped[at]! ^= 1;
      const files = { positions: flipped };
      const name = (await fileSystem.list("queue")).find((one) => one.endsWith(".queue"))!;
      const damaged = await directoryOf({ ...files, [name]: await fileSystem.readFile(`queue/${name}`) });
      const again = await open(damaged);
      expect(["1 2", "2"]).toContain((await drain(again.cursors[0]!))[0]);
    }
  });

  it("is left alone when a newer version wrote it", async () => {
    const fileSystem = new MemFileSystem();
    const world = await open(fileSystem);
    await push(world, "1");
    await world.queue.close();
    const name = (await fileSystem.list("queue")).find((one) => one.endsWith(".queue"))!;
    const newer = Buffer.from(await fileSystem.readFile(`queue/${name}`));
    newer[4] = 2;

    newer.writeUInt32BE(referenceCrc32c(newer.subarray(0, 12)), 12);
    await expect(open(await directoryOf({ [name]: newer }))).rejects.toThrow("version 2");
  });

  it("goes on in memory while the disk is full, and moves to the disk when there is room", async () => {
    const fileSystem = new MemFileSystem();
    const world = await open(fileSystem);
    const { queue, clock, troubles } = world;
    await push(world, "1");
    fileSystem.failAfter(0, "ENOSPC");
    await push(world, "2");
    await push(world, "3");
    expect(await queue.flush()).toBe(false);
    expect(queue.isOnDisk).toBe(false);
    clock.advance(30_000);
    await push(world, "4");
    expect(queue.isOnDisk).toBe(false);
    fileSystem.heal();
    await push(world, "5");
    clock.advance(30_000);
    await push(world, "6");
    expect(await queue.flush()).toBe(true);
    const after = await open(await afterCrash(fileSystem, () => 0));
    expect(wordsOf(await drain(after.cursors[0]!))).toEqual(["1", "2", "3", "4", "5", "6"]);
    expect(wordsOf(await drain(world.cursors[0]!))).toEqual(["1", "2", "3", "4", "5", "6"]);
    expect(troubles).toEqual([
      expect.stringMatching(/^the queue is kept in memory for now: cannot write .*: no space is left/),
      "the disk takes the queue again",
    ]);
  });

  it("keeps to its bound of memory while the disk refuses", async () => {
    const fileSystem = new MemFileSystem();
    const world = await open(fileSystem, { more: { sizeMaxBytes: 1_000_000 } });
    await push(world, "first");
    fileSystem.failAfter(0, "ENOSPC");
    for (let i = 0; i < 200; i++) await push(world, String(i), 1000);
    fileSystem.heal();
    const kept = wordsOf(await drain(world.cursors[0]!));
    expect(kept[0]).toBe("first");
    expect(kept.at(-1)).toBe("199");
    expect(kept.length + world.cursors[0]!.dropped.overflow).toBe(201);
    expect(kept.length).toBeGreaterThan(48);
    expect(kept.length).toBeLessThan(66);
  });
});

/** After a power loss; the process that had the lock is gone. */
async function afterCrash(fileSystem: MemFileSystem, random: () => number): Promise<MemFileSystem> {
  const found = fileSystem.crash(random);
  await found.remove("queue/lock");
  return found;
}

async function peek(cursor: QueueCursor): Promise<string> {
  const request = await cursor.take(1);
  cursor.release();
  return Buffer.from(decodeSnappy(request!.body, 1_000_000)).toString().split(";")[0]!;
}

async function directoryOf(files: Readonly<Record<string, Uint8Array>>): Promise<MemFileSystem> {
  const fileSystem = new MemFileSystem();
  await fileSystem.makeDirectory("queue");
  for (const [name, bytes] of Object.entries(files))
    await (await fileSystem.create(`queue/${name}`)).write(bytes);
  return fileSystem;
}

async function recovered(name: string, bytes: Uint8Array): Promise<string[]> {
  const world = await open(await directoryOf({ [name]: bytes }));
  const found = wordsOf(await drain(world.cursors[0]!));
  await push(world, "later");
  expect(await drain(world.cursors[0]!)).toEqual(["later"]);
  return found;
}
