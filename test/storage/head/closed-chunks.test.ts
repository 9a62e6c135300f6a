import { describe, expect, it } from "vitest";
import { CorruptionError } from "../../../src/model/errors.js";
import { CHUNK_XOR } from "../../../src/model/series.js";
import { ClosedChunks, NO_CHUNK } from "../../../src/storage/head/closed-chunks.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

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

describe("ClosedChunks beyond what memory has room for", () => {
  const inFile = (fileSystem = new MemFileSystem()) =>
    new ClosedChunks(fileSystem.createScratch("chunks.tmp"), 1);
  const fill = (chunks: ClosedChunks, count: number) => {
    const places: number[] = [];
    for (let i = 0; i < count; i++) places.push(chunks.addCopy(chunkOf(i), places.at(-1) ?? NO_CHUNK));
    return places;
  };

  it("are given back as they were, from the file", () => {
    const chunks = inFile();
    const places = fill(chunks, 20_000);
    expect(chunks.sizeBytes).toBe(slabSizeBytes);
    expect(chunks.fileSizeBytes).toBeGreaterThanOrEqual(2 * slabSizeBytes);
    expect(chunks.count).toBe(20_000);
    for (let i = 0; i < places.length; i += 13) expect(chunks.at(places[i]!)).toEqual(chunkOf(i));
    expect(places.map((place) => chunks.previousOf(place))).toEqual([NO_CHUNK, ...places.slice(0, -1)]);
  });

  it("are read whole when they are long, also at the end of a slab", () => {
    const chunks = inFile();
    const long = (i: number) => ({ ...chunkOf(i), bytes: new Uint8Array(60_000 + i).fill(i) });
    const places = Array.from({ length: 60 }, (_, i) => chunks.addCopy(long(i), NO_CHUNK));
    const [short] = fill(chunks, 1);
    for (const [i, place] of places.entries()) expect(chunks.at(place)).toEqual(long(i));
    expect(chunks.at(short!)).toEqual(chunkOf(0));
  });

  it("are linked anew and removed there, and their places are used again", () => {
    const fileSystem = new MemFileSystem();
    const chunks = inFile(fileSystem);
    const places = fill(chunks, 20_000);
    const held = chunks.at(places[7]!);
    chunks.setPrevious(places[8]!, places[6]!);
    expect(chunks.minTimeOf(places[9]!)).toBe(900);
    expect(chunks.previousOf(places[8]!)).toBe(places[6]);
    for (const place of places.slice(0, 19_999)) chunks.remove(place);
    expect(chunks.fileSizeBytes).toBe(0);
    const again = fill(chunks, 20_000);
    for (let i = 0; i < again.length; i += 13) expect(chunks.at(again[i]!)).toEqual(chunkOf(i));
    expect(chunks.at(places[19_999]!)).toEqual(chunkOf(19_999));
    expect(held).toEqual(chunkOf(7));
  });

  it("are refused when the file gives back something else", () => {
    const written: { bytes: Uint8Array; position: number }[] = [];
    const file = new MemFileSystem().createScratch("chunks.tmp");
    const chunks = new ClosedChunks(
      {
        ...file,
        write: (bytes, position) => {
          written.push({ bytes: bytes.slice(), position });
          file.write(bytes, position);
        },
      },
      1,
    );
    const [first, second] = fill(chunks, 20_000);
    const flip = (offset: number) => {
      const { bytes, position } = written[0]!;
      bytes[offset]! ^= 1;
      file.write(bytes, position);
    };
    // The first chunk has 32 bytes of header and 100 of body.
    for (let offset = 0; offset < 132; offset++) {
      flip(offset);
      expect(chunks.at(second!)).toEqual(chunkOf(1));
      expect(() => chunks.at(first!)).toThrow(CorruptionError);
      flip(offset);
      expect(chunks.at(first!)).toEqual(chunkOf(0));
    }
  });

  it("stay in memory while the disk is full, and go to it when there is room again", () => {
    const fileSystem = new MemFileSystem();
    const chunks = inFile(fileSystem);
    fileSystem.failAfter(0, "ENOSPC");
    const places = fill(chunks, 20_000);
    expect(chunks.fileSizeBytes).toBe(0);
    expect(chunks.sizeBytes).toBeGreaterThanOrEqual(3 * slabSizeBytes);
    fileSystem.heal();
    const later = fill(chunks, 20_000);
    expect(chunks.fileSizeBytes).toBeGreaterThan(0);
    for (let i = 0; i < places.length; i += 13) expect(chunks.at(places[i]!)).toEqual(chunkOf(i));
    for (let i = 0; i < later.length; i += 13) expect(chunks.at(later[i]!)).toEqual(chunkOf(i));
  });
});
