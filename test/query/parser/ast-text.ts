/**
 * A tree as indented text for the files in test/testdata/parser: one node a line, its kind, what it holds, its span.
 */

import { Matcher } from "../../../src/model/matcher.js";
import type { DurationExpression, Expression } from "../../../src/query/parser/ast.js";

export function astText(node: Expression | DurationExpression, indent = ""): string {
  const { kind, span, ...rest } = node;
  const fields: string[] = [];
  const below: string[] = [];
  for (const [name, value] of Object.entries(rest)) {
    if (isNode(value)) below.push(`${indent}  ${name}: ${astText(value, `${indent}  `)}`);
    else if (Array.isArray(value) && value.some(isNode))
      for (const child of value) below.push(`${indent}  - ${astText(child, `${indent}  `)}`);
    else if (!isDefault(value)) fields.push(`${name}=${fieldText(value)}`);
  }
  return [`${[kind, ...fields].join(" ")} @${span.start}-${span.end}`, ...below].join("\n");
}

function isNode(value: unknown): value is Expression | DurationExpression {
  return typeof value === "object" && value !== null && "span" in value;
}

/** Left out, to keep the files readable. */
function isDefault(value: unknown): boolean {
  return value === null || value === false || value === "" || (Array.isArray(value) && value.length === 0);
}

function fieldText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(fieldText).join(" ")}]`;
  if (value instanceof Matcher) return value.toString();
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "object") {
    const entries = Object.entries(value as object).filter(([, field]) => !isDefault(field));
    return `{${entries.map(([name, field]) => `${name}=${fieldText(field)}`).join(" ")}}`;
  }
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
