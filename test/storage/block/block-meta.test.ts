import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CorruptionError } from "../../../src/model/errors.js";
import {
  type BlockMeta,
  blockTimeRange,
  decodeBlockMeta,
  encodeBlockMeta,
  halfOpen,
} from "../../../src/storage/block/block-meta.js";
import { isUlid, ulidSource } from "../../../src/storage/block/ulid.js";
import { FakeClock } from "../../support/fake-clock.js";

const meta: BlockMeta = {
  ulid: "01M7VYRENR8ZT4N6BZVQVGY5H1",
  minTime: -5,
  maxTime: 10,
  stats: { numSamples: 3, numSeries: 2, numChunks: 2 },
  compaction: { level: 2, sources: ["01M7VYRENR8ZT4N6BZVQVGY5H1"] },
  version: 1,
  narthex: { walSegment: 7 },
};
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

describe("block meta", () => {
  it("round-trips", () => {
    expect(decodeBlockMeta(encodeBlockMeta(meta), "meta.json")).toEqual(meta);
  });

  it("finds every changed byte, and every cut", () => {
    const encoded = encodeBlockMeta(meta);
    for (let at = 0; at < encoded.length; at++) {
      for (const mask of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
        const changed = encoded.with(at, encoded[at]! ^ mask);
        expect(() => decodeBlockMeta(changed, "f"), `byte ${at} ^ ${mask}`).toThrow(CorruptionError);
      }
      expect(() => decodeBlockMeta(encoded.subarray(0, at), "f")).toThrow(CorruptionError);
    }
  });

  it("has a checksum without anything else to say, too", () => {
    const { narthex: _, ...plain } = meta;
    const encoded = encodeBlockMeta(plain);
    expect(decodeBlockMeta(encoded, "f")).toEqual(plain);
    const text = new TextDecoder().decode(encoded);
    const changed = new TextEncoder().encode(text.replace('"minTime": -5', '"minTime": -4'));
    expect(() => decodeBlockMeta(changed, "f")).toThrow("does not match its checksum");
  });

  it("has none where an earlier version, or somebody who changed it, left it out", () => {
    expect(decodeBlockMeta(bytes(meta), "f")).toEqual(meta);
  });

  it("takes what Prometheus leaves out as zero, and ignores what others add", () => {
    const { narthex: _, ...foreign } = meta;
    const decoded = decodeBlockMeta(
      bytes({ ...foreign, stats: { numSeries: 1 }, thanos: { labels: {} } }),
      "f",
    );
    expect(decoded).toEqual({ ...foreign, stats: { numSamples: 0, numSeries: 1, numChunks: 0 } });
  });

  it.each<[string, unknown]>([
    ["no object", [1]],
    ["another version", { ...meta, version: 2 }],
    ["no ULID", { ...meta, ulid: "../../etc" }],
    ["no times", { ...meta, minTime: "0" }],
    ["times the wrong way round", { ...meta, minTime: 10 }],
  ])("refuses %s", (_, value) => {
    expect(() => decodeBlockMeta(bytes(value), "f")).toThrow(CorruptionError);
  });

  it("converts between half-open and inclusive times", () => {
    expect(blockTimeRange(meta)).toEqual({ minTime: -5, maxTime: 9 });
    fc.assert(
      fc.property(fc.integer(), fc.nat(), (minTime, length) => {
        const range = { minTime, maxTime: minTime + length };
        expect(blockTimeRange(halfOpen(range))).toEqual(range);
      }),
    );
  });
});

describe("ulidSource", () => {
  it("spells time and randomness as the specification does", () => {
    const random = (byte: number) => (size: number) => new Uint8Array(size).fill(byte);
    expect(ulidSource(new FakeClock(0), random(0))()).toBe("00000000000000000000000000");
    expect(ulidSource(new FakeClock(1_469_918_176_385), random(0xff))()).toBe("01ARYZ6S41ZZZZZZZZZZZZZZZZ");
    expect(
      ulidSource(new FakeClock(2 ** 48 - 1), () =>
        Uint8Array.of(0, 0, 0, 0, 1, 0x08, 0x42, 0x10, 0x84, 0x21),
      )(),
    ).toBe("7ZZZZZZZZZ0000000111111111");
  });

  it("sorts by time", () => {
    const random = (size: number) => crypto.getRandomValues(new Uint8Array(size));
    const at = (now: number) => ulidSource(new FakeClock(now), random)();
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 1e12 }), (now, later) => {
        const [first, second] = [at(now), at(now + later)];
        expect(first < second).toBe(true);
        expect([isUlid(first), isUlid(`${first}/`)]).toEqual([true, false]);
      }),
    );
  });
});
