/**
 * The order of names, values and symbols: by their UTF-8 bytes, as in Go, not by JavaScript's UTF-16 units.
 *
 * The two orders differ only where a surrogate (U+D800..U+DFFF, half of a character beyond U+FFFF) meets a
 * unit from U+E000 to U+FFFF: in UTF-16 the surrogate is smaller, in UTF-8 its character is greater.
 */

/** Negative, zero or positive, as `a` comes before, with or after `b` in byte order. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return unitRank(x) - unitRank(y);
  }
  return a.length - b.length;
}

/**
 * Sorts texts in byte order, in place, and returns them. The order of UTF-16 units is faster to sort by, and is the
 * same for most texts.
 */
export function sortTexts(texts: string[]): string[] {
  texts.sort();
  for (let i = 1; i < texts.length; i++)
    if (compareText(texts[i - 1]!, texts[i]!) > 0) return texts.sort(compareText);
  return texts;
}

function unitRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
