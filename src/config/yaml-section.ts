/**
 * YamlSection: a mapping of the configuration file, read key by key, every error with line and column.
 *
 * A key that no one asked for is an error that names the nearest known key; a key that is known but not acted
 * on yet becomes a warning. Call `finish` when all keys have been asked for.
 *
 * Aliases (`*rules`) stand for what their anchor names, and `<<` merges mappings, as in Prometheus' YAML 1.1.
 */

import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
} from "yaml";
import { parseDuration } from "../model/duration.js";
import { ConfigError } from "../model/errors.js";
import { pairsOf, resolve } from "./yaml-nodes.js";

export interface YamlSource {
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
  readonly warnings: YamlWarning[];
}

export interface YamlWarning {
  readonly line: number;
  /** With its place. */
  readonly text: string;
}

/** What the value of a key may be, by the method that reads it. */
export type ValueKind =
  | "text"
  | "flag"
  | "count"
  | "integer"
  | "number"
  | "duration"
  | "textList"
  | "texts"
  | "section"
  | "sections";

export class YamlSection {
  readonly #source: YamlSource;
  readonly #map: YAMLMap;
  readonly #path: string;
  /** By key, merged ones included. */
  readonly #pairs: ReadonlyMap<string, Pair>;
  readonly #known = new Set<string>();

  constructor(source: YamlSource, map: YAMLMap, path: string) {
    this.#source = source;
    this.#map = map;
    this.#path = path;
    this.#pairs = pairsOf(map, source.document);
  }

  has(key: string): boolean {
    return this.#pairs.has(key);
  }

  /** Numbers and truth values are text as they are written: `1.10` does not become 1.1. */
  text(key: string): string | undefined {
    const node = this.#node(key);
    if (node === undefined) return undefined;
    if (!isScalar(node)) return this.fail(key, "must be a single value");
    return textOf(node) ?? this.fail(key, "must be text");
  }

  /** A key without a value says no, as in Prometheus. */
  flag(key: string): boolean | undefined {
    const value = this.#scalar(key);
    if (value === undefined) return this.has(key) ? false : undefined;
    if (typeof value === "boolean") return value;
    const node = this.#node(key);
    const word =
      isScalar(node) && node.type === "PLAIN" ? oldFlags.get(String(value).toLowerCase()) : undefined;
    return word ?? this.fail(key, "must be true or false");
  }

  /** At most what 64 bits hold; beyond 2^53 the nearest number that there is. */
  count(key: string): number | undefined {
    const value = this.number(key);
    if (value === undefined || (Number.isInteger(value) && value >= 0 && value <= 2 ** 64)) return value;
    return this.fail(key, "must be a whole number, zero or more");
  }

  integer(key: string): number | undefined {
    const value = this.number(key);
    if (value === undefined || (Number.isInteger(value) && Math.abs(value) <= 2 ** 63)) return value;
    return this.fail(key, "must be a whole number");
  }

  number(key: string): number | undefined {
    const value = this.#scalar(key);
    if (value === undefined || typeof value === "number") return oldInteger(this.#node(key)) ?? value;
    return oldInteger(this.#node(key)) ?? this.fail(key, "must be a number");
  }

  /** Milliseconds. */
  duration(key: string): number | undefined {
    const value = this.text(key);
    if (value === undefined) return undefined;
    return parseDuration(value) ?? this.fail(key, `must be a duration such as 15s or 1m30s, not "${value}"`);
  }

  /** Bytes: `10MB`, `512KiB`; powers of 1024 in either spelling, as Prometheus reads them. */
  sizeBytes(key: string): number | undefined {
    const value = this.text(key);
    if (value === undefined) return undefined;
    const parts = /^(\d+(?:\.\d+)?)\s*([KMGTPE]?)i?B?$/.exec(value);
    if (parts === null) return this.fail(key, `must be a size such as 10MB, not "${value}"`);
    return Math.floor(Number(parts[1]) * 1024 ** " KMGTPE".indexOf(parts[2] || " "));
  }

  oneOf<T extends string>(key: string, choices: readonly T[]): T | undefined {
    const value = this.text(key);
    if (value === undefined) return undefined;
    return (
      choices.find((choice) => choice === value) ??
      this.fail(key, `must be one of ${choices.join(", ")}, not "${value}"`)
    );
  }

  /** As `oneOf`, where the empty text stands for none. */
  oneOfOrEmpty<T extends string>(key: string, choices: readonly T[]): T | undefined {
    return this.text(key) === "" ? undefined : this.oneOf(key, choices);
  }

  /** A mapping of names to text. */
  texts(key: string): Readonly<Record<string, string>> | undefined {
    const section = this.section(key);
    if (section === undefined) return undefined;
    return Object.fromEntries(section.keys().map((name) => [name, section.text(name) ?? ""]));
  }

  /** A list of text; an item without a value is the empty one. */
  textList(key: string): readonly string[] | undefined {
    return this.#list(key)?.map((item) => {
      const text = isScalar(item) ? textOf(item) : undefined;
      if (text === undefined) throw this.#error(item, `${this.#path}${key} must be a list of text`);
      return text;
    });
  }

  section(key: string): YamlSection | undefined {
    const value = this.#node(key);
    if (value === undefined) return undefined;
    if (!isMap(value)) return this.fail(key, "must be a mapping");
    return new YamlSection(this.#source, value, `${this.#path}${key}.`);
  }

  sections(key: string): readonly YamlSection[] {
    return (this.#list(key) ?? []).map((item, i) => {
      const path = `${this.#path}${key}[${i}]`;
      if (!isMap(item)) throw this.#error(item, `${path} must be a mapping`);
      return new YamlSection(this.#source, item, `${path}.`);
    });
  }

  keys(): readonly string[] {
    return [...this.#pairs.keys()];
  }

  /**
   * Names keys that are fine elsewhere but that we do not act on yet: each becomes a warning. With `kind`, a value that
   * is none is an error all the same; `remedy` says what to do instead.
   */
  notYet(keys: readonly string[], kind?: ValueKind, remedy?: string): void {
    const reason = "is not acted on yet";
    for (const key of keys) this.#ignore(key, remedy === undefined ? reason : `${reason}: ${remedy}`, kind);
  }

  /** As `notYet`, for a key that is fine elsewhere and that we shall never need. */
  notNeeded(key: string, why: string, kind?: ValueKind): void {
    this.#ignore(key, `is not needed: ${why}`, kind);
  }

  /** Tells what is odd about a value and no error. */
  warn(key: string, oddity: string): void {
    const { line } = this.#place(this.#value(key));
    this.#source.warnings.push({ line, text: `${this.#source.file}:${line}: ${this.#path}${key} ${oddity}` });
  }

  /** Refuses keys that nobody asked for. */
  finish(): void {
    for (const [key, pair] of this.#pairs) {
      if (this.#known.has(key)) continue;
      const near = nearest(key, [...this.#known]);
      const remedy = near === undefined ? "" : `; did you mean "${near}"?`;
      throw this.#error(
        pair.key as Node,
        `unknown key "${key}" in ${this.#path.slice(0, -1) || "the file"}${remedy}`,
      );
    }
  }

  /** Where the value of `key` stands, or the section when it has none: `narthex.yml:3:14`. */
  placeOf(key: string): string {
    const { line, column } = this.#place(this.#value(key));
    return `${this.#source.file}:${line}:${column}`;
  }

  /** Throws a ConfigError at the value of `key`, or at the section when it has none. */
  fail(key: string, problem: string): never {
    throw this.#error(this.#value(key), `${this.#path}${key} ${problem}`);
  }

  /** As `fail`, with a message that is a sentence of its own. */
  reject(key: string, message: string): never {
    throw this.#error(this.#value(key), `${this.#path.slice(0, -1)}: ${message}`);
  }

  #ignore(key: string, reason: string, kind: ValueKind | undefined): void {
    this.#known.add(key);
    if (kind !== undefined) this[kind](key);
    if (this.has(key)) this.warn(key, reason);
  }

  #node(key: string): Node | undefined {
    this.#known.add(key);
    const node = resolve(this.#value(key), this.#source.document);
    return node === undefined || (isScalar(node) && node.value === null) ? undefined : node;
  }

  /** The value as it stands there; an alias is an alias. */
  #value(key: string): Node | undefined {
    return (this.#pairs.get(key)?.value ?? undefined) as Node | undefined;
  }

  #scalar(key: string): unknown {
    const node = this.#node(key);
    if (node === undefined) return undefined;
    return isScalar(node) ? node.value : this.fail(key, "must be a single value");
  }

  #list(key: string): readonly Node[] | undefined {
    const node = this.#node(key);
    if (node === undefined) return undefined;
    if (!isSeq(node)) return this.fail(key, "must be a list");
    return (node.items as readonly Node[]).map((item) => resolve(item, this.#source.document));
  }

  #error(node: Node | null | undefined, message: string): ConfigError {
    const { line, column } = this.#place(node);
    return new ConfigError(`${this.#source.file}:${line}:${column}: ${message}`, { line, column });
  }

  #place(node: Node | null | undefined): { line: number; column: number } {
    const { line, col } = this.#source.lines.linePos(node?.range?.[0] ?? this.#map.range?.[0] ?? 0);
    return { line, column: col };
  }
}

/** Of YAML 1.1, which Prometheus reads. */
const oldFlags: ReadonlyMap<string, boolean> = new Map([
  ["yes", true],
  ["on", true],
  ["no", false],
  ["off", false],
]);

/** A number with underscores or in another base, as YAML 1.1 reads it: `1_000`, `0x1F`, `0b11`, `017`. */
function oldInteger(node: Node | undefined): number | undefined {
  if (!isScalar(node) || node.type !== "PLAIN") return undefined;
  const parts = /^([+-]?)(0x|0b|0o|0(?=[0-7_]))?([0-9a-f_]+)$/i.exec(node.source ?? "");
  if (parts === null) return undefined;
  const [, sign, prefix = "", digits = ""] = parts;
  const base = { "0x": "0x", "0b": "0b", "0o": "0o", "0": "0o" }[prefix.toLowerCase()] ?? "";
  const value = Number(base + digits.replaceAll("_", ""));
  return Number.isNaN(value) ? undefined : sign === "-" ? -value : value;
}

function textOf({ value, source }: Scalar): string | undefined {
  if (typeof value === "string") return value;
  if (value === null) return "";
  return typeof value === "number" || typeof value === "boolean" ? (source ?? String(value)) : undefined;
}

/** The known key that is closest to `key`, when one is close: at most a third of its letters differ. */
function nearest(key: string, known: readonly string[]): string | undefined {
  const scored = known.map((name) => ({ name, distance: editDistance(key, name) }));
  const best = scored.sort((a, b) => a.distance - b.distance)[0];
  return best !== undefined && best.distance <= Math.max(2, key.length / 3) ? best.name : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, substituted));
    }
    row = next;
  }
  return row[b.length]!;
}
