/**
 * Series that a kernel has split into numbers of label pairs, for whoever takes them: with their pairs as numbers of an
 * index (`SplitTuples`), or as labels (`PairLabels`).
 *
 * Both remember what stands for a pair of the kernel, whose numbers stay: the series of a fleet share nearly all of them.
 */

import type { LabelPair, RemoteWriteKernel, SplitSeries } from "../../kernels/remote-write-kernel.js";
import { Labels } from "../../model/labels.js";
import type { PairTuples, SeriesIndex } from "../../model/series-index.js";
import type { NewSeries } from "../push/push.js";

const smallest = 64;

/** Pairs of a kernel as numbers of an index. */
export class PairNumbers {
  readonly #kernel: RemoteWriteKernel;
  #index: SeriesIndex | undefined;
  #epoch = 0;
  /** By number in the kernel; 0 where it was not asked for. */
  #numbers = new Uint32Array(smallest);
  #pairs = new Uint32Array(smallest);
  #ends = new Uint32Array(smallest);

  constructor(kernel: RemoteWriteKernel) {
    this.#kernel = kernel;
  }

  /** To be called before `translated`, in each synchronous run. */
  useIndex(index: SeriesIndex): void {
    const { epoch } = index;
    if (index === this.#index && epoch === this.#epoch) return;
    this.#index = index;
    this.#epoch = epoch;
    this.#numbers.fill(0);
  }

  /** The series from `from` to `to`, excluded: borrowed until the next call. */
  translated(split: SplitSeries, from: number, to: number): PairTuples {
    const first = from === 0 ? 0 : split.ends[from - 1]!;
    const length = split.ends[to - 1]! - first;
    if (length > this.#pairs.length) this.#pairs = new Uint32Array(2 * length);
    if (to - from > this.#ends.length) this.#ends = new Uint32Array(2 * (to - from));
    const { pairs, ends } = split;
    for (let i = from; i < to; i++) this.#ends[i - from] = ends[i]! - first;
    for (let i = 0; i < length; i++) {
      const pair = pairs[first + i]!;
      this.#pairs[i] = this.#numbers[pair] || this.#learn(pair);
    }
    return { length: to - from, pairs: this.#pairs, ends: this.#ends };
  }

  #learn(pair: number): number {
    const { name, value } = this.#kernel.pair(pair);
    const number = this.#index!.pair(name, value);
    if (pair >= this.#numbers.length) {
      const before = this.#numbers;
      this.#numbers = new Uint32Array(2 * pair);
      this.#numbers.set(before);
    }
    this.#numbers[pair] = number;
    return number;
  }
}

/** One body's. */
export class SplitTuples implements NewSeries {
  readonly length: number;
  readonly #split: SplitSeries;
  readonly #kernel: RemoteWriteKernel;
  readonly #numbers: PairNumbers;

  constructor(split: SplitSeries, kernel: RemoteWriteKernel, numbers: PairNumbers) {
    this.length = split.length;
    this.#split = split;
    this.#kernel = kernel;
    this.#numbers = numbers;
  }

  endOfRun(from: number): number {
    const { jobs, instances, length } = this.#split;
    let to = from + 1;
    while (to < length && jobs[to] === jobs[from] && instances[to] === instances[from]) to++;
    return to;
  }

  jobOf(series: number): string {
    return this.#valueOf(this.#split.jobs[series]!);
  }

  instanceOf(series: number): string {
    return this.#valueOf(this.#split.instances[series]!);
  }

  tuples(from: number, to: number): PairTuples {
    return this.#numbers.translated(this.#split, from, to);
  }

  setNumber(series: number, number: number): void {
    this.#split.numbers[series] = number;
  }

  #valueOf(pair: number): string {
    return pair === 0 ? "" : this.#kernel.pair(pair).value;
  }
}

/** Labels of series that were split. Neighbours with the same names share one list of them. */
export class PairLabels {
  readonly #kernel: RemoteWriteKernel;
  readonly #pairs: (LabelPair | undefined)[] = [];
  #names: readonly string[] = [];

  constructor(kernel: RemoteWriteKernel) {
    this.#kernel = kernel;
  }

  labels({ pairs, ends }: SplitSeries, series: number): Labels {
    const first = series === 0 ? 0 : ends[series - 1]!;
    const size = ends[series]! - first;
    const last = this.#names;
    // Of exactly this size: a list that grows has room for seventeen.
    const values = new Array<string>(size);
    let isSame = last.length === size;
    for (let i = 0; i < size; i++) {
      const pair = this.#pairOf(pairs[first + i]!);
      values[i] = pair.value;
      isSame &&= last[i] === pair.name;
    }
    if (!isSame) this.#names = values.map((_, i) => this.#pairOf(pairs[first + i]!).name);
    return Labels.fromSorted(this.#names, values);
  }

  #pairOf(number: number): LabelPair {
    const known = this.#pairs[number];
    if (known !== undefined) return known;
    const pair = this.#kernel.pair(number);
    while (this.#pairs.length < number) this.#pairs.push(undefined);
    this.#pairs[number] = pair;
    return pair;
  }
}
