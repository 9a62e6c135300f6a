/**
 * Sends JSON that comes in pieces: small replies at once and with their length, large ones as a stream.
 */

import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";

/** Gathered before anything is sent; a reply that fits is not streamed. */
const BATCH_LENGTH = 256 * 1024;

export function sendJson(reply: FastifyReply, pieces: Iterable<string>): FastifyReply {
  const batches = inBatches(pieces);
  const first = batches.next();
  if (first.done) return reply.type("application/json").send("");
  if (first.value.length < BATCH_LENGTH) return reply.type("application/json").send(first.value);
  return reply.type("application/json").send(Readable.from(withFirst(first.value, batches)));
}

function* inBatches(pieces: Iterable<string>): Generator<string> {
  let batch = "";
  for (const piece of pieces) {
    batch += piece;
    if (batch.length < BATCH_LENGTH) continue;
    yield batch;
    batch = "";
  }
  if (batch !== "") yield batch;
}

function* withFirst(first: string, rest: Iterable<string>): Generator<string> {
  yield first;
  yield* rest;
}
