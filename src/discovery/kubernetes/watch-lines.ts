/**
 * jsonLines: the lines of a body that does not end, each a JSON object, as a watch sends them.
 *
 * A last line without an end is one that was cut off: it is no line.
 */

import { LimitExceededError, MalformedInputError } from "../../model/errors.js";
import { isJsonObject, type JsonObject } from "./json-fields.js";

const newline = 0x0a;

/** Throws LimitExceededError for a line of more than `lineSizeMaxBytes`, MalformedInputError for what is no object. */
export async function* jsonLines(
  pieces: AsyncIterable<Buffer>,
  lineSizeMaxBytes: number,
): AsyncGenerator<JsonObject> {
  let begun: Buffer[] = [];
  let begunBytes = 0;
  for await (const piece of pieces) {
    let start = 0;
    for (let end = piece.indexOf(newline); end >= 0; end = piece.indexOf(newline, start)) {
      const line = Buffer.concat([...begun, piece.subarray(start, end)]);
      begun = [];
      begunBytes = 0;
      start = end + 1;
      if (line.length > 0) yield parseJsonObject(line);
    }
    if (start === piece.length) continue;
    begunBytes += piece.length - start;
    if (begunBytes > lineSizeMaxBytes)
      throw new LimitExceededError(`an event is larger than ${lineSizeMaxBytes} bytes`);
    begun.push(piece.subarray(start));
  }
}

/** Throws MalformedInputError. */
export function parseJsonObject(bytes: Buffer): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new MalformedInputError("the API server's answer is no JSON", {}, { cause });
  }
  if (!isJsonObject(value)) throw new MalformedInputError("the API server's answer is no JSON object");
  return value;
}
