/**
 * YamlSection: a mapping of the configuration file, read key by key, every error with line and column.
 *
 * A key that no one asked for is an error that names the nearest known key; a key that is known but not acted
 * on yet becomes a warning. Call `finish` when all keys have been asked for.
 */

import { isMap, isScalar, isSeq, type LineCounter, type Node, type YAMLMap } from "yaml";
import { parseDuration } from "../model/duration.js";
import { ConfigError } from "../model/errors.js";

export interface YamlSource {
  readonly file: string;
  readonly lines: LineCounter;
  readonly warnings: string[];
}

export class YamlSection {
  readonly #source: YamlSource;
  readonly #map: YAMLMap;
  readonly #path: string;
  readonly #known = new Set<string>();

  constructor(source: YamlSource, map: YAMLMap, path: string) {
    this.#source = source;
    this.#map = map;
    this.#path = path;
  }

  has(key: string): boolean {
    return this.#map.has(key);
  }

  text(key: string): string | undefined {
    const value = this.#scalar(key);
    if (value === undefined) return undefined;
    if (typeof value === "string") return value;
    if (typeof value === "number" || typeof value === "boolean") return String(value);
    return this.fail(key, "must be text");
  }

  flag(key: string): boolean | undefined {
    const value = this.#scalar(key);
    if (value === undefined || typeof value === "boolean") return value;
    return this.fail(key, "must be true or false");
  }

  count(key: string): number | undefined {
    const value = this.#scalar(key);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    return this.fail(key, "must be a whole number, zero or more");
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

  /** A mapping of names to text. */
  texts(key: string): Readonly<Record<string, string>> | undefined {
    const section = this.section(key);
    if (section === undefined) return undefined;
    return Object.fromEntries(section.keys().map((name) => [name, section.text(name) ?? ""]));
  }

  /** A list of text. */
  textList(key: string): readonly string[] | undefined {
    return this.#list(key)?.map((item) => {
      const value = isScalar(item) ? item.value : undefined;
      if (typeof value === "string" || typeof value === "number") return String(value);
      throw this.#error(item, `${this.#path}${key} must be a list of text`);
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
    return this.#map.items.map((pair) => String(isScalar(pair.key) ? pair.key.value : pair.key));
  }

  /** Names keys that are fine elsewhere but that we do not act on yet: each becomes a warning. */
  notYet(keys: readonly string[]): void {
    for (const key of keys) {
      this.#known.add(key);
      const node = this.#map.get(key, true) as Node | undefined;
      if (node === undefined) continue;
      const { line } = this.#place(node);
      this.#source.warnings.push(`${this.#source.file}:${line}: ${this.#path}${key} is not acted on yet`);
    }
  }

  /** Refuses keys that nobody asked for. */
  finish(): void {
    for (const pair of this.#map.items) {
      const key = String(isScalar(pair.key) ? pair.key.value : pair.key);
      if (this.#known.has(key)) continue;
      const near = nearest(key, [...this.#known]);
      const remedy = near === undefined ? "" : `; did you mean "${near}"?`;
      throw this.#error(
        pair.key as Node,
        `unknown key "${key}" in ${this.#path.slice(0, -1) || "the file"}${remedy}`,
      );
    }
  }

  /** Throws a ConfigError at the value of `key`, or at the section when it has none. */
  fail(key: string, problem: string): never {
    throw this.#error(
      (this.#map.get(key, true) as Node | undefined) ?? this.#map,
      `${this.#path}${key} ${problem}`,
    );
  }

  #node(key: string): Node | undefined {
    this.#known.add(key);
    const node = this.#map.get(key, true) as Node | undefined;
    return node === undefined || (isScalar(node) && node.value === null) ? undefined : node;
  }

  #scalar(key: string): unknown {
    const node = this.#node(key);
    if (node === undefined) return undefined;
    return isScalar(node) ? node.value : this.fail(key, "must be a single value");
  }

  #list(key: string): readonly Node[] | undefined {
    const node = this.#node(key);
    if (node === undefined) return undefined;
    return isSeq(node) ? (node.items as readonly Node[]) : this.fail(key, "must be a list");
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
