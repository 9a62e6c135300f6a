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

/** Tried in this order; of formats that read as many cells the first is taken. */
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
  /** Two formats read as many cells and would give different times. */
  | { readonly kind: "ambiguous"; readonly names: readonly [string, string] };

/** A part of the cells may be something else, as notes at the end of a file are. */
const readableMin = 0.75;

/** The format that reads the most cells; undefined when none reads most of them. */
export function guessTimeFormat(cells: readonly string[], utcOffsetMinutes: number): TimeGuess | undefined {
  let best: TimeFormat | undefined;
  let twin: TimeFormat | undefined;
  let bestCount = Math.max(1, Math.ceil(cells.length * readableMin)) - 1;
  for (const name of guessedFormats) {
    const format = timeFormatOf(name, utcOffsetMinutes);
    const count = cells.filter((cell) => format.parse(cell) !== undefined).length;
    if (count > bestCount) {
      best = format;
      bestCount = count;
      twin = undefined;
    } else if (count === bestCount && best !== undefined && isDayMonthTwin(name, best.name)) twin = format;
  }
  if (best !== undefined && twin !== undefined) return { kind: "ambiguous", names: [best.name, twin.name] };
  const format = best ?? guessNumericFormat(cells, utcOffsetMinutes);
  return format === undefined ? undefined : { kind: "format", format };
}

function isDayMonthTwin(name: string, other: string): boolean {
  return name !== other && name === other.replace(/^M([/-])d/, "d$1M");
}

/** Before 1973 a Unix time has so few digits that the numbers are more likely something else. */
const smallestGuessedUnixTime = 100_000_000;

function guessNumericFormat(cells: readonly string[], utcOffsetMinutes: number): TimeFormat | undefined {
  if (cells.length === 0) return undefined;
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
