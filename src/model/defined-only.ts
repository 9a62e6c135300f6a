/**
 * definedOnly: options as the types want them, where "left out" and "undefined" differ (exactOptionalPropertyTypes).
 */

export type DefinedOnly<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** A copy without the properties that are undefined: `{ a: 1, b: undefined }` gives `{ a: 1 }`. */
export function definedOnly<T extends object>(object: T): DefinedOnly<T> {
  const defined = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(defined) as DefinedOnly<T>;
}
