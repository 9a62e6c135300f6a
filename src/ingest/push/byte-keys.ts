/**
 * ByteKeys: numbers by the bytes that stand for them, so that what comes in every body is found without being decoded.
 *
 * A key is an owner and some bytes. The owner is the number of what stands around them (a body's options, a resource,
 * a metric), which are keys themselves: so the long names of a tree are stored once.
 *
 *   slots   pairs: hash, place of the entry + 1 (0 is free); at most half are taken
 *   words   entries: owner, size in bytes, number, place of the entry that was found after it the last time (0: none is
 *           known), the bytes as little-endian words (the last one may overlap the one before it)
 *
 * Bodies repeat themselves: the entry that came next the last time is tried before anything is hashed.
 *
 * A key that would be too far from its slot is not remembered: whoever makes keys with equal hashes is slow, and alone.
 */

export const NO_NUMBER = -1;

const headerWords = 4;
const probesMax = 32;
const smallest = 16;

export class ByteKeys {
  #slots = new Int32Array(2 * smallest);
  #words = new Int32Array(8 * smallest);
  /** At 0 there is no entry. */
  #wordCount = 1;
  #lastFound = 0;
  #count = 0;

  get sizeBytes(): number {
    return this.#slots.byteLength + this.#words.byteLength;
  }

  /** The number of the key `bytes[start, end)`; NO_NUMBER for one that is not known. */
  find(owner: number, bytes: DataView, start: number, end: number): number {
    const words = this.#words;
    const last = this.#lastFound;
    const next = last === 0 ? 0 : words[last + 3]!;
    if (next !== 0 && this.#isAt(next, owner, bytes, start, end)) {
      this.#lastFound = next;
      return words[next + 2]!;
    }
    const place = this.#look(owner, bytes, start, end);
    if (place < 0) return NO_NUMBER;
    if (last !== 0) words[last + 3] = place;
    this.#lastFound = place;
    return words[place + 2]!;
  }

  /** The place of the entry, NO_NUMBER without one. */
  #look(owner: number, bytes: DataView, start: number, end: number): number {
    const slots = this.#slots;
    const mask = slots.length - 2;
    const hash = hashOf(owner, bytes, start, end);
    let slot = (hash << 1) & mask;
    for (let probe = 0; probe < probesMax; probe++) {
      const place = slots[slot + 1]! - 1;
      if (place < 0) return NO_NUMBER;
      if (slots[slot] === hash && this.#isAt(place, owner, bytes, start, end)) return place;
      slot = (slot + 2) & mask;
    }
    return NO_NUMBER;
  }

  /** To be called when `find` does not know the key. Returns whether it is remembered. */
  add(owner: number, bytes: DataView, start: number, end: number, number: number): boolean {
    if (4 * this.#count >= this.#slots.length) this.#growSlots();
    const hash = hashOf(owner, bytes, start, end);
    const slot = freeSlot(this.#slots, hash);
    if (slot === undefined) return false;
    const place = this.#wordCount;
    const size = end - start;
    this.#wordCount += headerWords + Math.ceil(size / 4);
    if (this.#wordCount > this.#words.length) this.#growWords();
    this.#words.set([owner, size, number, 0], place);
    let word = place + headerWords;
    let at = start;
    for (; at + 4 <= end; at += 4) this.#words[word++] = bytes.getInt32(at, true);
    if (at < end) this.#words[word] = lastWord(bytes, start, end);
    this.#slots[slot] = hash;
    this.#slots[slot + 1] = place + 1;
    this.#count++;
    return true;
  }

  #isAt(place: number, owner: number, bytes: DataView, start: number, end: number): boolean {
    const words = this.#words;
    if (words[place] !== owner || words[place + 1] !== end - start) return false;
    let word = place + headerWords;
    let at = start;
    for (; at + 4 <= end; at += 4) if (words[word++] !== bytes.getInt32(at, true)) return false;
    return at === end || words[word] === lastWord(bytes, start, end);
  }

  #growSlots(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(2 * old.length);
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] === 0) continue;
      const slot = freeSlot(this.#slots, old[i]!);
      if (slot === undefined) continue;
      this.#slots[slot] = old[i]!;
      this.#slots[slot + 1] = old[i + 1]!;
    }
  }

  #growWords(): void {
    const old = this.#words;
    this.#words = new Int32Array(Math.max(this.#wordCount, Math.ceil(1.5 * old.length)));
    this.#words.set(old);
  }
}

function freeSlot(slots: Int32Array, hash: number): number | undefined {
  const mask = slots.length - 2;
  let slot = (hash << 1) & mask;
  for (let probe = 0; probe < probesMax; probe++) {
    if (slots[slot + 1] === 0) return slot;
    slot = (slot + 2) & mask;
  }
  return undefined;
}

function hashOf(owner: number, bytes: DataView, start: number, end: number): number {
  let hash = mix(owner, end - start);
  let at = start;
  for (; at + 4 <= end; at += 4) hash = mix(hash, bytes.getInt32(at, true));
  if (at < end) hash = mix(hash, lastWord(bytes, start, end));
  return hash;
}

function mix(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e3779b1);
  return product ^ (product >>> 15);
}

/** Of a size that is no multiple of four: the last four bytes, or as many as there are. */
function lastWord(bytes: DataView, start: number, end: number): number {
  if (end - start >= 4) return bytes.getInt32(end - 4, true);
  let word = 0;
  for (let at = start; at < end; at++) word = (word << 8) | bytes.getUint8(at);
  return word;
}
