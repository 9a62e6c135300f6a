/**
 * Lists of pairs as flags and query parameters write them: `site=home,room=attic`.
 */

import { InvalidArgumentError } from "./errors.js";

/** Name to name, as `city,temp=room_celsius`: a name alone stands for itself. */
export function parseRenames(text: string): Record<string, string> {
  return Object.fromEntries(pairsOf(text).map(([name, value]) => [name, value ?? name]));
}

/** Label to value. Throws InvalidArgumentError for a name without a value. */
export function parseLabelPairs(text: string): Record<string, string> {
  const pairs = pairsOf(text).map(([name, value]): [string, string] => {
    if (value === undefined) throw new InvalidArgumentError(`"${name}" has no value: write ${name}=VALUE`);
    return [name, value];
  });
  return Object.fromEntries(pairs);
}

/** What `parseRenames` and `parseLabelPairs` read. */
export function formatNamePairs(pairs: Readonly<Record<string, string>>): string {
  return Object.entries(pairs)
    .map(([name, value]) => `${name}=${value}`)
    .join(",");
}

/** Blanks around names and values are cut; the value is undefined where there is no equals sign. */
function pairsOf(text: string): (readonly [name: string, value: string | undefined])[] {
  return text
    .split(",")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "")
    .map((pair) => {
      const mark = pair.indexOf("=");
      return mark < 0 ? [pair, undefined] : [pair.slice(0, mark).trim(), pair.slice(mark + 1).trim()];
    });
}
