/**
 * OpenChunks: the chunk of each series that is still being written, as columns by slot, and its bytes in cells.
 *
 * A cell is 64 bytes: the number of the cell before it (u32), then 60 bytes of the chunk's body without its header.
 * All cells of a chunk but the last are full. Cells of closed chunks are given to others: readers get copies.
 */

import { XOR_HEADER_SIZE_BYTES } from "../../kernels/xor-format.js";
import { NO_WINDOW, XorWriter } from "../../kernels/xor-writer.js";
import { assert } from "../../model/assert.js";
import type { TimestampMs } from "../../model/sample.js";
import { grown } from "./columns.js";

const cellSizeBytes = 64;
const linkSizeBytes = 4;
const payloadSizeBytes = cellSizeBytes - linkSizeBytes;
const pageCellBits = 14;
const cellsPerPage = 1 << pageCellBits;
const noCell = 0;

interface Page {
  readonly bytes: Uint8Array;
  /** For the links: the first word of each cell. */
  readonly words: Uint32Array;
}

export class OpenChunks {
  readonly #writer = new XorWriter();
  readonly #pages: Page[] = [];
  #cellsEnd = 1;
  /** Free cells, linked as those of a chunk are. */
  #freeCell = noCell;
  #counts = new Uint8Array(0);
  #bitLengths = new Uint16Array(0);
  #minTimes = new Float64Array(0);
  #deltas = new Float64Array(0);
  #valuesHigh = new Int32Array(0);
  #valuesLow = new Int32Array(0);
  #leadings = new Int8Array(0);
  #trailings = new Uint8Array(0);
  #lastCells = new Uint32Array(0);
  /** The last byte, when it is a partial one, else 0. */
  #lastBytes = new Uint8Array(0);

  /** Bytes of all cells. */
  get sizeBytes(): number {
    return this.#pages.length * cellsPerPage * cellSizeBytes;
  }

  /** Makes room for slots below `end`. */
  reserve(end: number): void {
    this.#counts = grown(this.#counts, end);
    this.#bitLengths = grown(this.#bitLengths, end);
    this.#minTimes = grown(this.#minTimes, end);
    this.#deltas = grown(this.#deltas, end);
    this.#valuesHigh = grown(this.#valuesHigh, end);
    this.#valuesLow = grown(this.#valuesLow, end);
    this.#leadings = grown(this.#leadings, end);
    this.#trailings = grown(this.#trailings, end);
    this.#lastCells = grown(this.#lastCells, end);
    this.#lastBytes = grown(this.#lastBytes, end);
  }

  /** Samples in the open chunk; 0 when the series has none. */
  countOf(slot: number): number {
    return this.#counts[slot]!;
  }

  /** Means nothing when there is no open chunk. */
  minTimeOf(slot: number): TimestampMs {
    return this.#minTimes[slot]!;
  }

  /** Of the body that `copyTo` writes. */
  sizeBytesOf(slot: number): number {
    return XOR_HEADER_SIZE_BYTES + ((this.#bitLengths[slot]! + 7) >>> 3);
  }

  /** Appends (`time`, `values[index]`); `lastTime` is the time of the sample before, if there is one. */
  append(slot: number, lastTime: TimestampMs, time: TimestampMs, values: Float64Array, index: number): void {
    const writer = this.#writer;
    const count = this.#counts[slot]!;
    assert(count < 0xff, "a chunk is closed before its count overflows");
    const bitLength = this.#bitLengths[slot]!;
    const at = bitLength >>> 3;
    if (count === 0) {
      this.#minTimes[slot] = time;
      writer.reset();
    } else {
      writer.count = count;
      writer.bitLength = bitLength;
      writer.time = lastTime;
      writer.delta = this.#deltas[slot]!;
      writer.valueHigh = this.#valuesHigh[slot]!;
      writer.valueLow = this.#valuesLow[slot]!;
      writer.leading = this.#leadings[slot]!;
      writer.trailing = this.#trailings[slot]!;
      writer.bytes[0] = this.#lastBytes[slot]!;
    }
    const length = writer.encode(time, values, index);
    const inCell = at % payloadSizeBytes;
    const startsCell = inCell === 0 && (bitLength & 7) === 0;
    if (!startsCell && inCell + length <= payloadSizeBytes) this.#writeToCell(slot, inCell, length);
    else this.#writeToCells(slot, inCell, length, startsCell);
    this.#lastBytes[slot] = writer.lastByte();
    this.#counts[slot] = writer.count;
    this.#bitLengths[slot] = writer.bitLength;
    this.#deltas[slot] = writer.delta;
    this.#valuesHigh[slot] = writer.valueHigh;
    this.#valuesLow[slot] = writer.valueLow;
    this.#leadings[slot] = writer.leading;
    this.#trailings[slot] = writer.trailing;
  }

  /** Copies the body of the chunk into `target` from `offset` on. */
  copyTo(slot: number, target: Uint8Array, offset: number): void {
    const count = this.#counts[slot]!;
    target[offset] = count >>> 8;
    target[offset + 1] = count & 0xff;
    const start = offset + XOR_HEADER_SIZE_BYTES;
    let end = this.sizeBytesOf(slot) - XOR_HEADER_SIZE_BYTES;
    for (let cell = this.#lastCells[slot]!; end > 0; cell = this.#before(cell)) {
      const from = Math.floor((end - 1) / payloadSizeBytes) * payloadSizeBytes;
      const page = this.#pages[cell >>> pageCellBits]!;
      const payload = (cell & (cellsPerPage - 1)) * cellSizeBytes + linkSizeBytes;
      target.set(page.bytes.subarray(payload, payload + end - from), start + from);
      end = from;
    }
  }

  /** Forgets the open chunk. */
  clear(slot: number): void {
    if (this.#counts[slot] === 0) return;
    let first = this.#lastCells[slot]!;
    while (this.#before(first) !== noCell) first = this.#before(first);
    this.#link(first, this.#freeCell);
    this.#freeCell = this.#lastCells[slot]!;
    this.#lastCells[slot] = noCell;
    this.#counts[slot] = 0;
    this.#bitLengths[slot] = 0;
    this.#leadings[slot] = NO_WINDOW;
  }

  /** Writes what the writer has encoded to the last cell. */
  #writeToCell(slot: number, inCell: number, length: number): void {
    const source = this.#writer.bytes;
    const cell = this.#lastCells[slot]!;
    const page = this.#pages[cell >>> pageCellBits]!.bytes;
    const start = (cell & (cellsPerPage - 1)) * cellSizeBytes + linkSizeBytes + inCell;
    for (let i = 0; i < length; i++) page[start + i] = source[i]!;
  }

  /** As writeToCell, taking new cells when the last one is full. */
  #writeToCells(slot: number, inCell: number, length: number, startsCell: boolean): void {
    const source = this.#writer.bytes;
    let cell = this.#lastCells[slot]!;
    let isFull = startsCell;
    let at = inCell;
    for (let done = 0; done < length; ) {
      if (isFull) cell = this.#takeCell(cell);
      const page = this.#pages[cell >>> pageCellBits]!.bytes;
      const payload = (cell & (cellsPerPage - 1)) * cellSizeBytes + linkSizeBytes;
      const stop = Math.min(payloadSizeBytes, at + length - done);
      while (at < stop) page[payload + at++] = source[done++]!;
      at = 0;
      isFull = true;
    }
    this.#lastCells[slot] = cell;
  }

  /** A cell behind `before`. */
  #takeCell(before: number): number {
    let cell = this.#freeCell;
    if (cell !== noCell) this.#freeCell = this.#before(cell);
    else {
      cell = this.#cellsEnd++;
      if (cell >>> pageCellBits === this.#pages.length || this.#pages.length === 0) this.#addPage();
    }
    this.#link(cell, before);
    return cell;
  }

  #before(cell: number): number {
    return this.#pages[cell >>> pageCellBits]!.words[(cell & (cellsPerPage - 1)) * (cellSizeBytes / 4)]!;
  }

  #link(cell: number, before: number): void {
    this.#pages[cell >>> pageCellBits]!.words[(cell & (cellsPerPage - 1)) * (cellSizeBytes / 4)] = before;
  }

  #addPage(): void {
    const buffer = new ArrayBuffer(cellsPerPage * cellSizeBytes);
    this.#pages.push({ bytes: new Uint8Array(buffer), words: new Uint32Array(buffer) });
  }
}
