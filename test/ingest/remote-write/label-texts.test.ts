import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeText, LabelTexts } from "../../../src/ingest/remote-write/label-texts.js";

describe("LabelTexts", () => {
  it("makes labels of names and values in turn", () => {
    const texts = new LabelTexts();
    expect(texts.labels(["__name__", "up", "job", "a"])?.toString()).toBe('up{job="a"}');
    expect(texts.labels(["__name__", "up", "job", "b"])?.toString()).toBe('up{job="b"}');
    expect(texts.labels(["__name__", "up", "pod", "a"])?.toString()).toBe('up{pod="a"}');
    expect(texts.labels(["__name__", "up"])?.toString()).toBe("up");
  });

  it("knows no labels without a metric name, and goes on", () => {
    const texts = new LabelTexts();
    expect(texts.labels(["__name__", "up", "job", "a"])).toBeDefined();
    expect(texts.labels(["job", "a", "pod", "b"])).toBeUndefined();
    expect(texts.labels(["job", "a", "pod", "b"])).toBeUndefined();
    expect(texts.labels(["__name__", "up", "job", "c"])?.toString()).toBe('up{job="c"}');
  });
});

describe("decodeText", () => {
  it("gives text as Buffer reads it, and refuses what is no UTF-8", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 50 }), fc.nat(3), (text, before) => {
        const bytes = Buffer.concat([Buffer.alloc(before, 0x78), Buffer.from(text), Buffer.from("yz")]);
        expect(decodeText(bytes, before, bytes.length - 2)).toBe(Buffer.from(text).toString());
      }),
    );
    expect(decodeText(Buffer.from([0x61, 0xff]), 0, 2)).toBeUndefined();
  });
});
