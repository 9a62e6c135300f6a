/**
 * HeldBodies: the memory that bodies take which must be held whole before they can be stored, as bytes or as what was
 * read of them, of all requests together. A gzip body of 60 KB may hold 32 MiB, and a sender may have hundreds under way.
 *
 * The first part of each body is free, so that whoever sends large ones keeps nobody else from sending small ones.
 */

import { LimitExceededError, TooManyRequestsError } from "../model/errors.js";

export interface HeldBodiesLimits {
  readonly freeBytesEach: number;
  /** Of all bodies, beyond what is free. */
  readonly heldBytesMax: number;
}

const defaultLimits: HeldBodiesLimits = { freeBytesEach: 1024 * 1024, heldBytesMax: 32 * 1024 * 1024 };
/** For what was read of bodies: more than one of them has with as many samples as may be, of twenty labels each. */
export const readBodiesLimits: HeldBodiesLimits = {
  freeBytesEach: 1024 * 1024,
  heldBytesMax: 256 * 1024 * 1024,
};
const retryAfterMs = 1000;

export class HeldBodies {
  readonly #limits: HeldBodiesLimits;
  #heldBytes = 0;

  constructor(limits = defaultLimits) {
    this.#limits = limits;
  }

  /**
   * Reads `body` whole and gives it to `read`; it is held until that is done. Rejects with LimitExceededError, with
   * TooManyRequestsError, and as `read` does.
   */
  hold<T>(
    body: AsyncIterable<Uint8Array>,
    sizeMaxBytes: number,
    read: (bytes: Uint8Array) => Promise<T>,
  ): Promise<T> {
    return this.share(async (share) => {
      const pieces: Uint8Array[] = [];
      for await (const piece of share.bytesOf(body, sizeMaxBytes)) pieces.push(piece);
      return read(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces.splice(0)));
    });
  }

  /** What `use` takes of its share is held until it is done. */
  async share<T>(use: (share: HeldShare) => Promise<T>): Promise<T> {
    const share = this.open();
    try {
      return await use(share);
    } finally {
      share.end();
    }
  }

  /** To be ended. */
  open(): HeldShare {
    return new HeldShare(this.#limits.freeBytesEach, (bytes) => this.#take(bytes));
  }

  /** A negative number gives bytes back. */
  #take(bytes: number): void {
    const { heldBytesMax } = this.#limits;
    if (bytes > 0 && this.#heldBytes + bytes > heldBytesMax)
      throw new TooManyRequestsError(
        `large bodies hold ${heldBytesMax} bytes already; send smaller ones, or come again in 1 s`,
        retryAfterMs,
      );
    this.#heldBytes += bytes;
  }
}

/** What one body holds. */
export class HeldShare {
  readonly #freeBytes: number;
  readonly #takeOfAll: (bytes: number) => void;
  #wantedBytes = 0;
  #takenBytes = 0;

  constructor(freeBytes: number, takeOfAll: (bytes: number) => void) {
    this.#freeBytes = freeBytes;
    this.#takeOfAll = takeOfAll;
  }

  /** Throws TooManyRequestsError when there is no room for so many bytes. */
  readonly take = (bytes: number): void => {
    this.#wantedBytes += bytes;
    const neededBytes = this.#wantedBytes - this.#freeBytes - this.#takenBytes;
    if (neededBytes <= 0) return;
    this.#takeOfAll(neededBytes);
    this.#takenBytes += neededBytes;
  };

  /** Gives back what it holds. */
  end(): void {
    this.#takeOfAll(-this.#takenBytes);
    this.#takenBytes = 0;
  }

  /** The body's bytes, taken as they come. Throws LimitExceededError, and as `take` does. */
  async *bytesOf(body: AsyncIterable<Uint8Array>, sizeMaxBytes: number): AsyncGenerator<Uint8Array> {
    let sizeBytes = 0;
    for await (const piece of body) {
      sizeBytes += piece.length;
      if (sizeBytes > sizeMaxBytes)
        throw new LimitExceededError(`the body has ${sizeBytes} bytes or more; the limit is ${sizeMaxBytes}`);
      this.take(piece.length);
      yield piece;
    }
  }
}
