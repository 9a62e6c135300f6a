/**
 * ReferenceSeriesState: the series-state kernel in TypeScript, on the same layout: the oracle of the WebAssembly one,
 * and its stand-in where WebAssembly is missing. The layout stands in series-state-format.ts.
 */

import { HIGH, LOW, writeBits } from "./float-bits.js";
import { referenceFindXor } from "./reference-xor.js";
import type { SeriesStateKernel } from "./series-state.js";
import {
  BIT_LENGTH,
  CELL_LINK_SIZE_BYTES,
  CELL_PAYLOAD_SIZE_BYTES,
  CELL_SIZE_BYTES,
  CHUNK_AT,
  CHUNK_PADDING_BYTES,
  CHUNK_SIZE_MAX_BYTES,
  COUNT,
  DELTA,
  FLAGS,
  FOUND_AT,
  FREE_CELL_AT,
  FREE_CELL_COUNT_AT,
  firstShareOf,
  GENERATION,
  IS_IRREGULAR,
  IS_NAMED,
  LAST_CELL,
  LEADING,
  MAX_TIME,
  MIN_TIME,
  NEWEST_TIME,
  NO_LEADING,
  OPEN_MIN_TIME,
  PAGE_SIZE_BYTES,
  PAGE_TABLE_AT,
  RECORD_SIZE_BYTES,
  REGIONS_SIZE_BYTES,
  ROW_SLOTS_AT,
  ROW_TIMES_AT,
  ROW_VALUES_AT,
  SAMPLE_COUNT,
  SLOTS_PER_PAGE_BITS,
  TRAILING,
  VALUE,
} from "./series-state-format.js";
import { XOR_HEADER_SIZE_BYTES } from "./xor-format.js";
import { NO_WINDOW, XorWriter } from "./xor-writer.js";

const slotInPage = (1 << SLOTS_PER_PAGE_BITS) - 1;

export class ReferenceSeriesState implements SeriesStateKernel {
  readonly origin = 0;
  readonly #writer = new XorWriter();
  #buffer = new ArrayBuffer(Math.ceil(REGIONS_SIZE_BYTES / PAGE_SIZE_BYTES) * PAGE_SIZE_BYTES);
  #bytes = new Uint8Array(this.#buffer);
  #shorts = new Uint16Array(this.#buffer);
  #words = new Uint32Array(this.#buffer);
  #floats = new Float64Array(this.#buffer);

  get buffer(): ArrayBuffer {
    return this.#buffer;
  }

  grow(pages: number): void {
    const larger = new ArrayBuffer(this.#buffer.byteLength + pages * PAGE_SIZE_BYTES);
    new Uint8Array(larger).set(this.#bytes);
    this.#buffer = larger;
    this.#bytes = new Uint8Array(larger);
    this.#shorts = new Uint16Array(larger);
    this.#words = new Uint32Array(larger);
    this.#floats = new Float64Array(larger);
  }

  screenRows(from: number, to: number): number {
    for (let row = from; row < to; row++) {
      const record = this.#recordOf(row);
      const isNewer = this.#timeOf(row) > this.#float(record + NEWEST_TIME);
      if (!isNewer || (this.#bytes[record + FLAGS]! & IS_NAMED) === 0) return row;
    }
    return to;
  }

  appendRows(from: number, to: number, countMax: number, marks: number, bitsMax = 0): number {
    for (let row = from; row < to; row++) {
      const record = this.#recordOf(row);
      const time = this.#timeOf(row);
      if (!(time > this.#float(record + NEWEST_TIME)) || this.#isFull(row, countMax, bitsMax)) return row;
      this.#load(record);
      const length = this.#writer.encode(time, this.#floats, ROW_VALUES_AT / 8 + row);
      this.#put(record, length);
      this.#store(record, time);
      if (marks === 0) continue;
      this.#bytes[record + FLAGS]! |= marks & 0xff;
      this.#shorts[(record + GENERATION) / 2] = marks >>> 8;
    }
    return to;
  }

  gatherOpenChunk(slot: number): number {
    const record = this.#recordAt(slot);
    const size = (this.#shorts[(record + BIT_LENGTH) / 2]! + 7) >>> 3;
    const chunk = this.#bytes.subarray(CHUNK_AT, CHUNK_AT + CHUNK_SIZE_MAX_BYTES);
    chunk[0] = 0;
    chunk[1] = this.#bytes[record + COUNT]!;
    let end = size;
    for (let cell = this.#word(record + LAST_CELL); cell !== 0; cell = this.#word(cell * CELL_SIZE_BYTES)) {
      const from = Math.floor((end - 1) / CELL_PAYLOAD_SIZE_BYTES) * CELL_PAYLOAD_SIZE_BYTES;
      const payload = this.#payloadOf(cell);
      chunk.set(this.#bytes.subarray(payload, payload + end - from), XOR_HEADER_SIZE_BYTES + from);
      end = from;
    }
    const sizeBytes = XOR_HEADER_SIZE_BYTES + size;
    chunk.fill(0, sizeBytes, sizeBytes + CHUNK_PADDING_BYTES);
    return sizeBytes;
  }

  findInChunk(sizeBytes: number, count: number, time: number): number {
    const chunk = this.#bytes.subarray(CHUNK_AT, CHUNK_AT + sizeBytes);
    if (!referenceFindXor(chunk, count, time)) return 0;
    writeBits(this.#floats, FOUND_AT / 8);
    return 1;
  }

  #isFull(row: number, countMax: number, bitsMax: number): boolean {
    const record = this.#recordOf(row);
    const count = this.#bytes[record + COUNT]!;
    const bitLength = this.#shorts[(record + BIT_LENGTH) / 2]!;
    if (count >= countMax) return true;
    if (bitsMax === 0 || count === 0) return false;
    const isFirst = this.#word(record + SAMPLE_COUNT) === count;
    const share = isFirst ? firstShareOf(this.#word(ROW_SLOTS_AT + row * 4)) : 256;
    return count * 256 >= countMax * share || bitLength * 256 >= bitsMax * share;
  }

  /** Makes the writer go on where the open chunk ends. */
  #load(record: number): void {
    const writer = this.#writer;
    writer.reset();
    writer.count = this.#bytes[record + COUNT]!;
    if (writer.count === 0) return;
    const leading = this.#bytes[record + LEADING]!;
    writer.bitLength = this.#shorts[(record + BIT_LENGTH) / 2]!;
    writer.time = this.#float(record + NEWEST_TIME);
    writer.delta = this.#float(record + DELTA);
    writer.valueLow = this.#word(record + VALUE + LOW * 4) | 0;
    writer.valueHigh = this.#word(record + VALUE + HIGH * 4) | 0;
    writer.leading = leading === NO_LEADING ? NO_WINDOW : leading;
    writer.trailing = this.#bytes[record + TRAILING]! & ~IS_IRREGULAR;
    if ((writer.bitLength & 7) === 0) return;
    const at = (writer.bitLength >>> 3) % CELL_PAYLOAD_SIZE_BYTES;
    writer.bytes[0] = this.#bytes[this.#payloadOf(this.#word(record + LAST_CELL)) + at]!;
  }

  /** Copies the bytes that the writer has encoded behind the chunk, whose record is still as before. */
  #put(record: number, length: number): void {
    const isEmpty = this.#bytes[record + COUNT] === 0;
    const bitLength = isEmpty ? 0 : this.#shorts[(record + BIT_LENGTH) / 2]!;
    let cell = isEmpty ? 0 : this.#word(record + LAST_CELL);
    let at = (bitLength >>> 3) % CELL_PAYLOAD_SIZE_BYTES;
    let isFull = at === 0 && (bitLength & 7) === 0;
    for (let i = 0; i < length; i++) {
      if (isFull) cell = this.#takeCell(cell);
      this.#bytes[this.#payloadOf(cell) + at] = this.#writer.bytes[i]!;
      at = (at + 1) % CELL_PAYLOAD_SIZE_BYTES;
      isFull = at === 0;
    }
    this.#setWord(record + LAST_CELL, cell);
  }

  #store(record: number, time: number): void {
    const writer = this.#writer;
    const isOther = writer.count > 2 && writer.delta !== this.#float(record + DELTA);
    const irregular = isOther ? IS_IRREGULAR : this.#irregularityOf(record);
    if (writer.count === 1) this.#setFloat(record + OPEN_MIN_TIME, time);
    if (time < this.#float(record + MIN_TIME)) this.#setFloat(record + MIN_TIME, time);
    this.#setFloat(record + NEWEST_TIME, time);
    this.#setFloat(record + MAX_TIME, time);
    this.#setFloat(record + DELTA, writer.delta);
    this.#setWord(record + VALUE + LOW * 4, writer.valueLow);
    this.#setWord(record + VALUE + HIGH * 4, writer.valueHigh);
    this.#shorts[(record + BIT_LENGTH) / 2] = writer.bitLength;
    this.#bytes[record + COUNT] = writer.count;
    this.#bytes[record + LEADING] = writer.leading === NO_WINDOW ? NO_LEADING : writer.leading;
    this.#bytes[record + TRAILING] = writer.trailing | irregular;
    this.#setWord(record + SAMPLE_COUNT, this.#word(record + SAMPLE_COUNT) + 1);
  }

  /** Of the open chunk so far; 0 when the series has none. */
  #irregularityOf(record: number): number {
    return this.#bytes[record + COUNT] === 0 ? 0 : this.#bytes[record + TRAILING]! & IS_IRREGULAR;
  }

  #takeCell(before: number): number {
    const cell = this.#word(FREE_CELL_AT);
    const at = cell * CELL_SIZE_BYTES;
    this.#setWord(FREE_CELL_AT, this.#word(at));
    this.#setWord(FREE_CELL_COUNT_AT, this.#word(FREE_CELL_COUNT_AT) - 1);
    this.#setWord(at, before);
    return cell;
  }

  #payloadOf(cell: number): number {
    return cell * CELL_SIZE_BYTES + CELL_LINK_SIZE_BYTES;
  }

  #recordOf(row: number): number {
    return this.#recordAt(this.#word(ROW_SLOTS_AT + row * 4));
  }

  #recordAt(slot: number): number {
    const page = this.#word(PAGE_TABLE_AT + (slot >>> SLOTS_PER_PAGE_BITS) * 4);
    return page + (slot & slotInPage) * RECORD_SIZE_BYTES;
  }

  #timeOf(row: number): number {
    return this.#float(ROW_TIMES_AT + row * 8);
  }

  #float(at: number): number {
    return this.#floats[at / 8]!;
  }

  #setFloat(at: number, value: number): void {
    this.#floats[at / 8] = value;
  }

  #word(at: number): number {
    return this.#words[at / 4]!;
  }

  #setWord(at: number, value: number): void {
    this.#words[at / 4] = value;
  }
}
