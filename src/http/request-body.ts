/**
 * Request bodies: forms as text, pushes and files as streams of bytes, gunzipped where the request says so.
 *
 * A declared length is checked before anything is read, and what arrives or comes out of decompression is counted
 * as it flows: no body can make us hold more than its limits. A body that is given up is not destroyed, because that
 * would close the connection before the answer: the HTTP server throws away the rest when the answer is sent.
 */

import { finished, pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { LimitExceededError, MalformedInputError, UnsupportedMediaTypeError } from "../model/errors.js";

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
  app.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
}

/** The body's bytes, decompressed. Consumed once. */
export function decodedBody(request: FastifyRequest, limits: BodyLimits): AsyncIterable<Uint8Array> {
  const arriving = arrivingBody(request, limits.sizeBytes);
  const encoding = (request.headers["content-encoding"] ?? "identity").trim().toLowerCase();
  if (encoding === "identity") return arriving;
  if (encoding !== "gzip" && encoding !== "x-gzip") {
    const reason = `the content encoding ${encoding} is not read here; send gzip, or none`;
    throw new UnsupportedMediaTypeError(reason);
  }
  return gunzip(arriving, limits.decodedSizeBytes);
}

/**
 * The body as it arrives, whole; `take` is told of the bytes of each piece before it is kept, and may throw. By events: to
 * walk the stream costs more than reading a request of remote write does.
 */
export async function bodyPieces(
  request: FastifyRequest,
  sizeBytes: number,
  take: (bytes: number) => void = () => {},
): Promise<readonly Uint8Array[]> {
  const payload = payloadOf(request, sizeBytes);
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array[] = [];
    let arrivedBytes = 0;
    const keep = (piece: Uint8Array) => {
      arrivedBytes += piece.length;
      try {
        if (arrivedBytes > sizeBytes) throw tooLarge("the body", arrivedBytes, sizeBytes);
        take(piece.length);
        pieces.push(piece);
      } catch (error) {
        payload.off("data", keep).pause();
        pieces.length = 0;
        reject(error);
      }
    };
    payload.on("data", keep);
    finished(payload, (error) => {
      if (error == null) resolve(pieces);
      else reject(arrivalFailure(error));
    });
  });
}

function arrivingBody(request: FastifyRequest, sizeBytes: number): AsyncIterable<Uint8Array> {
  return counted("the body", payloadOf(request, sizeBytes).iterator({ destroyOnReturn: false }), sizeBytes);
}

function payloadOf(request: FastifyRequest, sizeBytes: number): Readable {
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared > sizeBytes) throw tooLarge("the body", declared, sizeBytes);
  return request.body instanceof Readable ? request.body : Readable.from([]);
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
  try {
    for await (const piece of source) {
      arrivedBytes += piece.length;
      if (arrivedBytes > sizeBytes) throw tooLarge(subject, arrivedBytes, sizeBytes);
      yield piece;
    }
  } catch (error) {
    throw arrivalFailure(error);
  }
}

function arrivalFailure(error: unknown): unknown {
  if (codeOf(error) !== "ECONNRESET") return error;
  return new MalformedInputError("the connection closed before the body was complete", {}, { cause: error });
}

function tooLarge(subject: string, sizeBytes: number, limitBytes: number): LimitExceededError {
  return new LimitExceededError(`${subject} has ${sizeBytes} bytes or more; the limit is ${limitBytes}`);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
