import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { IngestLimits } from "../../../src/ingest/limits.js";
import type { PushRequest, PushResult } from "../../../src/ingest/push/push.js";
import { WriteRequestReader } from "../../../src/ingest/remote-write/write-request-reader.js";
import { idleMs } from "../../../src/ingest/source/series-catalog.js";
import { Sources } from "../../../src/ingest/source/sources.js";
import type { Appendable } from "../../../src/model/appendable.js";
import { Labels } from "../../../src/model/labels.js";
import { Matcher } from "../../../src/model/matcher.js";
import { ALL_TIME } from "../../../src/model/sample.js";
import { decodeChunk } from "../../../src/storage/chunk/encode-chunks.js";
import { openTsdb, type Tsdb } from "../../../src/storage/tsdb.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import {
  bytesField,
  label,
  request2,
  type SeriesFields,
  sample,
  timeSeries,
  writeRequest,
} from "../../support/remote-write-bodies.js";

const start = Date.UTC(2026, 4, 1);
const hour = 3_600_000;
const sender = { address: "127.0.0.1" };

/** A database with its sources, and a reader of remote write. */
class World {
  readonly clock = new FakeClock(start);
  readonly tsdb: Tsdb;
  readonly sources: Sources;
  readonly #reader = new WriteRequestReader();

  private constructor(tsdb: Tsdb, clock: FakeClock, hasIndex: boolean, limits: Partial<IngestLimits>) {
    this.tsdb = tsdb;
    this.clock = clock;
    const appendable: Appendable = hasIndex ? tsdb : { appender: (listener) => tsdb.appender(listener) };
    this.sources = new Sources({ appendable, clock, limits });
  }

  static async open(hasIndex = true, limits: Partial<IngestLimits> = {}): Promise<World> {
    const clock = new FakeClock(start);
    const tsdb = await openTsdb({ directory: "data", clock, fileSystem: new MemFileSystem() });
    return new World(tsdb, clock, hasIndex, limits);
  }

  push(body: Uint8Array, version: 1 | 2 = 1, more: Partial<PushRequest> = {}): Promise<PushResult> {
    const protocol = version === 1 ? "remote-write" : "remote-write-2";
    return this.#reader.push([body], version, this.sources.admit({ protocol, sender, ...more }));
  }

  /** As `labels value@time`, with the time from the start. */
  async stored(): Promise<readonly string[]> {
    const lines: string[] = [];
    const selected = this.tsdb.querier(ALL_TIME).select([new Matcher("__name__", "!=", "")]);
    for (const { labels, chunks } of await selected) {
      for (const chunk of chunks) {
        const { times, values, length } = decodeChunk(chunk);
        for (let i = 0; i < length; i++) lines.push(`${labels} ${values[i]}@${times[i]! - start}`);
      }
    }
    return lines.sort();
  }

  known(job: string): number {
    const sources = this.sources.list().filter((source) => source.job === job);
    return sources.reduce((sum, { series }) => sum + series, 0);
  }

  async close(): Promise<void> {
    await this.sources.close();
    await this.tsdb.close();
  }
}

const seriesOf = (labels: Record<string, string>, value: number, time = start): SeriesFields => ({
  labels: Object.entries({ __name__: "m", job: "a", ...labels }).sort(),
  samples: [{ time, value }],
});
const body = (...series: readonly SeriesFields[]) => writeRequest(...series.map(timeSeries));

let world: World;
afterEach(() => world.close());

describe("new series that need no decision", () => {
  it("are stored, known by their bytes, and the same by both versions", async () => {
    world = await World.open();
    const all = Array.from({ length: 500 }, (_, i) =>
      seriesOf({ instance: `i${Math.floor(i / 50)}`, n: String(i) }, i),
    );
    expect(await world.push(body(...all, ...all.slice(0, 3)))).toMatchObject({ appended: 503 });
    const later = all.map((series, i) => ({ ...series, samples: [{ time: start + 1000, value: i }] }));
    expect(await world.push(body(...later))).toMatchObject({ appended: 500 });
    expect(await world.push(request2(...later), 2)).toMatchObject({ appended: 500 });
    const names = all.map(({ labels }) => Labels.from(labels).toString());
    expect(await world.stored()).toEqual(
      names.flatMap((name, i) => [`${name} ${i}@0`, `${name} ${i}@1000`]).sort(),
    );
    expect(world.sources.list()).toHaveLength(10);
    const [first] = world.sources.list();
    expect(first?.lastAccepted?.excerpt).toContain(names[0]);
  });

  it("are stored in parts when a body is large, among others that are malformed", async () => {
    world = await World.open(true, { transactionSamplesMax: 2 });
    const unnamed = bytesField(1, label("job", "a"), sample({ time: start, value: 1 }));
    const all = ["1", "2", "3", "4"].map((n) => timeSeries(seriesOf({ n }, 1)));
    for (let round = 0; round < 2; round++) {
      const { appended, malformed } = await world.push(
        writeRequest(all[0]!, unnamed, ...all.slice(1), unnamed),
      );
      expect([appended, malformed.count]).toEqual([4, 2]);
    }
    expect(await world.stored()).toHaveLength(4);
    expect(world.known("a")).toBe(4);
  });

  it("are named when a sample of them is refused", async () => {
    world = await World.open();
    await world.push(body(seriesOf({ n: "1" }, 1), seriesOf({ n: "2" }, 1)));
    const late = seriesOf({ n: "2" }, 2, start + 24 * hour);
    const { appended, rejected } = await world.push(body(seriesOf({ n: "1" }, 2, start + 1), late));
    expect([appended, rejected.get("too-far-in-future")?.first.labels.get("n")]).toEqual([1, "2"]);
  });

  it("begin again after they have ended in storage", async () => {
    world = await World.open();
    await world.push(body(seriesOf({ n: "1" }, 1), seriesOf({ n: "2" }, 1)));
    const { epoch } = world.tsdb.index;
    for (let i = 1; i <= 4; i++) {
      world.clock.advance(6 * hour);
      await world.push(body(seriesOf({ n: "2" }, i, start + i * 6 * hour)));
      await world.tsdb.runMaintenance();
    }
    expect(world.tsdb.index.epoch).toBeGreaterThan(epoch);
    const time = start + 24 * hour + 1;
    expect(await world.push(body(seriesOf({ n: "1" }, 5, time)))).toMatchObject({ appended: 1 });
    expect(await world.stored()).toContain(`m{job="a", n="1"} 5@${time - start}`);
    expect(await world.stored()).toHaveLength(7);
  });

  it("get a life cycle when a request says when it comes again", async () => {
    world = await World.open();
    const all = ["1", "2"].map((n) => seriesOf({ instance: "x", n }, 1));
    await world.push(body(...all));
    await world.push(body(seriesOf({ instance: "x", n: "1" }, 2, start + 1)), 1, { intervalMs: 60_000 });
    // By the bytes that are known without one.
    await world.push(body(seriesOf({ instance: "x", n: "2" }, 2, start + 2)));
    world.clock.advance(hour);
    await world.sources.settled();
    const ends = (await world.stored()).filter((line) => line.startsWith("m{") && line.includes("NaN"));
    expect(ends).toHaveLength(2);
  });
});

describe("room for series", () => {
  it("is counted, and what there is no room for is refused by name", async () => {
    world = await World.open();
    await world.sources.configure([], { seriesMax: 5 });
    const all = Array.from({ length: 4 }, (_, i) => seriesOf({ n: String(i) }, i));
    expect(await world.push(body(...all))).toMatchObject({ appended: 4 });
    const more = ["5", "6", "7"].map((n) => seriesOf({ n }, 1));
    const { appended, rejected } = await world.push(body(...all, ...more));
    expect([appended, rejected.get("series-limit")?.count]).toEqual([5, 2]);
    expect(await world.push(body(...all))).toMatchObject({ appended: 4 });
  });

  it("is counted once for labels that are repeated in one body", async () => {
    world = await World.open();
    const [a, b, c] = ["a", "b", "c"].map((n) => seriesOf({ n }, 1)) as [SeriesFields, ...SeriesFields[]];
    for (let i = 0; i < 3; i++) {
      expect(await world.push(body(a, a, b!, a, c!))).toMatchObject({ appended: 5 });
      expect(world.known("a")).toBe(3);
    }
  });

  it("is free again when they were idle, and taken again when they come back", async () => {
    world = await World.open();
    const all = ["a", "b", "c"].map((n) => seriesOf({ n }, 1));
    await world.push(body(...all));
    for (let rest = 2 * idleMs; rest > 0; rest -= 60_000) {
      world.clock.advance(60_000);
      if (rest % 300_000 === 0) await world.push(body(seriesOf({ n: "a" }, 1, world.clock.now())));
    }
    expect(world.known("a")).toBe(1);
    await world.push(body(...all));
    expect(world.known("a")).toBe(3);
    await world.push(body(...all));
    expect(world.known("a")).toBe(3);
  });

  it("is free again when thousands were idle: their numbers are forgotten", async () => {
    world = await World.open();
    await world.push(body(...Array.from({ length: 1500 }, (_, i) => seriesOf({ n: String(i) }, 1))));
    for (let i = 0; i < 60; i++) {
      world.clock.advance(60_000);
      await world.push(body(seriesOf({ n: "1" }, 1, world.clock.now())));
    }
    expect(world.known("a")).toBe(1);
    await world.push(body(seriesOf({ n: "2" }, 1, world.clock.now())));
    expect(world.known("a")).toBe(2);
  });
});

describe("with an index and without", () => {
  const usual = fc.record({ n: fc.constantFrom("1", "2", "3", "4"), zone: fc.constantFrom("x", "y") });
  const one = fc.oneof(
    fc.tuple(usual, fc.constantFrom("", "i1", "i2"), fc.nat(3)).map(([labels, instance, value]) => {
      const { labels: pairs, samples } = seriesOf(
        { ...labels, ...(instance && { instance }) },
        value,
        start + value,
      );
      return timeSeries({ labels: pairs, samples: samples ?? [] });
    }),
    fc.constantFrom(
      bytesField(1, label("b", "1"), label("__name__", "m"), sample({ time: start, value: 1 })),
      bytesField(1, label("__name__", "m"), label("a", ""), sample({ time: start, value: 1 })),
      bytesField(1, label("__name__", "m"), label("a", "\u00e9"), sample({ time: start, value: 1 })),
      bytesField(1, label("__name__", "m"), label("a", "1"), label("a", "2"), sample({ time: 1, value: 1 })),
      bytesField(1, label("job", "a"), sample({ time: start, value: 1 })),
      bytesField(1, label("__name__", "m"), label("a", Buffer.from([0xff])), sample({ time: 1, value: 1 })),
      bytesField(1, sample({ time: 2 ** 50, value: 1 }), label("__name__", "m"), label("job", "z")),
    ),
  );

  it("the same is stored and refused", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(one, { maxLength: 8 }), { minLength: 1, maxLength: 6 }),
        async (bodies) => {
          const outcomes: unknown[] = [];
          for (const hasIndex of [true, false]) {
            world = await World.open(hasIndex);
            const told: unknown[] = [];
            for (const series of bodies) {
              const { appended, rejected, malformed } = await world.push(writeRequest(...series));
              const reasons = [...rejected].map(
                ([reason, { count, first }]) => `${reason} ${count} ${first.labels}`,
              );
              told.push([appended, reasons, malformed]);
            }
            outcomes.push({ told, stored: await world.stored(), known: world.known("a") });
            await world.close();
          }
          expect(outcomes[0]).toEqual(outcomes[1]);
        },
      ),
      { numRuns: 60 },
    );
  });
});
