/**
 * Upper and lower case as Go has them: character by character, one for one, whatever stands beside it.
 *
 * JavaScript's own mapping knows more: it makes `SS` of `ß` and a final sigma at the end of a word. Where it answers
 * with several characters, Unicode's simple mapping is what is wanted: mostly the character itself.
 *
 * Source: Unicode `UnicodeData.txt`, simple case mappings; Go `unicode.ToUpper`, `unicode.ToLower`.
 */

export function toLowerCase(text: string): string {
  return isAscii(text) ? text.toLowerCase() : mapCharacters(text, lowerOf);
}

export function toUpperCase(text: string): string {
  return isAscii(text) ? text.toUpperCase() : mapCharacters(text, upperOf);
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

function mapCharacters(text: string, map: (character: string) => string): string {
  let mapped = "";
  for (const character of text) mapped += map(character);
  return mapped;
}

function lowerOf(character: string): string {
  // The only character whose lower case takes two: i with a dot and the dot. Its simple one is a plain i.
  return character === "\u0130" ? "i" : character.toLowerCase();
}

function upperOf(character: string): string {
  const upper = character.toUpperCase();
  return characterCount(upper) === 1 ? upper : (titleOfIota(character) ?? character);
}

/** Greek vowels with an iota below: their simple upper case is the title case, which lies 8 or 9 further on. */
function titleOfIota(character: string): string | undefined {
  const code = character.codePointAt(0)!;
  if (code >= 0x1f80 && code <= 0x1faf && (code & 8) === 0) return String.fromCodePoint(code + 8);
  if (code === 0x1fb3 || code === 0x1fc3 || code === 0x1ff3) return String.fromCodePoint(code + 9);
  return undefined;
}

function characterCount(text: string): number {
  return text.length <= 1 ? text.length : [...text].length;
}
