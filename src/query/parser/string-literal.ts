/**
 * String literals: "double" and 'single' quoted with Go's escapes, and `raw` ones without.
 *
 *   \a \b \f \n \r \t \v \\ and the quote itself    one character
 *   \101  \x41                                      one byte, three octal or two hexadecimal digits
 *   \u0041  \U00000041                              one character
 *
 * Bytes are read as UTF-8: "\xc3\xa9" is é. Only a raw string may hold a line break.
 */

import { assert } from "../../model/assert.js";
import { characterAt, unicodePoint } from "./go-text.js";

/** Where a literal ends (exclusive), or why it is none. */
export type ScannedString =
  | { readonly end: number; readonly fault: undefined }
  | { readonly end: undefined; readonly fault: string };

const simpleEscapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};

/** Escapes with digits, by the character that begins them: how many digits follow, in which base. */
const digitEscapes: Readonly<Record<string, { readonly digits: number; readonly base: 8 | 16 }>> = {
  x: { digits: 2, base: 16 },
  u: { digits: 4, base: 16 },
  U: { digits: 8, base: 16 },
};

const malformedUnicode = "invalid UTF-8 rune";

/** Scans the literal whose opening quote stands at `start`. */
export function scanString(text: string, start: number): ScannedString {
  const quote = text[start]!;
  const raw = quote === "`";
  let at = start + 1;
  while (at < text.length) {
    const unit = text[at]!;
    if (unit === quote) return { end: at + 1, fault: undefined };
    if (unit === "\n" && !raw) break;
    if (unit === "\\" && !raw) {
      const sequence = scanEscape(text, at, quote);
      if (sequence.fault !== undefined) return sequence;
      at = sequence.end;
    } else {
      const code = text.codePointAt(at)!;
      if (code === 0xfffd || (code >= 0xd800 && code < 0xe000)) return fault(malformedUnicode);
      at += code > 0xffff ? 2 : 1;
    }
  }
  return fault(raw ? "unterminated raw string" : "unterminated quoted string");
}

/** The value of a literal that `scanString` has accepted, quotes included. */
export function decodeString(literal: string): string {
  const quote = literal[0];
  const body = literal.slice(1, -1);
  if (quote === "`" || !body.includes("\\")) return body;
  let value = "";
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length > 0) value += new TextDecoder().decode(Uint8Array.from(bytes));
    bytes = [];
  };
  for (let at = 0; at < body.length; ) {
    if (body[at] !== "\\") {
      flush();
      value += body[at++];
      continue;
    }
    const sequence = readEscape(body, at + 1);
    at = sequence.end;
    if (sequence.byte !== undefined) {
      bytes.push(sequence.byte);
    } else {
      flush();
      value += sequence.character;
    }
  }
  flush();
  return value;
}

function fault(message: string): ScannedString {
  return { end: undefined, fault: message };
}

/** Scans the escape whose backslash stands at `start`. */
function scanEscape(text: string, start: number, quote: string): ScannedString {
  const first = characterAt(text, start + 1);
  if (first === undefined) return fault("escape sequence not terminated");
  if (first === quote || first in simpleEscapes) return { end: start + 2, fault: undefined };
  const octal = first >= "0" && first <= "7";
  const form = octal ? { digits: 3, base: 8 as const } : digitEscapes[first];
  if (form === undefined) return fault(`unknown escape sequence ${unicodePoint(first)}`);
  const from = start + (octal ? 1 : 2);
  for (let at = from; at < from + form.digits; at++) {
    const digit = characterAt(text, at);
    if (digit === undefined) return fault("escape sequence not terminated");
    if (!(form.base === 8 ? /[0-7]/ : /[0-9a-fA-F]/).test(digit))
      return fault(`illegal character ${unicodePoint(digit)} in escape sequence`);
  }
  const code = Number.parseInt(text.slice(from, from + form.digits), form.base);
  const codeMax = form.digits <= 3 ? 0xff : 0x10ffff;
  if (code > codeMax || (code >= 0xd800 && code < 0xe000))
    return fault("escape sequence is an invalid Unicode code point");
  return { end: from + form.digits, fault: undefined };
}

interface Escape {
  readonly end: number;
  readonly character: string;
  readonly byte: number | undefined;
}

/** Reads the escape whose character after the backslash stands at `at`. */
function readEscape(body: string, at: number): Escape {
  const first = body[at]!;
  const simple = simpleEscapes[first];
  if (simple !== undefined) return { end: at + 1, character: simple, byte: undefined };
  if (first >= "0" && first <= "7")
    return { end: at + 3, character: "", byte: Number.parseInt(body.slice(at, at + 3), 8) };
  const form = digitEscapes[first];
  if (form === undefined) {
    assert(first === "'" || first === '"', "an accepted literal escapes only what is known, or its quote");
    return { end: at + 1, character: first, byte: undefined };
  }
  const end = at + 1 + form.digits;
  const code = Number.parseInt(body.slice(at + 1, end), 16);
  return first === "x"
    ? { end, character: "", byte: code }
    : { end, character: String.fromCodePoint(code), byte: undefined };
}
