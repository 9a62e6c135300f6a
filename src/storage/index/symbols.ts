/**
 * SymbolTable: the sorted strings of an opened index, which stand for themselves by their position. They are decoded
 * when they are first asked for.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { ByteReader } from "../codec/byte-reader.js";

/** Symbols skipped between two turns of the event loop. */
const symbolsPerTurn = 1 << 15;

export class SymbolTable {
  readonly #reader: ByteReader;
  readonly #positions: Uint32Array;
  readonly #strings: (string | undefined)[] = [];

  private constructor(reader: ByteReader, positions: Uint32Array) {
    this.#reader = reader;
    this.#positions = positions;
  }

  /** `reader` stands at the body of the section and is kept. Throws CorruptionError. */
  static async open(reader: ByteReader): Promise<SymbolTable> {
    const count = reader.u32();
    // Each string takes a byte at least: a count beyond that is no reason to allocate.
    if (count > reader.remaining)
      throw reader.corruption(`${count} symbols cannot be in ${reader.remaining} bytes`);
    const positions = new Uint32Array(count);
    for (let ref = 0; ref < count; ref++) {
      if (ref % symbolsPerTurn === symbolsPerTurn - 1) await nextTurn();
      positions[ref] = reader.position;
      reader.skip(reader.uvarint());
    }
    return new SymbolTable(reader, positions);
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
