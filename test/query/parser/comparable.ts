/**
 * A tree without its spans, for comparisons by structure.
 */

import { Matcher } from "../../../src/model/matcher.js";

export function withoutSpans(value: unknown): unknown {
  if (value instanceof Matcher) return value.toString();
  if (Array.isArray(value)) return value.map(withoutSpans);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([name]) => name !== "span");
  return Object.fromEntries(entries.map(([name, field]) => [name, withoutSpans(field)]));
}
