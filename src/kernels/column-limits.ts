/**
 * The most samples that a column can hold, in both implementations of the column kernel.
 */

import { LimitExceededError } from "../model/errors.js";

/** 2 GiB of columns: what fits into a WebAssembly memory beside the rest. Queries are limited well below it. */
const columnSamplesMax = 2 ** 27;

export function checkColumnLength(length: number): void {
  if (length > columnSamplesMax) {
    throw new LimitExceededError(`one series has more than ${columnSamplesMax} samples in the range`);
  }
}
