/**
 * How replies are read, whoever asked: uncompressed.
 */

import { Readable } from "node:stream";
import { createGunzip, gunzipSync } from "node:zlib";
import type { HttpResponse } from "./http-client.js";

/** Compressed bytes that are decompressed at once: a stream costs three times as much as such a page. */
const smallSizeBytes = 64 * 1024;
/** As many bytes as come out of that without delaying others; what is larger is streamed. */
const smallOutputBytes = 1024 * 1024;

/** The body as it comes out of its compression. */
export async function* uncompressed(response: HttpResponse): AsyncGenerator<Buffer> {
  if (response.headers["content-encoding"] !== "gzip") {
    yield* response as AsyncIterable<Buffer>;
    return;
  }
  const arriving = (response as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  let isComplete = false;
  while (!isComplete && sizeBytes <= smallSizeBytes) {
    const { done, value } = await arriving.next();
    isComplete = done === true;
    if (done === true) break;
    pieces.push(value);
    sizeBytes += value.length;
  }
  const small = isComplete ? gunzipSmall(Buffer.concat(pieces, sizeBytes)) : undefined;
  if (small !== undefined) yield small;
  else yield* gunzipStream(Readable.from(concatenated(pieces, arriving)));
}

/** A whole body, as it comes out of its compression. */
export async function* gunzipped(bytes: Buffer): AsyncGenerator<Buffer> {
  const small = bytes.length <= smallSizeBytes ? gunzipSmall(bytes) : undefined;
  if (small !== undefined) yield small;
  else yield* gunzipStream(Readable.from([bytes]));
}

/** Undefined when it becomes too large. */
function gunzipSmall(bytes: Buffer): Buffer | undefined {
  try {
    return gunzipSync(bytes, { chunkSize: smallSizeBytes, maxOutputLength: smallOutputBytes });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function gunzipStream(source: Readable): AsyncIterable<Buffer> {
  const gunzip = createGunzip({ chunkSize: smallSizeBytes });
  source.on("error", (error) => gunzip.destroy(error));
  return source.pipe(gunzip);
}

async function* concatenated(
  pieces: readonly Buffer[],
  arriving: AsyncIterator<Buffer>,
): AsyncGenerator<Buffer> {
  yield* pieces;
  for (let next = await arriving.next(); next.done !== true; next = await arriving.next()) yield next.value;
}

export const cutShort = "the target ended the connection before the page was complete";
