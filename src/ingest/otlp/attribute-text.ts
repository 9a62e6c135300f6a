/**
 * attributeText: a value of an attribute as a label's value: text as it is, numbers and truth values as they are
 * written, bytes as base64, lists and maps as JSON.
 *
 * Source: OpenTelemetry specification, "Attribute", "AnyValue representation for non-OTLP protocols".
 */

export type AnyValue =
  | null
  | string
  | boolean
  | bigint
  | number
  | Uint8Array
  | readonly AnyValue[]
  | { readonly [key: string]: AnyValue };

/** Values nested deeper are refused. */
export const DEPTH_MAX = 16;

export function attributeText(value: AnyValue): string {
  if (value === null) return "";
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (typeof value === "object") return JSON.stringify(value, jsonValue);
  return String(value);
}

function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
}
