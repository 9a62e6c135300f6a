/**
 * Smaller forms of pages: candidates that may still show what the whole ones did.
 */

/** Ways to make a list of pages smaller, the most daring first. A page is a list of pieces: its lines, its bytes. */
export function smallerForms(pages: readonly (readonly Buffer[])[]): (readonly Buffer[])[][] {
  const found: (readonly Buffer[])[][] = [];
  for (const page of pages) if (page.length > 1) for (const piece of page) found.push([[piece]]);
  for (let i = 0; pages.length > 1 && i < pages.length; i++) found.push(pages.filter((_, at) => at !== i));
  for (const [i, page] of pages.entries()) {
    for (let size = Math.ceil(page.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let start = 0; start < page.length; start += size) {
        const rest = [...page.slice(0, start), ...page.slice(start + size)];
        found.push(pages.map((other, at) => (at === i ? rest : other)));
      }
    }
  }
  return found;
}

/** Lines with their line feeds. */
export function linesOf(page: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < page.length; ) {
    const feed = page.indexOf(0x0a, start);
    const end = feed < 0 ? page.length : feed + 1;
    lines.push(page.subarray(start, end));
    start = end;
  }
  return lines;
}

/** Pieces of eight bytes. */
export function piecesOf(page: Buffer): Buffer[] {
  return Array.from({ length: Math.ceil(page.length / 8) }, (_, i) => page.subarray(i * 8, i * 8 + 8));
}
