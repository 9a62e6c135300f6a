import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeText } from "../../../src/ingest/remote-write/decode-text.js";

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
