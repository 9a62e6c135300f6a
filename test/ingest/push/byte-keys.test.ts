import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteKeys, NO_NUMBER } from "../../../src/ingest/push/byte-keys.js";

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

describe("ByteKeys", () => {
  it("finds what a map finds, wherever the bytes lie", () => {
    // Few different bytes, so that keys are alike in all but their length, their owner or their last byte.
    const key = fc.tuple(
      fc.constantFrom(-7, 0, 5),
      fc.array(fc.constantFrom(0, 1, 255), { maxLength: 9 }),
      fc.nat(3),
    );
    fc.assert(
      fc.property(fc.array(key, { maxLength: 200 }), (asked) => {
        const [keys, map] = [new ByteKeys(), new Map<string, number>()];
        for (const [owner, bytes, offset] of asked) {
          const view = viewOf(Uint8Array.from([...Array(offset).fill(9), ...bytes, 9]));
          const [start, end] = [offset, offset + bytes.length];
          const text = `${owner}:${bytes}`;
          expect(keys.find(owner, view, start, end)).toBe(map.get(text) ?? NO_NUMBER);
          if (map.has(text)) continue;
          if (keys.add(owner, view, start, end, map.size)) map.set(text, map.size);
        }
        expect(map.size).toBeGreaterThan(
          new Set(asked.map(([owner, bytes]) => `${owner}:${bytes}`)).size - 10,
        );
      }),
    );
  });

  it("finds a hundred thousand keys, in room that grows with them", () => {
    const keys = new ByteKeys();
    const bytes = new Uint8Array(40);
    const view = viewOf(bytes);
    let remembered = 0;
    for (let i = 0; i < 100_000; i++) {
      view.setUint32(20, i);
      if (keys.add(1, view, 0, 40, i)) remembered++;
    }
    expect(remembered).toBeGreaterThan(99_900);
    let found = 0;
    for (let i = 0; i < 100_000; i++) {
      view.setUint32(20, i);
      if (keys.find(1, view, 0, 40) === i) found++;
    }
    expect(found).toBeGreaterThan(99_800);
    expect(keys.sizeBytes).toBeLessThan(100_000 * 150);
  });

  it("gives up on keys that all want one place", () => {
    const keys = new ByteKeys();
    const bytes = new Uint8Array(8);
    const view = viewOf(bytes);
    // Two words whose differences cancel each other, whatever the multiplier: all of one hash.
    let remembered = 0;
    for (let i = 0; i < 1000; i++) {
      const first = Math.imul(i, 1) | 0;
      const mixed = mix(mix(1, 8), first);
      view.setInt32(0, first, true);
      view.setInt32(4, mixed, true);
      if (keys.add(1, view, 0, 8, i)) remembered++;
    }
    expect(remembered).toBeLessThan(40);
  });
});

/** As the table mixes a word into a hash. */
function mix(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e3779b1);
  return product ^ (product >>> 15);
}
