/**
 * TimeFormat: how the cells of a time column are read; chosen by name, or guessed from cells.
 */

import { parseFloatText } from "../../model/float-text.js";
import type { TimestampMs } from "../../model/sample.js";
import { TimePattern } from "./time-pattern.js";

export interface TimeFormat {
  /** As `--time-format` takes it. */
  readonly name: string;
  parse(text: string): TimestampMs | undefined;
}

/** Digits of the unit beyond milliseconds; seconds have three too few. */
const unixFormats: ReadonlyMap<string, number> = new Map([
  ["unix-s", -3],
  ["unix-ms", 0],
  ["unix-us", 3],
  ["unix-ns", 6],
]);

/** Also without a zone, without seconds, and with a blank in place of the T. */
const rfc3339Pattern = "yyyy-MM-dd['T'][ ]H:mm[:ss[.SSS][,SSS]][ ][X]";

/** `unix-s`, `unix-ms`, `unix-us`, `unix-ns`, `rfc3339` or a pattern; throws InvalidArgumentError. */
export function timeFormatOf(name: string, utcOffsetMinutes: number): TimeFormat {
  const unixDigits = unixFormats.get(name);
  if (unixDigits !== undefined) return { name, parse: (text) => parseUnix(text, unixDigits) };
  const pattern = new TimePattern(name === "rfc3339" ? rfc3339Pattern : name, utcOffsetMinutes);
  return { name, parse: (text) => pattern.parse(text) };
}

function parseUnix(text: string, digitsBeyondMs: number): TimestampMs | undefined {
  // By digits where they are many: nanoseconds are beyond what a float holds.
  if (digitsBeyondMs > 0 && /^\d+$/.test(text)) return Number(text.slice(0, -digitsBeyondMs));
  const value = parseFloatText(text);
  if (value === undefined || !Number.isFinite(value)) return undefined;
  return Math.round(digitsBeyondMs < 0 ? value * 1000 : value / 10 ** digitsBeyondMs) + 0;
}

const timeOfDay = "[[,] H:mm[:ss[.SSS]][ ][a]]";

/** Tried in this order; of formats that read every cell the first is taken. */
const guessedFormats: readonly string[] = [
  "rfc3339",
  "yyyy-MM-dd",
  `yyyy/M/d${timeOfDay}`,
  `d.M.yyyy${timeOfDay}`,
  `M/d/yyyy${timeOfDay}`,
  `d/M/yyyy${timeOfDay}`,
  `M-d-yyyy${timeOfDay}`,
  `d-M-yyyy${timeOfDay}`,
  `MMM d[,] yyyy${timeOfDay}`,
  `d MMM[,] yyyy${timeOfDay}`,
  `d-MMM-yyyy${timeOfDay}`,
  "E[,] d MMM yyyy H:mm[:ss][ X]",
  "E MMM d[,] yyyy[ H:mm[:ss]]",
  "MMM yyyy",
  "yyyyMMdd",
  "yyyyMMdd['T'][ ]HHmm[ss][X]",
  "yyyy-MM",
  "yyyy/MM",
];

export type TimeGuess =
  | { readonly kind: "format"; readonly format: TimeFormat }
  /** Two formats read every cell and would give different times. */
  | { readonly kind: "ambiguous"; readonly names: readonly [string, string] };

/** A format that reads every cell; undefined when there is none, or no cell. */
export function guessTimeFormat(cells: readonly string[], utcOffsetMinutes: number): TimeGuess | undefined {
  if (cells.length === 0) return undefined;
  const fitting = guessedFormats
    .map((name) => timeFormatOf(name, utcOffsetMinutes))
    .filter((format) => cells.every((cell) => format.parse(cell) !== undefined));
  const format = fitting[0] ?? guessNumericFormat(cells, utcOffsetMinutes);
  if (format === undefined) return undefined;
  const twin = fitting.find(({ name }) => isDayMonthTwin(name, format.name));
  return twin === undefined
    ? { kind: "format", format }
    : { kind: "ambiguous", names: [format.name, twin.name] };
}

function isDayMonthTwin(name: string, other: string): boolean {
  return name !== other && name === other.replace(/^M([/-])d/, "d$1M");
}

/** Before 1973 a Unix time has so few digits that the numbers are more likely something else. */
const smallestGuessedUnixTime = 100_000_000;

function guessNumericFormat(cells: readonly string[], utcOffsetMinutes: number): TimeFormat | undefined {
  if (cells.every((cell) => /^[12]\d{3}$/.test(cell))) return timeFormatOf("yyyy", utcOffsetMinutes);
  let largest = 0;
  for (const cell of cells) {
    const value = parseFloatText(cell);
    if (value === undefined || !(Math.abs(value) >= smallestGuessedUnixTime)) return undefined;
    largest = Math.max(largest, Math.abs(value));
  }
  const name =
    largest < 1e11 ? "unix-s" : largest < 1e14 ? "unix-ms" : largest < 1e17 ? "unix-us" : "unix-ns";
  return largest < 1e20 ? timeFormatOf(name, utcOffsetMinutes) : undefined;
}
