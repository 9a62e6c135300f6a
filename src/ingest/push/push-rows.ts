/**
 * PushRows: the samples of one body on their way to its push, as columns. Their series are numbers, found by the bytes
 * or texts that stand for them.
 *
 *   rows.find(owner, bytes, start, end)     the number, when the bytes are known
 *   rows.take(labels); rows.remember(...)   when they are not
 *   rows.append(number, time, value)
 *   rows.stage()                            hands them on; a reader calls it behind each piece of a body
 *
 * What is refused is remembered for this body only: it costs no memory afterwards, and may be taken the next time.
 */

import { OWNERS_OF_BODY } from "../../kernels/body-format.js";
import type { BodyKernel, BodyRows } from "../../kernels/body-kernel.js";
import type { Labels } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";
import { markStaleAt } from "../../model/staleness.js";
import { ByteKeys, NO_NUMBER } from "./byte-keys.js";
import type { Push, PushSeries } from "./push.js";
import type { KnownRows, RowMemory } from "./row-memory.js";

/** Of keys that nothing stands around. */
export const NO_OWNER = -1;
/** Of texts; in a kernel it is the last of those of a body. */
const TEXT_OWNER = 1 - 2 ** 31;

/** With its few objects. */
const nodeSizeBytes = 256;
const rowsAtFirst = 512;
/** Of the keys of refused series, before they are forgotten. */
const refusedSizeMaxBytes = 4 * 1024 * 1024;

/** A sample of the arrival, which is staged before the row `row`. */
interface UntimedSample {
  readonly row: number;
  readonly number: number;
  /** Undefined for a staleness marker. */
  readonly value: number | undefined;
}

export class PushRows {
  readonly #push: Push;
  readonly #memory: RowMemory;
  readonly #isInKernel: boolean;
  #known: KnownRows;
  #refused: ByteKeys | undefined;
  /** Numbers of series that are not remembered beyond this body. */
  readonly #borrowed: number[] = [];
  #seriesIndexes = new Uint32Array(rowsAtFirst);
  #times = new Float64Array(rowsAtFirst);
  #values = new Float64Array(rowsAtFirst);
  #length = 0;
  readonly #untimed: UntimedSample[] = [];
  /** Rows and untimed samples that are staged already. */
  #staged = 0;
  #untimedStaged = 0;
  #text = Buffer.alloc(0);
  #textView = new DataView(this.#text.buffer);

  /** `isInKernel`: see RowMemory. */
  constructor(push: Push, memory: RowMemory, isInKernel = false) {
    this.#push = push;
    this.#memory = memory;
    this.#isInKernel = isInKernel;
    this.#known = memory.of(push.origin, isInKernel);
    this.#known.bodies++;
  }

  /** The first of the owners that its keys have in the kernel. Like the kernel it may be another behind `stage`. */
  get owner(): number {
    return this.#known.owner;
  }

  get kernel(): BodyKernel | undefined {
    return this.#known.kernel;
  }

  /** How many bodies of its origin have been read, this one among them. */
  get bodies(): number {
    return this.#known.bodies;
  }

  series(number: number): PushSeries {
    return this.#known.series.at(number);
  }

  /** The number that `bytes[start, end)` stand for; NO_NUMBER when they are not known. */
  find(owner: number, bytes: DataView, start: number, end: number): number {
    const number = this.#known.keys.find(owner, bytes, start, end);
    if (number !== NO_NUMBER || this.#refused === undefined) return number;
    return this.#refused.find(owner, bytes, start, end);
  }

  /** Returns the number of a series that is not known by bytes, which must then be remembered. */
  take(labels: Labels): number {
    const series = this.#push.series(labels);
    const number = this.#known.series.add(series);
    if (series.refusal !== undefined) this.#borrowed.push(number);
    return number;
  }

  /** As `take`, of several series, whose numbers follow one another; returns the first. */
  takeAll(labels: readonly Labels[]): number {
    const { series } = this.#known;
    const first = series.length;
    for (const one of labels) series.append(this.#push.series(one));
    if (!this.areTaken(first, labels.length))
      for (let i = 0; i < labels.length; i++) this.#borrowed.push(first + i);
    return first;
  }

  /**
   * That the bytes, which `find` does not know, stand for the number of a series, or of the first of several. Returns whether
   * later bodies, and a kernel, know it, too.
   */
  remember(owner: number, bytes: DataView, start: number, end: number, number: number, count = 1): boolean {
    if (!this.areTaken(number, count)) {
      this.#refused ??= new ByteKeys();
      this.#refused.add(owner, bytes, start, end, number);
      return false;
    }
    if (this.#add(owner, bytes, start, end, number)) return true;
    for (let i = 0; i < count; i++) this.#borrowed.push(number + i);
    return false;
  }

  /** The number that a text stands for. `labels` is asked for when it is not known. */
  numberOf(text: string, labels: () => Labels): number {
    const size = 2 * text.length;
    if (size > this.#text.length) {
      this.#text = Buffer.alloc(2 * size);
      this.#textView = new DataView(this.#text.buffer);
    }
    // Two bytes each: as UTF-8, texts with halves of surrogate pairs would be equal.
    this.#text.write(text, "utf16le");
    const owner = this.#isInKernel ? this.owner + OWNERS_OF_BODY - 1 : TEXT_OWNER;
    const known = this.find(owner, this.#textView, 0, size);
    if (known !== NO_NUMBER) return known;
    const number = this.take(labels());
    this.remember(owner, this.#textView, 0, size, number);
    return number;
  }

  /** That the bytes stand for another owner of keys, which is returned; or for a number that is no series. */
  rememberOwner(
    owner: number,
    bytes: DataView,
    start: number,
    end: number,
    number = this.#memory.newOwners(1),
  ): number {
    this.#add(owner, bytes, start, end, number);
    return number;
  }

  /** Whether none of these is refused. */
  areTaken(number: number, count = 1): boolean {
    for (let i = 0; i < count; i++) if (this.series(number + i).refusal !== undefined) return false;
    return true;
  }

  /** What was remembered under this number of a node. */
  node(number: number): unknown {
    return this.#known.nodes[number];
  }

  /** That the bytes stand for a node, which holds no more than texts of them. Returns its number. */
  addNode(owner: number, bytes: DataView, start: number, end: number, node: unknown): number {
    const number = this.#known.nodes.push(node) - 1;
    this.#memory.noteSize(nodeSizeBytes + 4 * (end - start));
    this.#add(owner, bytes, start, end, number);
    return number;
  }

  append(number: number, time: TimestampMs | undefined, value: number): void {
    if (time === undefined) this.#untimed.push({ row: this.#length, number, value });
    else {
      const row = this.#addRow(number, time);
      this.#values[row] = value;
    }
  }

  /** What a kernel has read. */
  appendRows({ numbers, times, values, length }: BodyRows): void {
    while (this.#length + length > this.#times.length) this.#grow();
    for (let i = 0; i < length; i++) {
      const time = times[i]!;
      if (Number.isNaN(time)) this.append(numbers[i]!, undefined, values[i]!);
      else {
        const row = this.#length++;
        this.#seriesIndexes[row] = numbers[i]!;
        this.#times[row] = time;
        this.#values[row] = values[i]!;
      }
    }
  }

  appendStale(number: number, time: TimestampMs | undefined): void {
    if (time === undefined) this.#untimed.push({ row: this.#length, number, value: undefined });
    else {
      const row = this.#addRow(number, time);
      markStaleAt(this.#values, row);
    }
  }

  /** Hands everything to the push. */
  stage(): void {
    while (this.#stageNext(Infinity));
    this.#clear();
  }

  /** As `stage`, for a body of which nothing is staged before all of it is read: commits parts of bounded size. */
  async stageInParts(): Promise<void> {
    const { transactionSamplesMax } = this.#push.limits;
    while (this.#stageNext(transactionSamplesMax))
      if (this.#push.stagedSamples >= transactionSamplesMax) await this.#push.flush();
    this.#clear();
  }

  /** Behind the body, whatever has become of it. */
  end(): void {
    for (const number of this.#borrowed) this.#known.series.release(number);
    this.#borrowed.length = 0;
    this.#refused = undefined;
  }

  #add(owner: number, bytes: DataView, start: number, end: number, number: number): boolean {
    const { keys } = this.#known;
    const before = keys.sizeBytes;
    const isAdded = keys.add(owner, bytes, start, end, number);
    this.#memory.noteSize(keys.sizeBytes - before);
    return isAdded;
  }

  #addRow(number: number, time: TimestampMs): number {
    const row = this.#length;
    if (row === this.#times.length) this.#grow();
    this.#seriesIndexes[row] = number;
    this.#times[row] = time;
    this.#length = row + 1;
    return row;
  }

  #grow(): void {
    const { length } = this.#times;
    const [seriesIndexes, times, values] = [this.#seriesIndexes, this.#times, this.#values];
    this.#seriesIndexes = new Uint32Array(2 * length);
    this.#times = new Float64Array(2 * length);
    this.#values = new Float64Array(2 * length);
    this.#seriesIndexes.set(seriesIndexes);
    this.#times.set(times);
    this.#values.set(values);
  }

  /** Stages some rows, or one untimed sample. Returns false when there are none left. */
  #stageNext(rowsMax: number): boolean {
    const untimed = this.#untimed[this.#untimedStaged];
    const limit = untimed?.row ?? this.#length;
    if (this.#staged < limit) {
      const end = Math.min(limit, this.#staged + rowsMax);
      this.#stageRows(this.#staged, end);
      this.#staged = end;
      return true;
    }
    if (untimed === undefined) return false;
    this.#untimedStaged++;
    const series = this.series(untimed.number);
    if (untimed.value === undefined) this.#push.appendStale(series, undefined);
    else this.#push.append(series, undefined, untimed.value);
    return true;
  }

  #stageRows(start: number, end: number): void {
    this.#push.appendColumns({
      series: this.#known.series,
      seriesIndexes: this.#seriesIndexes.subarray(start, end),
      times: this.#times.subarray(start, end),
      values: this.#values.subarray(start, end),
      length: end - start,
    });
  }

  #clear(): void {
    this.#length = 0;
    this.#staged = 0;
    this.#untimed.length = 0;
    this.#untimedStaged = 0;
    const known = this.#memory.of(this.#push.origin, this.#isInKernel);
    if (known === this.#known && (this.#refused?.sizeBytes ?? 0) <= refusedSizeMaxBytes) return;
    this.end();
    this.#known = known;
  }
}
