/**
 * SymbolTable: label names and values of the head as small numbers, each text held once.
 *
 * An id is used as long as somebody holds it (`intern` takes, `release` gives back) and given again afterwards.
 */

import { assert } from "../../model/assert.js";
import { grown } from "./columns.js";

export class SymbolTable {
  readonly #texts: (string | undefined)[] = [];
  readonly #ids = new Map<string, number>();
  readonly #free: number[] = [];
  /** How often each id is held. */
  #holders = new Uint32Array(64);

  /** Texts held. */
  get size(): number {
    return this.#ids.size;
  }

  /** All ids are below this. */
  get idsEnd(): number {
    return this.#texts.length;
  }

  /** Undefined for an id that nobody holds. */
  text(id: number): string | undefined {
    return this.#texts[id];
  }

  /** The id of a text, held once more. */
  intern(text: string): number {
    const id = this.#ids.get(text) ?? this.#add(text);
    this.#holders[id]!++;
    return id;
  }

  release(id: number): void {
    assert(this.#holders[id]! > 0, "an id is released as often as it was interned");
    this.#holders[id]!--;
    if (this.#holders[id]! > 0) return;
    this.#ids.delete(this.#texts[id]!);
    this.#texts[id] = undefined;
    this.#free.push(id);
  }

  #add(text: string): number {
    const id = this.#free.pop() ?? this.#texts.length;
    // A copy: a part of a larger text, such as a request, would keep all of it alive.
    const own = Buffer.from(text).toString();
    this.#texts[id] = own;
    this.#ids.set(own, id);
    this.#holders = grown(this.#holders, id + 1);
    return id;
  }
}
