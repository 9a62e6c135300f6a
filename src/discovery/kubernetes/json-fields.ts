/**
 * Fields of JSON that others wrote: what is missing, or of another type than it should be, is as good as empty.
 *
 * As Go reads it: a field that is null or not there has its type's zero. What an API server checked before it stored it
 * is not checked again.
 */

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

export function objectsOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Undefined where nothing is said, which is not the same as the empty text. */
export function textIfAny(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function textListOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

export function textsOf(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(objectOf(value)).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return Object.fromEntries(entries);
}

export function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

export function numberIfAny(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

export function flagIfAny(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}
