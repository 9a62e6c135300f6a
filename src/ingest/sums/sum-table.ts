/**
 * SumTable: the state of Sums, in memory: what each series adds up to, and which requests have been counted.
 *
 * A Draft is what a batch of additions would change; `apply` makes it so, once it is durable.
 */

import type { Labels } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";

export interface SumState {
  readonly labels: Labels;
  readonly sum: number;
  /** Of the newest sample that was made of it. */
  readonly time: TimestampMs;
  /** The end of the newest interval that was counted; -Infinity when none had times. */
  readonly countedUpTo: TimestampMs;
}

/** A request that was counted: sent again, it changes nothing. */
export interface CountedRequest {
  readonly origin: string;
  readonly key: string;
  /** Of what it held, so that a key that is used for something else is told; undefined when it cannot be compared. */
  readonly fingerprint: number | undefined;
  readonly time: TimestampMs;
}

/** Keys are remembered for a day, and so many of them. */
const keyAgeMaxMs = 24 * 3_600_000;
const keysMax = 100_000;

export class SumTable {
  readonly #sums = new Map<string, SumState>();
  /** Oldest first. */
  readonly #requests = new Map<string, CountedRequest>();

  get size(): number {
    return this.#sums.size;
  }

  sumOf(labels: Labels): SumState | undefined {
    return this.#sums.get(labels.key());
  }

  request(origin: string, key: string): CountedRequest | undefined {
    return this.#requests.get(requestKey(origin, key));
  }

  sums(): Iterable<SumState> {
    return this.#sums.values();
  }

  requests(): Iterable<CountedRequest> {
    return this.#requests.values();
  }

  setSum(state: SumState): void {
    this.#sums.set(state.labels.key(), state);
  }

  addRequest(request: CountedRequest): void {
    this.#requests.set(requestKey(request.origin, request.key), request);
    for (const [key, { time }] of this.#requests) {
      if (this.#requests.size <= keysMax && time >= request.time - keyAgeMaxMs) break;
      this.#requests.delete(key);
    }
  }
}

/** What a batch would change. */
export class SumDraft {
  readonly #table: SumTable;
  readonly #sums = new Map<string, SumState>();
  readonly #requests = new Map<string, CountedRequest>();

  constructor(table: SumTable) {
    this.#table = table;
  }

  get isEmpty(): boolean {
    return this.#sums.size === 0 && this.#requests.size === 0;
  }

  get sums(): readonly SumState[] {
    return [...this.#sums.values()];
  }

  get requests(): readonly CountedRequest[] {
    return [...this.#requests.values()];
  }

  /** Whether the batch has added to this series. */
  changes(labels: Labels): boolean {
    return this.#sums.has(labels.key());
  }

  sumOf(labels: Labels): SumState {
    return (
      this.#sums.get(labels.key()) ??
      this.#table.sumOf(labels) ?? { labels, sum: 0, time: -Infinity, countedUpTo: -Infinity }
    );
  }

  request(origin: string, key: string): CountedRequest | undefined {
    return this.#requests.get(requestKey(origin, key)) ?? this.#table.request(origin, key);
  }

  setSum(state: SumState): void {
    this.#sums.set(state.labels.key(), state);
  }

  addRequest(request: CountedRequest): void {
    this.#requests.set(requestKey(request.origin, request.key), request);
  }

  apply(): void {
    for (const state of this.#sums.values()) this.#table.setSum(state);
    for (const request of this.#requests.values()) this.#table.addRequest(request);
  }
}

function requestKey(origin: string, key: string): string {
  return `${origin.length}:${origin}${key}`;
}
