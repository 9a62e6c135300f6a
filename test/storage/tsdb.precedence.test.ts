/**
 * Of two values at one time the one counts whose block was published first; the head comes last. So an import never
 * changes what blocks say, and nothing that happens after it changes which value is read.
 */

import { describe, expect, it } from "vitest";
import type { TsdbOptions } from "../../src/storage/tsdb/tsdb-options.js";
import { openTsdb, type Tsdb } from "../../src/storage/tsdb.js";
import { commitTo, observe, type SimulatedSample } from "../simulation/ledger.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const blockDurationMs = 10_000;
const begin = 1_000_000;

function open(fileSystem: MemFileSystem, options: Partial<TsdbOptions> = {}): Promise<Tsdb> {
  const clock = new FakeClock(begin + 3 * blockDurationMs);
  const randomBytes = (sizeBytes: number) => new Uint8Array(sizeBytes);
  return openTsdb({ directory: "data", fileSystem, clock, blockDurationMs, randomBytes, ...options });
}

/** The contested sample, and the beginning of a window that lets the one before be cut. */
const rows = (value: number): SimulatedSample[] => [
  { series: "a", time: begin, value },
  { series: "a", time: begin + 2 * blockDurationMs, value: 7 },
];
const contested = `a@${begin}`;

async function valueIn(tsdb: Tsdb): Promise<string | undefined> {
  return (await observe(tsdb)).get(contested);
}

async function importValue(tsdb: Tsdb, value: number): Promise<void> {
  await commitTo(tsdb.bulkAppender(), rows(value).slice(0, 1));
}

/** Lets `late` begin, and lets `early` happen before anything of it is published. */
async function overtaken(
  fileSystem: MemFileSystem,
  late: () => Promise<void>,
  early: () => Promise<void>,
): Promise<void> {
  const create = fileSystem.create.bind(fileSystem);
  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    fileSystem.create = async (path) => {
      resolve();
      await gate;
      return create(path);
    };
  });
  const done = late();
  await reached;
  fileSystem.create = create;
  await early();
  open();
  await done;
}

describe("of two values at one time", () => {
  it("a block's counts before that of an import, though the import was staged before it was cut", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await open(fileSystem);
    await commitTo(tsdb.appender(), rows(1));
    await overtaken(
      fileSystem,
      () => importValue(tsdb, 2),
      () => tsdb.runMaintenance(),
    );
    expect(await valueIn(tsdb)).toBe("1");
    await tsdb.close();
  });

  it("that of the import counts which is there first, in whatever order they began", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await open(fileSystem);
    await overtaken(
      fileSystem,
      () => importValue(tsdb, 1),
      () => importValue(tsdb, 2),
    );
    expect(await valueIn(tsdb)).toBe("2");
    await tsdb.close();
  });

  it.each(["import", "cut"])(
    "the one that is read after an import stays; the %s begins first",
    async (first) => {
      const read = new Set<unknown>();
      for (let step = 1; ; step++) {
        const fileSystem = new MemFileSystem();
        const tsdb = await open(fileSystem);
        await commitTo(tsdb.appender(), rows(1));
        const tasks = [
          () => importValue(tsdb, 2).then(() => valueIn(tsdb)),
          () => tsdb.runMaintenance(),
        ] as const;
        const [begin, follow] = first === "import" ? tasks : tasks.toReversed();
        const at = fileSystem.operations + step;
        let following: Promise<unknown> | undefined;
        fileSystem.onOperation = ({ index }) => {
          if (index === at) following = follow!();
        };
        const values = [await begin!(), await following];
        if (following === undefined) break;
        const value = values.find((each) => typeof each === "string");
        read.add(value);
        expect(await valueIn(tsdb), `after the cut, step ${step}`).toBe(value);
        await tsdb.runMaintenance();
        expect(tsdb.describe().blocks.length, "blocks that overlap are merged").toBe(1);
        expect(await valueIn(tsdb), "after the merge").toBe(value);
        await tsdb.close();
        const reopened = await open(fileSystem);
        expect(await valueIn(reopened), "after a restart").toBe(value);
        await reopened.close();
      }
      expect(read).toContain(first === "import" ? "2" : "1");
    },
  );

  it("an imported directory's counts which counts there: its blocks', the older ones' first, then its head's", async () => {
    const fileSystem = new MemFileSystem();
    const source = await open(fileSystem);
    await commitTo(source.appender(), rows(1));
    await source.runMaintenance();
    await importValue(source, 2);
    await commitTo(source.appender(), [
      { series: "a", time: begin, value: 3 },
      { series: "a", time: begin + 1, value: 4 },
    ]);
    const expected = await observe(source);
    expect(expected.get(contested)).toBe("1");
    await source.close();
    const target = await open(fileSystem, { directory: "target" });
    await target.exchange.importDirectory("data");
    expect(await observe(target)).toEqual(expected);
    await target.close();
  });

  it("the older block's counts when the clock was set back between them", async () => {
    const fileSystem = new MemFileSystem();
    const before = await open(fileSystem);
    await importValue(before, 1);
    await before.close();
    const after = await open(fileSystem, { clock: new FakeClock(begin) });
    await importValue(after, 2);
    expect(await valueIn(after)).toBe("1");
    await after.close();
  });
});
