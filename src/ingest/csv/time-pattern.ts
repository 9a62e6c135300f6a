/**
 * TimePattern: reads times by a pattern, in the letters of Unicode's and Java's date patterns.
 *
 *   yyyy  year, four digits            yy   year, two digits: 70..99 is 19xx, 00..69 is 20xx
 *   M     month, one or two digits     MM   two digits      MMM  name: Jan, january
 *   d     day, one or two digits       dd   two digits      E    name of the weekday, not checked
 *   H     hour, one or two digits      HH   two digits      h    the same, with a
 *   m mm  minute     s ss  second      SSS  fraction of a second, any number of digits
 *   a     AM or PM                     X    zone: Z, UTC, GMT, +02, +0200, +02:00
 *   'T'   the text in quotes ('' is a quote)     [...]  optional     a blank: one blank or more
 *
 * Other letters are refused; any other character stands for itself. A day that does not exist is no time.
 */

import { InvalidArgumentError } from "../../model/errors.js";
import type { TimestampMs } from "../../model/sample.js";

/** What has been read of one text; reused. `offsetMinutes` is NaN where the text names no zone. */
interface TimeFields {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  ms: number;
  isAfternoon: boolean | undefined;
  offsetMinutes: number;
}

const initialFields: Readonly<TimeFields> = {
  year: 1970,
  month: 1,
  day: 1,
  hour: 0,
  minute: 0,
  second: 0,
  ms: 0,
  isAfternoon: undefined,
  offsetMinutes: Number.NaN,
};

/** Reads at a position of the text; returns the position after it, or -1. */
type Step = (text: string, position: number, fields: TimeFields) => number;

export class TimePattern {
  readonly #steps: readonly Step[];
  readonly #utcOffsetMinutes: number;

  /** Throws InvalidArgumentError for what is no pattern. The offset is for texts that name no zone. */
  constructor(pattern: string, utcOffsetMinutes: number) {
    this.#steps = new PatternCompiler(pattern).compile();
    this.#utcOffsetMinutes = utcOffsetMinutes;
  }

  parse(text: string): TimestampMs | undefined {
    const fields = { ...initialFields };
    return runSteps(this.#steps, text, 0, fields) === text.length
      ? timeOf(fields, this.#utcOffsetMinutes)
      : undefined;
  }
}

function runSteps(steps: readonly Step[], text: string, start: number, fields: TimeFields): number {
  let position = start;
  for (const step of steps) {
    position = step(text, position, fields);
    if (position < 0) return -1;
  }
  return position;
}

function timeOf(fields: TimeFields, utcOffsetMinutes: number): TimestampMs | undefined {
  const { year, month, day, minute, second, ms, isAfternoon } = fields;
  let { hour } = fields;
  if (isAfternoon !== undefined) {
    if (hour < 1 || hour > 12) return undefined;
    hour = (hour % 12) + (isAfternoon ? 12 : 0);
  }
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const offsetMinutes = Number.isNaN(fields.offsetMinutes) ? utcOffsetMinutes : fields.offsetMinutes;
  return date.getTime() + ((hour * 60 + minute - offsetMinutes) * 60 + second) * 1000 + ms;
}

const patternLengthMax = 200;

class PatternCompiler {
  readonly #pattern: string;
  #position = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
    if (pattern.length > patternLengthMax) {
      this.#pattern = `${pattern.slice(0, 20)}…`;
      throw this.#refuse(`it is longer than ${patternLengthMax} characters`);
    }
  }

  compile(): readonly Step[] {
    const steps = this.#sequence();
    if (this.#position < this.#pattern.length) throw this.#refuse("a ] has no [");
    if (steps.length === 0) throw this.#refuse("it is empty");
    return steps;
  }

  /** Up to the end, or to the bracket that closes an optional part. */
  #sequence(): Step[] {
    const steps: Step[] = [];
    while (this.#position < this.#pattern.length) {
      const character = this.#pattern[this.#position]!;
      if (character === "]") break;
      if (character === "[") steps.push(this.#optional());
      else if (character === "'") steps.push(literal(this.#quoted()));
      else if (/[A-Za-z]/.test(character)) steps.push(this.#field(character));
      else {
        this.#position++;
        steps.push(character === " " ? blanks : literal(character));
      }
    }
    return steps;
  }

  #optional(): Step {
    this.#position++;
    const steps = this.#sequence();
    if (this.#pattern[this.#position] !== "]") throw this.#refuse("a [ is not closed");
    this.#position++;
    return (text, position, fields) => {
      const attempt = { ...fields };
      const end = runSteps(steps, text, position, attempt);
      if (end < 0) return position;
      Object.assign(fields, attempt);
      return end;
    };
  }

  #quoted(): string {
    const end = this.#pattern.indexOf("'", this.#position + 1);
    if (end < 0) throw this.#refuse("a quote is not closed");
    const text = this.#pattern.slice(this.#position + 1, end);
    this.#position = end + 1;
    return text === "" ? "'" : text;
  }

  #field(letter: string): Step {
    const start = this.#position;
    while (this.#pattern[this.#position] === letter) this.#position++;
    const run = this.#pattern.slice(start, this.#position);
    const step = fieldStep(letter, run.length);
    if (step === undefined) throw this.#refuse(`${run} means nothing; put text in quotes, as 'T'`);
    return step;
  }

  #refuse(reason: string): InvalidArgumentError {
    return new InvalidArgumentError(`the time format "${this.#pattern}" is no pattern: ${reason}`);
  }
}

const monthNames =
  "january february march april may june july august september october november december".split(" ");
const weekdayNames = "monday tuesday wednesday thursday friday saturday sunday".split(" ");

function fieldStep(letter: string, count: number): Step | undefined {
  switch (letter) {
    case "y":
      if (count === 4) return digits(4, 4, (fields, year) => (fields.year = year));
      return count === 2
        ? digits(2, 2, (fields, year) => (fields.year = year + (year < 70 ? 2000 : 1900)))
        : undefined;
    case "M":
      return count > 2
        ? name(monthNames, (fields, index) => (fields.month = index + 1))
        : digits(count, 2, (fields, month) => (fields.month = month));
    case "d":
      return digits(count, 2, (fields, day) => (fields.day = day));
    case "H":
    case "h":
      return digits(count, 2, (fields, hour) => (fields.hour = hour));
    case "m":
      return digits(count, 2, (fields, minute) => (fields.minute = minute));
    case "s":
      return digits(count, 2, (fields, second) => (fields.second = second));
    case "S":
      return fraction;
    case "a":
      return name(["am", "pm"], (fields, index) => (fields.isAfternoon = index === 1));
    case "E":
      return name(weekdayNames, () => {});
    case "X":
      return zone;
    default:
      return undefined;
  }
}

function digits(
  min: number,
  max: number,
  set: (fields: TimeFields, value: number) => void,
): Step | undefined {
  if (min > max) return undefined;
  return (text, position, fields) => {
    const end = skipDigits(text, position, max);
    if (end - position < min) return -1;
    set(fields, Number(text.slice(position, end)));
    return end;
  };
}

/** One of the names, or its first three letters, in any case. */
function name(names: readonly string[], set: (fields: TimeFields, index: number) => void): Step {
  return (text, position, fields) => {
    let end = position;
    while (/^[a-z]$/i.test(text.charAt(end))) end++;
    const word = text.slice(position, end).toLowerCase();
    const index = names.findIndex((full) => word === full || word === full.slice(0, 3));
    if (index < 0) return -1;
    set(fields, index);
    // "Sept." and "Jan." are written with a point as well.
    return text[end] === "." && word !== names[index] ? end + 1 : end;
  };
}

const fraction: Step = (text, position, fields) => {
  const end = skipDigits(text, position, 9);
  if (end === position) return -1;
  fields.ms = Number(text.slice(position, Math.min(end, position + 3)).padEnd(3, "0"));
  return end;
};

const zone: Step = (text, position, fields) => {
  const word = /^(?:Z|UTC|GMT)/i.exec(text.slice(position, position + 3));
  if (word !== null) {
    fields.offsetMinutes = 0;
    return position + word[0].length;
  }
  const offset = /^([+-])(\d\d)(?::?(\d\d))?/.exec(text.slice(position, position + 6));
  if (offset === null) return -1;
  const minutes = Number(offset[2]) * 60 + Number(offset[3] ?? 0);
  fields.offsetMinutes = offset[1] === "-" ? -minutes : minutes;
  return position + offset[0].length;
};

const blanks: Step = (text, position) => {
  let end = position;
  while (text[end] === " ") end++;
  return end === position ? -1 : end;
};

function literal(expected: string): Step {
  return (text, position) => (text.startsWith(expected, position) ? position + expected.length : -1);
}

function skipDigits(text: string, start: number, max: number): number {
  let end = start;
  while (end < start + max && text.charCodeAt(end) >= 0x30 && text.charCodeAt(end) <= 0x39) end++;
  return end;
}
