/**
 * Numbers and durations: decimal, octal (`0755`), hexadecimal (`0x1f`), exponents, `_` between digits, Inf and
 * NaN in any case; `1h30m` and the like, which are numbers of seconds too.
 *
 * Source: `scanNumber` and `number` of Prometheus' promql/parser; Go `strconv.ParseInt` with base 0, then
 * `strconv.ParseFloat`.
 */

import { parseDuration } from "../../model/duration.js";
import { parseFloatText } from "../../model/float-text.js";

/** `malformed` covers what was read before it went wrong, as the error text quotes it. */
export interface ScannedNumber {
  readonly kind: "number" | "duration" | "malformed";
  readonly end: number;
}

/** Durations are nanoseconds in 64 bits in Prometheus: about 292 years. */
const DURATION_SECONDS_MAX = 2 ** 63 / 1e9;

/** Scans the number or duration whose first digit, or dot before a digit, stands at `start`. */
export function scanNumberOrDuration(text: string, start: number): ScannedNumber {
  const number = scanNumber(text, start);
  if (number.complete) return { kind: "number", end: number.end };
  const rest = durationRest.exec(text.slice(number.end, number.end + DURATION_REST_MAX));
  if (rest !== null && !isWordUnit(text[number.end + rest[0].length]))
    return { kind: "duration", end: number.end + rest[0].length };
  return { kind: "malformed", end: number.end + malformedRest(text, number.end) };
}

/** The value of a number literal; undefined when it is none after all (`1__0`). */
export function parseNumber(literal: string): number | undefined {
  if (!underscoresSeparateDigits(literal)) return undefined;
  const plain = literal.replaceAll("_", "");
  if (/^0[xX][0-9a-fA-F]+$/.test(plain)) return Number(BigInt(plain));
  if (/^0[0-7]+$/.test(plain)) return Number(BigInt(`0o${plain.slice(1)}`));
  return parseFloatText(plain);
}

export type ParsedDuration =
  | { readonly ms: number; readonly fault: undefined }
  | { readonly ms: undefined; readonly fault: string };

/** The milliseconds of a duration literal, or why it is none. */
export function parseDurationLiteral(literal: string): ParsedDuration {
  const ms = parseDuration(literal);
  if (ms !== undefined && durationInRange(ms / 1000)) return { ms, fault: undefined };
  return { ms: undefined, fault: durationFault(literal) };
}

/** As Prometheus reads: a number, its unit, and so on, the units from large to small. */
function durationFault(literal: string): string {
  let last = -1;
  for (const [, unit] of literal.matchAll(/[0-9]+([^0-9]*)/g)) {
    const rank = unitRanks.indexOf(unit!);
    if (rank < 0 && unit !== "") return `unknown unit "${unit}" in duration "${literal}"`;
    if (rank <= last) return `not a valid duration string: "${literal}"`;
    last = rank;
  }
  return "duration out of range";
}

const unitRanks = ["y", "w", "d", "h", "m", "s", "ms"];

export function durationInRange(seconds: number): boolean {
  return Math.abs(seconds) <= DURATION_SECONDS_MAX;
}

/** No duration that is worth reading is longer; longer ones are malformed. */
const DURATION_REST_MAX = 256;

/** What follows the first number of a duration: its unit, then further numbers with units. */
const durationRest = /^[smhdwy]s?(?:[0-9]+[smhdw]s?)*/;

/** How far Prometheus reads before it gives up, which its error text shows: `1y1x` as `1y1`, `1x` as `1`. */
function malformedRest(text: string, from: number): number {
  const tail = text.slice(from, from + DURATION_REST_MAX);
  const rest = durationRest.exec(tail);
  if (rest === null) return 0;
  const digits = /^[0-9]+/.exec(tail.slice(rest[0].length));
  if (digits !== null) return rest[0].length + digits[0].length;
  return rest[0].length + (isWordUnit(tail[rest[0].length]) ? 1 : 0);
}

interface NumberScan {
  readonly end: number;
  readonly complete: boolean;
}

function scanNumber(text: string, start: number): NumberScan {
  const hexadecimal = /^0[xX]/.test(text.slice(start, start + 2));
  const digit = hexadecimal ? /[0-9a-fA-F]/ : /[0-9]/;
  let at = start + (hexadecimal ? 2 : 0);
  let dotted = false;
  let exponent = false;
  if (hexadecimal && text[at] === "_") at++;
  // A dot that leads does not forbid a second one here; `parseNumber` does. Likewise the first digit may be an e.
  if (text[at] === ".") at++;
  if (at < text.length && digit.test(text[at]!)) at++;
  for (; at < text.length; at++) {
    const unit = text[at]!;
    const next = text[at + 1];
    if (unit === ".") {
      if (dotted) return { end: at + 1, complete: false };
      dotted = true;
      if (next === "_" || next === ".") return { end: at + 2, complete: false };
      if (hexadecimal) return { end: at + 1, complete: false };
    } else if (unit === "e" || unit === "E") {
      if (exponent) return { end: at + 1, complete: false };
      exponent = true;
      if (next === "+" || next === "-") at++;
      const after = text[at + 1];
      if (after === undefined) return { end: at + 1, complete: false };
      if (/[._eE]/.test(after)) return { end: at + 2, complete: false };
    } else if (unit === "_") {
      if (next === undefined) return { end: at + 1, complete: false };
      if (/[._eE]/.test(next)) return { end: at + 2, complete: false };
    } else if (!digit.test(unit)) {
      break;
    }
  }
  return { end: at, complete: at > start && !isWordUnit(text[at]) };
}

function isWordUnit(unit: string | undefined): boolean {
  return unit !== undefined && /[a-zA-Z0-9_]/.test(unit);
}

/** Go's rule: an underscore stands between digits, or between `0x` and a digit. */
function underscoresSeparateDigits(literal: string): boolean {
  if (!literal.includes("_")) return true;
  const hexadecimal = /^0[xX]/.test(literal);
  const body = hexadecimal ? `0${literal.slice(2)}` : literal;
  const digit = hexadecimal ? "[0-9a-fA-F]" : "[0-9]";
  return !new RegExp(`(?<!${digit})_|_(?!${digit})`).test(body);
}
