import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import { type DeviceBodyOptions, pushDeviceBody } from "../../../src/ingest/device/push-device-body.js";
import { RecordingPush } from "../../support/recording-push.js";

const packr = new Packr({ useRecords: false });

async function push(
  body: string | Uint8Array,
  options: DeviceBodyOptions = { format: "json" },
  { pieceSize = Infinity, lineSizeBytes = 1024 * 1024, transactionSamplesMax = 100_000 } = {},
): Promise<RecordingPush> {
  const target = new RecordingPush({ limits: { lineSizeBytes, transactionSamplesMax } });
  await pushDeviceBody(pieces(Buffer.from(body as string), pieceSize), target, options);
  return target;
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  if (size === Infinity) yield bytes;
  else for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const msgpack: DeviceBodyOptions = { format: "msgpack" };

describe("a pushed JSON body", () => {
  it("has one sample, of a time or of the arrival", async () => {
    const { lines, lost } = await push(
      `{"name":"room_celsius","labels":{"room":"attic"},"value":21.4,"time":1700000000000}
       {"name":"room_celsius","labels":{"room":"attic"},"value":21.5}
       {"labels":{"__name__":"up"},"value":1,"time":"2023-11-14T22:13:20Z"}`,
    );
    expect(lost).toEqual([]);
    expect(lines).toEqual([
      'room_celsius{room="attic"} 21.4 @1700000000000',
      'room_celsius{room="attic"} 21.5',
      "up 1 @1700000000000",
    ]);
  });

  it("has series with samples: pairs, or bare values of now", async () => {
    const { lines } = await push('{"name":"a","samples":[[1000,1],[2000,"+Inf"],[3000,null],7,[null,8]]}');
    expect(lines).toEqual(["a 1 @1000", "a Infinity @2000", "a stale @3000", "a 7", "a 8"]);
  });

  it("has columns, in which null is nothing", async () => {
    const { lines } = await push(
      '{"labels":{"room":"attic"},"times":[1000,2000],"values":{"t":[21.4,21.5],"h":[0.4,null]}}',
    );
    expect(lines).toEqual([
      't{room="attic"} 21.4 @1000',
      't{room="attic"} 21.5 @2000',
      'h{room="attic"} 0.4 @1000',
    ]);
  });

  it("has columns of one value, of a time or of now", async () => {
    const { lines } = await push('{"time":5000,"values":{"t":21.4,"h":null}} {"values":{"t":1}}');
    expect(lines).toEqual(["t 21.4 @5000", "t 1"]);
  });

  it("counts times in the unit that the request names", async () => {
    const body = '{"name":"a","samples":[[1700000000.25,1]]}';
    expect((await push(body, { format: "json", timeUnit: "s" })).lines).toEqual(["a 1 @1700000000250"]);
    const nanoseconds = '{"name":"a","value":1,"time":1700000000000000000}';
    expect((await push(nanoseconds, { format: "json", timeUnit: "ns" })).lines).toEqual([
      "a 1 @1700000000000",
    ]);
  });

  it("may be an array, lines, or one object over many lines", async () => {
    const one = '{"name":"a","value":1}';
    for (const body of [`[${one},${one}]`, `${one}\n${one}\n`, `${one}${one}`, ` [ ${one} , ${one} ] \n`])
      expect((await push(body)).lines).toEqual(["a 1", "a 1"]);
    expect((await push('{\n  "name": "a",\n  "value": 1\n}\n')).lines).toEqual(["a 1"]);
  });

  it("keeps what can be read and counts the rest with its place", async () => {
    const { lines, lost, lostSamples } = await push(
      [
        '{"name":"a","value":1}',
        '{"name":"a","label":{"x":"y"},"samples":[[1,1],[2,2]]}',
        '{"name":"a","labels":{"gh":1},"value":1}',
        '{"name":"a","samples":[[1,"warm"],[2,3],["later",4]]}',
        '{"times":[1,2],"values":{"a":[1],"b":[1,2]}}',
        '{"value":1}',
        '{"name":"a"}',
        "true",
        '{"name":}',
        '{"name":"z","value":26}',
      ].join("\n"),
    );
    expect(lines).toEqual(["a 1", "a 3 @2", "b 1 @1", "b 2 @2", "z 26"]);
    expect(lost).toEqual([
      '2: the key "label" means nothing here; known are name, labels, value, time, samples, times, values (2)',
      '3: labels.gh must be text, as "1" (1)',
      '4: samples[0]: "warm" is no number (1)',
      '4: samples[2]: the time "later" is neither a number nor RFC 3339 (1)',
      "5: values.a must be an array of the length of times, 2 (1)",
      "6: name, or __name__ among the labels, must be text (1)",
      "7: one of value, samples and values must be given (1)",
      "8: true is no object (1)",
      expect.stringMatching(/^9: it is no JSON: .*\(1\)$/),
    ]);
    expect(lostSamples).toBe(10);
  });

  it("says what is wrong with values that cannot be made text", async () => {
    const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
    const { lines, lost } = await push(
      [
        '{"name":"a","labels":{"x":{"toString":1,"valueOf":1}},"value":1}',
        '{"name":"a","value":{"toString":1}}',
        `{"name":"a","value":1,"time":${deep}}`,
        '{"name":"z","value":26}',
        deep,
      ].join("\n"),
    );
    expect(lines).toEqual(["z 26"]);
    expect(lost.slice(0, 3)).toEqual([
      "1: labels.x must be text (1)",
      "2: value: an object is no number (1)",
      "3: value: the time an array is neither a number nor RFC 3339 (1)",
    ]);
  });

  it("says that it ends too early", async () => {
    expect((await push('{"name":"a","value":1}{"name":')).lost).toEqual([
      "2: the body ends in the middle of a JSON value (1)",
    ]);
    expect((await push('[{"name":"a","value":1}')).lost).toEqual([
      "2: the body ends before its array does (1)",
    ]);
  });

  it("holds no more of a value than the limit, and goes on behind it", async () => {
    const long = `{"name":"${"a".repeat(5000)}","value":1}`;
    const { lines, lost } = await push(`${long}\n{"name":"b","value":2}`, undefined, { lineSizeBytes: 100 });
    expect(lines).toEqual(["b 2"]);
    expect(lost).toEqual(["1: it has more than 100 bytes; send several (1)"]);
  });

  it("is committed in several transactions when it is large", async () => {
    const body = '{"name":"a","value":1}\n'.repeat(20_000);
    const { flushes, lines } = await push(body, undefined, { transactionSamplesMax: 1000 });
    expect(lines).toHaveLength(20_000);
    expect(flushes).toBeGreaterThan(3);
  });

  it("reads alike however it is cut", async () => {
    const body = '[{"name":"a\\"]}","labels":{"ä":"ö\\\\"},"value":1}, {"name":"b","samples":[[1,2]]}]\n';
    const whole = await push(body);
    for (let pieceSize = 1; pieceSize < 12; pieceSize++) {
      const cut = await push(body, undefined, { pieceSize });
      expect(cut.lines).toEqual(whole.lines);
      expect(cut.lost).toEqual([]);
    }
  });
});

describe("a pushed MessagePack body", () => {
  const values = [
    { name: "room_celsius", labels: { room: "attic" }, samples: [[1_700_000_000_000, 21.4]] },
    { labels: { room: "attic" }, times: [1000, 2000], values: { t: [21, 22.5], h: [0.5, null] } },
    { name: "a", time: new Date(5000), value: -1 },
  ];
  const expected = [
    'room_celsius{room="attic"} 21.4 @1700000000000',
    't{room="attic"} 21 @1000',
    't{room="attic"} 22.5 @2000',
    'h{room="attic"} 0.5 @1000',
    "a -1 @5000",
  ];

  it("has the same shapes, one after the other or in an array, however it is cut", async () => {
    const stream = Buffer.concat(values.map((value) => packr.pack(value)));
    for (const body of [stream, packr.pack(values)])
      for (const pieceSize of [1, 7, Infinity]) {
        const { lines, lost } = await push(body, msgpack, { pieceSize });
        expect(lost).toEqual([]);
        expect(lines).toEqual(expected);
      }
  });

  it("ends where nothing more can be read, and says so", async () => {
    const good = packr.pack(values[2]);
    const broken = await push(Buffer.concat([good, Buffer.from([0xc1]), good]), msgpack);
    expect(broken.lines).toEqual(["a -1 @5000"]);
    expect(broken.lost).toEqual(["2: 0xc1 begins no MessagePack value (1)"]);
    expect((await push(good.subarray(0, 9), msgpack)).lost).toEqual([
      "1: the body ends in the middle of a MessagePack value (1)",
    ]);
    expect((await push(Buffer.from([0x92, 0x80]), msgpack)).lost.at(-1)).toBe(
      "2: the body ends 1 elements before its array does (1)",
    );
  });

  it("believes no length, no depth and no extension", async () => {
    const hostile = {
      "an array of four billion": [0x81, 0xa1, 0x61, 0xdd, 0xff, 0xff, 0xff, 0xff],
      "a map of four billion": [0xdf, 0xff, 0xff, 0xff, 0xff, 0x01],
      "text of four gigabytes": [0x81, 0xdb, 0xff, 0xff, 0xff, 0xff, 0x61],
      "a record of msgpackr's own": [0x81, 0xa1, 0x61, 0xd4, 0x72, 0x40],
      depth: [0x81, 0xa1, 0x61, ...new Array<number>(100).fill(0x91), 0x01],
    };
    for (const [what, bytes] of Object.entries(hostile)) {
      const { lines, lost } = await push(Buffer.from(bytes), msgpack);
      expect(lines, what).toEqual([]);
      expect(lost, what).toHaveLength(1);
    }
  });

  it("is refused when one value is too large", async () => {
    const body = packr.pack({ name: "a", labels: { x: "y".repeat(5000) }, value: 1 });
    const { lost } = await push(body, msgpack, { lineSizeBytes: 1000, pieceSize: 100 });
    expect(lost).toEqual(["1: a value has more than 1000 bytes; send several (1)"]);
  });
});

describe("hostile bytes", () => {
  const format = fc.constantFrom<DeviceBodyOptions["format"]>("json", "msgpack");

  it("never throw", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), format, async (bytes, chosen) => {
        await push(bytes, { format: chosen });
      }),
      { numRuns: 2000 },
    );
  });

  it("never throw when a good body is mutated, and never store what was not sent", async () => {
    const body = { name: "a", labels: { room: "attic" }, samples: [[1000, 21.4]] };
    const place = fc.record({ at: fc.nat(200), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(format, fc.array(place, { maxLength: 3 }), async (chosen, changes) => {
        const bytes = chosen === "json" ? Buffer.from(JSON.stringify(body)) : Buffer.from(packr.pack(body));
        for (const { at, byte } of changes) bytes[at % bytes.length] = byte;
        const { lines } = await push(bytes, { format: chosen });
        expect(lines.length).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 2000 },
    );
  });
});
