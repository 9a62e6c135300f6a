/**
 * LabelTexts: label names and values as strings, where the same bytes mostly come back as the same string. The series
 * of a fleet share nearly all of their names and values: what is kept of them is then held once.
 *
 * A table of places, each with the text that came last; only short ASCII has a place. It holds no more than
 * `places * textSizeMax` characters, whatever is sent.
 */

import { isUtf8 } from "node:buffer";

const places = 4096;
const textSizeMax = 128;

export class LabelTexts {
  readonly #texts = new Array<string>(places).fill("");
  #names: readonly string[] = [];

  /** Undefined when the bytes are no valid UTF-8. */
  decode(bytes: Buffer, start: number, end: number): string | undefined {
    const size = end - start;
    if (size > textSizeMax) return decodeText(bytes, start, end);
    let hash = size;
    let bits = 0;
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      bits |= byte;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    if (bits > 0x7f) return decodeText(bytes, start, end);
    const place = (hash ^ (hash >>> 15)) & (places - 1);
    const last = this.#texts[place]!;
    if (last.length === size && standsAt(last, bytes, start)) return last;
    const text = bytes.toString("latin1", start, end);
    this.#texts[place] = text;
    return text;
  }

  /** The list itself, or the one of the series before when it has the same names. */
  shared(names: readonly string[]): readonly string[] {
    const last = this.#names;
    if (last.length === names.length && last.every((name, i) => name === names[i])) return last;
    this.#names = names;
    return names;
  }
}

/** Undefined when the bytes are no valid UTF-8. */
export function decodeText(bytes: Buffer, start: number, end: number): string | undefined {
  const text = bytes.toString("utf8", start, end);
  if (text.includes("\ufffd") && !isUtf8(bytes.subarray(start, end))) return undefined;
  return text;
}

/** Whether the bytes from `start` on are the characters of an ASCII text. */
function standsAt(text: string, bytes: Buffer, start: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
