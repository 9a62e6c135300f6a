/**
 * DueQueue: things to be looked at, each at a time, the earliest first: a binary heap. A thing whose time has moved
 * back is found too early and put in again, so that moving it costs nothing.
 */

import type { TimestampMs } from "../../model/sample.js";

export interface Scheduled {
  /** When it is found; undefined while it is not in a queue. Written by the queue alone. */
  scheduledAt: TimestampMs | undefined;
}

interface Entry<T> {
  readonly at: TimestampMs;
  readonly item: T;
}

export class DueQueue<T extends Scheduled> {
  readonly #heap: Entry<T>[] = [];

  /** The earliest time; undefined when there is none. It may turn out to be of nothing. */
  get nextAt(): TimestampMs | undefined {
    return this.#heap[0]?.at;
  }

  /** Makes sure that the item is found at this time or before. */
  schedule(item: T, at: TimestampMs): void {
    if (item.scheduledAt !== undefined && item.scheduledAt <= at) return;
    item.scheduledAt = at;
    this.#push({ at, item });
  }

  /** Takes an item whose time has come; undefined when there is none. */
  take(now: TimestampMs): T | undefined {
    for (let first = this.#heap[0]; first !== undefined && first.at <= now; first = this.#heap[0]) {
      this.#pop();
      // An entry that was overtaken by an earlier one is of nothing.
      if (first.item.scheduledAt !== first.at) continue;
      first.item.scheduledAt = undefined;
      return first.item;
    }
    return undefined;
  }

  #push(entry: Entry<T>): void {
    const heap = this.#heap;
    let hole = heap.length;
    heap.push(entry);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (heap[parent]!.at <= entry.at) break;
      heap[hole] = heap[parent]!;
      hole = parent;
    }
    heap[hole] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++;
      if (heap[child]!.at >= last.at) break;
      heap[hole] = heap[child]!;
      hole = child;
    }
    heap[hole] = last;
  }
}
