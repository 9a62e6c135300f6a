/**
 * KernelKeys: the keys of a body kernel, as who reads what the kernel does not read looks them up and adds to them.
 */

import { NO_KEY } from "../../kernels/body-format.js";
import type { BodyKernel } from "../../kernels/body-kernel.js";
import { NO_NUMBER } from "./byte-keys.js";
import type { RowKeys } from "./row-memory.js";

export class KernelKeys implements RowKeys {
  readonly #kernel: BodyKernel;

  constructor(kernel: BodyKernel) {
    this.#kernel = kernel;
  }

  /** Of all that share the kernel. */
  get sizeBytes(): number {
    return this.#kernel.tableSizeBytes;
  }

  find(owner: number, bytes: DataView, start: number, end: number): number {
    const number = this.#kernel.find(owner, bytesOf(bytes, start, end));
    return number === NO_KEY ? NO_NUMBER : number;
  }

  add(owner: number, bytes: DataView, start: number, end: number, number: number): boolean {
    return this.#kernel.add(owner, bytesOf(bytes, start, end), number);
  }
}

function bytesOf({ buffer, byteOffset }: DataView, start: number, end: number): Uint8Array {
  return new Uint8Array(buffer, byteOffset + start, end - start);
}
