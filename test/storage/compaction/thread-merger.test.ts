/**
 * Merges on a thread, by the JavaScript in dist: a thread cannot run TypeScript. Threads that misbehave are given as
 * texts.
 */

import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ClosedError, CorruptionError, UnavailableError } from "../../../src/model/errors.js";
import { Labels } from "../../../src/model/labels.js";
import { Matcher } from "../../../src/model/matcher.js";
import { ALL_TIME } from "../../../src/model/sample.js";
import { BlockReader } from "../../../src/storage/block/block-reader.js";
import { writeBlock } from "../../../src/storage/block/block-writer.js";
import { encodeChunks } from "../../../src/storage/chunk/encode-chunks.js";
import { InlineMerger } from "../../../src/storage/compaction/block-merger.js";
import { ThreadMerger, type ThreadMergerParts } from "../../../src/storage/compaction/thread-merger.js";
import { nodeFileSystem } from "../../../src/storage/fs/node-file-system.js";
import { FakeClock } from "../../support/fake-clock.js";

const builtWorker = new URL("../../../dist/storage/compaction/merge-worker.js", import.meta.url);
const ulidOf = (number: number) => `01J0000000000000000000000${number}`;

let directory: string;
let sources: BlockReader[];
let merger: ThreadMerger | undefined;
const told: string[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "narthex-merge-"));
  told.length = 0;
  sources = [await write(1, 0, 300), await write(2, 150, 600)];
});

afterEach(async () => {
  await merger?.close();
  merger = undefined;
  for (const source of sources) await source.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Forty series with a sample each second from `from` to `to`. */
async function write(number: number, from: number, to: number): Promise<BlockReader> {
  const times = Float64Array.from({ length: to - from }, (_, i) => (from + i) * 1000);
  const series = Array.from({ length: 40 }, (_, i) => ({
    labels: Labels.from({ name: `s${i + 10}` }),
    chunks: encodeChunks({ times, values: times.map((time) => time * i + number), length: times.length }),
  }));
  const range = { minTime: from * 1000, maxTime: to * 1000 };
  await writeBlock(nodeFileSystem, directory, { ulid: ulidOf(number), range, series });
  return BlockReader.open(nodeFileSystem, join(directory, ulidOf(number)));
}

function newMerger(parts: Partial<ThreadMergerParts> = {}): ThreadMerger {
  const onNoThreads = (reason: string) => void told.push(reason);
  merger = new ThreadMerger({
    ...{ directory, clock: new FakeClock(), onNoThreads, workerUrl: builtWorker },
    ...parts,
  });
  return merger;
}

/** A thread that says that it has started, and answers a request as told. */
const threadThat = (answers: string) =>
  new URL(
    `data:text/javascript,${encodeURIComponent(
      `import { parentPort } from "node:worker_threads";
       parentPort.on("message", () => { ${answers} });
       parentPort.postMessage({ kind: "ready" });`,
    )}`,
  );

const block = (number: number) => ({ ulid: ulidOf(number), encoding: "adaptive" }) as const;

/** The files of a staged block, but for what its name makes different. */
function stagedFiles(number: number): Record<string, string> {
  const staging = join(directory, readdirSync(directory).find((name) => name.includes(ulidOf(number)))!);
  const files = ["index", "chunks/000001", "tombstones"];
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(staging, name)).toString("hex")]));
}

describe("ThreadMerger", () => {
  it("stages what the main thread would, byte by byte, with what was deleted left out", async () => {
    expect(existsSync(builtWorker), "dist is built (npm run build)").toBe(true);
    await sources[0]!.deleteSamples([new Matcher("name", "=", "s11")], ALL_TIME);
    const here = await new InlineMerger(nodeFileSystem, directory).merge(sources, block(8));
    const there = await newMerger().merge(sources, block(9));
    expect(there).toEqual({ ...here, ulid: ulidOf(9) });
    expect(stagedFiles(9)).toEqual(stagedFiles(8));
    expect(told).toEqual([]);
  });

  it("gives nothing when all is deleted", async () => {
    for (const source of sources) await source.deleteSamples([], ALL_TIME);
    expect(await newMerger().merge(sources, block(9))).toBeUndefined();
    expect(readdirSync(directory)).toEqual([ulidOf(1), ulidOf(2)]);
  });

  it("names the file of a source that cannot be read, and merges others afterwards", async () => {
    const file = join(directory, ulidOf(2), "chunks/000001");
    const whole = readFileSync(file);
    truncateSync(file, 100);
    const failure = await newMerger()
      .merge(sources, block(9))
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CorruptionError);
    expect((failure as CorruptionError).file).toBe(file);
    expect(readdirSync(directory)).toEqual([ulidOf(1), ulidOf(2)]);
    writeFileSync(file, whole);
    expect(await merger!.merge(sources, block(7))).toMatchObject({ stats: { numSeries: 40 } });
  });

  it("fails one merge when its thread exits or runs out of memory, and has another one for the next", async () => {
    for (const [answers, reason] of [
      ["process.exit(3)", "it exited with code 3"],
      ["throw new RangeError('oops')", "oops"],
      ["const all = []; for (;;) all.push(new Array(1e5).fill({}))", "memory"],
    ] as const) {
      const resourceLimits = { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 };
      const failing = newMerger({ workerUrl: threadThat(answers), resourceLimits });
      for (let again = 0; again < 2; again++) {
        const failure = await failing.merge(sources, block(9)).catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(UnavailableError);
        expect((failure as UnavailableError).message).toContain(reason);
      }
      await failing.close();
    }
    expect(told).toEqual([]);
  });

  it("gives up a thread that is not heard of any more", async () => {
    const clock = new FakeClock();
    const once = `if (globalThis.hasAnswered) for (;;);
      globalThis.hasAnswered = true;
      parentPort.postMessage({ kind: "merged" });`;
    newMerger({ clock, workerUrl: threadThat(once) });
    await merger!.merge(sources, block(8));
    const failure = merger!.merge(sources, block(9)).catch((error: unknown) => error);
    clock.advance(300_000);
    expect(await failure).toMatchObject({ message: expect.stringContaining("nothing was heard") });
  });

  it("ends a merge that is under way when it is closed, and takes no other", async () => {
    const failure = newMerger({ workerUrl: threadThat("for (;;);") })
      .merge(sources, block(9))
      .catch((error: unknown) => error);
    await merger!.close();
    expect(await failure).toBeInstanceOf(ClosedError);
    await expect(merger!.merge(sources, block(9))).rejects.toThrow(ClosedError);
  });

  it("ends a thread that has nothing to do, and makes another when there is something again", async () => {
    const clock = new FakeClock();
    newMerger({ clock });
    await merger!.merge(sources, block(8));
    expect(clock.nextDue).toBeDefined();
    clock.advance(10_000);
    expect(clock.nextDue).toBeUndefined();
    expect(await merger!.merge(sources, block(9))).toMatchObject({ ulid: ulidOf(9) });
  });

  it("merges on the main thread, and tells so once, where its file is missing", async () => {
    const workerUrl = new URL("./no-such-file.js", builtWorker);
    newMerger({ workerUrl });
    expect(await merger!.merge(sources, block(8))).toMatchObject({ ulid: ulidOf(8) });
    expect(await merger!.merge(sources, block(9))).toMatchObject({ ulid: ulidOf(9) });
    expect(told).toEqual([expect.stringContaining("no-such-file.js")]);
  });
});
