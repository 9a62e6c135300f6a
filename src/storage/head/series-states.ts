/**
 * SeriesStates: what an append needs of each series, by slot, and the bytes of its open chunk: the one that is still
 * being written. The memory of the kernel, seen from TypeScript; its layout stands in kernels/series-state-format.ts.
 *
 * Invariants
 *  1. Cells of closed chunks are given to others: readers get copies.
 *  2. `load` makes room for all that the rows may need, so that `appendRows` cannot fail.
 */

import { bits, HIGH, LOW, readBits } from "../../kernels/float-bits.js";
import { newSeriesState, type SeriesStateKernel } from "../../kernels/series-state.js";
import {
  BIT_LENGTH,
  CELL_PAYLOAD_SIZE_BYTES,
  CELL_SIZE_BYTES,
  CHUNK_AT,
  CHUNK_PADDING_BYTES,
  COUNT,
  DELTA,
  FLAGS,
  FOUND_AT,
  FREE_CELL_AT,
  FREE_CELL_COUNT_AT,
  GENERATION,
  IS_IRREGULAR,
  IS_NAMED,
  IS_NEWEST_OWN,
  IS_OWN,
  LAST_CELL,
  MAX_TIME,
  MIN_TIME,
  NEWEST_TIME,
  OPEN_MIN_TIME,
  PAGE_SIZE_BYTES,
  PAGE_TABLE_AT,
  RECORD_SIZE_BYTES,
  ROW_SLOTS_AT,
  ROW_TIMES_AT,
  ROW_VALUES_AT,
  ROWS_MAX,
  SAMPLE_COUNT,
  SLOTS_PER_PAGE_BITS,
  TRAILING,
  VALUE,
} from "../../kernels/series-state-format.js";
import { checkXorSize, throwXorFault, XOR_HEADER_SIZE_BYTES } from "../../kernels/xor-format.js";
import { UnavailableError } from "../../model/errors.js";
import type { SampleColumns, TimestampMs } from "../../model/sample.js";
import { XOR_SAMPLES_PER_CHUNK } from "../chunk/encode-chunks.js";

/** Samples of many series: sample i is of the series in slot `slots[i]`. */
export interface SlotColumns extends SampleColumns {
  readonly slots: Uint32Array;
  /** 1 for a row of which is known that its series has no in-order sample at its time. */
  readonly notInOrder?: Uint8Array;
}

const slotInPage = (1 << SLOTS_PER_PAGE_BITS) - 1;
const cellsPerPage = PAGE_SIZE_BYTES / CELL_SIZE_BYTES;
const generationsMax = 1 << 16;
/**
 * An open chunk is closed when it has so many bits: three cells, as a rule. Values that compress badly would else have most
 * of the memory of the head, for chunks that need not be open.
 */
const openBitsMax = 3 * CELL_PAYLOAD_SIZE_BYTES * 8 - 80;
/** What the kernel writes to each series of a row whose sample it appends, unless the log is being replayed. */
const ownFlags = IS_NAMED | IS_NEWEST_OWN;

export class SeriesStates {
  readonly #kernel: SeriesStateKernel;
  readonly #origin: number;
  #bytes!: Uint8Array;
  #shorts!: Uint16Array;
  #words!: Uint32Array;
  #floats!: Float64Array;
  #foundValue!: Float64Array;
  /** Pages that the memory has and nobody uses: from here to its end. */
  #pagesEnd: number;
  #slotPages = 0;
  #cellPages = 0;
  #slotsEnd = 0;

  constructor(kernel = newSeriesState()) {
    this.#kernel = kernel;
    this.#origin = kernel.origin;
    this.#pagesEnd = kernel.buffer.byteLength;
    this.#view();
  }

  /** Bytes of all cells. */
  get openChunkBytes(): number {
    return this.#cellPages * PAGE_SIZE_BYTES;
  }

  /** All slots that have begun are below this. */
  get slotsEnd(): number {
    return this.#slotsEnd;
  }

  /** A slot that begins anew. Throws UnavailableError when the memory is full. */
  begin(slot: number): void {
    while (slot >>> SLOTS_PER_PAGE_BITS >= this.#slotPages) {
      const page = this.#takePage();
      if (page === undefined) throw new UnavailableError("the head has no room for more series");
      this.#words[(this.#origin + PAGE_TABLE_AT) / 4 + this.#slotPages++] = page;
    }
    this.#slotsEnd = Math.max(this.#slotsEnd, slot + 1);
    const record = this.#recordOf(slot);
    this.#bytes.fill(0, record, record + RECORD_SIZE_BYTES);
    this.#floats[(record + NEWEST_TIME) / 8] = -Infinity;
    this.setSummary(slot, 0, Infinity, -Infinity);
  }

  sampleCountOf(slot: number): number {
    return this.#words[(this.#recordOf(slot) + SAMPLE_COUNT) / 4]!;
  }

  /** Infinity without samples. */
  minTimeOf(slot: number): TimestampMs {
    return this.#floats[(this.#recordOf(slot) + MIN_TIME) / 8]!;
  }

  /** -Infinity without samples. */
  maxTimeOf(slot: number): TimestampMs {
    return this.#floats[(this.#recordOf(slot) + MAX_TIME) / 8]!;
  }

  /** Number, first and last time of all samples of the series. */
  setSummary(slot: number, sampleCount: number, minTime: TimestampMs, maxTime: TimestampMs): void {
    const record = this.#recordOf(slot);
    this.#words[(record + SAMPLE_COUNT) / 4] = sampleCount;
    this.#floats[(record + MIN_TIME) / 8] = minTime;
    this.#floats[(record + MAX_TIME) / 8] = maxTime;
  }

  /** Adds a sample that is not in the open chunk to the summary. */
  countLate(slot: number, time: TimestampMs): void {
    const [minTime, maxTime] = [this.minTimeOf(slot), this.maxTimeOf(slot)];
    this.setSummary(slot, this.sampleCountOf(slot) + 1, Math.min(time, minTime), Math.max(time, maxTime));
  }

  /** What is not newer than this is late. */
  newestTimeOf(slot: number): TimestampMs {
    return this.#floats[(this.#recordOf(slot) + NEWEST_TIME) / 8]!;
  }

  setNewestTime(slot: number, time: TimestampMs): void {
    this.#floats[(this.#recordOf(slot) + NEWEST_TIME) / 8] = time;
  }

  /** Whether a durable record of this process has named the series. */
  isNamed(slot: number): boolean {
    return (this.#bytes[this.#recordOf(slot) + FLAGS]! & IS_NAMED) !== 0;
  }

  /** Whether the last record that named the series is of another generation than this one, or there is none. */
  isUnnamedSince(slot: number, generation: number): boolean {
    const lastNamed = this.#shorts[(this.#recordOf(slot) + GENERATION) / 2];
    return !this.isNamed(slot) || lastNamed !== generation % generationsMax;
  }

  markNamed(slot: number, generation: number): void {
    const record = this.#recordOf(slot);
    this.#bytes[record + FLAGS]! |= IS_NAMED;
    this.#shorts[(record + GENERATION) / 2] = generation;
  }

  /** Whether all in-order samples of the series stand in durable records of this process. */
  isOwn(slot: number): boolean {
    return (this.#bytes[this.#recordOf(slot) + FLAGS]! & IS_OWN) !== 0;
  }

  /** The series has no samples yet that an earlier process has logged. */
  markOwn(slot: number): void {
    this.#bytes[this.#recordOf(slot) + FLAGS]! |= IS_OWN;
  }

  /** A durable record of this process has repeated the newest sample. */
  markNewestOwn(slot: number): void {
    this.#bytes[this.#recordOf(slot) + FLAGS]! |= IS_NEWEST_OWN;
  }

  /** Samples in the open chunk; 0 when the series has none. */
  openCountOf(slot: number): number {
    return this.#bytes[this.#recordOf(slot) + COUNT]!;
  }

  /** Means nothing when there is no open chunk. */
  openMinTimeOf(slot: number): TimestampMs {
    return this.#floats[(this.#recordOf(slot) + OPEN_MIN_TIME) / 8]!;
  }

  /** Of the body that `copyOpenChunk` writes. */
  openSizeBytesOf(slot: number): number {
    return XOR_HEADER_SIZE_BYTES + ((this.#shorts[(this.#recordOf(slot) + BIT_LENGTH) / 2]! + 7) >>> 3);
  }

  /** Copies the body of the open chunk into `target`, from `at` on. */
  copyOpenChunk(slot: number, target: Uint8Array, at = 0): void {
    const size = this.#kernel.gatherOpenChunk(slot);
    const from = this.#origin + CHUNK_AT;
    // It is short, and a view of each would be garbage for each.
    for (let i = 0; i < size; i++) target[at + i] = this.#bytes[from + i]!;
  }

  /** Whether the open chunk has a sample at `time`, whose value is then `foundValue[0]`. */
  findInOpenChunk(slot: number, time: TimestampMs): boolean {
    if (this.#isOffBeat(slot, time)) return false;
    const size = this.#kernel.gatherOpenChunk(slot);
    return this.#find(size, this.openCountOf(slot), time);
  }

  /** As `findInOpenChunk`, in the first `count` samples of any XOR chunk. Throws CorruptionError. */
  findInChunk(body: Uint8Array, count: number, time: TimestampMs): boolean {
    checkXorSize(body, count);
    const chunk = this.#origin + CHUNK_AT;
    this.#bytes.set(body, chunk);
    this.#bytes.fill(0, chunk + body.length, chunk + body.length + CHUNK_PADDING_BYTES);
    return this.#find(body.length, count, time);
  }

  /** One value: of the sample that was found last. Borrowed until the next call. */
  get foundValue(): Float64Array {
    return this.#foundValue;
  }

  /** Forgets the open chunk. */
  clearOpenChunk(slot: number): void {
    const record = this.#recordOf(slot);
    if (this.#bytes[record + COUNT] === 0) return;
    const last = this.#words[(record + LAST_CELL) / 4]!;
    let first = last;
    let cells = 1;
    for (let cell = this.#cellBefore(first); cell !== 0; cell = this.#cellBefore(cell)) {
      first = cell;
      cells++;
    }
    this.#words[(first * CELL_SIZE_BYTES) / 4] = this.#words[(this.#origin + FREE_CELL_AT) / 4]!;
    this.#words[(this.#origin + FREE_CELL_AT) / 4] = last;
    this.#words[(this.#origin + FREE_CELL_COUNT_AT) / 4]! += cells;
    this.#bytes[record + COUNT] = 0;
    this.#shorts[(record + BIT_LENGTH) / 2] = 0;
    this.#words[(record + LAST_CELL) / 4] = 0;
  }

  /**
   * Whether `values[row]` at `time` repeats, bit by bit, the newest sample of the series, which is applied and stands in
   * a durable record of this process.
   */
  repeatsNewest(slot: number, time: TimestampMs, values: Float64Array, row: number): boolean {
    const record = this.#recordOf(slot);
    const isOwn = this.#bytes[record + COUNT] !== 0 && (this.#bytes[record + FLAGS]! & IS_NEWEST_OWN) !== 0;
    if (!isOwn || this.#floats[(record + NEWEST_TIME) / 8] !== time) return false;
    readBits(values, row);
    const newest = (record + VALUE) / 4;
    return (this.#words[newest + HIGH]! | 0) === bits[HIGH] && (this.#words[newest + LOW]! | 0) === bits[LOW];
  }

  /**
   * Loads slots and times of rows from `from` on, as many as the kernel takes, for `screenRows`. Returns how many.
   */
  loadTimes({ slots, times, length }: SlotColumns, from: number): number {
    const to = Math.min(length, from + ROWS_MAX);
    this.#words.set(slots.subarray(from, to), (this.#origin + ROW_SLOTS_AT) / 4);
    this.#floats.set(times.subarray(from, to), (this.#origin + ROW_TIMES_AT) / 8);
    return to - from;
  }

  /** Loads rows from `from` on, as many as the memory has room for, for `appendRows`. Returns how many. */
  load(rows: SlotColumns, from: number): number {
    const count = Math.min(this.loadTimes(rows, from), this.#reserveCells(ROWS_MAX));
    this.#floats.set(rows.values.subarray(from, from + count), (this.#origin + ROW_VALUES_AT) / 8);
    return count;
  }

  /** As SeriesStateKernel.screenRows. */
  screenRows(from: number, to: number): number {
    return this.#kernel.screenRows(from, to);
  }

  /** As SeriesStateKernel.appendRows. The series are named in `generation`, unless that is undefined: a replay. */
  appendRows(from: number, to: number, generation: number | undefined): number {
    const marks = generation === undefined ? 0 : ownFlags + (generation % generationsMax) * 256;
    return this.#kernel.appendRows(from, to, XOR_SAMPLES_PER_CHUNK, marks, openBitsMax);
  }

  /** Whether the times of the open chunk are regular, and this is none of them: then nothing must be decoded. */
  #isOffBeat(slot: number, time: TimestampMs): boolean {
    const record = this.#recordOf(slot);
    if (this.#bytes[record + COUNT]! < 2 || (this.#bytes[record + TRAILING]! & IS_IRREGULAR) !== 0)
      return false;
    const distance = time - this.#floats[(record + OPEN_MIN_TIME) / 8]!;
    return distance % this.#floats[(record + DELTA) / 8]! !== 0;
  }

  #find(sizeBytes: number, count: number, time: TimestampMs): boolean {
    const found = this.#kernel.findInChunk(sizeBytes, count, time);
    if (found < 0) throwXorFault(-found);
    return found === 1;
  }

  #recordOf(slot: number): number {
    const page = this.#words[(this.#origin + PAGE_TABLE_AT) / 4 + (slot >>> SLOTS_PER_PAGE_BITS)]!;
    return page + (slot & slotInPage) * RECORD_SIZE_BYTES;
  }

  #cellBefore(cell: number): number {
    return this.#words[(cell * CELL_SIZE_BYTES) / 4]!;
  }

  /** Makes `count` cells free, or as many as the memory has; returns how many are. */
  #reserveCells(count: number): number {
    const free = (this.#origin + FREE_CELL_COUNT_AT) / 4;
    while (this.#words[free]! < count) {
      const page = this.#takePage();
      if (page === undefined) break;
      const first = page / CELL_SIZE_BYTES;
      for (let i = 0; i < cellsPerPage - 1; i++)
        this.#words[((first + i) * CELL_SIZE_BYTES) / 4] = first + i + 1;
      const last = first + cellsPerPage - 1;
      this.#words[(last * CELL_SIZE_BYTES) / 4] = this.#words[(this.#origin + FREE_CELL_AT) / 4]!;
      this.#words[(this.#origin + FREE_CELL_AT) / 4] = first;
      this.#words[free]! += cellsPerPage;
      this.#cellPages++;
    }
    return this.#words[free]!;
  }

  /** The address of a page of zeros; undefined when there is no memory. */
  #takePage(): number | undefined {
    if (this.#pagesEnd === this.#bytes.length && !this.#grow()) return undefined;
    this.#pagesEnd += PAGE_SIZE_BYTES;
    return this.#pagesEnd - PAGE_SIZE_BYTES;
  }

  /**
   * By a quarter: with every growth there is a new buffer of all of the memory, which the garbage collector counts as so
   * many bytes of garbage. Pages that are not written take no room.
   */
  #grow(): boolean {
    try {
      this.#kernel.grow(Math.ceil(this.#bytes.length / PAGE_SIZE_BYTES / 4));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return false;
    }
    this.#view();
    return true;
  }

  #view(): void {
    const { buffer } = this.#kernel;
    this.#bytes = new Uint8Array(buffer);
    this.#shorts = new Uint16Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#floats = new Float64Array(buffer);
    this.#foundValue = new Float64Array(buffer, this.#origin + FOUND_AT, 1);
  }
}
