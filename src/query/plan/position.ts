/**
 * Places in the query text as people count them: lines and columns from 1.
 */

import type { ParsePosition } from "../../model/errors.js";
import type { Span } from "../parser/ast.js";

export function positionOf(text: string, span: Span): ParsePosition {
  const before = text.slice(0, span.start);
  const lineStart = before.lastIndexOf("\n") + 1;
  return {
    text,
    start: span.start,
    end: span.end,
    line: before.split("\n").length,
    column: span.start - lineStart + 1,
  };
}

/** `line:column` with the column in bytes of UTF-8, as annotations name a place. */
export function placeText(text: string, span: Span): string {
  const { line, column } = positionOf(text, span);
  const lineText = text.slice(span.start - column + 1, span.start);
  return `${line}:${new TextEncoder().encode(lineText).length + 1}`;
}
