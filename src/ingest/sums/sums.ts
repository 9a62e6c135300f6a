/**
 * Sums: what pushed increments add up to, series by series, through crashes and repeated requests. The sums are
 * cumulative counters, as the database stores them.
 *
 *   add(push, increments)   waits for its batch
 *   batch                   plans all additions that wait, on top of what is durable; one record of the journal;
 *                           then they count, and each addition stages its series' sums in its push
 *
 * Invariants
 *  1. An increment counts once: with the record that names it, durable before any sample made of it is.
 *  2. A request that was counted and is sent again stages the sums as they are: should the database have refused the
 *     samples the first time, it gets them then.
 *  3. An increment with a time counts only when it is behind all that was counted of its series.
 *  4. Samples of a series have increasing times.
 */

import type { Clock } from "../../model/clock.js";
import { InvalidArgumentError } from "../../model/errors.js";
import type { Journal, OpenJournal } from "../../model/journal.js";
import type { TimestampMs } from "../../model/sample.js";
import type { Push, PushSeries } from "../push/push.js";
import { encodeSums, encodeTable, readSumRecord } from "./sum-record.js";
import { SumDraft, SumTable } from "./sum-table.js";

export interface Increment {
  readonly series: PushSeries;
  /** Finite; below zero only for what is no counter. */
  readonly amount: number;
  /** The end of the interval that it counts; undefined for the arrival. */
  readonly time: TimestampMs | undefined;
}

/** A key that makes a repeated request harmless, and the fingerprint of what it holds. */
export interface RequestKey {
  readonly key: string;
  readonly fingerprint: number;
}

interface Addition {
  readonly push: Push;
  readonly increments: readonly Increment[];
  readonly request: RequestKey | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A sum to be staged. */
interface SumSample {
  readonly series: PushSeries;
  readonly time: TimestampMs;
  readonly sum: number;
}

const additionsPerBatch = 1000;
/** The journal is rewritten when it has this many bytes, and four times what it had after the last rewrite. */
const rewriteFromBytes = 8 * 1024 * 1024;
/** How far samples may run ahead of the clock when a series is added to many times in a millisecond. */
const aheadMaxMs = 1000;

export class Sums {
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #table: SumTable;
  readonly #queue: Addition[] = [];
  #running: Promise<void> | undefined;
  #rewriteAtBytes: number;

  private constructor(journal: Journal, clock: Clock, table: SumTable) {
    this.#journal = journal;
    this.#clock = clock;
    this.#table = table;
    this.#rewriteAtBytes = Math.max(rewriteFromBytes, 4 * journal.sizeBytes);
  }

  static async open(openJournal: OpenJournal, clock: Clock): Promise<Sums> {
    const table = new SumTable();
    const journal = await openJournal("sums", (record) => readSumRecord(record, table));
    return new Sums(journal, clock, table);
  }

  /**
   * Counts the increments and stages the sums in `push`, which the caller then commits. With a request that was
   * counted before, counts nothing. Rejects with InvalidArgumentError (the key belongs to another request), or as an
   * append to the journal does; then nothing is counted.
   */
  add(push: Push, increments: readonly Increment[], request?: RequestKey): Promise<void> {
    for (const { series, time, amount } of increments)
      if (series.refusal !== undefined) push.append(series, time, amount);
    const taken = increments.filter(({ series }) => series.refusal === undefined);
    return new Promise((resolve, reject) => {
      this.#queue.push({ push, increments: taken, request, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  async #run(): Promise<void> {
    await null;
    while (this.#queue.length > 0) await this.#addBatch(this.#queue.splice(0, additionsPerBatch));
    // In the same turn as the last look at the queue.
    this.#running = undefined;
  }

  async #addBatch(batch: readonly Addition[]): Promise<void> {
    const draft = new SumDraft(this.#table);
    const planned = batch.map((addition) => this.#plan(addition, draft)).filter((plan) => plan !== undefined);
    try {
      if (!draft.isEmpty) await this.#journal.append(encodeSums(draft.sums, draft.requests));
      draft.apply();
      await this.#waitForClock(draft);
    } catch (error) {
      for (const { addition } of planned) addition.reject(error);
      return;
    }
    for (const { addition, samples } of planned) {
      for (const { series, time, sum } of samples()) addition.push.append(series, time, sum);
      addition.resolve();
    }
    await this.#rewriteWhenLarge();
  }

  /** Undefined when the addition was refused. */
  #plan(
    addition: Addition,
    draft: SumDraft,
  ): { readonly addition: Addition; readonly samples: () => readonly SumSample[] } | undefined {
    const { push, increments, request, reject } = addition;
    const origin = push.origin.name;
    const earlier = request === undefined ? undefined : draft.request(origin, request.key);
    if (earlier?.fingerprint !== undefined && earlier.fingerprint !== request!.fingerprint) {
      reject(new InvalidArgumentError(`the idempotency key "${request!.key}" belongs to another request`));
      return undefined;
    }
    const timed: SumSample[] = [];
    const untimed = new Map<string, PushSeries>();
    for (const increment of increments) {
      if (increment.time === undefined || earlier !== undefined)
        untimed.set(increment.series.labels.key(), increment.series);
      if (earlier === undefined) addIncrement(increment, push.arrivalTime, draft, timed);
    }
    if (request !== undefined && earlier === undefined)
      draft.addRequest({ origin, ...request, time: push.arrivalTime });
    // Those of the arrival have the sum as the whole batch leaves it: one sample per series and batch.
    const latest = () =>
      [...untimed.values()].map((series) => {
        const { time, sum } = draft.sumOf(series.labels);
        return { series, time, sum };
      });
    return { addition, samples: () => [...timed, ...latest()] };
  }

  async #waitForClock(draft: SumDraft): Promise<void> {
    let newest = -Infinity;
    for (const { time, countedUpTo } of draft.sums) if (countedUpTo < time) newest = Math.max(newest, time);
    const aheadMs = newest - this.#clock.now();
    if (aheadMs > aheadMaxMs)
      await new Promise<void>((resolve) => {
        this.#clock.schedule(aheadMs - aheadMaxMs, resolve);
      });
  }

  /** Without room on the disk the journal stays as it is, and is rewritten when it has grown again. */
  async #rewriteWhenLarge(): Promise<void> {
    if (this.#journal.sizeBytes < this.#rewriteAtBytes) return;
    await this.#journal.rewrite(encodeTable(this.#table)).catch(() => undefined);
    this.#rewriteAtBytes = Math.max(rewriteFromBytes, 4 * this.#journal.sizeBytes);
  }
}

function addIncrement(
  { series, amount, time }: Increment,
  arrivalTime: TimestampMs,
  draft: SumDraft,
  timed: SumSample[],
): void {
  const before = draft.sumOf(series.labels);
  if (time === undefined) {
    const earliest =
      draft.changes(series.labels) && before.countedUpTo < before.time ? before.time : before.time + 1;
    draft.setSum({ ...before, sum: before.sum + amount, time: Math.max(arrivalTime, earliest) });
  } else if (time > before.countedUpTo) {
    const after = {
      ...before,
      sum: before.sum + amount,
      time: Math.max(time, before.time + 1),
      countedUpTo: time,
    };
    draft.setSum(after);
    timed.push({ series, time: after.time, sum: after.sum });
  } else {
    // Counted before: the same request again. Its sum may have gone on since then.
    timed.push({ series, time: before.time, sum: before.sum });
  }
}
