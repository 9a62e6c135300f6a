import * as zlib from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32c } from "../../../src/kernels/crc32c.js";
import { encodeSnappy } from "../../../src/kernels/snappy.js";
import { encodeXor } from "../../../src/kernels/xor.js";
import { TsdbError } from "../../../src/model/errors.js";
import { ByteWriter } from "../../../src/storage/codec/byte-writer.js";
import { readHeadChunks } from "../../../src/storage/prometheus/head-chunk-file.js";
import { decodeLogRecord } from "../../../src/storage/prometheus/log-record.js";
import { readPrometheusHead } from "../../../src/storage/prometheus/read-prometheus-head.js";
import { readSegment } from "../../../src/storage/prometheus/segment-pages.js";
import { RecordingAppendable } from "../../ingest/recording-appender.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const pageSize = 32 * 1024;

function bytesOf(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  write(writer);
  return writer.toBytes();
}

/** A segment as Prometheus lays it out. */
function segmentOf(records: readonly Uint8Array[], { snappy = false } = {}): Uint8Array {
  return bytesOf((writer) => {
    for (const record of records) {
      let rest = snappy ? encodeSnappy(record) : record;
      for (let isFirst = true; isFirst || rest.length > 0; isFirst = false) {
        const left = pageSize - (writer.length % pageSize);
        if (left <= 7) writer.bytes(new Uint8Array(left));
        const room = pageSize - (writer.length % pageSize) - 7;
        const data = rest.subarray(0, room);
        rest = rest.subarray(room);
        const type = isFirst ? (rest.length === 0 ? 1 : 2) : rest.length === 0 ? 4 : 3;
        writer.u8(type | (snappy ? 8 : 0));
        writer.u16(data.length);
        writer.u32(crc32c(data));
        writer.bytes(data);
      }
    }
  });
}

const seriesRecord = (ref: number, labels: Record<string, string>) =>
  bytesOf((writer) => {
    writer.u8(1);
    writer.u64(ref);
    writer.uvarint(Object.keys(labels).length);
    for (const text of Object.entries(labels).flat()) {
      writer.uvarint(Buffer.byteLength(text));
      writer.bytes(Buffer.from(text));
    }
  });

const samplesRecord = (...samples: readonly (readonly [ref: number, time: number, value: number])[]) =>
  bytesOf((writer) => {
    const [firstRef, firstTime] = samples[0]!;
    writer.u8(2);
    writer.u64(firstRef);
    writer.u32(Math.floor(firstTime / 2 ** 32) >>> 0);
    writer.u32(firstTime >>> 0);
    for (const [ref, time, value] of samples) {
      writer.varint(ref - firstRef);
      writer.varint(time - firstTime);
      writer.bytes(doubleBytes(value));
    }
  });

const tombstoneRecord = (ref: number, minTime: number, maxTime: number) =>
  bytesOf((writer) => {
    writer.u8(3);
    writer.u64(ref);
    writer.varint(minTime);
    writer.varint(maxTime);
  });

function doubleBytes(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
}

function headChunkFile(
  ref: number,
  samples: readonly (readonly [number, number])[],
  encoding = 1,
): Uint8Array {
  const columns = {
    times: Float64Array.from(samples, ([time]) => time),
    values: Float64Array.from(samples, ([, value]) => value),
    length: samples.length,
  };
  const chunk = bytesOf((writer) => {
    writer.u64(ref);
    writer.u64(samples[0]![0]);
    writer.u64(samples.at(-1)![0]);
    writer.u8(encoding);
    const body = encodeXor(columns);
    writer.uvarint(body.length);
    writer.bytes(body);
    writer.u32(crc32c(writer.view()));
  });
  // Made larger than it is, as Prometheus does.
  return Buffer.concat([Uint8Array.of(0x01, 0x30, 0xbc, 0x91, 1, 0, 0, 0), chunk, new Uint8Array(64)]);
}

async function folderOf(files: Readonly<Record<string, Uint8Array>>): Promise<MemFileSystem> {
  const fileSystem = new MemFileSystem();
  for (const [path, bytes] of Object.entries(files)) {
    await fileSystem.makeDirectory(path.slice(0, path.lastIndexOf("/")));
    const file = await fileSystem.create(path);
    await file.write(bytes);
    await file.close();
  }
  return fileSystem;
}

async function read(files: Readonly<Record<string, Uint8Array>>, inOrderMinTime = -Infinity) {
  const appendable = new RecordingAppendable();
  const appender = appendable.appender();
  const losses: string[] = [];
  await readPrometheusHead(await folderOf(files), "p", {
    inOrderMinTime,
    appender,
    onLoss: (sentence) => losses.push(sentence),
  });
  await appender.commit();
  return { lines: appendable.lines, losses };
}

async function recordsOf(bytes: Uint8Array, isLast = true) {
  const records: Uint8Array[] = [];
  const losses: string[] = [];
  const options = { isLast, onLoss: (sentence: string) => losses.push(sentence) };
  for await (const record of readSegment(await folderOf({ "p/s": bytes }), "p/s", options))
    records.push(record.slice());
  return { records, losses };
}

describe("readSegment", () => {
  const records = fc.array(fc.oneof(fc.uint8Array({ maxLength: 50 }), largeRecord()), { maxLength: 8 });

  it("gives back the records of any size, compressed or not", async () => {
    await fc.assert(
      fc.asyncProperty(records, fc.boolean(), async (written, snappy) => {
        const { records: found, losses } = await recordsOf(segmentOf(written, { snappy }), false);
        expect(losses).toEqual([]);
        expect(found.length).toBe(written.length);
        expect(found.every((record, i) => Buffer.compare(record, written[i]!) === 0)).toBe(true);
      }),
      { numRuns: 15 },
    );
  });

  it("loses the page of a flipped byte, and tells it; a torn end of the last segment is no loss", async () => {
    const small = Array.from({ length: 3000 }, (_, i) => Uint8Array.of(9, i & 255, i >> 8));
    const bytes = segmentOf(small);
    expect(bytes.length).toBeLessThan(pageSize);
    const big = segmentOf([...small, new Uint8Array(pageSize), ...small]);
    const damaged = big.slice();
    damaged[100]! ^= 1;
    const { records: found, losses } = await recordsOf(damaged, false);
    expect(losses).toEqual([
      "p/s at byte 100: 0 is no type of a fragment",
      expect.stringMatching(/^p\/s at byte 32768: fragments of a record are missing$/),
    ]);
    expect(found.length).toBe(10 + small.length);
    for (let cut = bytes.length - 25; cut < bytes.length; cut++) {
      expect((await recordsOf(bytes.subarray(0, cut))).losses).toEqual([]);
      expect((await recordsOf(bytes.subarray(0, cut), false)).losses.length).toBe(
        (bytes.length - cut) % 10 === 0 ? 0 : 1,
      );
    }
  });

  it("reads zstd where Node has it, and says so where it has not", async () => {
    const { zstdCompressSync } = zlib as { readonly zstdCompressSync?: (bytes: Uint8Array) => Uint8Array };
    const record = Uint8Array.of(9, 9, 9);
    const bytes = segmentOf([zstdCompressSync?.(record) ?? record]);
    bytes[0]! |= 16;
    if (zstdCompressSync === undefined)
      await expect(recordsOf(bytes)).rejects.toThrow(/compressed with zstd.*use Node 22.15 or later/);
    else expect((await recordsOf(bytes)).records.map((read) => [...read])).toEqual([[...record]]);
  });

  it("answers any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => void (await recordsOf(bytes))),
    );
  });
});

function largeRecord(): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(fc.integer({ min: 30_000, max: 80_000 }), fc.nat(255))
    .map(([length, seed]) => Uint8Array.from({ length }, (_, i) => (i * 31 + seed * (i % 7)) & 255));
}

describe("decodeLogRecord and readHeadChunks", () => {
  it("answer any bytes with a value or a TsdbError", () => {
    const valid = [
      seriesRecord(1, { a: "b" }),
      samplesRecord([1, 5, 1], [2, 6, 2]),
      tombstoneRecord(1, 2, 3),
    ];
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.tuple(fc.constantFrom(...valid), fc.nat(), fc.nat(255)).map(([bytes, at, value]) => {
        const changed = bytes.slice();
        changed[at % bytes.length] = value;
        return changed;
      }),
    );
    fc.assert(
      fc.property(hostile, (bytes) => {
        for (const decode of [
          () => decodeLogRecord(bytes, "file"),
          () => [
            ...readHeadChunks(Buffer.concat([headChunkFile(1, [[1, 1]]).subarray(0, 8), bytes]), "file"),
          ],
        ]) {
          try {
            decode();
          } catch (error) {
            if (!(error instanceof TsdbError)) throw error;
          }
        }
      }),
    );
  });
});

describe("readPrometheusHead", () => {
  const x = seriesRecord(1, { __name__: "x" });

  it("reads the last checkpoint and what is behind it", async () => {
    const { lines, losses } = await read({
      "p/wal/checkpoint.00000001/00000000": segmentOf([seriesRecord(1, { __name__: "old" })]),
      "p/wal/checkpoint.00000003/00000000": segmentOf([x, samplesRecord([1, -70, 1.5])], { snappy: true }),
      "p/wal/00000003": segmentOf([samplesRecord([1, 99, 9])]),
      "p/wal/00000004": segmentOf([
        seriesRecord(2, { __name__: "y", é: "ü" }),
        samplesRecord([1, 100, 2], [2, 40, 3]),
      ]),
    });
    expect(lines).toEqual(["x 1.5@-70", "x 2@100", 'y{"é"="ü"} 3@40']);
    expect(losses).toEqual([]);
  });

  it("joins head chunks, the log behind them, and samples out of order; blocks and deletions take away", async () => {
    const files = {
      "p/chunks_head/000001": Buffer.from(
        headChunkFile(1, [
          [10, 1],
          [20, 2],
          [30, 3],
        ]),
      ),
      "p/chunks_head/000002": Buffer.from(headChunkFile(1, [[5, 5]], 0x81)),
      "p/wal/00000000": segmentOf([
        x,
        samplesRecord([1, 10, 1], [1, 20, 2], [1, 30, 3]),
        samplesRecord([1, 40, 4], [1, 35, 7], [1, 50, 5]),
        // After a restart the series may have another ref.
        seriesRecord(7, { __name__: "x" }),
        samplesRecord([7, 60, 6], [7, 70, 7]),
        tombstoneRecord(7, 55, 65),
      ]),
      "p/wbl/00000000": segmentOf([samplesRecord([1, 35, 7], [1, 5, 5])]),
    };
    const { lines, losses } = await read(files, 20);
    expect(lines).toEqual(["x 2@20", "x 3@30", "x 5@5", "x 4@40", "x 5@50", "x 7@70", "x 7@35", "x 5@5"]);
    expect(losses).toEqual([]);
    // Without its chunks, the log has it all.
    const { "p/chunks_head/000001": _, ...withoutChunks } = files;
    expect((await read(withoutChunks, 20)).lines.toSorted()).toEqual(lines.toSorted());
  });

  it("tells what is lost: samples without their series, native histograms, damaged records", async () => {
    const { lines, losses } = await read({
      "p/wal/00000000": segmentOf([
        x,
        samplesRecord([1, 1, 1], [9, 2, 2]),
        Uint8Array.of(7, 0),
        Uint8Array.of(2, 0),
      ]),
      "p/chunks_head/000001": Buffer.from(headChunkFile(1, [[10, 1]], 2)),
    });
    expect(lines).toEqual([]);
    expect(losses).toEqual([
      expect.stringContaining("a record of the log is damaged"),
      "1 samples of the log are of series whose names were lost",
      "2 records and chunks of native histograms were left out: they are not supported yet",
    ]);
  });
});
