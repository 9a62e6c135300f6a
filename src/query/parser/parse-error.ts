/**
 * Parse errors: made from a place in the text, and shown as Prometheus' API does or with a caret.
 *
 *   formatParseError   1:5: parse error: expected type range vector in call to function "rate", ...
 *   caretText          rate(up)
 *                           ^^
 */

import { ParseError } from "../../model/errors.js";
import type { Span } from "./ast.js";

/** A fault at a place, before it becomes an error. */
export interface Fault {
  readonly message: string;
  readonly span: Span;
}

export function parseError(text: string, { message, span }: Fault): ParseError {
  // At 0 there is nothing before; lastIndexOf would take -1 for 0.
  const lineStart = span.start === 0 ? 0 : text.lastIndexOf("\n", span.start - 1) + 1;
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < span.start; at = text.indexOf("\n", at + 1)) line++;
  const column = span.start - lineStart + 1;
  return new ParseError(message, { text, start: span.start, end: span.end, line, column });
}

/** As Prometheus' API words it. Its columns count bytes. */
export function formatParseError(error: ParseError): string {
  const { text, start, line, column } = error.position;
  if (text === "") return `unknown position: parse error: ${error.message}`;
  const before = text.slice(start - column + 1, start);
  return `${line}:${Buffer.byteLength(before) + 1}: parse error: ${error.message}`;
}

/** The line with the error, and under it carets below what is wrong. */
export function caretText(error: ParseError): string {
  const { text, start, end, column } = error.position;
  const lineStart = start - column + 1;
  const lineEnd = text.indexOf("\n", lineStart);
  const line = text.slice(lineStart, lineEnd < 0 ? text.length : lineEnd).replace(/\r$/, "");
  const indent = line.slice(0, column - 1).replaceAll(/[^\t]/gu, " ");
  const width = [...line.slice(column - 1, column - 1 + (end - start))].length;
  return `${line}\n${indent}${"^".repeat(Math.max(1, width))}`;
}
