/**
 * PostingsOffsets: the postings offset table of an opened index: from label pair to where its postings are.
 *
 * Of the entries only their places are kept, 4 bytes each; texts are compared as bytes, and decoded when a name's
 * values are asked for, which are then kept.
 *
 * Invariant: entries are sorted by name and value. In a table that is not, some are not found.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { ByteReader } from "../codec/byte-reader.js";
import { POSTINGS_KEY_PARTS } from "./index-format.js";

/** Entries walked between two turns of the event loop. */
const entriesPerTurn = 1 << 13;
/** The least that an entry takes: the number of its texts, two empty ones, and an offset. */
const entrySizeBytesMin = 4;

/** The entries of one name: a stretch of all. */
interface NameEntries {
  readonly from: number;
  /** Exclusive. */
  to: number;
  values: readonly string[] | undefined;
}

export class PostingsOffsets {
  readonly #reader: ByteReader;
  /** By entry, where its value begins. */
  readonly #places: Uint32Array;
  readonly #names: ReadonlyMap<string, NameEntries>;

  private constructor(reader: ByteReader, places: Uint32Array, names: ReadonlyMap<string, NameEntries>) {
    this.#reader = reader;
    this.#places = places;
    this.#names = names;
  }

  /** `reader` stands at the body of the section and is kept. Throws CorruptionError. */
  static async open(reader: ByteReader): Promise<PostingsOffsets> {
    const count = reader.u32();
    if (count > reader.remaining / entrySizeBytesMin)
      throw reader.corruption(`${count} postings offsets cannot be in ${reader.remaining} bytes`);
    const places = new Uint32Array(count);
    const names = new Map<string, NameEntries>();
    let last: { readonly name: Uint8Array; readonly entries: NameEntries } | undefined;
    for (let entry = 0; entry < count; entry++) {
      if (entry % entriesPerTurn === entriesPerTurn - 1) await nextTurn();
      if (reader.u8() !== POSTINGS_KEY_PARTS)
        throw reader.corruption("a postings offset is not of a name and a value");
      const start = reader.position;
      const name = reader.subarray(reader.uvarint());
      if (last === undefined || Buffer.compare(last.name, name) !== 0) {
        last = { name, entries: { from: entry, to: entry, values: undefined } };
        reader.seek(start);
        names.set(reader.string(), last.entries);
      }
      last.entries.to = entry + 1;
      places[entry] = reader.position;
      reader.skip(reader.uvarint());
      reader.uvarint();
    }
    return new PostingsOffsets(reader, places, names);
  }

  /** In byte order. */
  names(): readonly string[] {
    return [...this.#names.keys()];
  }

  /** In byte order; none for a name that there is not. */
  values(name: string): readonly string[] {
    const entries = this.#names.get(name);
    if (entries === undefined) return [];
    entries.values ??= Array.from(this.#places.subarray(entries.from, entries.to), (place) => {
      this.#reader.seek(place);
      return this.#reader.string();
    });
    return entries.values;
  }

  valueCount(name: string): number {
    const entries = this.#names.get(name);
    return entries === undefined ? 0 : entries.to - entries.from;
  }

  /** Where the postings of a pair begin; undefined when there is no such pair. */
  of(name: string, value: string): number | undefined {
    const entries = this.#names.get(name);
    if (entries === undefined) return undefined;
    const wanted = Buffer.from(value);
    let low = entries.from;
    let high = entries.to;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = Buffer.compare(this.#valueOf(middle), wanted);
      if (order === 0) return this.#offsetOf(middle, value);
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return undefined;
  }

  /** The offsets of all entries, their values decoded. */
  *all(): Generator<number> {
    for (const place of this.#places) {
      this.#reader.seek(place);
      this.#reader.string();
      yield this.#reader.uvarint();
    }
  }

  /** Goes behind the value of an entry, which it returns. */
  #valueOf(entry: number): Uint8Array {
    this.#reader.seek(this.#places[entry]!);
    return this.#reader.subarray(this.#reader.uvarint());
  }

  /** Undefined when the value only looks like the wanted one: halves of characters have no UTF-8 of their own. */
  #offsetOf(entry: number, value: string): number | undefined {
    this.#reader.seek(this.#places[entry]!);
    return this.#reader.string() === value ? this.#reader.uvarint() : undefined;
  }
}
