/**
 * Sends JSON that comes in pieces: small replies at once and with their length, large ones as a stream.
 */

import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import type { JsonPieces } from "../api/result-json.js";

/** Gathered before anything is sent; a reply that fits is not streamed. */
const BATCH_LENGTH = 256 * 1024;
const JSON_TYPE = "application/json; charset=utf-8";

export function sendJson(reply: FastifyReply, pieces: JsonPieces): FastifyReply {
  const batches = inBatches(pieces);
  const first = batches.next();
  if (first.done) return reply.type(JSON_TYPE).send("");
  if (first.value.length < BATCH_LENGTH) return reply.type(JSON_TYPE).send(first.value);
  return reply.type(JSON_TYPE).send(Readable.from(withFirst(first.value, batches)));
}

/** Text stays text: Node sends it with the headers in one piece. */
function* inBatches(pieces: JsonPieces): Generator<string | Buffer> {
  let bytes: Uint8Array[] = [];
  let length = 0;
  /** What comes behind `bytes`. */
  let text = "";
  const take = (): string | Buffer => {
    const batch = bytes.length === 0 ? text : Buffer.concat([...bytes, Buffer.from(text)]);
    bytes = [];
    length = 0;
    text = "";
    return batch;
  };
  for (const piece of pieces) {
    length += piece.length;
    if (typeof piece === "string") text += piece;
    else {
      bytes.push(Buffer.from(text), piece);
      text = "";
    }
    if (length >= BATCH_LENGTH) yield take();
  }
  if (length > 0) yield take();
}

function* withFirst<T>(first: T, rest: Iterable<T>): Generator<T> {
  yield first;
  yield* rest;
}
