/**
 * Request bodies: forms as text, pushes and files as streams of bytes, gunzipped where the request says so.
 *
 * A declared length is checked before anything is read, and what arrives or comes out of decompression is counted
 * as it flows: no body can make us hold more than its limits.
 */

import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { assert } from "../model/assert.js";
import { MalformedInputError, UnsupportedMediaTypeError } from "../model/errors.js";
import { ArrivingBody, takeBody, tooLarge } from "./arriving-body.js";

export interface BodyLimits {
  /** As it arrives. */
  readonly sizeBytes: number;
  /** After decompression. */
  readonly decodedSizeBytes: number;
}

/** Makes the routes of `app` take forms, as text in `request.body`, and nothing else. */
export function acceptForms(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "string" },
    (_request, body, done) => done(null, body),
  );
  app.addContentTypeParser("*", (request, _payload, done) => {
    const type = request.headers["content-type"] ?? "none";
    const reason = `the content type ${type} is not read here; send application/x-www-form-urlencoded`;
    done(new UnsupportedMediaTypeError(reason));
  });
}

/** Makes the routes of `app` take any body, unread: see `decodedBody` and `bodyPieces`. */
export function acceptStreams(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
}

/** Answers a request, whose body it reads itself. Rejections are answered as those of any handler. */
export type StreamHandler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/**
 * A route as `acceptStreams` makes them, whose handler answers in the hook before Fastify looks at the body: to look for a
 * parser, and to begin an async context for it, costs as much as all else that Fastify does.
 */
export function addStreamRoute(
  app: FastifyInstance,
  method: "POST" | "PUT",
  url: string,
  handle: StreamHandler,
): void {
  app.route({
    method,
    url,
    preParsing(request, reply, _payload, done) {
      handle(request, reply).catch(done);
    },
    handler: () => assert(false, "the hook has answered"),
  });
}

/** The body's bytes, decompressed. Consumed once. Throws LimitExceededError and UnsupportedMediaTypeError. */
export function decodedBody(request: FastifyRequest, limits: BodyLimits): AsyncIterable<Uint8Array> {
  const payload = payloadOf(request, limits.sizeBytes);
  const encoding = (request.headers["content-encoding"] ?? "identity").trim().toLowerCase();
  if (encoding === "identity") return new ArrivingBody(payload, limits.sizeBytes);
  if (encoding !== "gzip" && encoding !== "x-gzip") {
    const reason = `the content encoding ${encoding} is not read here; send gzip, or none`;
    throw new UnsupportedMediaTypeError(reason);
  }
  return gunzip(new ArrivingBody(payload, limits.sizeBytes), limits.decodedSizeBytes);
}

/**
 * The body as it arrives, whole; `take` is told of the bytes of each piece before it is kept, and may throw. Throws
 * LimitExceededError.
 */
export function bodyPieces(
  request: FastifyRequest,
  sizeBytes: number,
  take: (bytes: number) => void = () => {},
): Promise<readonly Uint8Array[]> {
  const payload = payloadOf(request, sizeBytes);
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array[] = [];
    takeBody(payload, sizeBytes, {
      take(piece) {
        take(piece.length);
        pieces.push(piece);
      },
      end: () => resolve(pieces),
      fail(reason) {
        pieces.length = 0;
        reject(reason);
      },
    });
  });
}

/** Throws LimitExceededError for what is declared to be too large. */
function payloadOf({ raw, headers }: FastifyRequest, sizeBytes: number): Readable {
  const declared = Number(headers["content-length"] ?? 0);
  if (declared > sizeBytes) throw tooLarge("the body", declared, sizeBytes);
  return raw;
}

async function* gunzip(source: AsyncIterable<Uint8Array>, sizeBytes: number): AsyncGenerator<Uint8Array> {
  const decoder = createGunzip();
  // A failure of the source destroys the decoder with it, and is thrown to whoever reads the decoder.
  pipeline(Readable.from(source), decoder, () => {});
  try {
    yield* counted("the decompressed body", decoder, sizeBytes);
  } catch (error) {
    if (codeOf(error).startsWith("Z_"))
      throw new MalformedInputError("the body is not complete and valid gzip", {}, { cause: error });
    throw error;
  }
}

async function* counted(
  subject: string,
  source: AsyncIterable<Uint8Array>,
  sizeBytes: number,
): AsyncGenerator<Uint8Array> {
  let arrivedBytes = 0;
  for await (const piece of source) {
    arrivedBytes += piece.length;
    if (arrivedBytes > sizeBytes) throw tooLarge(subject, arrivedBytes, sizeBytes);
    yield piece;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
