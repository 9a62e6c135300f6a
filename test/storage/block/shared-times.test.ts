import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CorruptionError } from "../../../src/model/errors.js";
import { CHUNK_DENSE, type EncodedChunk } from "../../../src/model/series.js";
import { ChunkFileReader } from "../../../src/storage/block/chunk-file-reader.js";
import { ChunkFileWriter } from "../../../src/storage/block/chunk-file-writer.js";
import {
  CHUNK_SHARED_TIMES,
  decodeBorrower,
  type FramedChunk,
  TimesLenders,
} from "../../../src/storage/block/shared-times.js";
import { encodeAdaptively, encodeChunks } from "../../../src/storage/chunk/encode-chunks.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import { seededRandom } from "../../support/seeded-random.js";

const length = 480;

/** The times of a target that is late by up to 4 ms. */
function lateTimes(target: number): Float64Array {
  const random = seededRandom(target);
  return Float64Array.from({ length }, (_, i) => 1e12 + i * 15_000 + Math.floor(random() * 5));
}

const regularTimes = Float64Array.from({ length }, (_, i) => 1e12 + i * 15_000);

/** A dense chunk of a series of the target. */
function denseChunk(times: Float64Array, series: number): EncodedChunk {
  const values = times.map((_, i) => Math.round(Math.sin(i * series) * 100) / 100);
  const [chunk] = encodeAdaptively({ times, values, length: times.length });
  expect(chunk!.encoding).toBe(CHUNK_DENSE);
  return chunk!;
}

async function writeChunks(chunks: readonly EncodedChunk[], segmentSizeBytesMax?: number) {
  const fileSystem = new MemFileSystem();
  await fileSystem.makeDirectory("b/chunks");
  const writer = new ChunkFileWriter(fileSystem, "b", segmentSizeBytesMax);
  const metas = await writer.write(chunks);
  await writer.finish();
  return { fileSystem, refs: Float64Array.from(metas, ({ ref }) => ref), sizeBytes: writer.sizeBytes };
}

async function readChunks(fileSystem: MemFileSystem, refs: Float64Array) {
  const reader = await ChunkFileReader.open(fileSystem, "b");
  const read = await reader.read(refs);
  await reader.close();
  return read.map(({ encoding, count, bytes }) => ({ encoding, count, bytes: [...bytes] }));
}

const asRead = ({ encoding, count, bytes }: EncodedChunk) => ({ encoding, count, bytes: [...bytes] });

/** Three targets, five series each, as they stand in label order: the series of one name, then those of the next. */
const targets = [1, 2, 3].map(lateTimes);
const chunks = [1, 2, 3, 4, 5].flatMap((series) => targets.map((times) => denseChunk(times, series)));

describe("dense chunks of the same times", () => {
  it("are read as they were written, all, in part, or one by one, and take fewer bytes", async () => {
    const { fileSystem, refs, sizeBytes } = await writeChunks(chunks);
    expect(await readChunks(fileSystem, refs)).toEqual(chunks.map(asRead));
    expect(await readChunks(fileSystem, refs.slice(7))).toEqual(chunks.slice(7).map(asRead));
    const reader = await ChunkFileReader.open(fileSystem, "b");
    for (const [i, ref] of [...refs.entries()].reverse()) {
      for (const stored of [await reader.read(Float64Array.of(ref)), await reader.read(Float64Array.of(ref))])
        expect([...stored[0]!.bytes]).toEqual([...chunks[i]!.bytes]);
    }
    await reader.close();
    const apart = chunks.reduce((sum, { bytes }) => sum + bytes.length, 0);
    // Times of 3 bits a sample, which 12 of the 15 chunks do without.
    expect(apart - sizeBytes).toBeGreaterThan(12 * 150);
  });

  it("are whole again in each segment", async () => {
    const { fileSystem, refs } = await writeChunks(chunks, 2500);
    expect((await fileSystem.list("b/chunks")).length).toBeGreaterThan(2);
    expect(await readChunks(fileSystem, refs)).toEqual(chunks.map(asRead));
  });

  it("are read as they were written, of any targets, lengths and encodings, in segments of any size", async () => {
    const chunk = fc
      .tuple(fc.nat(3), fc.integer({ min: 40, max: length }), fc.nat(4))
      .map(([target, samples, series]) => {
        const times = (target === 3 ? regularTimes : targets[target]!).subarray(0, samples);
        return series === 0
          ? encodeChunks({ times, values: times, length: samples }, length)[0]!
          : denseChunk(times, series);
      });
    await fc.assert(
      fc.asyncProperty(
        fc.array(chunk, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 500, max: 20_000 }),
        fc.integer({ min: 1, max: 5 }),
        async (given, segmentSizeBytes, every) => {
          const { fileSystem, refs } = await writeChunks(given, segmentSizeBytes);
          expect(await readChunks(fileSystem, refs)).toEqual(given.map(asRead));
          const isRead = (_: unknown, i: number) => i % every === 0;
          expect(await readChunks(fileSystem, refs.filter(isRead))).toEqual(given.filter(isRead).map(asRead));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("keep their times when these are regular, few, or XOR encoded", () => {
    const few = targets[0]!.slice(0, 40);
    const values = targets[0]!.map((_, i) => Math.sqrt(i));
    const xor = encodeChunks({ times: targets[0]!, values, length }, length);
    const lenders = new TimesLenders();
    for (const chunk of [denseChunk(regularTimes, 1), denseChunk(few, 1), ...xor])
      for (const offset of [8, 1000]) expect(lenders.framed(chunk, offset)).toBe(chunk);
  });

  it("borrow nothing from other times, whatever their checksum", async () => {
    const other = targets[0]!.slice();
    other[100]! += 1;
    const mixed = [targets[0]!, other, targets[0]!, other].map((times, i) => denseChunk(times, i + 1));
    const { fileSystem, refs } = await writeChunks(mixed);
    expect(await readChunks(fileSystem, refs)).toEqual(mixed.map(asRead));
  });
});

describe("a chunk that borrows its times", () => {
  const lenders = new TimesLenders();
  const lender = lenders.framed(chunks[0]!, 8);
  const borrower = lenders.framed(chunks[3]!, 1008);

  it("names its lender", () => {
    expect([lender.encoding, borrower.encoding]).toEqual([CHUNK_DENSE, CHUNK_SHARED_TIMES]);
    expect(decodeBorrower(borrower.bytes, { file: "chunks/000001", offset: 1008 })).toMatchObject({
      lender: 8,
      count: length,
    });
  });

  /** A file of two chunks, the second at `offsets[1]`. */
  async function readPair(first: FramedChunk, second: FramedChunk) {
    const asWritten = (chunk: FramedChunk) => ({ ...chunk, count: length, minTime: 0, maxTime: 1 });
    const { fileSystem, refs } = await writeChunks([first, second].map(asWritten));
    return readChunks(fileSystem, refs);
  }

  const distance = lender.bytes.length + 2 + 5;
  const borrowed = (back: number, count: number = length) => {
    const values = borrower.bytes.subarray(6);
    const bytes = [
      count >> 8,
      count & 255,
      (back & 127) | 128,
      back >> 7,
      ...borrower.bytes.slice(4, 6),
      ...values,
    ];
    return { encoding: CHUNK_SHARED_TIMES, bytes: Uint8Array.from(bytes) };
  };

  it("is put together by its fields", async () => {
    expect((await readPair(lender, borrowed(distance)))[1]!.bytes).toEqual([...chunks[3]!.bytes]);
  });

  it.each<[name: string, lender: FramedChunk, borrower: FramedChunk, reason: RegExp]>([
    ["itself", lender, borrowed(0), /where no chunk can be/],
    ["what is before the first chunk", lender, borrowed(distance + 4), /where no chunk can be/],
    [
      "the middle of a chunk",
      lender,
      borrowed(distance - 9),
      /checksum|length|varint|has no samples|behind the end/,
    ],
    ["a chunk of another length", lender, borrowed(distance, 479), /not its own/],
    ["an XOR chunk", { ...lender, encoding: 1 }, borrowed(distance), /cannot lend/],
    [
      "a chunk too short",
      { ...lender, bytes: lender.bytes.slice(0, 130) },
      borrowed(distance - (lender.bytes.length - 130)),
      /cannot lend/,
    ],
  ])("cannot borrow from %s", async (_, first, second, reason) => {
    await expect(readPair(first, second)).rejects.toThrow(reason);
    await expect(readPair(first, second)).rejects.toThrow(CorruptionError);
  });

  it("is refused or decoded, whatever its bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 8, max: 1e6 }), (bytes, offset) => {
        try {
          const { lender: at, values } = decodeBorrower(bytes, { file: "chunks/000001", offset });
          expect(at).toBeGreaterThanOrEqual(8);
          expect(at).toBeLessThan(offset);
          expect(values.length).toBeLessThan(bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptionError);
        }
      }),
    );
  });
});
