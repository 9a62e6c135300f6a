/**
 * SeriesScanner: reads the series at the start of a line, checks it, and builds labels from it when asked.
 *
 *   name{label="value", "quoted.label"="value",}     legacy names need no quotes
 *   {"quoted.metric", label="value"}                 a quoted string alone in the braces is the metric name
 *   {trace_id="x"}                                   of an exemplar: no name
 *
 * Scanning allocates nothing: it notes where names and values lie. One scanner is reused for every line.
 *
 * Invariant: after a successful scan names are unique and valid, and the text is valid UTF-8.
 */

import { isUtf8 } from "node:buffer";
import { KIND_LE, KIND_PLAIN, KIND_QUANTILE } from "../../kernels/exposition-format.js";
import { formatFloat, parseFloatText } from "../../model/float-text.js";
import { Labels, METRIC_NAME } from "../../model/labels.js";
import { describeLimit, type IngestLimits } from "../limits.js";
import type { MetricType, SeriesText } from "./exposition-visitor.js";

const QUOTE = 0x22;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/** Classes of bytes in unquoted names: 1 in any name, 2 also at its start, 4 at any place of a metric name. */
export const LABEL_NAME_BYTES = 1 | 2;
export const METRIC_NAME_BYTES = LABEL_NAME_BYTES | 4;
const nameBytes = new Uint8Array(256);
for (let byte = 0x30; byte <= 0x39; byte++) nameBytes[byte] = 1;
for (let byte = 0x41; byte <= 0x5a; byte++) nameBytes[byte] = nameBytes[byte + 0x20] = 3;
nameBytes[0x5f] = 3;
nameBytes[0x3a] = 4;

const emptyBytes = Buffer.alloc(0);
const missingQuote = "a closing quote is missing";
const metricNameBytes = Buffer.from(METRIC_NAME);

const floatLabels: readonly (string | undefined)[] = [undefined, "le", "quantile"];

export function kindOfType(type: MetricType): number {
  return type === "histogram" ? KIND_LE : type === "summary" ? KIND_QUANTILE : KIND_PLAIN;
}

export class SeriesScanner implements SeriesText {
  /** Why the last scan failed. */
  reason = "";
  readonly #limits: IngestLimits;
  /** No blanks but in quotes. */
  readonly #isStrict: boolean;
  /** Per label: start and end of the name, start and end of the value; the metric name's "name" is [-1, -1). */
  readonly #places: Int32Array;
  /** Start and end of each name whose value is empty. */
  #emptyNames: number[] = [];
  #count = 0;
  #bytes: Buffer = emptyBytes;
  #start = 0;
  #end = 0;
  /**
   * Which label is a float: `le` of histograms and `quantile` of summaries are written as OpenMetrics writes floats (`1`
   * becomes `1.0`), as Prometheus 3 does, so that a target's series do not change with the format that it serves.
   */
  kind: number = KIND_PLAIN;
  /** Whether a label may be given twice. */
  #mayRepeat = false;

  constructor(limits: IngestLimits, isStrict: boolean) {
    this.#limits = limits;
    this.#isStrict = isStrict;
    this.#places = new Int32Array(4 * (limits.labelsMax + 1));
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  /** Reads a series from bytes[start, end). Returns the position after it, or -1: then `reason` says why. */
  scanSeries(bytes: Buffer, start: number, end: number): number {
    this.#begin(bytes, start);
    let position = start;
    if (bytes[start] !== OPENING_BRACE) {
      position = skipName(bytes, start, end, METRIC_NAME_BYTES);
      if (position === start) return this.#fail("expected a metric name");
      if (!this.#add(-1, -1, start, position)) return -1;
    }
    const brace = this.#skipBlanks(position, end);
    if (brace < end && bytes[brace] === OPENING_BRACE) {
      position = this.#scanBraces(brace, end);
      if (position < 0) return -1;
    }
    if (!this.#hasMetricName()) return this.#fail("the series has no metric name");
    return this.#finish(position);
  }

  /** Reads the label set of an exemplar: in braces, without a metric name. It is nobody's identity: repeats are let through. */
  scanLabels(bytes: Buffer, start: number, end: number): number {
    this.#begin(bytes, start, true);
    if (start >= end || bytes[start] !== OPENING_BRACE) return this.#fail("expected an opening brace");
    const position = this.#scanBraces(start, end);
    return position < 0 ? -1 : this.#finish(position);
  }

  key(): string {
    const text = this.#bytes.toString("latin1", this.#start, this.#end);
    return this.kind === KIND_PLAIN ? text : `${floatLabels[this.kind]}\0${text}`;
  }

  labels(): Labels {
    const pairs: [string, string][] = [];
    const floatLabel = floatLabels[this.kind];
    for (let i = 0; i < this.#count; i++) {
      const at = i * 4;
      const isMetricName = this.#places[at]! < 0;
      const name = isMetricName ? METRIC_NAME : this.#text(this.#places[at]!, this.#places[at + 1]!);
      const value = this.#text(this.#places[at + 2]!, this.#places[at + 3]!);
      pairs.push([name, name === floatLabel ? openMetricsFloat(value) : value]);
    }
    return Labels.from(pairs);
  }

  emptyLabels(): readonly string[] {
    const places = this.#emptyNames;
    return Array.from({ length: places.length / 2 }, (_, i) =>
      this.#text(places[2 * i]!, places[2 * i + 1]!),
    );
  }

  #begin(bytes: Buffer, start: number, mayRepeat = false): void {
    if (this.#emptyNames.length > 0) this.#emptyNames = [];
    this.#mayRepeat = mayRepeat;
    this.#bytes = bytes;
    this.#start = start;
    this.#count = 0;
  }

  #skipBlanks(position: number, end: number): number {
    return this.#isStrict ? position : skipBlanks(this.#bytes, position, end);
  }

  #finish(position: number): number {
    this.#end = position;
    if (
      hasHighByte(this.#bytes, this.#start, position) &&
      !isUtf8(this.#bytes.subarray(this.#start, position))
    )
      return this.#fail("the series is not valid UTF-8");
    return position;
  }

  #scanBraces(brace: number, end: number): number {
    const bytes = this.#bytes;
    let position = this.#skipBlanks(brace + 1, end);
    while (position < end && bytes[position] !== CLOSING_BRACE) {
      position = this.#scanEntry(position, end);
      if (position < 0) return -1;
      position = this.#skipBlanks(position, end);
      if (position < end && bytes[position] === COMMA) position = this.#skipBlanks(position + 1, end);
      else if (position < end && bytes[position] !== CLOSING_BRACE)
        return this.#fail("expected a comma or a closing brace after a label");
    }
    return position < end ? position + 1 : this.#fail("the closing brace is missing");
  }

  /** `name="value"`, or a quoted metric name alone. */
  #scanEntry(start: number, end: number): number {
    const bytes = this.#bytes;
    const quoted = bytes[start] === QUOTE;
    const nameEnd = quoted ? skipQuoted(bytes, start, end) : skipName(bytes, start, end, LABEL_NAME_BYTES);
    if (quoted && nameEnd === start) return this.#fail(missingQuote);
    const nameFrom = quoted ? start + 1 : start;
    const nameTo = quoted ? nameEnd - 1 : nameEnd;
    if (nameTo === nameFrom) return this.#fail("expected a label name");
    if (quoted && !this.#hasPlainEscapes(nameFrom, nameTo))
      return this.#fail('a quoted name has an unknown escape; \\\\, \\" and \\n are known');
    let position = this.#skipBlanks(nameEnd, end);
    if (position >= end || bytes[position] !== EQUALS) {
      if (!quoted) return this.#fail("expected = after a label name");
      return this.#add(-1, -1, nameFrom, nameTo) ? nameEnd : -1;
    }
    position = this.#skipBlanks(position + 1, end);
    if (position >= end || bytes[position] !== QUOTE) return this.#fail("expected a quoted label value");
    const valueEnd = skipQuoted(bytes, position, end);
    if (valueEnd === position) return this.#fail(missingQuote);
    return this.#add(nameFrom, nameTo, position + 1, valueEnd - 1) ? valueEnd : -1;
  }

  /** Unknown escapes stand for themselves in values; in names they would make two spellings of one name. */
  #hasPlainEscapes(start: number, end: number): boolean {
    for (let i = start; i < end; i++) {
      if (this.#bytes[i] !== BACKSLASH) continue;
      const escaped = this.#bytes[++i];
      if (escaped !== BACKSLASH && escaped !== QUOTE && escaped !== 0x6e) return false;
    }
    return true;
  }

  #add(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): boolean {
    const limits = this.#limits;
    if (this.#count >= limits.labelsMax)
      return this.#refuse(describeLimit("the series", this.#count + 1, limits, "labelsMax"));
    if (nameEnd - nameStart > limits.labelNameSizeBytes)
      return this.#refuse(describeLimit("a label name", nameEnd - nameStart, limits, "labelNameSizeBytes"));
    if (valueEnd - valueStart > limits.labelValueSizeBytes)
      return this.#refuse(
        describeLimit("a label value", valueEnd - valueStart, limits, "labelValueSizeBytes"),
      );
    // `{__name__="x"}` is another way to write the metric name.
    const isMetricName = nameStart < 0 || this.#equals(nameStart, nameEnd, metricNameBytes);
    // An empty value says that there is no such label.
    if (valueEnd === valueStart && !isMetricName) {
      this.#emptyNames.push(nameStart, nameEnd);
      return true;
    }
    const at = this.#count * 4;
    for (let other = 0; other < at && !this.#mayRepeat; other += 4) {
      if (isMetricName ? this.#places[other]! < 0 : this.#hasName(other, nameStart, nameEnd))
        return this.#refuse(
          isMetricName
            ? "the metric name is given twice"
            : `the label "${this.#text(nameStart, nameEnd)}" is given twice`,
        );
    }
    this.#places[at] = isMetricName ? -1 : nameStart;
    this.#places[at + 1] = isMetricName ? -1 : nameEnd;
    this.#places[at + 2] = valueStart;
    this.#places[at + 3] = valueEnd;
    this.#count++;
    return true;
  }

  #hasName(at: number, start: number, end: number): boolean {
    const otherStart = this.#places[at]!;
    if (this.#places[at + 1]! - otherStart !== end - start) return false;
    for (let i = 0; i < end - start; i++) {
      if (this.#bytes[otherStart + i] !== this.#bytes[start + i]) return false;
    }
    return true;
  }

  #equals(start: number, end: number, text: Uint8Array): boolean {
    if (end - start !== text.length) return false;
    for (let i = 0; i < text.length; i++) if (this.#bytes[start + i] !== text[i]) return false;
    return true;
  }

  #hasMetricName(): boolean {
    for (let at = 0; at < this.#count * 4; at += 4) {
      if (this.#places[at]! < 0) return this.#places[at + 3]! > this.#places[at + 2]!;
    }
    return false;
  }

  #text(start: number, end: number): string {
    return unescapeText(this.#bytes.toString("utf8", start, end));
  }

  #fail(reason: string): -1 {
    this.reason = reason;
    return -1;
  }

  #refuse(reason: string): false {
    this.reason = reason;
    return false;
  }
}

/** `\\`, `\"` and `\n` decoded, or those of them that are `known`; any other backslash stands for itself. */
export function unescapeText(text: string, known = '\\"n'): string {
  let backslash = text.indexOf("\\");
  if (backslash < 0) return text;
  let result = "";
  let copied = 0;
  for (; backslash >= 0 && backslash + 1 < text.length; backslash = text.indexOf("\\", copied)) {
    const next = text[backslash + 1]!;
    const decoded = !known.includes(next) ? `\\${next}` : next === "n" ? "\n" : next;
    result += text.slice(copied, backslash) + decoded;
    copied = backslash + 2;
  }
  return result + text.slice(copied);
}

export function skipBlanks(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && (bytes[i] === 0x20 || bytes[i] === 0x09)) i++;
  return i;
}

/** Past an unquoted name of the given classes of bytes; `start` itself when there is none. */
export function skipName(bytes: Uint8Array, start: number, end: number, classes: number): number {
  if (start >= end || (nameBytes[bytes[start]!]! & classes & ~1) === 0) return start;
  let i = start + 1;
  while (i < end && (nameBytes[bytes[i]!]! & classes) !== 0) i++;
  return i;
}

/** Past the closing quote of the string that opens at `quote`; `quote` itself when there is none. */
export function skipQuoted(bytes: Uint8Array, quote: number, end: number): number {
  for (let i = quote + 1; i < end; i++) {
    if (bytes[i] === QUOTE) return i + 1;
    if (bytes[i] === BACKSLASH) i++;
  }
  return quote;
}

function hasHighByte(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! >= 0x80) return true;
  return false;
}

/** As Go's shortest form, but always with a point or an exponent: `1.0`, `0.5`, `1e+06`, `+Inf`. */
export function openMetricsFloat(text: string): string {
  const value = parseFloatText(text);
  if (value === undefined) return text;
  const written = formatFloat(value);
  return /^-?\d+$/.test(written) ? `${written}.0` : written;
}
