/**
 * Labels: the identity of a series, a sorted immutable list of (name, value) pairs.
 *
 * Invariants
 *  1. Names are unique and sorted by UTF-8 bytes.
 *  2. No value is empty: a label with an empty value is the same as no label.
 */

import { InvalidArgumentError } from "./errors.js";
import { compareText } from "./text-order.js";

/** The label that holds the metric name. */
export const METRIC_NAME = "__name__";

export class Labels {
  static readonly empty: Labels = new Labels([], []);

  readonly #names: readonly string[];
  readonly #values: readonly string[];
  #hash = 0;

  private constructor(names: readonly string[], values: readonly string[]) {
    this.#names = names;
    this.#values = values;
  }

  /** From a record or an iterable of pairs, in any order. Empty values are left out; a repeated name throws. */
  static from(pairs: Readonly<Record<string, string>> | Iterable<readonly [string, string]>): Labels {
    const entries = Symbol.iterator in pairs ? [...pairs] : Object.entries(pairs);
    const kept = entries.filter(([, value]) => value !== "").sort(([a], [b]) => compareText(a, b));
    for (let i = 1; i < kept.length; i++) {
      if (kept[i]![0] === kept[i - 1]![0])
        throw new InvalidArgumentError(`the label "${kept[i]![0]}" is given twice`);
    }
    return Labels.fromSorted(
      kept.map(([name]) => name),
      kept.map(([, value]) => value),
    );
  }

  /** From parallel lists that already hold the invariants; takes ownership of both. */
  static fromSorted(names: readonly string[], values: readonly string[]): Labels {
    return names.length === 0 ? Labels.empty : new Labels(names, values);
  }

  get size(): number {
    return this.#names.length;
  }

  nameAt(index: number): string {
    return this.#names[index]!;
  }

  valueAt(index: number): string {
    return this.#values[index]!;
  }

  /** The value of a label; the empty string when there is none. */
  get(name: string): string {
    const index = this.#names.indexOf(name);
    return index < 0 ? "" : this.#values[index]!;
  }

  has(name: string): boolean {
    return this.#names.includes(name);
  }

  *[Symbol.iterator](): Generator<readonly [string, string]> {
    for (let i = 0; i < this.#names.length; i++) yield [this.#names[i]!, this.#values[i]!];
  }

  /** These labels with the given ones set; an empty value removes. */
  with(changes: Readonly<Record<string, string>>): Labels {
    const merged = new Map<string, string>(this);
    for (const [name, value] of Object.entries(changes)) merged.set(name, value);
    return Labels.from(merged);
  }

  /** Only the named labels. */
  keep(names: ReadonlySet<string>): Labels {
    return where(this, (name) => names.has(name));
  }

  /** All but the named labels. */
  drop(names: ReadonlySet<string>): Labels {
    return where(this, (name) => !names.has(name));
  }

  equals(other: Labels): boolean {
    if (this === other) return true;
    if (this.size !== other.size || this.hash() !== other.hash()) return false;
    for (let i = 0; i < this.size; i++) {
      if (this.#names[i] !== other.#names[i] || this.#values[i] !== other.#values[i]) return false;
    }
    return true;
  }

  /** Order of label sets: pair by pair, names before values, by bytes; a prefix comes first. */
  compare(other: Labels): number {
    if (this === other) return 0;
    const length = Math.min(this.size, other.size);
    for (let i = 0; i < length; i++) {
      const byName = compareText(this.#names[i]!, other.#names[i]!);
      if (byName !== 0) return byName;
      const byValue = compareText(this.#values[i]!, other.#values[i]!);
      if (byValue !== 0) return byValue;
    }
    return this.size - other.size;
  }

  /** A 32-bit hash, for tables in memory. Never stored. Equal hashes do not mean equal labels. */
  hash(): number {
    if (this.#hash === 0) {
      let hash = 0x811c9dc5;
      for (let i = 0; i < this.#names.length; i++) {
        hash = hashText(hash, this.#names[i]!);
        hash = hashText(hash, this.#values[i]!);
      }
      this.#hash = hash === 0 ? 1 : hash;
    }
    return this.#hash;
  }

  /** A string that is equal exactly for equal labels: usable as a Map key. Any character may stand in a label. */
  key(): string {
    let key = "";
    for (let i = 0; i < this.#names.length; i++) key += keyOfPair(this.#names[i]!, this.#values[i]!);
    return key;
  }

  /** The key of `drop(names)`. */
  keyWithout(names: ReadonlySet<string>): string {
    let key = "";
    for (let i = 0; i < this.#names.length; i++) {
      if (!names.has(this.#names[i]!)) key += keyOfPair(this.#names[i]!, this.#values[i]!);
    }
    return key;
  }

  toObject(): Record<string, string> {
    return Object.fromEntries(this);
  }

  toJSON(): Record<string, string> {
    return this.toObject();
  }

  /** As PromQL and Prometheus print it: `name{a="b"}`, or `{a="b"}` without a metric name. */
  toString(): string {
    const pairs: string[] = [];
    let metricName = "";
    for (const [name, value] of this) {
      if (name === METRIC_NAME && legacyMetricName.test(value)) metricName = value;
      else pairs.push(`${legacyLabelName.test(name) ? name : quoteText(name)}=${quoteText(value)}`);
    }
    return pairs.length === 0 && metricName !== "" ? metricName : `${metricName}{${pairs.join(", ")}}`;
  }
}

/** Lengths say where each text ends. */
function keyOfPair(name: string, value: string): string {
  return `${name.length},${value.length}:${name}${value}`;
}

/** A free function: TypeScript 7.0 miscompiles a class that has a static field and names itself in a #method. */
function where(labels: Labels, condition: (name: string) => boolean): Labels {
  const names: string[] = [];
  const values: string[] = [];
  for (let i = 0; i < labels.size; i++) {
    const name = labels.nameAt(i);
    if (!condition(name)) continue;
    names.push(name);
    values.push(labels.valueAt(i));
  }
  return names.length === labels.size ? labels : Labels.fromSorted(names, values);
}

const legacyMetricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const legacyLabelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** A double-quoted string in Go's and PromQL's escaping. */
export function quoteText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be escaped
  const body = text.replace(/[\\"\n\r\t\x00-\x1f\x7f]/g, (character) => {
    switch (character) {
      case "\\":
        return "\\\\";
      case '"':
        return '\\"';
      case "\n":
        return "\\n";
      case "\r":
        return "\\r";
      case "\t":
        return "\\t";
      default:
        return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
    }
  });
  return `"${body}"`;
}

function hashText(seed: number, text: string): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return Math.imul(hash ^ 0xff, 0x01000193);
}
