/**
 * Symbols: the sorted table of strings of an index, which stand for themselves by their position.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Labels } from "../../model/labels.js";
import { compareText } from "../../model/text-order.js";
import type { ByteReader } from "../codec/byte-reader.js";
import type { ByteWriter } from "../codec/byte-writer.js";

/** Label sets visited between two turns of the event loop. */
const labelSetsPerTurn = 4096;

/** The strings of all labels in byte order, the empty one of the all-postings key included, with their refs. */
export async function collectSymbols(labelSets: Iterable<Labels>): Promise<ReadonlyMap<string, number>> {
  const strings = new Set<string>([""]);
  let visited = 0;
  for (const labels of labelSets) {
    if (++visited % labelSetsPerTurn === 0) await nextTurn();
    for (let i = 0; i < labels.size; i++) strings.add(labels.nameAt(i)).add(labels.valueAt(i));
  }
  return new Map([...strings].sort(compareText).map((text, ref) => [text, ref]));
}

export function encodeSymbols(symbols: ReadonlyMap<string, number>, into: ByteWriter): void {
  into.u32(symbols.size);
  for (const text of symbols.keys()) into.string(text);
}

/** The symbols of an opened index. Strings are decoded when they are first asked for. */
export class SymbolTable {
  readonly #reader: ByteReader;
  readonly #positions: Uint32Array;
  readonly #strings: (string | undefined)[] = [];

  /** `reader` stands at the body of the section and is kept. Throws CorruptionError. */
  constructor(reader: ByteReader) {
    this.#reader = reader;
    const count = reader.u32();
    // Each string takes a byte at least: a count beyond that is no reason to allocate.
    if (count > reader.remaining)
      throw reader.corruption(`${count} symbols cannot be in ${reader.remaining} bytes`);
    this.#positions = new Uint32Array(count);
    for (let ref = 0; ref < count; ref++) {
      this.#positions[ref] = reader.position;
      reader.skip(reader.uvarint());
    }
  }

  get size(): number {
    return this.#positions.length;
  }

  get(ref: number): string {
    const known = this.#strings[ref];
    if (known !== undefined) return known;
    const position = this.#positions[ref];
    if (position === undefined) throw this.#reader.corruption(`there is no symbol ${ref} among ${this.size}`);
    this.#reader.seek(position);
    const text = this.#reader.string();
    this.#strings[ref] = text;
    return text;
  }
}
