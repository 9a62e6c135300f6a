/**
 * MergeThread: one thread that merges blocks, as the main thread sees it.
 *
 * Invariants
 *  1. A request settles in any case: by its answer, or by the end of the thread, for whatever reason that comes.
 *  2. A thread from which nothing is heard for a while is ended: it tells that it is alive while it works.
 *  3. It keeps the process alive while it has something to do, and only then.
 *
 * Lifetime: from its constructor to `end`, or until it dies; then it takes no requests, and another one is made.
 */

import { type ResourceLimits, Worker } from "node:worker_threads";
import { assert } from "../../model/assert.js";
import type { Clock } from "../../model/clock.js";
import { type TsdbError, UnavailableError } from "../../model/errors.js";
import type { BlockMeta } from "../block/block-meta.js";
import type { MergeReply, MergeRequest } from "./merge-worker.js";
import { decodeFailure } from "./sent-failure.js";

/** A thread that works tells every ten seconds that it is alive. */
const silenceMaxMs = 5 * 60_000;

interface Waiting {
  resolve(meta: BlockMeta | undefined): void;
  reject(error: TsdbError): void;
}

export class MergeThread {
  readonly #worker: Worker;
  readonly #clock: Clock;
  #hasStarted = false;
  /** Why it takes no more requests. */
  #ended: TsdbError | undefined;
  #waiting: Waiting | undefined;
  #cancelWatch: () => void = () => {};

  /** `url` is that of merge-worker.js. Throws where threads are forbidden. */
  constructor(url: URL, clock: Clock, resourceLimits: ResourceLimits) {
    this.#clock = clock;
    this.#worker = new Worker(url, { name: "narthex merge", execArgv: [], resourceLimits });
    this.#worker.unref();
    this.#worker.on("message", (reply: MergeReply) => this.#receive(reply));
    this.#worker.on("messageerror", (error) => this.#lose(error.message));
    this.#worker.on("error", (error: unknown) =>
      this.#lose(error instanceof Error ? error.message : String(error)),
    );
    this.#worker.on("exit", (code) => this.#lose(`it exited with code ${code}`));
  }

  /** Whether its code was found and ran. */
  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** One at a time. Rejects with what the merge rejects with, or the reason of the thread's end. */
  merge(request: MergeRequest): Promise<BlockMeta | undefined> {
    assert(this.#waiting === undefined, "a thread merges one set of blocks at a time");
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended);
        return;
      }
      this.#waiting = { resolve, reject };
      this.#worker.ref();
      this.#worker.postMessage(request);
      this.#watch();
    });
  }

  /** A request that waits is rejected with `reason` at once; resolves when nothing of the thread runs any more. */
  async end(reason: TsdbError): Promise<void> {
    this.#endWith(reason);
    await this.#worker.terminate();
  }

  #receive(reply: MergeReply): void {
    this.#hasStarted = true;
    if (this.#waiting === undefined) return;
    this.#watch();
    if (reply.kind === "merged") this.#take().resolve(reply.meta);
    else if (reply.kind === "failed") this.#take().reject(decodeFailure(reply.failure));
  }

  #watch(): void {
    this.#cancelWatch();
    this.#cancelWatch = this.#clock.schedule(silenceMaxMs, () =>
      this.#lose(`nothing was heard of it for ${silenceMaxMs / 60_000} minutes`),
    );
  }

  #lose(why: string): void {
    if (this.#ended !== undefined) return;
    this.#endWith(new UnavailableError(`the thread that merges blocks was lost: ${why}`));
    // It has ended already, or is to: there is nobody to tell when that fails.
    this.#worker.terminate().catch(() => undefined);
  }

  #endWith(reason: TsdbError): void {
    this.#ended ??= reason;
    if (this.#waiting !== undefined) this.#take().reject(reason);
  }

  /** The request that waits: it waits no longer. */
  #take(): Waiting {
    const waiting = this.#waiting;
    assert(waiting !== undefined, "a request waits");
    this.#waiting = undefined;
    this.#cancelWatch();
    this.#worker.unref();
    return waiting;
  }
}
