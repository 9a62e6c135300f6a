/**
 * decodeText: text of bytes that a sender wrote, which may be no text.
 */

import { isUtf8 } from "node:buffer";

/** Undefined when the bytes are no valid UTF-8. */
export function decodeText(bytes: Buffer, start: number, end: number): string | undefined {
  const text = bytes.toString("utf8", start, end);
  if (text.includes("\ufffd") && !isUtf8(bytes.subarray(start, end))) return undefined;
  return text;
}
