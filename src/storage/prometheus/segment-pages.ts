/**
 * readSegment: the records of one segment of a Prometheus write-ahead log.
 *
 * Page: 32 KiB; the last one of a segment may be shorter. A record is one fragment or several; no fragment crosses
 * a page, and no record a segment.
 *
 *   ┌──────────────────────────────────┬────────────┬────────────┬──────────────┐
 *   │ type u8                          │ length u16 │ crc32c u32 │ data[length] │   big-endian
 *   │   bits 0..2: 0 rest of the page  │            │ of data    │              │
 *   │     is zero, 1 full, 2 first,    │            │            │              │
 *   │     3 middle, 4 last             │            │            │              │
 *   │   bit 3: Snappy, bit 4: zstd     │            │            │              │
 *   └──────────────────────────────────┴────────────┴────────────┴──────────────┘
 *   Compression is of the whole record, and stands in all of its fragments.
 *
 * What cannot be read is told, and reading goes on with the next page.
 *
 * Source: Prometheus `tsdb/docs/format/wal.md`, `tsdb/wlog/wlog.go`.
 */

import * as zlib from "node:zlib";
import { crc32c } from "../../kernels/crc32c.js";
import { decodeSnappy } from "../../kernels/snappy.js";
import { TsdbError, UnavailableError } from "../../model/errors.js";
import type { FileSystem, ReadableFile } from "../fs/file-system.js";

const PAGE_SIZE_BYTES = 32 * 1024;
const FRAGMENT_HEADER_SIZE_BYTES = 7;
const TYPE_MASK = 0b111;
const SNAPPY_MASK = 1 << 3;
const ZSTD_MASK = 1 << 4;
const PAGE_END = 0;
const FULL = 1;
const MIDDLE = 3;
const LAST = 4;

/** No record is believed to be larger. */
const recordSizeMaxBytes = 256 * 1024 * 1024;
const pagesPerRead = 32;

export interface SegmentOptions {
  /** Whether the segment was being written to: then what is torn at its end is no loss. */
  readonly isLast: boolean;
  /** Told of each part that cannot be read, as a sentence. */
  readonly onLoss: (sentence: string) => void;
}

/** A record is borrowed: valid until the next is asked for. */
export async function* readSegment(
  fileSystem: FileSystem,
  path: string,
  options: SegmentOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const file = await fileSystem.openForRead(path);
  try {
    const records = new RecordAssembly(path, file.size, options);
    const buffer = new Uint8Array(pagesPerRead * PAGE_SIZE_BYTES);
    for (let start = 0; start < file.size; start += buffer.length) {
      const bytes = await readPages(file, buffer, start);
      for (let at = 0; at < bytes.length; at += PAGE_SIZE_BYTES)
        yield* records.ofPage(bytes.subarray(at, at + PAGE_SIZE_BYTES), start + at);
    }
    records.finish();
  } finally {
    await file.close();
  }
}

async function readPages(file: ReadableFile, buffer: Uint8Array, start: number): Promise<Uint8Array> {
  return buffer.subarray(0, await file.read(buffer, start));
}

/** Puts fragments together, page by page. */
class RecordAssembly {
  readonly #path: string;
  readonly #sizeBytes: number;
  readonly #options: SegmentOptions;
  #parts: Uint8Array[] = [];

  constructor(path: string, sizeBytes: number, options: SegmentOptions) {
    this.#path = path;
    this.#sizeBytes = sizeBytes;
    this.#options = options;
  }

  /** The records that end in this page, which begins at `offset` of the file. */
  *ofPage(page: Uint8Array, offset: number): Generator<Uint8Array, void, void> {
    let at = 0;
    while (at < page.length && !isZero(page, at)) {
      const fragment = fragmentAt(page, at);
      if (typeof fragment === "string") {
        this.#lose(fragment, offset + at, offset + page.length);
        return;
      }
      const record = this.#add(fragment, offset + at);
      at += FRAGMENT_HEADER_SIZE_BYTES + fragment.data.length;
      if (record !== undefined) yield record;
    }
  }

  /** The segment has ended. */
  finish(): void {
    if (this.#parts.length > 0) this.#lose("a record is not complete", this.#sizeBytes, this.#sizeBytes);
  }

  /** The record that a fragment completes. */
  #add({ type, data }: Fragment, offset: number): Uint8Array | undefined {
    const kind = type & TYPE_MASK;
    const continues = kind === MIDDLE || kind === LAST;
    if (continues !== this.#parts.length > 0) {
      this.#lose("fragments of a record are missing", offset, offset);
      if (continues) return undefined;
    }
    if (kind !== FULL) {
      // Copied: the page is read over.
      this.#parts.push(data.slice());
      if (kind !== LAST) return undefined;
    }
    const whole = kind === FULL ? data : Buffer.concat(this.#parts);
    this.#parts = [];
    if ((type & ZSTD_MASK) !== 0) return decodeZstd(whole, this.#path);
    if ((type & SNAPPY_MASK) === 0) return whole;
    try {
      return decodeSnappy(whole, recordSizeMaxBytes);
    } catch (error) {
      if (!(error instanceof TsdbError)) throw error;
      this.#lose(`a record cannot be decompressed: ${error.message}`, offset, offset);
      return undefined;
    }
  }

  #lose(reason: string, offset: number, unreadableEnd: number): void {
    this.#parts = [];
    if (this.#options.isLast && unreadableEnd >= this.#sizeBytes) return;
    this.#options.onLoss(`${this.#path} at byte ${offset}: ${reason}`);
  }
}

/** Whether the rest of the page is padding. */
function isZero(page: Uint8Array, start: number): boolean {
  return page[start] === PAGE_END && page.subarray(start).every((byte) => byte === 0);
}

interface Fragment {
  readonly type: number;
  readonly data: Uint8Array;
}

/** The fragment that begins at `at`, or what is wrong with it. */
function fragmentAt(page: Uint8Array, at: number): Fragment | string {
  if (page.length - at < FRAGMENT_HEADER_SIZE_BYTES) return "the header of a fragment is not complete";
  const view = new DataView(page.buffer, page.byteOffset + at, FRAGMENT_HEADER_SIZE_BYTES);
  const type = view.getUint8(0);
  const length = view.getUint16(1);
  if ((type & TYPE_MASK) === PAGE_END || (type & TYPE_MASK) > LAST || type >= ZSTD_MASK << 1)
    return `${type} is no type of a fragment`;
  const start = at + FRAGMENT_HEADER_SIZE_BYTES;
  if (length > page.length - start) return "a fragment ends behind its page";
  const data = page.subarray(start, start + length);
  return view.getUint32(3) === crc32c(data) ? { type, data } : "the checksum of a fragment is wrong";
}

/** Node has zstd from 22.15 on. What the checksum of its fragments vouches for is what Prometheus wrote. */
function decodeZstd(record: Uint8Array, path: string): Uint8Array {
  const { zstdDecompressSync } = zlib as { readonly zstdDecompressSync?: (bytes: Uint8Array) => Uint8Array };
  if (zstdDecompressSync === undefined)
    throw new UnavailableError(
      `${path} is compressed with zstd, which this version of Node cannot read; use Node 22.15 or later`,
    );
  return zstdDecompressSync(record);
}
