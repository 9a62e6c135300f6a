/**
 * AnchoredRegExp: a regular expression of a label matcher. RE2 syntax, linear time, always matched against the
 * whole value; `.` matches a newline too (Prometheus 3).
 *
 * Shortcuts, tried before the engine runs: a literal (`api`), alternatives of literals (`api|web|db`, and as Grafana
 * writes them `(10\.0\.0\.1:80|web)`), a literal before or after `.*` or `.+` (`api-.*`). They also let storage look
 * values up instead of scanning.
 */

import { RE2JS } from "re2js";
import { InvalidArgumentError } from "./errors.js";

export class AnchoredRegExp {
  readonly source: string;
  /** All values that match, when they can be listed: `a|b` gives ["a", "b"]. */
  readonly literals: readonly string[] | undefined;
  /** Every match begins with this; empty when nothing is known. */
  readonly prefix: string;
  readonly #matches: (value: string) => boolean;

  constructor(source: string) {
    this.source = source;
    this.literals = literalAlternatives(source);
    this.prefix = this.literals === undefined ? literalPrefix(source) : "";
    this.#matches =
      this.literals === undefined ? (shortcut(source) ?? compile(source)) : membership(this.literals);
  }

  matches(value: string): boolean {
    return this.#matches(value);
  }
}

const metaCharacters = /[\\^$.*+?()[\]{}|]/;

function compile(source: string): (value: string) => boolean {
  try {
    // Compiled as given first, so that an error quotes the text that the user wrote.
    RE2JS.compile(source);
    const pattern = RE2JS.compile(`^(?:${source})$`, RE2JS.DOTALL);
    return (value) => pattern.matches(value);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidArgumentError(reason, { cause });
  }
}

function literalAlternatives(source: string): readonly string[] | undefined {
  const [, inGroup] = /^\((?:\?:)?([^()]*)\)$/.exec(source) ?? [];
  const literals = (inGroup ?? source).split("|").map(literalOf);
  return literals.every((text) => text !== undefined) ? [...new Set(literals)] : undefined;
}

/** The only text that an expression without `|` matches; undefined when it is no literal. */
function literalOf(source: string): string | undefined {
  if (!metaCharacters.test(source)) return source;
  // An escaped character that is no letter and no digit stands for itself.
  const isLiteral = /^(?:[^\\^$.*+?()[\]{}|]|\\[!-/:-@[-`{-~])*$/.test(source);
  return isLiteral ? source.replaceAll(/\\(.)/g, "$1") : undefined;
}

function membership(literals: readonly string[]): (value: string) => boolean {
  if (literals.length === 1) return (value) => value === literals[0];
  const set = new Set(literals);
  return (value) => set.has(value);
}

function literalPrefix(source: string): string {
  if (source.includes("|")) return "";
  const end = source.search(metaCharacters);
  if (end < 0) return source;
  // A quantifier takes back the character before it: `ab*` begins with `a` only.
  const prefix = /[*?{]/.test(source[end]!)
    ? [...source.slice(0, end)].slice(0, -1).join("")
    : source.slice(0, end);
  return prefix;
}

/** `literal.*`, `literal.+`, `.*literal`, `.+literal`, `.*` and `.+` without the engine. */
function shortcut(source: string): ((value: string) => boolean) | undefined {
  const parts = /^(\.[*+])?([^\\^$.*+?()[\]{}|]*)(\.[*+])?$/.exec(source);
  if (parts === null) return undefined;
  const [, before, literal = "", after] = parts;
  const least = (before === ".+" ? 1 : 0) + literal.length + (after === ".+" ? 1 : 0);
  if (before === undefined) return (value) => value.length >= least && value.startsWith(literal);
  if (after === undefined) return (value) => value.length >= least && value.endsWith(literal);
  if (before === ".*" && after === ".*") return (value) => value.includes(literal);
  return undefined;
}
