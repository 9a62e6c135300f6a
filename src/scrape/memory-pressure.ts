/**
 * MemoryPressure: whether so little memory is left that scrapes had better be skipped than end the process.
 *
 * Two things may run out: the heap, which ends at V8's limit, and what the process may have as a whole, which is the
 * limit of its control group or the memory of the machine. The heap's use counts garbage too, but V8 collects
 * before it has filled half of what was free, so that a heap filled to nine tenths is full of what is needed. Of the
 * heap only the old generation counts: V8 ends the process when that is full, however empty the young one is.
 *
 * Pressure ends when enough is free again, or when for a minute nothing has been as full as when it began: memory
 * that was freed is not always given back, and nobody should wait for it for ever.
 */

import { totalmem } from "node:os";
import { getHeapSpaceStatistics, getHeapStatistics } from "node:v8";
import type { Clock } from "../model/clock.js";

/** One kind of memory. */
export interface MemoryUse {
  /** As in a sentence: `the heap`. */
  readonly name: string;
  readonly usedBytes: number;
  readonly limitBytes: number;
  /** The part of the limit at which pressure begins. */
  readonly fullAt: number;
}

export type ReadMemory = () => readonly MemoryUse[];

/**
 * V8's limit has the room of the young generation in it: 48 MiB in V8 11 and 12 (Node 20 and 22), 192 in 13 (Node 24). Where
 * V8 takes less, pressure begins that much earlier.
 */
const youngMaxBytes = (Number.parseInt(process.versions.v8, 10) < 13 ? 48 : 192) * 2 ** 20;

/** This process'. */
export function readProcessMemory(): readonly MemoryUse[] {
  const heap = oldGeneration();
  const constrained = process.constrainedMemory();
  const limitBytes = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return [
    { name: "the heap", ...heap, fullAt: 0.9 },
    { name: "the process", usedBytes: process.memoryUsage.rss(), limitBytes, fullAt: 0.95 },
  ];
}

function oldGeneration(): Pick<MemoryUse, "usedBytes" | "limitBytes"> {
  const { used_heap_size, heap_size_limit } = getHeapStatistics();
  const youngBytes = getHeapSpaceStatistics()
    .filter(({ space_name }) => space_name.startsWith("new_"))
    .reduce((sum, { space_used_size }) => sum + space_used_size, 0);
  return { usedBytes: used_heap_size - youngBytes, limitBytes: heap_size_limit - youngMaxBytes };
}

/** Below the part at which it began by so much, pressure ends at once. */
const reliefFraction = 0.1;
const calmMs = 60_000;
const lookIntervalMs = 1000;

export interface MemoryPressureOptions {
  readonly clock: Clock;
  readonly read: ReadMemory;
  /** Called when pressure begins and when it ends. */
  readonly onChange: () => void;
}

export class MemoryPressure {
  readonly #options: MemoryPressureOptions;
  #reason: string | undefined;
  /** When something was last as full as when pressure begins. */
  #lastFull = 0;
  #cancelTimer: () => void = () => {};

  constructor(options: MemoryPressureOptions) {
    this.#options = options;
  }

  /** Why scrapes are skipped, in a sentence, the same one as long as they are; undefined while they are not. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Looks now, and every second. */
  start(): void {
    const { clock, onChange } = this.#options;
    const before = this.#reason;
    this.#look(clock.monotonic());
    this.#cancelTimer = clock.schedule(lookIntervalMs, () => this.start());
    if (before !== this.#reason) onChange();
  }

  stop(): void {
    this.#cancelTimer();
  }

  #look(now: number): void {
    const uses = this.#options.read();
    const full = uses.find((use) => isFilledTo(use, use.fullAt));
    if (full !== undefined) {
      this.#lastFull = now;
      this.#reason ??= sentenceOf(full);
      return;
    }
    const isRelieved = !uses.some((use) => isFilledTo(use, use.fullAt - reliefFraction));
    if (isRelieved || now - this.#lastFull >= calmMs) this.#reason = undefined;
  }
}

function isFilledTo({ usedBytes, limitBytes }: MemoryUse, part: number): boolean {
  return usedBytes >= part * limitBytes;
}

function sentenceOf({ name, usedBytes, limitBytes }: MemoryUse): string {
  const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);
  return `skipped: memory is short: ${name} has ${mebibytes(usedBytes)} of ${mebibytes(limitBytes)} MiB`;
}
