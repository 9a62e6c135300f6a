/**
 * globFiles: the files that a pattern of the configuration names, as Go's `filepath.Glob` finds them.
 *
 *   *  any text      ?  any character      [a-c], [^a-c]  one of them, none of them      \x  x itself
 *
 * None of them goes beyond an element of the path. What a key allows in its patterns is checked where it is read.
 *
 * Source: Go `path/filepath`, Match and Glob.
 */

import { basename, dirname, join } from "node:path";
import { isDirectory, listFiles } from "../local-files.js";

/** Sorted by directory and name; none when the pattern is malformed. Rejects with StorageError. */
export async function globFiles(pattern: string): Promise<readonly string[]> {
  const directories = await globDirectories(dirname(pattern));
  const found: string[] = [];
  for (const directory of directories) {
    const names = await listFiles(directory);
    for (const name of names) if (matchesPattern(basename(pattern), name)) found.push(join(directory, name));
  }
  return found;
}

/** Whether the path may stand for other ones than itself. */
export function isPattern(path: string): boolean {
  return /[*?[\\]/.test(path);
}

async function globDirectories(pattern: string): Promise<readonly string[]> {
  if (!isPattern(pattern)) return [pattern];
  const found: string[] = [];
  for (const path of await globFiles(pattern)) if (await isDirectory(path)) found.push(path);
  return found;
}

/** One element of a pattern: what one character must be, or any text. */
type Piece = "text" | ((character: string) => boolean);

/** Whether all of a name matches one element of a pattern. A malformed pattern matches nothing. */
export function matchesPattern(pattern: string, name: string): boolean {
  const pieces = parsePattern(pattern);
  if (pieces === undefined) return false;
  const characters = [...name];
  let at = 0;
  let piece = 0;
  /** Where to go on when what follows the last `*` does not match: it takes one character more. */
  let retry: { at: number; piece: number } | undefined;
  while (at < characters.length || piece < pieces.length) {
    const wanted = pieces[piece];
    if (wanted === "text") {
      retry = { at: at + 1, piece };
      piece++;
    } else if (wanted !== undefined && at < characters.length && wanted(characters[at]!)) {
      at++;
      piece++;
    } else if (retry !== undefined && retry.at <= characters.length) {
      ({ at, piece } = retry);
    } else return false;
  }
  return true;
}

function parsePattern(pattern: string): readonly Piece[] | undefined {
  const pieces: Piece[] = [];
  const characters = [...pattern];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!;
    if (character === "*") pieces.push("text");
    else if (character === "?") pieces.push(() => true);
    else if (character === "[") {
      const end = parseClass(characters, i + 1, pieces);
      if (end === undefined) return undefined;
      i = end;
    } else {
      const literal = character === "\\" ? characters[++i] : character;
      if (literal === undefined) return undefined;
      pieces.push((candidate) => candidate === literal);
    }
  }
  return pieces;
}

/** `start` is behind the bracket; returns where the one that ends the class is, undefined when it is malformed. */
function parseClass(characters: readonly string[], start: number, pieces: Piece[]): number | undefined {
  const isNegated = characters[start] === "^";
  const ranges: (readonly [low: string, high: string])[] = [];
  let i = isNegated ? start + 1 : start;
  /** One end of a range. */
  const take = () => {
    const character = characters[i++];
    if (character === "\\") return characters[i++];
    return character === "-" || character === "]" ? undefined : character;
  };
  while (characters[i] !== "]" || ranges.length === 0) {
    const low = take();
    const isRange = characters[i] === "-";
    if (isRange) i++;
    const high = isRange ? take() : low;
    if (low === undefined || high === undefined) return undefined;
    ranges.push([low, high]);
  }
  pieces.push(
    (candidate) => ranges.some(([low, high]) => low <= candidate && candidate <= high) !== isNegated,
  );
  return i;
}
