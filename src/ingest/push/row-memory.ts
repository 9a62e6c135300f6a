/**
 * RowMemory: the series of each origin by number, and the bytes of earlier bodies that stand for them. One for each
 * protocol, since the same bytes may mean something else in another.
 *
 * Invariants
 *  1. What was remembered for an origin is seen by that origin alone, and goes with it.
 *  2. When all of it has more than `sizeMaxBytes`, everything is forgotten, and learnt again. Bodies under way go on with
 *     what they have until nothing of theirs waits.
 */

import { OWNERS_OF_BODY } from "../../kernels/body-format.js";
import { type BodyKernel, bodyKernel } from "../../kernels/body-kernel.js";
import { ByteKeys } from "./byte-keys.js";
import { KernelKeys } from "./kernel-keys.js";
import type { PushOrigin } from "./push.js";
import { SeriesList } from "./series-list.js";

const defaultSizeMaxBytes = 64 * 1024 * 1024;

export class RowMemory {
  readonly #sizeMaxBytes: number;
  #byOrigin = new WeakMap<PushOrigin, KnownRows>();
  #sizeBytes = 0;
  /** Of all origins: they are owners of their keys. */
  #kernel: BodyKernel | undefined;
  #owners = OWNERS_OF_BODY;

  constructor(sizeMaxBytes = defaultSizeMaxBytes) {
    this.#sizeMaxBytes = sizeMaxBytes;
  }

  /**
   * To be asked for by each body, and again by one that goes on for long. `isInKernel`: the keys are those of a body kernel,
   * which then reads bodies as far as they are known; the same for all bodies of a memory.
   */
  of(origin: PushOrigin, isInKernel = false): KnownRows {
    if (this.#sizeBytes > this.#sizeMaxBytes) {
      this.#byOrigin = new WeakMap();
      this.#sizeBytes = 0;
      this.#kernel = undefined;
    }
    let known = this.#byOrigin.get(origin);
    if (known === undefined) {
      known = { ...this.#newKeys(isInKernel), series: new SeriesList(), nodes: [], bodies: 0 };
      this.#byOrigin.set(origin, known);
      this.#sizeBytes += isInKernel ? 0 : known.keys.sizeBytes;
    }
    return known;
  }

  /** So many bytes more are held. */
  noteSize(sizeBytes: number): void {
    this.#sizeBytes += sizeBytes;
  }

  /** The first of so many owners of keys in the kernel that nobody has had. */
  newOwners(count: number): number {
    const first = this.#owners;
    this.#owners += count;
    return first;
  }

  #newKeys(isInKernel: boolean): Pick<KnownRows, "keys" | "owner" | "kernel"> {
    if (!isInKernel) return { keys: new ByteKeys(), owner: 0, kernel: undefined };
    this.#kernel ??= bodyKernel();
    return {
      keys: new KernelKeys(this.#kernel),
      owner: this.newOwners(OWNERS_OF_BODY),
      kernel: this.#kernel,
    };
  }
}

/** Numbers by the bytes that stand for them. */
export interface RowKeys {
  readonly sizeBytes: number;
  /** NO_NUMBER for a key that is not known. */
  find(owner: number, bytes: DataView, start: number, end: number): number;
  /** To be called when `find` does not know the key. Returns whether it is remembered. */
  add(owner: number, bytes: DataView, start: number, end: number, number: number): boolean;
}

/** What is known of one origin. */
export interface KnownRows {
  readonly keys: RowKeys;
  /** The first of its owners in the kernel. */
  readonly owner: number;
  readonly kernel: BodyKernel | undefined;
  readonly series: SeriesList;
  /** What a protocol remembers of those keys that are not series, but stand around some; by number, from 0. */
  readonly nodes: unknown[];
  /** How many have been read. */
  bodies: number;
}
