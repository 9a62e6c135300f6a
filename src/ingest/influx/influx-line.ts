/**
 * InfluxLine: one line of the InfluxDB line protocol, taken apart without being copied.
 *
 *   weather\ station,room=attic,floor=3 celsius=21.4,windows=2i,open=t,state="ajar" 1700000000000000000
 *   └──── measurement ────┘└── tags ──┘ └──────────────── fields ─────────────────┘ └── timestamp ──┘
 *
 * In names a backslash stands before a comma, an equals sign or a blank that belongs to the name; in quoted values
 * before a quote or a backslash. A quoted value may hold line ends: then the line goes on with the next one.
 *
 * Source: InfluxData, "Line protocol reference".
 */

import { MalformedInputError } from "../../model/errors.js";

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const CARRIAGE_RETURN = 0x0d;
const HASH = 0x23;

export class InfluxLine {
  /** Measurement and tags are bytes[headStart, headEnd). */
  headStart = 0;
  headEnd = 0;
  /** Field i: key start, key end, value start, value end. */
  readonly #fields: number[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  #timestampStart = 0;
  #timestampEnd = 0;

  get fieldCount(): number {
    return this.#fields.length / 4;
  }

  /**
   * Finds the parts. Returns "blank" for nothing and for a comment, and "unfinished" when the line ends within quotes.
   * Throws MalformedInputError.
   */
  scan(bytes: Buffer, lineStart: number, lineEnd: number): "line" | "blank" | "unfinished" {
    this.#bytes = bytes;
    this.#fields.length = 0;
    const end = lineEnd > lineStart && bytes[lineEnd - 1] === CARRIAGE_RETURN ? lineEnd - 1 : lineEnd;
    const start = skipSpaces(bytes, lineStart, end);
    if (start === end || bytes[start] === HASH) return "blank";
    this.headStart = start;
    this.headEnd = skipTo(bytes, start, end, SPACE);
    if (this.headEnd === end) throw new MalformedInputError("it has no fields");
    const fieldsEnd = this.#scanFields(skipSpaces(bytes, this.headEnd, end), end);
    if (fieldsEnd === undefined) return "unfinished";
    this.#timestampStart = skipSpaces(bytes, fieldsEnd, end);
    this.#timestampEnd = end;
    return "line";
  }

  /** The measurement and the tags, in the order of the line; a tag without a value is left out. */
  head(): { readonly measurement: string; readonly tags: readonly (readonly [string, string])[] } {
    const { headStart, headEnd } = this;
    const bytes = this.#bytes;
    const measurementEnd = skipTo(bytes, headStart, headEnd, COMMA);
    const measurement = nameText(bytes, headStart, measurementEnd);
    if (measurement === "") throw new MalformedInputError("it has no measurement");
    const tags: [string, string][] = [];
    for (let at = measurementEnd; at < headEnd; ) {
      const tagEnd = skipTo(bytes, at + 1, headEnd, COMMA);
      const equals = skipTo(bytes, at + 1, tagEnd, EQUALS);
      if (equals === tagEnd || equals === at + 1)
        throw new MalformedInputError(`"${nameText(bytes, at + 1, tagEnd)}" is no tag; a tag is NAME=VALUE`);
      const value = nameText(bytes, equals + 1, tagEnd);
      if (value !== "") tags.push([nameText(bytes, at + 1, equals), value]);
      at = tagEnd;
    }
    return { measurement, tags };
  }

  /** Of a field. */
  keyStart(field: number): number {
    return this.#fields[field * 4]!;
  }

  keyEnd(field: number): number {
    return this.#fields[field * 4 + 1]!;
  }

  fieldName(field: number): string {
    return nameText(this.#bytes, this.keyStart(field), this.keyEnd(field));
  }

  /** Undefined for text, which is no number. Throws MalformedInputError. */
  fieldValue(field: number): number | undefined {
    const start = this.#fields[field * 4 + 2]!;
    const end = this.#fields[field * 4 + 3]!;
    if (this.#bytes[start] === QUOTE) return undefined;
    return numberOf(this.#bytes.toString("latin1", start, end));
  }

  /** An integer as text; undefined when the line has none. Throws MalformedInputError. */
  timestamp(): string | undefined {
    if (this.#timestampStart === this.#timestampEnd) return undefined;
    const text = this.#bytes.toString("latin1", this.#timestampStart, this.#timestampEnd).trimEnd();
    if (/^-?\d{1,19}$/.test(text)) return text;
    throw new MalformedInputError(`"${text.slice(0, 60)}" is no timestamp`);
  }

  /** Returns where the fields end; undefined within quotes. */
  #scanFields(start: number, end: number): number | undefined {
    const bytes = this.#bytes;
    let at = start;
    while (true) {
      const equals = skipTo(bytes, at, end, EQUALS);
      if (equals === end || equals === at) throw new MalformedInputError("a field is NAME=VALUE");
      const valueStart = equals + 1;
      const valueEnd =
        bytes[valueStart] === QUOTE ? quoteEnd(bytes, valueStart, end) : plainEnd(bytes, valueStart, end);
      if (valueEnd === undefined) return undefined;
      this.#fields.push(at, equals, valueStart, valueEnd);
      if (valueEnd === end || bytes[valueEnd] === SPACE) return valueEnd;
      if (bytes[valueEnd] !== COMMA)
        throw new MalformedInputError("a quoted value must be followed by a comma or a blank");
      at = valueEnd + 1;
    }
  }
}

const floatPattern = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const integerPattern = /^[+-]?\d+[iu]$/;

function numberOf(text: string): number {
  if (floatPattern.test(text)) return Number(text);
  if (integerPattern.test(text)) return Number(text.slice(0, -1));
  switch (text) {
    case "t":
    case "T":
    case "true":
    case "True":
    case "TRUE":
      return 1;
    case "f":
    case "F":
    case "false":
    case "False":
    case "FALSE":
      return 0;
    default:
      throw new MalformedInputError(`"${text.slice(0, 60)}" is no value; text must be quoted`);
  }
}

/** The next `wanted` that no backslash stands before, else `end`. */
function skipTo(bytes: Buffer, start: number, end: number, wanted: number): number {
  for (let at = start; at < end; at++) {
    if (bytes[at] === wanted) return at;
    if (bytes[at] === BACKSLASH) at++;
  }
  return end;
}

function skipSpaces(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] === SPACE) at++;
  return at;
}

/** Behind the closing quote; undefined without one. */
function quoteEnd(bytes: Buffer, start: number, end: number): number | undefined {
  const quote = skipTo(bytes, start + 1, end, QUOTE);
  return quote < end ? quote + 1 : undefined;
}

function plainEnd(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== COMMA && bytes[at] !== SPACE) at++;
  return at;
}

function nameText(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString("utf8", start, end);
  return text.includes("\\") ? text.replace(/\\([,= \\])/g, "$1") : text;
}
