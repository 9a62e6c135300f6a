/**
 * Request bodies: forms as text, pushes and files as streams of bytes, gunzipped where the request says so.
 *
 * A declared length is checked before anything is read, and what arrives or comes out of decompression is counted
 * as it flows: no body can make us hold more than its limits.
 */

import { pipeline, Readable } from "node:stream";
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

/** Makes the routes of `app` take any body, unread: see `decodedBody` and `wholeBody`. */
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

/** The body as it arrives, in one piece. */
export async function wholeBody(request: FastifyRequest, sizeBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of arrivingBody(request, sizeBytes)) pieces.push(piece);
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}

function arrivingBody(request: FastifyRequest, sizeBytes: number): AsyncIterable<Uint8Array> {
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared > sizeBytes) throw tooLarge("the body", declared, sizeBytes);
  const payload = request.body instanceof Readable ? request.body : Readable.from([]);
  return counted("the body", payload, sizeBytes);
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
    if (codeOf(error) === "ECONNRESET")
      throw new MalformedInputError(
        "the connection closed before the body was complete",
        {},
        { cause: error },
      );
    throw error;
  }
}

function tooLarge(subject: string, sizeBytes: number, limitBytes: number): LimitExceededError {
  return new LimitExceededError(`${subject} has ${sizeBytes} bytes or more; the limit is ${limitBytes}`);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
