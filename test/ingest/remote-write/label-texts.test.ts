import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeText, LabelTexts } from "../../../src/ingest/remote-write/label-texts.js";

describe("LabelTexts", () => {
  it("reads what decodeText reads, whatever came before and wherever it stands", () => {
    const texts = new LabelTexts();
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.string({ unit: "grapheme", maxLength: 150 }).map((text) => Buffer.from(text)),
      fc.constantFrom("job", "jop", "jo", "joba", "").map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(bytes, fc.nat(3), (text, before) => {
        const around = Buffer.concat([Buffer.alloc(before, 0x78), text, Buffer.from("yz")]);
        const end = before + text.length;
        expect(texts.decode(around, before, end)).toBe(decodeText(around, before, end));
      }),
      { numRuns: 2000 },
    );
  });

  it("gives texts that share a place their own characters", () => {
    const texts = new LabelTexts();
    for (let i = 0; i < 20_000; i++) {
      const text = Buffer.from(`pod-${i}`);
      expect(texts.decode(text, 0, text.length)).toBe(`pod-${i}`);
    }
  });

  it("refuses what is no UTF-8", () => {
    expect(new LabelTexts().decode(Buffer.from([0x61, 0xff]), 0, 2)).toBeUndefined();
  });

  it("shares the list of names with the series before", () => {
    const texts = new LabelTexts();
    const first = texts.shared(["__name__", "job"]);
    expect(texts.shared(["__name__", "job"])).toBe(first);
    expect(texts.shared(["__name__", "pod"])).toEqual(["__name__", "pod"]);
    expect(texts.shared(["__name__"])).toEqual(["__name__"]);
    expect(texts.shared([])).toEqual([]);
  });
});
