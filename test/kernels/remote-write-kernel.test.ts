import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReferenceRemoteWriteKernel } from "../../src/kernels/reference-remote-write-kernel.js";
import type {
  DecodeCounts,
  DecodedEntry,
  DecodeOptions,
  RemoteWriteKernel,
} from "../../src/kernels/remote-write-kernel.js";
import { encodeSnappy } from "../../src/kernels/snappy.js";
import { remoteWriteModule, WasmRemoteWriteKernel } from "../../src/kernels/wasm-remote-write-kernel.js";
import { LimitExceededError, MalformedInputError, TsdbError } from "../../src/model/errors.js";
import {
  bytesField,
  label,
  metricMetadata,
  Request2,
  request2,
  type SeriesFields,
  STALE_BITS,
  sample,
  timeSeries,
  varint,
  varintField,
  writeRequest,
} from "../support/remote-write-bodies.js";

/** More runs with the variable, for a night. */
const runs = Number(process.env.FUZZ_RUNS ?? 100);
const sizeBytesMax = 64 * 1024 * 1024;
const kernels: readonly (readonly [name: string, make: () => RemoteWriteKernel])[] = [
  ["TypeScript", () => new ReferenceRemoteWriteKernel()],
  ["WebAssembly", () => new WasmRemoteWriteKernel(remoteWriteModule()!, sizeBytesMax)],
];
const limits = { decodedSizeMax: 1024 * 1024, labelBytesMax: 1024 * 1024 };

function decode(
  kernel: RemoteWriteKernel,
  version: 1 | 2,
  body: Uint8Array,
  more: Partial<DecodeOptions> = {},
) {
  kernel.input(body.length).set(body);
  return kernel.decode(body.length, { version, owner: 1, ...limits, ...more });
}

/** What a decode has given, as text and bits; labels by their bytes, so that both kernels can be compared. */
function outcomeOf(kernel: RemoteWriteKernel, counts: DecodeCounts | undefined) {
  const { seriesIndexes, times, values, length } = kernel.columns();
  const bits = new BigUint64Array(values.slice().buffer);
  return {
    counts,
    rows: Array.from({ length }, (_, i) => `${seriesIndexes[i]} ${times[i]} ${bits[i]!.toString(16)}`),
    entries: Array.from({ length: kernel.entryCount }, (_, i) => shown(kernel.entry(i))),
    splits: [splitOf(kernel, 3, 64), splitOf(kernel, 1000, 2), splitOf(kernel, 1000, 1000)],
  };
}

/** Of the series that are split: the entry, the pairs, and those that say what it is. */
function splitOf(kernel: RemoteWriteKernel, textSizeMax: number, labelsMax: number) {
  const { length, positions, ends, pairs, names, jobs, instances } = kernel.split(textSizeMax, labelsMax);
  const textOf = (pair: number) => (pair === 0 ? "" : Object.values(kernel.pair(pair)).join("="));
  return Array.from({ length }, (_, i) => ({
    position: positions[i],
    pairs: Array.from(pairs.subarray(ends[i - 1] ?? 0, ends[i]), textOf),
    says: [names, jobs, instances].map((column) => textOf(column[i]!)),
  }));
}

/** Numbers every other one of the series that were split last, and remembers these. */
function rememberHalf(kernel: RemoteWriteKernel, owner: number, first: number) {
  const { length, numbers } = kernel.split(1000, 1000);
  for (let i = 0; i < length; i += 2) numbers[i] = first + i;
  const notKept = kernel.rememberSplit(owner);
  const entries = Array.from({ length: kernel.entryCount }, (_, i) => shown(kernel.entry(i)));
  return { notKept, entries, rows: [...kernel.columns().seriesIndexes], added: length };
}

function shown(entry: DecodedEntry): object {
  if (entry.kind === "malformed") return { ...entry };
  if (entry.kind === "metadata") return { ...entry, message: hex(entry.message) };
  const { kind, number, firstRow, rowCount, offset, index, metadata } = entry;
  const told = metadata && { type: metadata.type, help: hex(metadata.help), unit: hex(metadata.unit) };
  return { kind, number, firstRow, rowCount, offset, index, labels: hex(entry.labels), metadata: told };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Numbers the unknown series and remembers them; returns how many there were. */
function rememberAll(kernel: RemoteWriteKernel, owner: number, first: number): number {
  let next = first;
  for (let i = 0; i < kernel.entryCount; i++) {
    const entry = kernel.entry(i);
    if (entry.kind !== "series" || entry.index !== undefined) continue;
    const index = kernel.find(i, owner) ?? next++;
    if (kernel.find(i, owner) === undefined) kernel.remember(i, owner, index);
    kernel.assign(i, index);
  }
  return next - first;
}

function fleet(count: number, time: number): SeriesFields[] {
  return Array.from({ length: count }, (_, i) => ({
    labels: [
      ["__name__", "http_requests_total"],
      ["instance", `web-${i}:9100`],
      ["path", `/api/${"x".repeat(i % 70)}`],
    ],
    samples: [{ time, value: i }],
  }));
}

const bodies = {
  1: (series: readonly SeriesFields[]) => writeRequest(...series.map(timeSeries)),
  2: (series: readonly SeriesFields[]) => request2(...series),
} as const;

describe.each(kernels)("the remote write kernel in %s", (_, make) => {
  describe.each([1, 2] as const)("with %i.0", (version) => {
    it("gives rows of unknown series, then knows them", () => {
      const kernel = make();
      decode(kernel, version, bodies[version](fleet(500, 1000)));
      expect(kernel.entryCount).toBe(500);
      expect(rememberAll(kernel, 1, 0)).toBe(500);
      decode(kernel, version, bodies[version](fleet(500, 2000).reverse()));
      expect(kernel.entryCount).toBe(0);
      const { seriesIndexes, times, values } = kernel.columns();
      expect([...seriesIndexes]).toEqual(Array.from({ length: 500 }, (_, i) => 499 - i));
      expect([...values]).toEqual([...seriesIndexes]);
      expect(new Set(times)).toEqual(new Set([2000]));
    });

    it("knows 12,000 series, of which none is another", () => {
      const kernel = make();
      const all = fleet(12_000, 1000);
      for (let i = 0; i < all.length; i += 2000) {
        decode(kernel, version, bodies[version](all.slice(i, i + 2000)));
        expect(rememberAll(kernel, 1, i)).toBe(2000);
      }
      decode(kernel, version, bodies[version](all.slice(6_000, 8_000)));
      expect(kernel.entryCount).toBe(0);
      expect([...kernel.columns().seriesIndexes]).toEqual(Array.from({ length: 2000 }, (_, i) => 6_000 + i));
    });

    it("keeps the series of owners apart", () => {
      const kernel = make();
      const body = bodies[version](fleet(3, 1000));
      decode(kernel, version, body);
      rememberAll(kernel, 1, 0);
      decode(kernel, version, body, { owner: 2 });
      expect(kernel.entryCount).toBe(3);
      expect(rememberAll(kernel, 2, 7)).toBe(3);
      decode(kernel, version, body, { owner: 2 });
      expect([...kernel.columns().seriesIndexes]).toEqual([7, 8, 9]);
    });

    it("finds a series that came twice in one body", () => {
      const kernel = make();
      decode(kernel, version, bodies[version]([...fleet(2, 1000), ...fleet(2, 2000)]));
      expect(kernel.entryCount).toBe(4);
      expect(rememberAll(kernel, 1, 0)).toBe(2);
      expect([...kernel.columns().seriesIndexes]).toEqual([0, 1, 0, 1]);
    });

    it("keeps the bits of values, and times of all sizes", () => {
      const kernel = make();
      const values = [STALE_BITS, 0x7ff8000000000001n, 0x8000000000000000n, 0n, 0x7ff0000000000000n];
      const times = [-(2 ** 52), 2 ** 52, -1, 0, 1_790_000_000_123];
      const samples = values.map((value, i) => ({ time: times[i]!, value, startTime: 5 }));
      decode(kernel, version, bodies[version]([{ labels: [["__name__", "m"]], samples }]));
      const columns = kernel.columns();
      expect([...new BigUint64Array(columns.values.slice().buffer)]).toEqual(values);
      expect([...columns.times]).toEqual(times);
    });

    it("counts exemplars and histograms", () => {
      const labels = [["__name__", "m"]] as const;
      const counts = decode(make(), version, bodies[version]([{ labels, histograms: 2, exemplars: 3 }]));
      expect(counts).toMatchObject({ exemplars: 3, histograms: 2, malformedSeries: 0 });
    });

    it("gives up when its memory would not do, and goes on with the next body", () => {
      const kernel = new WasmRemoteWriteKernel(remoteWriteModule()!, 1024 * 1024);
      const many = {
        labels: [["__name__", "m"]],
        samples: Array(60_000).fill({ time: 1, value: 1 }),
      } as const;
      expect(decode(kernel, version, bodies[version]([many]))).toBeUndefined();
      expect(kernel.sizeBytes).toBeLessThan(3 * 1024 * 1024);
      decode(kernel, version, bodies[version](fleet(2, 1000)));
      expect(kernel.columns().length).toBe(2);
    });

    it("checks the declared size first", () => {
      const bomb = Buffer.concat([varint(2 ** 31), Buffer.from([0, 0])]);
      expect(() => decode(make(), version, bomb)).toThrow(LimitExceededError);
      expect(() => decode(make(), version, Buffer.concat([varint(1000), Buffer.from([0, 0])]))).toThrow(
        /cannot decode to the declared 1000/,
      );
    });
  });

  /** Senders repeat themselves: from the third time on the next series is expected, and must be that one. */
  it.each<[name: string, version: 1 | 2, usual: Uint8Array, other: Uint8Array]>([
    ["a label behind it", 1, label("b", "x"), Buffer.concat([label("b", "x"), label("c", "y")])],
    [
      "a label behind it, tagged oddly",
      1,
      label("b", "x"),
      Buffer.concat([label("b", "x"), Buffer.of(0x8a, 0), label("c", "y").subarray(1)]),
    ],
    ["a label less", 1, Buffer.concat([label("b", "x"), label("c", "y")]), label("b", "x")],
    ["another byte", 1, label("b", "xxxxxxxxxxxxxxxxxxx"), label("b", "xxxxxxxxxxxxxxxxxxy")],
    ["more refs", 2, bytesField(1, Buffer.of(1, 2)), bytesField(1, Buffer.of(1, 2, 3, 4))],
    [
      "refs in two fields",
      2,
      bytesField(1, Buffer.of(1, 2)),
      Buffer.concat([bytesField(1, Buffer.of(1, 2)), bytesField(1, Buffer.of(3, 4))]),
    ],
    [
      "refs packed and not",
      2,
      bytesField(1, Buffer.of(1, 2)),
      Buffer.concat([bytesField(1, Buffer.of(1, 2)), Buffer.of(8, 3, 8, 4)]),
    ],
    ["fewer refs", 2, bytesField(1, Buffer.of(1, 2, 3, 4)), bytesField(1, Buffer.of(1, 2))],
    ["other refs", 2, bytesField(1, Buffer.of(1, 2)), bytesField(1, Buffer.of(1, 3))],
  ])("does not take a series for the expected one: %s", (_, version, usual, other) => {
    const kernel = make();
    const one = sample({ time: 1, value: 1 });
    const bodyOf = (second: Uint8Array) => {
      if (version === 1) return writeRequest(bytesField(1, label("a", "1"), one), bytesField(1, second, one));
      return new Request2(["", "name", "m", "c", "d"])
        .addFields(bytesField(1, Buffer.of(3, 3)), one)
        .addFields(second, one)
        .body();
    };
    for (let round = 0; round < 4; round++) {
      decode(kernel, version, bodyOf(usual));
      rememberAll(kernel, 1, 0);
      expect([...kernel.columns().seriesIndexes]).toEqual([0, 1]);
    }
    decode(kernel, version, bodyOf(other));
    expect(kernel.entryCount).toBe(1);
    expect(kernel.entry(0)).toMatchObject({ kind: "series", number: 2, index: undefined });
    decode(kernel, version, bodyOf(usual));
    expect([...kernel.columns().seriesIndexes]).toEqual([0, 1]);
  });

  it.each([1, 2] as const)(
    "sees each byte in which a long series of %i.0 is not the expected one",
    (version) => {
      const kernel = make();
      for (const size of [40, 56, 57, 58, 120, 121, 122, 180]) {
        const bodyOf = (value: string) =>
          bodies[version]([
            { labels: [["a", "1"]], samples: [{ time: 1, value: 1 }] },
            { labels: [["b", value]], samples: [{ time: 1, value: 2 }] },
          ]);
        const value = "v".repeat(size);
        for (let round = 0; round < 3; round++) {
          decode(kernel, version, bodyOf(value));
          rememberAll(kernel, 1, size);
        }
        expect(kernel.entryCount).toBe(0);
        for (let at = 0; at < size; at++) {
          decode(kernel, version, bodyOf(`${value.slice(0, at)}w${value.slice(at + 1)}`));
          expect(kernel.entryCount).toBe(1);
        }
      }
    },
  );

  it("hands out label fields that stand apart, each time", () => {
    const kernel = make();
    const series = bytesField(1, label("__name__", "m"), sample({ time: 5, value: 1 }), label("a", "b"));
    for (let round = 0; round < 2; round++) {
      decode(kernel, 1, writeRequest(series));
      expect(kernel.entryCount).toBe(1);
      expect(kernel.find(0, 1)).toBeUndefined();
      expect(kernel.remember(0, 1, 0)).toBe(false);
    }
  });

  it("does not remember labels beyond 64 KiB", () => {
    const kernel = make();
    const samples = [{ time: 1, value: 1 }];
    decode(kernel, 1, bodies[1]([{ labels: [["__name__", "x".repeat(65_536)]], samples }]));
    expect(kernel.remember(0, 1, 0)).toBe(false);
  });

  it("hands out metadata of 1.0", () => {
    const kernel = make();
    const message = metricMetadata("up", { type: 2, help: "whether it is", unit: "" });
    decode(kernel, 1, writeRequest(message, timeSeries(fleet(1, 1)[0]!)));
    expect(shown(kernel.entry(0))).toEqual({
      kind: "metadata",
      message: hex(message.subarray(2)),
      offset: 2,
    });
  });

  it("hands out metadata of 2.0 when they are news", () => {
    const kernel = make();
    const one = fleet(1, 1)[0]!;
    const counter = { type: 1, help: "Requests.", unit: "" };
    const decodeWith = (metadata: typeof counter) => decode(kernel, 2, request2({ ...one, metadata }));
    decodeWith(counter);
    expect(shown(kernel.entry(0))).toMatchObject({
      index: undefined,
      metadata: { type: 1, help: hex(Buffer.from("Requests.")), unit: "" },
    });
    rememberAll(kernel, 1, 0);
    decodeWith(counter);
    expect(kernel.entryCount).toBe(0);
    for (let round = 0; round < 2; round++) {
      decodeWith({ ...counter, help: "All requests." });
      expect(shown(kernel.entry(0))).toMatchObject({ index: 0, metadata: { type: 1, unit: "" } });
      expect([...kernel.columns().seriesIndexes]).toEqual([0]);
    }
    kernel.acknowledgeMetadata(0);
    decodeWith({ ...counter, help: "All requests." });
    expect(kernel.entryCount).toBe(0);
  });

  it("knows a series of 2.0 by its symbols' bytes, however they are numbered, and as the same series of 1.0", () => {
    const kernel = make();
    const one = {
      labels: [
        ["__name__", "m"],
        ["a", "b"],
      ],
      samples: [{ time: 1, value: 1 }],
    } as const;
    decode(kernel, 2, request2(one));
    rememberAll(kernel, 1, 0);
    decode(kernel, 2, new Request2(["", "zz", "b", "m", "y", "a"]).add(one).body());
    expect(kernel.entryCount).toBe(0);
    const swapped = [
      ["__name__", "m"],
      ["b", "a"],
    ] as const;
    decode(kernel, 2, request2({ ...one, labels: swapped }));
    expect(kernel.entryCount).toBe(1);
    decode(kernel, 1, bodies[1]([one]));
    expect(kernel.entryCount).toBe(0);
  });

  it("reads 2.0 with its fields in any order and refs that are not packed", () => {
    const kernel = make();
    const symbols = ["", "__name__", "m"].map((symbol) => bytesField(4, symbol));
    const series = bytesField(5, sample({ time: 5, value: 1 }), varintField(1, 1), varintField(1, 2));
    decode(kernel, 2, writeRequest(series, ...symbols));
    expect(shown(kernel.entry(0))).toMatchObject({ rowCount: 1, labels: hex(label("__name__", "m")) });
  });

  it.each<[name: string, fields: Uint8Array[], reason: RegExp, lost: number]>([
    [
      "an odd number of refs",
      [bytesField(1, Buffer.of(1, 2, 1)), sample({ time: 1, value: 1 })],
      /not in pairs/,
      1,
    ],
    [
      "a ref without a symbol",
      [bytesField(1, Buffer.of(1, 9)), sample({ time: 1, value: 1 })],
      /refers to a symbol/,
      1,
    ],
    [
      "metadata without a symbol",
      [bytesField(1, Buffer.of(1, 2)), sample({ time: 1, value: 1 }), bytesField(5, Buffer.of(0x18, 9))],
      /refers to a symbol/,
      1,
    ],
    [
      "samples and histograms",
      [bytesField(1, Buffer.of(1, 2)), sample({ time: 1, value: 1 }), bytesField(3, "")],
      /histograms/,
      1,
    ],
    ["neither", [bytesField(1, Buffer.of(1, 2)), bytesField(4, "")], /neither/, 0],
  ])("sets a series of 2.0 with %s aside", (_, fields, reason, lost) => {
    const kernel = make();
    const good = { labels: [["a", "b"]], samples: [{ time: 1, value: 1 }] } as const;
    const body = new Request2(["", "a", "b"])
      .add(good)
      .addFields(...fields)
      .add(good)
      .body();
    const counts = decode(kernel, 2, body);
    expect(counts).toMatchObject({ malformedSeries: 1, lostSamples: lost });
    expect(kernel.columns().length).toBe(2);
    expect(kernel.entry(1)).toEqual({
      kind: "malformed",
      number: 2,
      reason: expect.stringMatching(reason),
      lostSamples: lost,
    });
  });

  it("names a thousand malformed series and counts the others", () => {
    const kernel = make();
    const request = new Request2();
    for (let i = 0; i < 1500; i++) request.addFields();
    expect(decode(kernel, 2, request.body())).toMatchObject({ malformedSeries: 1500 });
    expect(kernel.entryCount).toBe(1000);
  });

  it.each([
    ["no symbols", bytesField(5, bytesField(1, Buffer.of(0, 0)), sample({ time: 1, value: 1 }))],
    ["a first symbol that is not empty", Buffer.concat([bytesField(4, "a"), bytesField(4, "")])],
  ])("refuses 2.0 with %s", (_, message) => {
    expect(() => decode(make(), 2, encodeSnappy(message))).toThrow(/do not begin with the empty one/);
  });

  it("bounds what the symbols of 2.0 are written out to", () => {
    const request = new Request2(["", "a", "x".repeat(10_000)]);
    for (let i = 0; i < 200; i++)
      request.addFields(bytesField(1, Buffer.of(1, 2)), sample({ time: i, value: 1 }));
    expect(() => decode(make(), 2, request.body())).toThrow(LimitExceededError);
    expect(decode(make(), 2, request.body(), { labelBytesMax: 4_000_000 })).toBeDefined();
  });

  it.each<[name: string, bytes: number[], reason: RegExp, offset: number]>([
    ["a field longer than the message", [0x0a, 0x05, 0x01], /longer than its message/, 2],
    ["a number cut short", [0x08, 0x80], /cut short/, 1],
    ["a number of eleven bytes", [0x08, ...Array<number>(11).fill(0xff)], /longer than 64 bits/, 1],
    ["a group", [0x0b], /wire type/, 1],
    ["field number zero", [0x02, 0x00], /no valid number/, 0],
    ["a double cut short", [0x0a, 0x04, 0x12, 0x02, 0x09, 0x01], /cut short/, 5],
    ["a sample cut short", [0x0a, 0x03, 0x12, 0x02, 0x09], /longer than its message/, 4],
  ])("refuses %s, and says where", (_, bytes, reason, offset) => {
    const good = timeSeries({ labels: [["a", "b"]], samples: [{ time: 1, value: 1 }] });
    const body = writeRequest(good, Buffer.from(bytes));
    const kernel = make();
    expect(() => decode(kernel, 1, body)).toThrow(reason);
    expect(() => decode(kernel, 1, body)).toThrow(
      expect.objectContaining({ offset: offset + good.length }) as MalformedInputError,
    );
  });
});

describe("both kernels", () => {
  /** Both decode the same bodies one after the other; each must give the same, or refuse for the same reason. */
  function expectSame(version: 1 | 2, requests: readonly Uint8Array[]) {
    const [reference, wasm] = kernels.map(([, make]) => make()) as [RemoteWriteKernel, RemoteWriteKernel];
    let next = 0;
    for (const body of requests) {
      const outcomes = [reference, wasm].map((kernel) => {
        try {
          const counts = decode(kernel, version, body);
          const found = outcomeOf(kernel, counts);
          const half = rememberHalf(kernel, 1, next);
          const added = half.added + rememberAll(kernel, 1, next + half.added);
          return { ...found, half, added, after: [...kernel.columns().seriesIndexes] };
        } catch (error) {
          if (!(error instanceof TsdbError)) throw error;
          return {
            code: error.code,
            offset: error instanceof MalformedInputError ? error.offset : undefined,
          };
        }
      });
      expect(outcomes[1]).toEqual(outcomes[0]);
      next += "added" in outcomes[0]! ? outcomes[0].added : 0;
    }
  }

  const anyText = fc.string({ unit: "grapheme", maxLength: 40 });
  const usualName = fc.constantFrom("__name__", "job", "instance", "a", "ab", "zone");
  const usualLabels = fc
    .dictionary(usualName, fc.stringMatching(/^[a-c]{1,3}$/))
    .map((labels) => Object.entries({ ...labels, ...(labels.a !== "b" && { __name__: "up" }) }).sort());
  const anyLabels = fc.array(fc.tuple(anyText, anyText), { maxLength: 5 });
  const anySeries: fc.Arbitrary<SeriesFields> = fc.record({
    labels: fc.oneof(anyLabels, usualLabels),
    samples: fc.array(
      fc.record({
        time: fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
        value: fc.oneof(fc.double(), fc.constant(STALE_BITS)),
      }),
      { maxLength: 4 },
    ),
    exemplars: fc.nat(2),
    histograms: fc.integer({ min: -2, max: 1 }).map((count) => Math.max(0, count)),
    metadata: fc.record({ type: fc.nat(9), help: anyText, unit: anyText }),
  });

  it.each([1, 2] as const)("agree on what senders of %i.0 write", (version) => {
    const requests = fc.array(fc.array(anySeries, { maxLength: 6 }).map(bodies[version]), { maxLength: 4 });
    fc.assert(
      fc.property(requests, (all) => expectSame(version, [...all, ...all, ...all])),
      { numRuns: runs },
    );
  });

  /** Bytes of real bodies, changed, removed, repeated. */
  const mutation = fc.array(
    fc.record({
      kind: fc.constantFrom("set", "flip", "cut", "repeat"),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 0x0a, 0x12, 0x7f, 0x80, 0xff)),
      size: fc.nat(12),
    }),
    { minLength: 1, maxLength: 6 },
  );
  type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

  function mutated(bytes: Uint8Array, changes: Mutation): Uint8Array {
    let changed = Buffer.from(bytes);
    for (const { kind, at, byte, size } of changes) {
      const place = Math.floor(at * changed.length);
      const end = Math.min(changed.length, place + size);
      if (kind === "cut") changed = Buffer.concat([changed.subarray(0, place), changed.subarray(end)]);
      else if (kind === "repeat")
        changed = Buffer.concat([changed.subarray(0, end), changed.subarray(place)]);
      else if (place < changed.length) changed[place] = kind === "set" ? byte : changed[place]! ^ byte;
    }
    return changed;
  }

  it.each([1, 2] as const)(
    "agree on messages of %i.0 that were changed, and on their compression",
    (version) => {
      const series = fc.array(anySeries, { maxLength: 4 });
      fc.assert(
        fc.property(series, mutation, mutation, (all, inMessage, inBody) => {
          const message =
            version === 1
              ? Buffer.concat(all.map(timeSeries))
              : all.reduce((request, one) => request.add(one), new Request2()).message();
          const body = encodeSnappy(message);
          const broken = encodeSnappy(mutated(message, inMessage));
          expectSame(version, [body, broken, body, broken, body, broken, mutated(body, inBody), body]);
        }),
        { numRuns: runs },
      );
    },
  );

  it.each([1, 2] as const)("agree on any bytes as %i.0", (version) => {
    const anyMessage = fc.array(fc.oneof(fc.nat(255), fc.constantFrom(0x0a, 0x12, 0x22, 0x2a, 0, 1, 2)), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(anyMessage, (bytes) => {
        const message = Buffer.from([...(version === 2 ? [0x22, 0x00] : []), ...bytes]);
        expectSame(version, [encodeSnappy(message), message]);
      }),
      { numRuns: runs },
    );
  });

  it("agree on Snappy of every kind of copy", () => {
    const pattern = fc.tuple(
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 300 }),
    );
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 8 }), (patterns) => {
        const text = Buffer.concat(
          patterns.flatMap(([bytes, count]) => Array<Uint8Array>(count).fill(bytes)),
        );
        const series = bytesField(1, label("__name__", text), sample({ time: 1, value: 1 }));
        expectSame(1, [encodeSnappy(series)]);
      }),
      { numRuns: runs },
    );
  });
});
