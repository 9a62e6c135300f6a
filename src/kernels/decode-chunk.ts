/**
 * decodeChunk: a chunk of any encoding into the column of a kernel.
 */

import { NotImplementedError } from "../model/errors.js";
import type { TimeRange } from "../model/sample.js";
import { CHUNK_DENSE, CHUNK_XOR, type EncodedChunk } from "../model/series.js";
import type { ColumnKernel } from "./column-kernel.js";

/** See ColumnKernel.decodeXor. Throws NotImplementedError for an encoding that is unknown. */
export function decodeChunk(
  kernel: ColumnKernel,
  { encoding, bytes, count }: EncodedChunk,
  { minTime, maxTime }: TimeRange,
  dropStale: boolean,
): number {
  switch (encoding) {
    case CHUNK_XOR:
      return kernel.decodeXor(bytes, count, minTime, maxTime, dropStale);
    case CHUNK_DENSE:
      return kernel.decodeDense(bytes, count, minTime, maxTime, dropStale);
    default:
      throw new NotImplementedError(`native histograms (chunk encoding ${encoding})`);
  }
}
