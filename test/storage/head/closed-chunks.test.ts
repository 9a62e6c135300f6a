import { describe, expect, it } from "vitest";
import { CHUNK_XOR } from "../../../src/model/series.js";
import { ClosedChunks, NO_CHUNK } from "../../../src/storage/head/closed-chunks.js";

const slabSizeBytes = 1024 * 1024;

const chunkOf = (i: number) => ({
  encoding: CHUNK_XOR,
  minTime: i * 100,
  maxTime: i * 100 + 99,
  count: (i % 120) + 1,
  bytes: new Uint8Array(100 + (i % 57)).fill(i),
});

describe("ClosedChunks", () => {
  it("gives chunks back as they were, and those before them", () => {
    const chunks = new ClosedChunks();
    const places: number[] = [];
    for (let i = 0; i < 20_000; i++) places.push(chunks.addCopy(chunkOf(i), places.at(-1) ?? NO_CHUNK));
    expect(places.map((place) => chunks.previousOf(place))).toEqual([NO_CHUNK, ...places.slice(0, -1)]);
    for (let i = 0; i < places.length; i += 13) expect(chunks.at(places[i]!)).toEqual(chunkOf(i));
    expect(new Set(places).size).toBe(20_000);
    expect(chunks.sizeBytes).toBeGreaterThanOrEqual(3 * slabSizeBytes);
  });

  it("frees a slab with its last chunk, gives no place twice, and leaves readers what they hold", () => {
    const chunks = new ClosedChunks();
    const places = Array.from({ length: 20_000 }, (_, i) => chunks.addCopy(chunkOf(i), NO_CHUNK));
    const held = chunks.at(places[0]!);
    for (const place of places) chunks.remove(place);
    expect(chunks.sizeBytes).toBe(0);
    const again = Array.from({ length: 20_000 }, (_, i) => chunks.addCopy(chunkOf(i + 1), NO_CHUNK));
    const before = new Set(places);
    expect(again.filter((place) => before.has(place))).toEqual([]);
    expect(held).toEqual(chunkOf(0));
  });

  it("knows the slabs that are mostly empty", () => {
    const chunks = new ClosedChunks();
    const places = Array.from({ length: 20_000 }, (_, i) => chunks.addCopy(chunkOf(i), NO_CHUNK));
    expect(chunks.isInSparseSlab(places[0]!)).toBe(false);
    for (const place of places.slice(1, 10_000)) chunks.remove(place);
    expect(chunks.isInSparseSlab(places[0]!)).toBe(true);
    expect(chunks.isInSparseSlab(places[19_999]!)).toBe(false);
  });
});
