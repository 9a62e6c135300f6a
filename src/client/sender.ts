/**
 * Sender: the loop that delivers the queue to one address.
 *
 *   take ─► post ─► stored: the next one
 *    ▲              later: back into the queue, wait longer each time (or as the receiver asks); told once
 *    │              refused: dropped, counted and told with the receiver's words
 *    └── nothing is waiting: a heartbeat when one is due, else wait
 *
 * Invariants
 *  1. One request is under way at most, oldest records first, so that no sample of a series overtakes another.
 *  2. Only the loop takes from the cursor.
 */

import type { Clock } from "../model/clock.js";
import type { TimestampMs } from "../model/sample.js";
import type { HttpReceiver } from "./http-receiver.js";
import { judgeAnswer, type RetryDelays, retryDelayMs, type Verdict } from "./judge-answer.js";
import type { QueueCursor, QueuedRequest } from "./queue/queue-cursor.js";

export interface SenderParts {
  readonly cursor: QueueCursor;
  readonly receiver: HttpReceiver;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly retry: RetryDelays;
  /** Of a request, decoded. */
  readonly requestSizeMaxBytes: number;
  /** How long an address may hear nothing; undefined when that does not matter. */
  readonly heartbeatMs: number | undefined;
  /** A body that says no more than that the client is alive. */
  readonly heartbeatBody: () => Uint8Array;
  readonly onEvent: (level: "info" | "warning", message: string) => void;
}

export interface SenderFailure {
  readonly time: TimestampMs;
  /** The receiver's words, or the system's. */
  readonly reason: string;
}

export class Sender {
  lastFailure: SenderFailure | undefined;
  lastStoredTime: TimestampMs | undefined;
  /** When the next attempt is due, after one that failed. */
  retryTime: TimestampMs | undefined;
  readonly #parts: SenderParts;
  #requestSizeMaxBytes: number;
  #failures = 0;
  #lastHeard: number;
  #isStopped = false;
  #isHeartbeatRefused = false;
  #isLockedOut = false;
  /** There may be more to send than when the loop looked last. */
  #hasNews = false;
  /** Ends what the loop waits for. */
  #endWait: (() => void) | undefined;
  #drains: ((isDrained: boolean) => void)[] = [];
  readonly #loop: Promise<void>;

  constructor(parts: SenderParts) {
    this.#parts = parts;
    this.#requestSizeMaxBytes = parts.requestSizeMaxBytes;
    this.#lastHeard = parts.clock.monotonic();
    this.#loop = this.#run();
  }

  /** Since it took something last it has said what only a person can mend. */
  get isLockedOut(): boolean {
    return this.#isLockedOut;
  }

  /** There is something to send. An address that failed is not hurried by it. */
  wake(): void {
    this.#hasNews = true;
    if (this.retryTime === undefined) this.#endWait?.();
  }

  /** Tries at once; resolves with true when nothing is waiting, with false when an attempt failed. */
  drain(): Promise<boolean> {
    this.#hasNews = true;
    return new Promise((resolve) => {
      this.#drains.push(resolve);
      this.#endWait?.();
    });
  }

  /** A request that is under way is given up; its records stay in the queue. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#endWait?.();
    this.#parts.receiver.close();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { cursor } = this.#parts;
    while (!this.#isStopped) {
      this.#hasNews = false;
      const request = await cursor.take(this.#requestSizeMaxBytes);
      if (request !== undefined) {
        if (this.#isStopped) cursor.release();
        else await this.#deliver(request);
      } else {
        this.#endDrains(true);
        const restMs = this.#untilHeartbeatMs();
        if (restMs <= 0) await this.#beat();
        else if (!this.#hasNews) await this.#wait(restMs);
      }
    }
    this.#endDrains(cursor.isDone);
  }

  async #deliver(request: QueuedRequest): Promise<void> {
    const { cursor, onEvent } = this.#parts;
    const verdict = await this.#post(request.body);
    switch (verdict.kind) {
      case "stored":
        cursor.commit();
        return;
      case "later":
        cursor.release();
        return this.#pause(verdict);
      case "too-large":
        if (request.records > 1) {
          this.#requestSizeMaxBytes = Math.floor(request.decodedSizeBytes / 2);
          cursor.release();
          return;
        }
    }
    cursor.refuse();
    onEvent(
      "warning",
      `${cursor.address} refused a request of ${request.samples} samples: ${verdict.reason}`,
    );
  }

  async #beat(): Promise<void> {
    const { cursor, heartbeatBody, onEvent } = this.#parts;
    const verdict = await this.#post(heartbeatBody());
    if (verdict.kind === "later") return this.#pause(verdict);
    if (verdict.kind === "stored") return;
    if (!this.#isHeartbeatRefused)
      onEvent("warning", `${cursor.address} refused a heartbeat: ${verdict.reason}`);
    this.#isHeartbeatRefused = true;
  }

  async #post(body: Uint8Array): Promise<Verdict> {
    const { receiver, clock, cursor, onEvent } = this.#parts;
    const verdict: Verdict = await receiver.post(body).then(
      (answer) => judgeAnswer(answer, clock.now()),
      (error: Error) => ({ kind: "later", reason: error.message }),
    );
    if (this.#isStopped && verdict.kind === "later") return verdict;
    if (verdict.kind !== "stored") this.lastFailure = { time: clock.now(), reason: verdict.reason };
    if (verdict.kind === "later") {
      const { reason, needsPerson = false } = verdict;
      if (this.#failures === 0 || (needsPerson && !this.#isLockedOut)) {
        const remedy = needsPerson
          ? "; what is sent is kept, and tried again until the token, the rights or the address are put right"
          : "";
        onEvent("warning", `${cursor.address} takes nothing: ${reason}${remedy}`);
      }
      this.#isLockedOut ||= needsPerson;
      return verdict;
    }
    this.#isLockedOut = false;
    if (this.#failures > 0) onEvent("info", `${cursor.address} answers again`);
    this.#failures = 0;
    this.#lastHeard = clock.monotonic();
    if (verdict.kind === "stored") this.lastStoredTime = clock.now();
    return verdict;
  }

  async #pause({ afterMs }: { readonly afterMs?: number }): Promise<void> {
    const { clock, retry, random } = this.#parts;
    const delayMs = Math.max(afterMs ?? 0, retryDelayMs(this.#failures++, retry, random()));
    this.#endDrains(false);
    this.retryTime = clock.now() + delayMs;
    await this.#wait(delayMs);
    this.retryTime = undefined;
  }

  #untilHeartbeatMs(): number {
    const { clock, heartbeatMs } = this.#parts;
    return heartbeatMs === undefined ? Infinity : this.#lastHeard + heartbeatMs - clock.monotonic();
  }

  async #wait(delayMs: number): Promise<void> {
    if (this.#isStopped) return;
    await new Promise<void>((resolve) => {
      const cancel = delayMs === Infinity ? undefined : this.#parts.clock.schedule(delayMs, resolve);
      this.#endWait = () => {
        cancel?.();
        resolve();
      };
    });
    this.#endWait = undefined;
  }

  #endDrains(isDrained: boolean): void {
    for (const resolve of this.#drains) resolve(isDrained);
    this.#drains = [];
  }
}
