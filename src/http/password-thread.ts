/**
 * PasswordThread: bcrypt on a thread beside the one that serves: a check takes a tenth of a second and more, by design.
 *
 * The thread is made when there is something to check and ended when there was nothing for a while. One that is lost
 * (out of memory, a bug) is replaced. Where no thread can be made (a bundle without password-worker.js, a process that
 * may not) checks run on the main thread.
 */

import { Worker } from "node:worker_threads";
import bcrypt from "bcryptjs";
import type { Clock } from "../model/clock.js";
import type { PasswordRequest } from "./password-worker.js";

const idleMaxMs = 10_000;
const besideThis = new URL("./password-worker.js", import.meta.url);
/** TypeScript that runs as it is, in tests, has no JavaScript beside it that a thread could run. */
const hasWorker = import.meta.url.endsWith(".js");

export interface PasswordThreadParts {
  readonly clock: Clock;
  /** Default the one beside this file. */
  readonly workerUrl?: URL;
}

export class PasswordThread {
  readonly #clock: Clock;
  /** Undefined where there are no threads. */
  #workerUrl: URL | undefined;
  #worker: Worker | undefined;
  #cancelIdle: () => void = () => {};

  constructor({ clock, workerUrl = hasWorker ? besideThis : undefined }: PasswordThreadParts) {
    this.#clock = clock;
    this.#workerUrl = workerUrl;
  }

  /** Whether checks take time from the main thread. */
  get isInline(): boolean {
    return this.#workerUrl === undefined;
  }

  /** To be called one at a time. */
  async compare(password: string, hash: string): Promise<boolean> {
    this.#cancelIdle();
    const worker = this.#liveWorker();
    if (worker === undefined) return bcrypt.compare(password, hash);
    try {
      return await ask(worker, { password, hash });
    } catch {
      this.#end();
      this.#workerUrl = undefined;
      return bcrypt.compare(password, hash);
    } finally {
      this.#cancelIdle = this.#clock.schedule(idleMaxMs, () => this.#end());
    }
  }

  #liveWorker(): Worker | undefined {
    if (this.#workerUrl === undefined) return undefined;
    try {
      this.#worker ??= startWorker(this.#workerUrl);
    } catch {
      this.#workerUrl = undefined;
    }
    return this.#worker;
  }

  #end(): void {
    void this.#worker?.terminate();
    this.#worker = undefined;
  }
}

/** It does not keep the process alive: who asks waits on a connection, which does. */
function startWorker(url: URL): Worker {
  const worker = new Worker(url, { name: "narthex passwords", execArgv: [] });
  worker.unref();
  return worker;
}

function ask(worker: Worker, request: PasswordRequest): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const settle = (then: () => void) => {
      worker.off("message", onMessage).off("error", onError).off("exit", onError);
      then();
    };
    const onMessage = (isEqual: boolean) => settle(() => resolve(isEqual));
    const onError = (reason: unknown) => settle(() => reject(reason));
    worker.on("message", onMessage).on("error", onError).on("exit", onError);
    worker.postMessage(request);
  });
}
