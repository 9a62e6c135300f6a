import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultIngestLimits } from "../../../src/ingest/limits.js";
import { pushWriteRequest } from "../../../src/ingest/remote-write/push-write-request.js";
import { encodeWriteRequest } from "../../../src/ingest/remote-write/write-request.js";
import { decodeSnappy, encodeSnappy } from "../../../src/kernels/snappy.js";
import { TsdbError } from "../../../src/model/errors.js";
import { Labels } from "../../../src/model/labels.js";
import { markStaleAt } from "../../../src/model/staleness.js";
import { RecordingAppendable } from "../recording-appender.js";

function series(labels: Record<string, string>, ...samples: [time: number, value: number | "stale"][]) {
  const values = new Float64Array(samples.length);
  samples.forEach(([, value], i) => {
    if (value === "stale") markStaleAt(values, i);
    else values[i] = value;
  });
  const times = Float64Array.from(samples, ([time]) => time);
  return { labels: Labels.from(labels), samples: { times, values, length: samples.length } };
}

async function push(body: Uint8Array, limits = defaultIngestLimits) {
  const appendable = new RecordingAppendable();
  const result = await pushWriteRequest(body, { appender: appendable.appender(), limits });
  return { lines: appendable.lines, result };
}

/** A length-delimited field. */
function field(number: number, ...parts: (Uint8Array | string)[]): Buffer {
  const bytes = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}
const label = (name: string | Uint8Array, value: string) => field(1, field(1, name), field(2, value));
const sample = field(2, Buffer.from([9, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 16, 5]));

describe("pushWriteRequest", () => {
  it("stores samples, staleness markers and ordinary NaNs apart", async () => {
    const body = encodeWriteRequest([
      series({ __name__: "up", job: "x" }, [1000, 1], [2000, Number.NaN], [3000, "stale"]),
      series({ __name__: "temperature", place: "größe" }, [-62135596800000, -0.5]),
    ]);
    const { lines, result } = await push(body);
    expect(lines).toEqual([
      'up{job="x"} 1@1000',
      'up{job="x"} NaN@2000',
      'up{job="x"} stale@3000',
      'temperature{place="größe"} -0.5@-62135596800000',
    ]);
    expect(result).toMatchObject({
      appended: 4,
      malformed: { count: 0 },
      metadata: 0,
      exemplars: 0,
      histograms: 0,
    });
  });

  it.each<[name: string, labels: Buffer[], reason: RegExp]>([
    ["no metric name", [label("a", "b")], /no metric name/],
    ["no labels at all", [], /no metric name/],
    ["an empty metric name", [label("__name__", "")], /no metric name/],
    ["a repeated label", [label("__name__", "m"), label("a", "b"), label("a", "c")], /"a" is given twice/],
    [
      "a label repeated at a distance",
      [label("a", "b"), label("__name__", "m"), label("a", "c")],
      /"a" is given twice/,
    ],
    ["an empty label name", [label("", "x"), label("__name__", "m")], /empty name/],
    ["invalid UTF-8", [label("__name__", "m"), label(Buffer.from([0x61, 0xff]), "y")], /not valid UTF-8/],
    ["a long name", [label("__name__", "m"), label("a".repeat(51), "y")], /labelNameSizeBytes of 50/],
    ["a long value", [label("__name__", "m"), label("a", "y".repeat(61))], /labelValueSizeBytes of 60/],
    ["many labels", ["__name__", "a", "b", "c", "d"].map((name) => label(name, "x")), /labelsMax of 4/],
  ])("refuses a series with %s and keeps the others", async (_, labels, reason) => {
    const good = field(1, label("__name__", "good"), sample);
    const body = encodeSnappy(Buffer.concat([good, field(1, ...labels, sample, sample), good]));
    const limits = { ...defaultIngestLimits, labelNameSizeBytes: 50, labelValueSizeBytes: 60, labelsMax: 4 };
    const { lines, result } = await push(body, limits);
    expect(lines).toEqual(["good 1@5", "good 1@5"]);
    expect(result.appended).toBe(2);
    expect(result.malformed.count).toBe(2);
    expect(result.malformed.first).toEqual([{ line: 2, reason: expect.stringMatching(reason) }]);
  });

  it("sorts labels that a sender did not", async () => {
    const one = field(1, label("b", "x"), label("__name__", "m"), label("c", ""), label("a", "y"), sample);
    const { lines, result } = await push(encodeSnappy(one));
    expect(lines).toEqual(['m{a="y", b="x"} 1@5']);
    expect(result.malformed.count).toBe(0);
  });

  it("takes fields in any order, skips unknown ones, drops empty labels, counts what it does not store", async () => {
    const unknown = Buffer.from([0x78, 0x96, 0x01, 0x7d, 1, 2, 3, 4, 0x79, 1, 2, 3, 4, 5, 6, 7, 8]);
    const one = field(
      1,
      sample,
      field(3, "x"),
      label("__name__", "m"),
      unknown,
      label("a", ""),
      field(4, "y"),
    );
    const body = encodeSnappy(Buffer.concat([unknown, field(3, "meta"), one]));
    const { lines, result } = await push(body);
    expect(lines).toEqual(["m 1@5"]);
    expect(result).toMatchObject({ appended: 1, metadata: 1, exemplars: 1, histograms: 1 });
    expect(result.malformed.count).toBe(0);
  });

  it("passes on series of many samples", async () => {
    const many = Array.from({ length: 2500 }, (_, i): [number, number] => [i, i / 2]);
    const { lines, result } = await push(encodeWriteRequest([series({ __name__: "m" }, ...many)]));
    expect(result.appended).toBe(2500);
    expect(lines[2499]).toBe("m 1249.5@2499");
  });

  it.each<[name: string, bytes: number[], reason: RegExp]>([
    ["a field longer than the message", [0x0a, 0x05, 0x01], /longer than its message/],
    ["a number cut short", [0x08, 0x80], /cut short/],
    ["a number of eleven bytes", [0x08, ...Array<number>(11).fill(0xff)], /longer than 64 bits/],
    ["a group", [0x0b], /wire type 3/],
    ["field number zero", [0x02, 0x00], /no valid number/],
    ["a double cut short", [0x0a, 0x04, 0x12, 0x02, 0x09, 0x01], /cut short/],
  ])("refuses %s, and rolls back", async (_, bytes, reason) => {
    const appendable = new RecordingAppendable();
    const good = field(1, label("__name__", "good"), sample);
    const body = encodeSnappy(Buffer.concat([good, Buffer.from(bytes)]));
    await expect(pushWriteRequest(body, { appender: appendable.appender() })).rejects.toThrow(reason);
    expect(appendable.rollbacks).toBe(1);
    expect(appendable.samples).toEqual([]);
  });
});

const anySeries = fc
  .record({
    labels: fc.dictionary(fc.string({ unit: "grapheme", minLength: 1 }), fc.string({ unit: "grapheme" }), {
      maxKeys: 4,
    }),
    samples: fc.array(fc.tuple(fc.integer({ min: -(2 ** 52), max: 2 ** 52 }).map(Math.round), fc.double()), {
      maxLength: 5,
    }),
  })
  .map(({ labels, samples }) => series({ ...labels, __name__: "m" }, ...samples));

describe("properties", () => {
  it("reads back what encodeWriteRequest writes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anySeries, { maxLength: 5 }), async (request) => {
        const { lines, result } = await push(encodeWriteRequest(request));
        expect(result.malformed.count).toBe(0);
        expect(lines).toEqual(
          request.flatMap(({ labels, samples }) =>
            [...samples.times].map((time, i) => `${labels} ${samples.values[i]}@${time}`),
          ),
        );
      }),
    );
  });

  it("answers mutated requests with a result or a TsdbError", async () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(anySeries, { minLength: 1, maxLength: 4 }),
        changes,
        async (request, mutations) => {
          const message = Uint8Array.from(decodeSnappy(encodeWriteRequest(request), 1 << 20));
          for (const [place, byte] of mutations) message[place % message.length] = byte;
          await push(encodeSnappy(message)).catch((error) => expect(error).toBeInstanceOf(TsdbError));
        },
      ),
      { numRuns: 500 },
    );
  });

  it("answers noise with a result or a TsdbError", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (noise) => {
        await push(encodeSnappy(noise)).catch((error) => expect(error).toBeInstanceOf(TsdbError));
      }),
      { numRuns: 500 },
    );
  });
});
