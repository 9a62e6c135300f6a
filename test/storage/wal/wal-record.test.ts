import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CorruptionError } from "../../../src/model/errors.js";
import { Labels } from "../../../src/model/labels.js";
import { Matcher } from "../../../src/model/matcher.js";
import type { SeriesRef } from "../../../src/model/series.js";
import { isStaleAt, markStaleAt } from "../../../src/model/staleness.js";
import { ByteWriter } from "../../../src/storage/codec/byte-writer.js";
import {
  decodeWalRecord,
  encodeWalRecord,
  type RefColumns,
  type SeriesDefinition,
  type TransactionRecord,
  type WalRecord,
} from "../../../src/storage/wal/wal-record.js";
import { loggedSeries } from "../../support/logged-series.js";

const noSamples: RefColumns = {
  refs: new Float64Array(0),
  times: new Float64Array(0),
  values: new Float64Array(0),
  length: 0,
};

function encoded(record: WalRecord): Uint8Array {
  const writer = new ByteWriter(1);
  encodeWalRecord(
    writer,
    record.kind === "tombstones" ? record : { ...record, series: loggedSeries(record.series) },
  );
  return writer.toBytes();
}

const ref = fc.oneof(fc.integer({ min: 1, max: 2 ** 20 }), fc.constantFrom(1, 2 ** 32, 2 ** 53 - 1));
const labels = fc
  .dictionary(fc.string({ unit: "binary", minLength: 1 }), fc.string({ unit: "binary" }))
  .map((pairs) => Labels.from(Object.entries(pairs)));
const time = fc.oneof(fc.integer(), fc.constantFrom(-(2 ** 52), 2 ** 52, 0));
const sample = fc.record({ ref, time, value: fc.double() });
const transaction = fc
  .record({ series: fc.array(fc.record({ ref, labels }), { maxLength: 8 }), samples: fc.array(sample) })
  .map(
    ({ series, samples }): TransactionRecord => ({
      kind: "transaction",
      series: series.map((definition) => ({ ref: definition.ref as SeriesRef, labels: definition.labels })),
      samples: {
        refs: Float64Array.from(samples, (one) => one.ref),
        times: Float64Array.from(samples, (one) => one.time),
        values: Float64Array.from(samples, (one) => one.value),
        length: samples.length,
      },
    }),
  );

function decodedTransaction(bytes: Uint8Array): TransactionRecord {
  const record = decodeWalRecord(bytes);
  if (record.kind !== "transaction") throw new TypeError(record.kind);
  return record;
}

const printed = ({ series, samples }: TransactionRecord) => ({
  series: series.map((definition) => [definition.ref, definition.labels.key()]),
  samples,
});

describe("transaction records", () => {
  it("come back as they were", () => {
    fc.assert(
      fc.property(transaction, (record) => {
        expect(printed(decodedTransaction(encoded(record)))).toEqual(printed(record));
      }),
    );
  });

  it("keep staleness markers, other NaN, -0 and infinities to the bit", () => {
    const values = new Float64Array([Number.NaN, 0, -0, Number.POSITIVE_INFINITY, 1.5]);
    markStaleAt(values, 1);
    const columns = {
      refs: new Float64Array([5, 4, 3, 2, 1]),
      times: new Float64Array(5).fill(-7),
      values,
      length: 5,
    };
    const { samples } = decodedTransaction(encoded({ kind: "transaction", series: [], samples: columns }));
    expect(new Uint8Array(samples.values.buffer)).toEqual(new Uint8Array(values.buffer));
    expect([isStaleAt(samples.values, 0), isStaleAt(samples.values, 1)]).toEqual([false, true]);
  });

  it("write the first `length` samples of longer columns, also of views into a buffer", () => {
    const room = new Float64Array([9, 1, 2, 3, 9]);
    const columns = { refs: room.subarray(1), times: room.subarray(1), values: room.subarray(1), length: 2 };
    const { samples } = decodedTransaction(encoded({ kind: "transaction", series: [], samples: columns }));
    expect([...samples.values]).toEqual([1, 2]);
    expect([...samples.refs]).toEqual([1, 2]);
  });

  it("take ten bytes for a sample of a scrape", () => {
    const refs = Float64Array.from({ length: 1000 }, (_, i) => 100_000 + i);
    const times = new Float64Array(1000).fill(1_700_000_000_000);
    const samples = { refs, times, values: refs, length: 1000 };
    expect(encoded({ kind: "transaction", series: [], samples }).length).toBeLessThan(10_020);
  });

  it("come back when neighbours have the same names, fewer, more and others", () => {
    const all = [
      { a: "1", b: "1" },
      { a: "2", b: "2" },
      { a: "3" },
      { a: "4", b: "4", c: "4" },
      { a: "5", c: "5" },
      {},
      { a: "6", c: "6" },
      { b: "7" },
    ];
    const series = all.map((labels, i) => ({ ref: (i + 1) as SeriesRef, labels: Labels.from(labels) }));
    const decoded = decodedTransaction(encoded({ kind: "transaction", series, samples: noSamples }));
    expect(decoded.series.map(({ labels }) => labels.toObject())).toEqual(all);
  });

  it("name each string once, however many series use it", () => {
    const series = Array.from({ length: 100 }, (_, i) => ({
      ref: (i + 1) as SeriesRef,
      labels: Labels.from({
        __name__: "http_requests_total",
        code: String(i),
        instance: "a.long.host.name:9100",
      }),
    }));
    expect(encoded({ kind: "transaction", series, samples: noSamples }).length).toBeLessThan(100 * 14);
  });
});

describe("tombstones records", () => {
  it("come back as they were", () => {
    const matcher = fc
      .tuple(
        fc.string(),
        fc.constantFrom("=" as const, "!=" as const, "=~" as const, "!~" as const),
        fc.constantFrom("", "é", "a.*|b"),
      )
      .map(([name, operator, value]) => new Matcher(name, operator, value));
    const tombstones = fc.record({ matchers: fc.array(matcher), minTime: time, maxTime: time });
    fc.assert(
      fc.property(tombstones, ({ matchers, minTime, maxTime }) => {
        const decoded = decodeWalRecord(
          encoded({ kind: "tombstones", matchers, range: { minTime, maxTime } }),
        );
        if (decoded.kind !== "tombstones") throw new TypeError(decoded.kind);
        expect(decoded.range).toEqual({ minTime, maxTime });
        expect(decoded.matchers.map(String)).toEqual(matchers.map(String));
      }),
    );
  });

  it("are refused with a matcher that cannot be", () => {
    const matchers = [new Matcher("job", "=~", "a+")];
    const bytes = encoded({ kind: "tombstones", matchers, range: { minTime: 1, maxTime: 2 } });
    expect(() => decodeWalRecord(bytes.with(bytes.length - 1, 0x28))).toThrow("no regular expression");
    expect(() => decodeWalRecord(bytes.with(4, 9))).toThrow("no operator");
  });
});

describe("chunks records", () => {
  it("come back as they were", () => {
    const chunk = fc
      .record({
        ref,
        minTime: fc.integer(),
        span: fc.nat(),
        encoding: fc.nat(255),
        count: fc.integer({ min: 1, max: 0xffff }),
        bytes: fc.uint8Array(),
      })
      .map(({ ref, minTime, span, ...rest }) => ({
        ref: ref as SeriesRef,
        chunk: { minTime, maxTime: minTime + span, ...rest },
      }));
    const definitions = fc.array(fc.record({ ref, labels }), { maxLength: 8 });
    fc.assert(
      fc.property(definitions, fc.array(chunk), (series, chunks) => {
        const record: WalRecord = { kind: "chunks", series: series as SeriesDefinition[], chunks };
        const decoded = decodeWalRecord(encoded(record));
        if (decoded.kind !== "chunks") throw new TypeError(decoded.kind);
        expect(decoded.chunks).toEqual(chunks);
        expect(decoded.series.map(({ ref, labels }) => [ref, labels.key()])).toEqual(
          series.map(({ ref, labels }) => [ref, labels.key()]),
        );
      }),
    );
  });

  it("are refused with a chunk that cannot be", () => {
    const chunk = { encoding: 1, minTime: 0, maxTime: 0, count: 70_000, bytes: new Uint8Array(2) };
    const record: WalRecord = { kind: "chunks", series: [], chunks: [{ ref: 1 as SeriesRef, chunk }] };
    expect(() => decodeWalRecord(encoded(record))).toThrow("a chunk has no samples, too many");
  });
});

describe("decodeWalRecord over hostile bytes", () => {
  const valid = encoded({
    kind: "transaction",
    series: [{ ref: 7 as SeriesRef, labels: Labels.from({ __name__: "up", job: "x" }) }],
    samples: {
      ...noSamples,
      refs: new Float64Array([7]),
      times: new Float64Array([1]),
      values: new Float64Array([2]),
      length: 1,
    },
  });

  const decodesOrRefuses = (bytes: Uint8Array) => {
    try {
      const record = decodeWalRecord(bytes);
      if (record.kind !== "transaction") return;
      const { series, samples } = record;
      expect(samples.values.length).toBe(samples.length);
      expect(series.length).toBeLessThanOrEqual(bytes.length);
    } catch (error) {
      expect(error).toBeInstanceOf(CorruptionError);
    }
  };

  it("gives a record or a CorruptionError", () => {
    const known = fc
      .tuple(fc.constantFrom(1, 2, 3), fc.uint8Array({ maxLength: 64 }))
      .map(([kind, bytes]) => new Uint8Array([kind, ...bytes]));
    fc.assert(fc.property(fc.oneof(fc.uint8Array(), known), decodesOrRefuses), { numRuns: 2000 });
    for (let at = 0; at < valid.length; at++) {
      for (let byte = 0; byte < 256; byte++) decodesOrRefuses(valid.with(at, byte));
      expect(() => decodeWalRecord(valid.subarray(0, at))).toThrow(CorruptionError);
    }
  });

  it("says what is wrong", () => {
    expect(() => decodeWalRecord(new Uint8Array([4]))).toThrow("a record of kind 4 is unknown");
    expect(() => decodeWalRecord(new Uint8Array([...valid, 0]))).toThrow("1 bytes stand behind the record");
    const endless = new Uint8Array([1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    expect(() => decodeWalRecord(endless)).toThrow("samples do not fit into 0 bytes");
  });
});
