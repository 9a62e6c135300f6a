import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultIngestLimits } from "../../../src/ingest/limits.js";
import { FamilyAllowance } from "../../../src/ingest/pushgateway/family-allowance.js";
import { type MetricFamily, samplesOf } from "../../../src/ingest/pushgateway/metric-family.js";
import { readProtobufFamilies } from "../../../src/ingest/pushgateway/read-protobuf-families.js";
import { readTextFamilies } from "../../../src/ingest/pushgateway/read-text-families.js";
import { decodeSnappyFrames as snappyChunks } from "../../../src/ingest/pushgateway/snappy-frames.js";
import { LimitExceededError, TsdbError } from "../../../src/model/errors.js";
import { formatFloat } from "../../../src/model/float-text.js";
import { protobufOf, type SentFamily, snappyFramesOf, textOf } from "../../support/client-model-bodies.js";
import { bodyOf } from "./gateway-world.js";

const limits = { ...defaultIngestLimits, transactionSamplesMax: 1000 };
const decodeSnappyFrames = (bytes: Uint8Array, sizeMax: number) =>
  Buffer.concat([...snappyChunks(bytes, sizeMax)]);
const readText = (text: string) => readTextFamilies(bodyOf(text), limits);

function shown(families: ReadonlyMap<string, MetricFamily>): readonly string[] {
  return [...families.values()].flatMap((family) => [
    `${family.name} ${family.type} ${family.help}`,
    ...samplesOf(family).map(({ labels, value, time }) => `${labels} ${formatFloat(value)} ${time ?? "now"}`),
  ]);
}

/** Families as both forms can say them: labels in an order, bounds once. */
const families: fc.Arbitrary<readonly SentFamily[]> = fc.uniqueArray(
  fc
    .record({
      name: fc.constantFrom("a", "b", "c_total", "d:e", "f"),
      type: fc.constantFrom("counter", "gauge", "summary", "untyped", "histogram" as const),
      help: fc.constantFrom("", "What it is."),
      value: fc.double(),
      sum: fc.double(),
      count: fc.nat(),
      bounds: fc.uniqueArray(fc.constantFrom(0.1, 0.5, 1, 1e6, Infinity)),
      k: fc.stringMatching(/^[a-z"\\\n]{1,4}$/),
    })
    .map(({ name, type, help, k, bounds, ...rest }): SentFamily => {
      const points = bounds.map((bound, i) => [bound, i] as const);
      const metrics = [{ ...rest, labels: { k }, points }];
      return { name, type, metrics, ...(help === "" ? {} : { help }) };
    }),
  { selector: ({ name }) => name },
);

describe("families in bodies", () => {
  it("are the same as text and as protobuf", async () => {
    await fc.assert(
      fc.asyncProperty(families, async (sent) => {
        const text = shown(await readText(textOf(sent)));
        expect(shown(readProtobufFamilies(protobufOf(sent), limits))).toEqual(text);
      }),
      { numRuns: 200 },
    );
  });

  it("of text may have no last line feed, and carriage returns", async () => {
    expect(shown(await readText("# TYPE m gauge\r\nm 1\r\nn 2"))).toEqual([
      ...["m gauge ", "m 1 now", "n untyped ", "n 2 now"],
    ]);
  });

  it("have what a scrape would give", async () => {
    const text =
      '# TYPE h histogram\nh_bucket{le="1"} 3\n# TYPE s summary\ns_sum{k="1"} 2\n# TYPE none gauge\n';
    expect(shown(await readText(text))).toEqual([
      ...[
        "h histogram ",
        'h_bucket{le="1.0"} 3 now',
        'h_bucket{le="+Inf"} 0 now',
        "h_sum 0 now",
        "h_count 0 now",
      ],
      ...["s summary ", 's_sum{k="1"} 2 now', 's_count{k="1"} 0 now'],
    ]);
  });

  it.each<[text: string, reason: string]>([
    ["# TYPE m gauge\n# TYPE m gauge\n", "second TYPE line"],
    ["m 1\n# TYPE m gauge\n", "TYPE reported after samples"],
    ["# HELP m a\n# HELP m a\n", "second HELP line"],
    ['# TYPE h histogram\nh_bucket{le="x"} 1\n', "expected float as value for 'le' label"],
    ["# TYPE s summary\ns 1\n", "expected float as value for 'quantile' label"],
    ["m 1\nn x\n", "line 2: "],
    ["m 1\n".repeat(1001), "transactionSamplesMax"],
    [Array.from({ length: 1001 }, (_, i) => `# TYPE m${i} gauge\n`).join(""), "in metric families"],
  ])("%j is refused", async (text, reason) => {
    await expect(readText(text)).rejects.toThrow(reason);
  });

  it.each<[what: string, bytes: Buffer, reason: string]>([
    ["no name", protobufOf([{ name: "", type: "gauge", metrics: [] }]), "has no name"],
    ["an unknown type", Buffer.from("050a016d1809", "hex"), "has the type 9"],
    ["another type", Buffer.from("070a016d18012200", "hex"), "is not a GAUGE"],
    ["a label __name__", sent({ __name__: "x" }), 'has the name "__name__"'],
    ["text that is no UTF-8", Buffer.from("030a01ff", "hex"), "is not UTF-8"],
    ["an end before its end", Buffer.from("050a", "hex"), "longer than its message"],
  ])("protobuf with %s is refused", (_, bytes, reason) => {
    expect(() => readProtobufFamilies(bytes, limits)).toThrow(reason);
  });

  it("are counted while they are read, as text and as protobuf", async () => {
    const metrics = Array.from({ length: 5 }, (_, i) => ({ labels: { k: String(i) }, value: i }));
    const protobuf = protobufOf([{ name: "m", type: "gauge", metrics }]);
    const text = metrics.map(({ labels, value }) => `m{k="${labels.k}"} ${value}\n`).join("");
    const few = { ...limits, transactionSamplesMax: 4 };
    const small = () => {
      let room = 4000;
      return new FamilyAllowance(limits, (bytes) => {
        room -= bytes;
        if (room < 0) throw new LimitExceededError("no room");
      });
    };
    const readAll = (allowance: FamilyAllowance) => readProtobufFamilies(protobuf, limits, allowance);
    expect(() => readAll(new FamilyAllowance(few))).toThrow("transactionSamplesMax");
    expect(() => readAll(small())).toThrow("no room");
    await expect(readTextFamilies(bodyOf(text), limits, new FamilyAllowance(few))).rejects.toThrow(
      "transactionSamplesMax",
    );
    await expect(readTextFamilies(bodyOf(text), limits, small())).rejects.toThrow("no room");
  });

  it("are read no further than to the limit", async () => {
    let pieces = 0;
    async function* endless() {
      for (; pieces < 100; pieces++) yield Buffer.from("a 1\n".repeat(400));
    }
    await expect(readTextFamilies(endless(), limits)).rejects.toThrow("transactionSamplesMax");
    expect(pieces).toBe(2);
  });

  it("let others have their turn while a long text is read", async () => {
    let turns = 0;
    let isRead = false;
    const tick = () => {
      turns++;
      if (!isRead) setImmediate(tick);
    };
    setImmediate(tick);
    await readText("# a comment\n".repeat(10_000));
    isRead = true;
    expect(turns).toBeGreaterThan(50);
  });

  it("never fail otherwise than by name, whatever the bytes", async () => {
    const mutated = fc
      .tuple(families, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }))
      .map(([sentFamilies, changes]) => {
        const bytes = protobufOf(sentFamilies);
        for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
        return bytes;
      });
    await fc.assert(
      fc.asyncProperty(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), async (bytes) => {
        for (const read of [
          () => readProtobufFamilies(bytes, limits),
          () => decodeSnappyFrames(bytes, 10_000),
          () => readText(Buffer.from(bytes).toString("latin1")),
        ]) {
          try {
            await read();
          } catch (error) {
            expect(error).toBeInstanceOf(TsdbError);
          }
        }
      }),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 1000) },
    );
  });
});

function sent(labels: Record<string, string>): Buffer {
  return protobufOf([{ name: "m", type: "gauge", metrics: [{ labels, value: 1 }] }]);
}

describe("Snappy's frames", () => {
  it("decode to what was encoded", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1000 }), fc.integer({ min: 1, max: 300 }), (piece, times) => {
        const bytes = Buffer.concat(Array.from({ length: times }, () => piece));
        expect(decodeSnappyFrames(snappyFramesOf(bytes), bytes.length).length).toBe(bytes.length);
        expect(bytes.equals(decodeSnappyFrames(snappyFramesOf(bytes), bytes.length))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it("may have bytes as they are, padding, and several streams", () => {
    const stream = Buffer.from("ff060000734e61507059", "hex");
    // The checksum is that of "abc" by the format's own rule, from another implementation.
    const frames = snappyFramesOf(Buffer.from("abc"));
    const checksum = frames.subarray(14, 18);
    const asIs = Buffer.concat([Buffer.from("01070000", "hex"), checksum, Buffer.from("abc")]);
    const padding = Buffer.from("fe0200000000", "hex");
    const bytes = Buffer.concat([stream, padding, asIs, stream, asIs]);
    expect(Buffer.from(decodeSnappyFrames(bytes, 100)).toString()).toBe("abcabc");
  });

  it.each<[what: string, change: (frames: Buffer) => Buffer, reason: string]>([
    ["another beginning", (frames) => frames.subarray(10), "does not begin as a stream"],
    ["a cut", (frames) => frames.subarray(0, -1), "cut short"],
    ["a wrong checksum", (frames) => Buffer.from(frames.fill(0, 14, 15)), "checksum"],
    [
      "an unknown chunk",
      (frames) => Buffer.concat([frames, Buffer.from("02000000", "hex")]),
      "unknown type 2",
    ],
  ])("with %s are refused", (_, change, reason) => {
    expect(() => decodeSnappyFrames(change(snappyFramesOf(Buffer.from("hello"))), 100)).toThrow(reason);
  });

  it("are no bomb", () => {
    const frames = snappyFramesOf(Buffer.alloc(10_000_000));
    expect(() => decodeSnappyFrames(frames, 100_000)).toThrow("more than 100000 bytes");
  });
});
