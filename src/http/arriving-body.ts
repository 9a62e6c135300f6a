/**
 * Bodies as they arrive, by the events of their streams: to walk a stream by its async iterator costs more than to read
 * what a device pushes.
 *
 * A body that is given up is not destroyed, because that would close the connection before the answer: it is paused, and
 * the HTTP server throws away the rest when the answer is sent.
 */

import type { Readable } from "node:stream";
import { LimitExceededError, MalformedInputError } from "../model/errors.js";

/** Told what comes, in order; of `end` and `fail` one is called, once. */
export interface BodyTaker {
  /** May throw, which gives the body up. */
  take(piece: Uint8Array): void;
  end(): void;
  /** It will not come to its end, or has more than its bytes, or was given up. */
  fail(reason: unknown): void;
}

export function takeBody(payload: Readable, sizeMaxBytes: number, taker: BodyTaker): void {
  let arrivedBytes = 0;
  let isOver = false;
  const take = (piece: Uint8Array) => {
    arrivedBytes += piece.length;
    if (arrivedBytes > sizeMaxBytes) return fail(tooLarge("the body", arrivedBytes, sizeMaxBytes));
    try {
      taker.take(piece);
    } catch (error) {
      fail(error);
    }
  };
  const fail = (reason: unknown) => {
    if (isOver) return;
    isOver = true;
    payload.off("data", take).pause();
    taker.fail(reason);
  };
  const end = () => {
    if (isOver) return;
    isOver = true;
    taker.end();
  };
  payload
    .on("data", take)
    .on("end", end)
    .on("error", (error) => fail(arrivalFailure(error)))
    // Each body comes to this, most of them long after their end.
    .on("close", () => isOver || fail(brokenOff()));
  if (payload.destroyed) fail(brokenOff());
}

/** A body on its way, for one reader. Little of it is held for a reader that is slow. */
export class ArrivingBody implements AsyncIterableIterator<Uint8Array>, BodyTaker {
  readonly #payload: Readable;
  readonly #pieces: Uint8Array[] = [];
  #heldBytes = 0;
  #waiter: Waiter | undefined;
  #isOver = false;
  #failure: { readonly reason: unknown } | undefined;

  constructor(payload: Readable, sizeMaxBytes: number) {
    this.#payload = payload;
    takeBody(payload, sizeMaxBytes, this);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    const value = this.#pieces.shift();
    if (value !== undefined) {
      this.#heldBytes -= value.length;
      if (!this.#isOver && this.#heldBytes < heldMaxBytes && this.#payload.isPaused()) this.#payload.resume();
      return Promise.resolve({ done: false, value });
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure.reason);
    if (this.#isOver) return Promise.resolve(ended);
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  /** Whoever reads it wants no more. */
  return(): Promise<IteratorResult<Uint8Array>> {
    this.#isOver = true;
    this.#payload.pause();
    this.#pieces.length = 0;
    return Promise.resolve(ended);
  }

  take(piece: Uint8Array): void {
    const waiter = this.#waiter;
    if (waiter !== undefined) {
      this.#waiter = undefined;
      waiter.resolve({ done: false, value: piece });
      return;
    }
    this.#pieces.push(piece);
    this.#heldBytes += piece.length;
    if (this.#heldBytes >= heldMaxBytes) this.#payload.pause();
  }

  end(): void {
    this.#isOver = true;
    this.#waiter?.resolve(ended);
    this.#waiter = undefined;
  }

  fail(reason: unknown): void {
    this.#isOver = true;
    this.#failure = { reason };
    this.#waiter?.reject(reason);
    this.#waiter = undefined;
  }
}

interface Waiter {
  readonly resolve: (result: IteratorResult<Uint8Array>) => void;
  readonly reject: (reason: unknown) => void;
}

const heldMaxBytes = 64 * 1024;
const ended: IteratorResult<Uint8Array> = { done: true, value: undefined };

export function tooLarge(subject: string, sizeBytes: number, limitBytes: number): LimitExceededError {
  return new LimitExceededError(`${subject} has ${sizeBytes} bytes or more; the limit is ${limitBytes}`);
}

function arrivalFailure(error: unknown): unknown {
  const isBreak = error instanceof Error && "code" in error && error.code === "ECONNRESET";
  return isBreak ? brokenOff(error) : error;
}

function brokenOff(cause?: unknown): MalformedInputError {
  return new MalformedInputError("the connection closed before the body was complete", {}, { cause });
}
