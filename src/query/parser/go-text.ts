/**
 * Characters and texts as Go quotes them: Prometheus' error texts are made of `%q` and `%#U`.
 */

import { quoteText } from "../../model/labels.js";

/** `%q` of a character: `'é'`, `'\''`, `'\n'`. Undefined, the end of the text, is quoted as U+FFFD. */
export function quoteCharacter(character: string | undefined): string {
  if (character === undefined) return "'�'";
  if (character === "'") return "'\\''";
  if (character === '"') return "'\"'";
  return `'${quoteText(character).slice(1, -1)}'`;
}

/** `%.10q...` as Prometheus abbreviates long tokens: quoted, cut after ten characters. */
export function quoteAbbreviated(text: string): string {
  return text.length > 10 ? `${quoteText([...text].slice(0, 10).join(""))}...` : quoteText(text);
}

/** `%#U` of a character: `U+0071 'q'`. */
export function unicodePoint(character: string): string {
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  return /\p{C}/u.test(character) ? `U+${code}` : `U+${code} '${character}'`;
}

/** The character that begins at `offset`; undefined at the end. */
export function characterAt(text: string, offset: number): string | undefined {
  const code = text.codePointAt(offset);
  return code === undefined ? undefined : String.fromCodePoint(code);
}
