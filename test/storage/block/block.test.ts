import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CorruptionError, TsdbError } from "../../../src/model/errors.js";
import { Labels } from "../../../src/model/labels.js";
import { Matcher } from "../../../src/model/matcher.js";
import type { SelectHints } from "../../../src/model/queryable.js";
import { ALL_TIME, type SampleColumns, type TimeRange } from "../../../src/model/sample.js";
import type { Series } from "../../../src/model/series.js";
import { markStaleAt } from "../../../src/model/staleness.js";
import { BlockReader } from "../../../src/storage/block/block-reader.js";
import { type BlockSeries, writeBlock } from "../../../src/storage/block/block-writer.js";
import { encodeTombstones } from "../../../src/storage/block/tombstones.js";
import { decodeChunk, encodeChunks } from "../../../src/storage/chunk/encode-chunks.js";
import { tombstonesPath } from "../../../src/storage/fs/data-directory.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const ulid = "01J00000000000000000000000";
const path = `db/${ulid}`;
const hour = 3_600_000;

function columns(times: readonly number[], value: (i: number) => number = (i) => i): SampleColumns {
  return {
    times: Float64Array.from(times),
    values: Float64Array.from(times, (_, i) => value(i)),
    length: times.length,
  };
}

const series = (labels: Record<string, string>, samples: SampleColumns): BlockSeries => ({
  labels: Labels.from(labels),
  chunks: encodeChunks(samples),
});

async function written(content: readonly BlockSeries[], range: TimeRange = ALL_TIME): Promise<MemFileSystem> {
  const fileSystem = new MemFileSystem();
  await fileSystem.makeDirectory("db");
  await fileSystem.syncDirectory("/");
  await writeBlock(fileSystem, "db", { ulid, range, series: content });
  return fileSystem;
}

/** Numbers in [0, 1) that depend on the seed only (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Bits of values as text, so that staleness markers and -0 are compared, too. */
const bitsOf = (values: Float64Array) =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("hex");

function samplesOf({ chunks }: { readonly chunks: Series["chunks"] }) {
  const decoded = chunks.map(decodeChunk);
  return {
    times: decoded.flatMap((each) => [...each.times]),
    bits: decoded.map((each) => bitsOf(each.values)).join(""),
  };
}

async function selected(block: BlockReader, matchers: readonly Matcher[] = [], hints?: SelectHints) {
  const querier = block.querier(ALL_TIME);
  const found = await querier.select(matchers, hints);
  querier.close();
  return found;
}

const everyMinute = Array.from({ length: 300 }, (_, i) => -2 * hour + i * 60_000);
const small: readonly BlockSeries[] = [
  series({ __name__: "a", job: "x" }, columns(everyMinute)),
  series({ __name__: "a", job: "é" }, columns([0])),
  series(
    { __name__: "b" },
    columns([-5, 7, 9], (i) => -i),
  ),
];

describe("a block", () => {
  it("gives back what was written", async () => {
    const label = fc.string({ minLength: 1, maxLength: 5, unit: "grapheme" });
    const identity = fc.dictionary(label, label, { minKeys: 1, maxKeys: 4 }).map((each) => Labels.from(each));
    const times = fc.uniqueArray(
      fc.maxSafeInteger().map((time) => time % 2 ** 45),
      { minLength: 1, maxLength: 300 },
    );
    const samples = fc
      .tuple(times, fc.array(fc.double(), { minLength: 1 }), fc.nat())
      .map(([unsorted, values, stale]) => {
        const made = columns(
          unsorted.toSorted((a, b) => a - b),
          (i) => values[i % values.length]!,
        );
        markStaleAt(made.values, stale % made.length);
        return made;
      });
    const content = fc.uniqueArray(fc.tuple(identity, samples), {
      selector: ([each]) => each.key(),
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(content, async (unsorted) => {
        const sorted = unsorted.toSorted(([a], [b]) => a.compare(b));
        const stored = sorted.map(([labels, each]) => ({ labels, chunks: encodeChunks(each) }));
        const block = await BlockReader.open(await written(stored), path);
        await block.verify();
        const found = await selected(block);
        expect(found.map(({ labels }) => labels.toObject())).toEqual(
          sorted.map(([labels]) => labels.toObject()),
        );
        expect(found.map(samplesOf)).toEqual(stored.map(samplesOf));
        expect(block.meta.stats).toEqual({
          numSeries: sorted.length,
          numChunks: stored.reduce((sum, { chunks }) => sum + chunks.length, 0),
          numSamples: sorted.reduce((sum, [, { length }]) => sum + length, 0),
        });
      }),
      { numRuns: 50 },
    );
  });

  it("selects by matchers, and tells names and values of what matches", async () => {
    const block = await BlockReader.open(await written(small), path);
    const a = [new Matcher("__name__", "=", "a")];
    expect((await selected(block, a)).map(({ labels }) => labels.get("job"))).toEqual(["x", "é"]);
    const querier = block.querier(ALL_TIME);
    expect(await querier.labelNames()).toEqual(["__name__", "job"]);
    expect(await querier.labelNames([new Matcher("__name__", "=", "b")])).toEqual(["__name__"]);
    expect(await querier.labelValues("job")).toEqual(["x", "é"]);
    expect(await querier.labelValues("job", [new Matcher("job", "=~", ".")])).toEqual(["x", "é"]);
    expect(await querier.labelValues("job", [new Matcher("__name__", "=", "b")])).toEqual([]);
    querier.close();
    await expect(querier.select(a)).rejects.toThrow("closed");
  });

  it("loads only chunks of the range, and none for labels only", async () => {
    const block = await BlockReader.open(await written(small), path);
    const range = { minTime: -2 * hour, maxTime: -2 * hour + 60_000 };
    const found = await selected(block, [], { range });
    expect(found.map(({ labels, chunks }) => [labels.get("job"), chunks.length])).toEqual([["x", 1]]);
    const labelsOnly = await selected(block, [], { range, labelsOnly: true });
    expect(labelsOnly.map(({ labels, chunks }) => [labels.get("job"), chunks.length])).toEqual([["x", 0]]);
    expect(await block.querier({ minTime: 2, maxTime: 1 }).select([])).toEqual([]);
  });

  it("reserves bytes before it reads, and reads neighbours at once", async () => {
    const fileSystem = await written(small);
    const block = await BlockReader.open(fileSystem, path);
    let reads = 0;
    fileSystem.onOperation = ({ kind }) => {
      if (kind === "read") reads++;
    };
    let reserved = 0;
    await selected(block, [], {
      reserveBytes: (bytes) => {
        reserved += bytes;
      },
    });
    expect(reads).toBe(1);
    expect(reserved).toBe(block.chunks.sizeBytes - 8);
    const refuse = () => {
      throw new CorruptionError("no more");
    };
    await expect(selected(block, [], { reserveBytes: refuse })).rejects.toThrow("no more");
    await expect(selected(block, [], { signal: AbortSignal.abort() })).rejects.toThrow("canceled");
    expect(reads).toBe(1);
  });

  it("reads chunks that are longer than usual", async () => {
    const long = columns(
      Array.from({ length: 60_000 }, (_, i) => i * 7),
      (i) => Math.sin(i),
    );
    const content = [{ labels: Labels.from({ a: "b" }), chunks: encodeChunks(long, 20_000) }];
    const block = await BlockReader.open(await written(content), path);
    const [found] = await selected(block);
    expect(samplesOf(found!)).toEqual(samplesOf(content[0]!));
  });

  it("applies tombstones", async () => {
    const fileSystem = await written(small);
    const before = await BlockReader.open(fileSystem, path);
    const [x, e, b] = before.index.all();
    await fileSystem.remove(tombstonesPath(path));
    const file = await fileSystem.create(tombstonesPath(path));
    const middle = { minTime: everyMinute[10]!, maxTime: everyMinute[289]! };
    const deleted = new Map([
      [x!, [middle]],
      [e!, [{ minTime: -10, maxTime: 10 }]],
      [b!, [{ minTime: 7, maxTime: 8 }]],
    ]);
    await file.write(encodeTombstones(deleted));
    const block = await BlockReader.open(fileSystem, path);
    const found = await selected(block);
    expect(found.map(({ labels }) => labels.toString())).toEqual(['a{job="x"}', "b"]);
    expect(samplesOf(found[0]!).times).toEqual([...everyMinute.slice(0, 10), ...everyMinute.slice(290)]);
    expect(samplesOf(found[1]!).times).toEqual([-5, 9]);
  });

  it("is invisible until it is whole, whatever a crash leaves", async () => {
    const whole = await written(small);
    for (let step = 0; step < whole.operations; step++) {
      const fileSystem = new MemFileSystem();
      await fileSystem.makeDirectory("db");
      await fileSystem.syncDirectory("/");
      const crashes: MemFileSystem[] = [];
      let operations = 0;
      fileSystem.onOperation = () => {
        if (operations++ !== step) return;
        for (let seed = 0; seed < 40; seed++) crashes.push(fileSystem.crash(randomFrom(step * 40 + seed)));
      };
      await writeBlock(fileSystem, "db", { ulid, range: ALL_TIME, series: small });
      for (const crashed of crashes) {
        if (!(await crashed.list("db")).includes(`${ulid}/`)) continue;
        const block = await BlockReader.open(crashed, path);
        await block.verify();
        expect((await selected(block)).map(samplesOf)).toEqual(small.map(samplesOf));
      }
    }
  });

  it("is there after any crash once it was written", async () => {
    const fileSystem = await written(small);
    for (let seed = 0; seed < 20; seed++) {
      const block = await BlockReader.open(fileSystem.crash(randomFrom(seed)), path);
      expect((await selected(block)).length).toBe(3);
    }
  });

  it("leaves nothing behind when the disk is full", async () => {
    const fileSystem = new MemFileSystem();
    await fileSystem.makeDirectory("db");
    fileSystem.failAfter(4, "ENOSPC");
    await expect(writeBlock(fileSystem, "db", { ulid, range: ALL_TIME, series: small })).rejects.toThrow(
      "space",
    );
    expect(await fileSystem.list("db")).toEqual([]);
  });
});

describe("a broken block", () => {
  async function readAll(fileSystem: MemFileSystem): Promise<unknown> {
    const block = await BlockReader.open(fileSystem, path);
    const found = await selected(block);
    await block.verify();
    return found.map((each) => [each.labels.toObject(), samplesOf(each)]);
  }

  it.each(["index", "chunks/000001", "tombstones"])("is noticed at whichever byte of %s", async (name) => {
    const intact = await readAll(await written(small));
    const fileSystem = await written(small);
    const bytes = await fileSystem.readFile(`${path}/${name}`);
    for (let at = 0; at < bytes.length; at++) {
      for (const flip of [1, 0x80, 0xff]) {
        const broken = bytes.slice();
        broken[at]! ^= flip;
        await fileSystem.remove(`${path}/${name}`);
        await (await fileSystem.create(`${path}/${name}`)).write(broken);
        const outcome = await readAll(fileSystem).catch((error: unknown) => error);
        if (!(outcome instanceof CorruptionError)) expect(outcome, `byte ${at}`).toEqual(intact);
        else expect(outcome.file, `byte ${at}: ${outcome.message}`).toContain(name);
      }
    }
  });

  it("is noticed wherever a file is cut short", async () => {
    for (const name of ["index", "chunks/000001", "tombstones", "meta.json"]) {
      const fileSystem = await written(small);
      const bytes = await fileSystem.readFile(`${path}/${name}`);
      for (let length = 0; length < bytes.length; length += 3) {
        await fileSystem.remove(`${path}/${name}`);
        await (await fileSystem.create(`${path}/${name}`)).write(bytes.subarray(0, length));
        await expect(readAll(fileSystem), `${name} of ${length} bytes`).rejects.toThrow(CorruptionError);
      }
    }
  });

  it("never crashes on arbitrary bytes", async () => {
    const name = fc.constantFrom("index", "chunks/000001", "tombstones", "meta.json");
    await fc.assert(
      fc.asyncProperty(name, fc.uint8Array({ maxLength: 200 }), async (file, bytes) => {
        const fileSystem = await written(small);
        await fileSystem.remove(`${path}/${file}`);
        await (await fileSystem.create(`${path}/${file}`)).write(bytes);
        await expect(readAll(fileSystem)).rejects.toThrow(TsdbError);
      }),
      { numRuns: 50 },
    );
  });

  it("is told from one with a missing file", async () => {
    const fileSystem = await written(small);
    await fileSystem.remove(`${path}/index`);
    await expect(BlockReader.open(fileSystem, path)).rejects.toThrow(/a file of the block is missing.*index/);
  });
});
