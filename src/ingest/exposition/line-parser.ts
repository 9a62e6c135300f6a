/**
 * LineParser: reads one line of an exposition and tells the visitor.
 *
 *   # HELP name text          # TYPE name counter          # UNIT name seconds     (UNIT: OpenMetrics)
 *   name{label="value"} 1.5 1700000000000                  milliseconds: Prometheus
 *   name{label="value"} 1.5 1700000000.123 # {trace_id="x"} 0.7 1700000000         seconds: OpenMetrics
 *   # EOF                                                  required at the end: OpenMetrics
 *
 * Where they differ: OpenMetrics has no empty lines, no other comments and no blanks but the one space between two
 * words; the Prometheus format has no exemplars. A carriage return before the line end is tolerated in both.
 */

import { isUtf8 } from "node:buffer";
import { MalformedInputError } from "../../model/errors.js";
import type { TimestampMs } from "../../model/sample.js";
import type { IngestLimits } from "../limits.js";
import type { ExpositionFormat } from "./exposition-format.js";
import type { ExpositionVisitor, MetricType } from "./exposition-visitor.js";
import { parseFloatBytes, parseIntegerBytes, parseSecondsBytes } from "./number-text.js";
import {
  kindOfType,
  METRIC_NAME_BYTES,
  SeriesScanner,
  skipBlanks,
  skipName,
  skipQuoted,
  unescapeText,
} from "./series-scanner.js";

const SPACE = 0x20;
const HASH = 0x23;
const QUOTE = 0x22;
const CARRIAGE_RETURN = 0x0d;

const prometheusTypes: ReadonlySet<string> = new Set<MetricType>([
  "counter",
  "gauge",
  "histogram",
  "summary",
  "untyped",
  "unknown",
]);
const openMetricsTypes: ReadonlySet<string> = new Set<MetricType>([
  "counter",
  "gauge",
  "histogram",
  "summary",
  "unknown",
  "gaugehistogram",
  "stateset",
  "info",
]);

export class LineParser {
  readonly #isOpenMetrics: boolean;
  readonly #visitor: ExpositionVisitor;
  readonly #series: SeriesScanner;
  readonly #exemplar: SeriesScanner;
  #line = 0;
  #ended = false;
  /** Why the number read last is none. */
  #reason = "";
  #value = 0;
  #time: TimestampMs | undefined;

  constructor(format: ExpositionFormat, limits: IngestLimits, visitor: ExpositionVisitor) {
    this.#isOpenMetrics = format === "openmetrics";
    this.#visitor = visitor;
    this.#series = new SeriesScanner(limits, this.#isOpenMetrics);
    this.#exemplar = new SeriesScanner(limits, this.#isOpenMetrics);
  }

  /** For callers that have passed over lines: the number of the last one, and of which kind the metric is by now. */
  goOn(line: number, kind: number): void {
    this.#line = line;
    this.#series.kind = kind;
  }

  /** Which label of the series on the next lines is a float: see SeriesScanner. */
  get kind(): number {
    return this.#series.kind;
  }

  /** Where the series of the sample stands that is being told. */
  get seriesStart(): number {
    return this.#series.start;
  }

  get seriesEnd(): number {
    return this.#series.end;
  }

  /** Whether there was a "# EOF". */
  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Reads bytes[start, end), a line without its line feed. The bytes are not kept. */
  parseLine(bytes: Buffer, start: number, end: number): void {
    this.#line++;
    const stop = end > start && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
    const reason = this.#readLine(bytes, start, stop);
    if (reason !== undefined) this.#malformed(reason);
  }

  /** Counts a line that was too long to be held. */
  refuseLine(reason: string): void {
    this.#line++;
    this.#malformed(reason);
  }

  /** To be called after the last line. */
  end(): void {
    if (!this.#isOpenMetrics || this.#ended) return;
    this.#line++;
    this.#malformed('the closing "# EOF" is missing: the text may be cut short');
  }

  #malformed(reason: string): void {
    if (this.#visitor.malformed === undefined)
      throw new MalformedInputError(`line ${this.#line}: ${reason}`, { line: this.#line });
    this.#visitor.malformed(this.#line, reason);
  }

  /** Like all that follow: returns why the line is malformed, or undefined when it is fine. */
  #readLine(bytes: Buffer, start: number, end: number): string | undefined {
    const position = skipBlanks(bytes, start, end);
    if (this.#isOpenMetrics) {
      if (this.#ended) return 'there is text after "# EOF"';
      if (position === end) return "an empty line";
      if (position !== start) return "blanks at the start of the line";
    }
    if (position === end) return undefined;
    return bytes[position] === HASH
      ? this.#readComment(bytes, position, end)
      : this.#readSample(bytes, position, end);
  }

  #readSample(bytes: Buffer, start: number, end: number): string | undefined {
    const series = this.#series;
    let position = series.scanSeries(bytes, start, end);
    if (position < 0) return series.reason;
    position = this.#readValue(bytes, position, end);
    if (position < 0) return this.#reason;
    const value = this.#value;
    this.#time = undefined;
    if (position < end && bytes[position] !== HASH) {
      position = this.#readTime(bytes, position, end);
      if (position < 0) return this.#reason;
    }
    const time = this.#time;
    const hasExemplar = position < end;
    if (hasExemplar) {
      if (!this.#isOpenMetrics || bytes[position] !== HASH) return unexpected(bytes, position, end);
      const reason = this.#readExemplar(bytes, position + 1, end);
      if (reason !== undefined) return reason;
    }
    this.#visitor.sample(series, value, time);
    if (hasExemplar) this.#visitor.exemplar?.(series, this.#exemplar, this.#value, this.#time);
    return undefined;
  }

  /** ` {labels} value` and perhaps a time, up to the end of the line. */
  #readExemplar(bytes: Buffer, start: number, end: number): string | undefined {
    if (bytes[start] !== SPACE) return "in the exemplar: expected a space after #";
    let position = this.#exemplar.scanLabels(bytes, start + 1, end);
    if (position < 0) return `in the exemplar: ${this.#exemplar.reason}`;
    position = this.#readValue(bytes, position, end);
    if (position < 0) return `in the exemplar: ${this.#reason}`;
    this.#time = undefined;
    if (position === end) return undefined;
    position = this.#readTime(bytes, position, end);
    if (position < 0) return `in the exemplar: ${this.#reason}`;
    return position === end ? undefined : unexpected(bytes, position, end);
  }

  /**
   * The start of the next word, or `end`: behind any blanks, but in OpenMetrics behind one space, after which there must
   * be a word. Sets `#reason` and returns -1 when there is something else.
   */
  #nextWord(bytes: Uint8Array, position: number, end: number): number {
    if (!this.#isOpenMetrics) return skipBlanks(bytes, position, end);
    if (position === end) return end;
    const next = position + 1;
    if (bytes[position] === SPACE && next < end && skipBlanks(bytes, next, end) === next) return next;
    this.#reason = "expected one space between two words";
    return -1;
  }

  /** Sets `#value` and returns the position of the next word, or sets `#reason` and returns -1. */
  #readValue(bytes: Buffer, position: number, end: number): number {
    const start = this.#nextWord(bytes, position, end);
    if (start < 0) return -1;
    const wordEnd = skipWord(bytes, start, end);
    const value = wordEnd === start ? undefined : parseFloatBytes(bytes, start, wordEnd);
    if (value === undefined) {
      this.#reason =
        wordEnd === start
          ? "the value is missing"
          : `the value ${quoteBytes(bytes, start, wordEnd)} is no number`;
      return -1;
    }
    this.#value = value;
    return this.#nextWord(bytes, wordEnd, end);
  }

  /** Sets `#time`; returns as `#readValue` does. */
  #readTime(bytes: Buffer, start: number, end: number): number {
    const wordEnd = skipWord(bytes, start, end);
    const parse = this.#isOpenMetrics ? parseSecondsBytes : parseIntegerBytes;
    this.#time = parse(bytes, start, wordEnd);
    if (this.#time === undefined || (!this.#isOpenMetrics && isBeyond64Bits(bytes, start, wordEnd))) {
      const unit = this.#isOpenMetrics ? "seconds" : "whole milliseconds of 64 bits";
      this.#reason = `the timestamp ${quoteBytes(bytes, start, wordEnd)} is not a number of ${unit}`;
      return -1;
    }
    return this.#nextWord(bytes, wordEnd, end);
  }

  #readComment(bytes: Buffer, start: number, end: number): string | undefined {
    const word = this.#isOpenMetrics
      ? start + Number(bytes[start + 1] === SPACE) + 1
      : skipBlanks(bytes, start + 1, end);
    const wordEnd = skipWord(bytes, word, end);
    // `#TYPE` without a blank is an ordinary comment, and so is a bare `# TYPE` in the Prometheus format.
    const keyword = word > start + 1 ? keywordAt(bytes, word, wordEnd) : undefined;
    const isMetadata =
      keyword === "TYPE" || keyword === "HELP" || (keyword === "UNIT" && this.#isOpenMetrics);
    if (isMetadata && (wordEnd < end || this.#isOpenMetrics))
      return this.#readMetadata(
        keyword,
        bytes,
        this.#isOpenMetrics ? Math.min(wordEnd + 1, end) : skipBlanks(bytes, wordEnd, end),
        end,
      );
    if (!this.#isOpenMetrics) return undefined;
    if (keyword !== "EOF" || wordEnd !== end)
      return "a comment that is none of # HELP, # TYPE, # UNIT, # EOF";
    this.#ended = true;
    return undefined;
  }

  /** Strings are decoded only for visitors that take them. */
  #readMetadata(
    keyword: "HELP" | "TYPE" | "UNIT",
    bytes: Buffer,
    start: number,
    end: number,
  ): string | undefined {
    const isQuoted = start < end && bytes[start] === QUOTE;
    const nameEnd = isQuoted ? skipQuoted(bytes, start, end) : skipName(bytes, start, end, METRIC_NAME_BYTES);
    if (nameEnd <= start + (isQuoted ? 2 : 0)) return `expected a metric name after # ${keyword}`;
    if (nameEnd < end && skipBlanks(bytes, nameEnd, end) === nameEnd) return unexpected(bytes, nameEnd, end);
    if (nameEnd === end && this.#isOpenMetrics) return "expected a space and a text after the metric name";
    const textStart = this.#isOpenMetrics ? nameEnd + 1 : skipBlanks(bytes, nameEnd, end);
    const metricName = (): string =>
      isQuoted
        ? unescapeText(bytes.toString("utf8", start + 1, nameEnd - 1))
        : bytes.toString("latin1", start, nameEnd);
    const text = bytes.subarray(textStart, end);
    if (keyword === "TYPE") return this.#readType(metricName, text.toString());
    if (keyword === "HELP" && !isUtf8(text)) return "the help is not valid UTF-8";
    if (keyword === "UNIT" && text.length > 0 && !metricName().endsWith(`_${text}`))
      return "the unit is not the end of the metric name";
    // An optional call does not evaluate its arguments when there is nothing to call.
    if (keyword === "UNIT") this.#visitor.unit?.(metricName(), text.toString());
    else this.#visitor.help?.(metricName(), helpText(text.toString(), this.#isOpenMetrics));
    return undefined;
  }

  #readType(metricName: () => string, written: string): string | undefined {
    const types = this.#isOpenMetrics ? openMetricsTypes : prometheusTypes;
    const text = this.#isOpenMetrics ? written : written.trimEnd();
    if (!types.has(text)) return `${JSON.stringify(text.slice(0, 40))} is no metric type`;
    const type = text as MetricType;
    this.#series.kind = kindOfType(type);
    this.#visitor.type?.(metricName(), type);
    return undefined;
  }
}

type Keyword = "HELP" | "TYPE" | "UNIT" | "EOF";
const keywords: readonly (readonly [Keyword, Buffer])[] = (["HELP", "TYPE", "UNIT", "EOF"] as const).map(
  (keyword) => [keyword, Buffer.from(keyword)],
);

function keywordAt(bytes: Uint8Array, start: number, end: number): Keyword | undefined {
  for (const [keyword, text] of keywords) {
    if (text.length === end - start && text.every((byte, i) => byte === bytes[start + i])) return keyword;
  }
  return undefined;
}

/** Help text knows `\\` and `\n`; `\"` in OpenMetrics only. */
function helpText(text: string, isOpenMetrics: boolean): string {
  return isOpenMetrics ? unescapeText(text) : unescapeText(text, "\\n");
}

function skipWord(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && bytes[i] !== 0x20 && bytes[i] !== 0x09) i++;
  return i;
}

/** Whether it is an integer that Prometheus cannot hold. */
function isBeyond64Bits(bytes: Buffer, start: number, end: number): boolean {
  if (end - start < 19) return false;
  const text = bytes.toString("latin1", start, end);
  return /^[+-]?\d+$/.test(text) && BigInt.asIntN(64, BigInt(text)) !== BigInt(text);
}

function unexpected(bytes: Buffer, start: number, end: number): string {
  return `did not expect ${quoteBytes(bytes, start, end)}`;
}

/** At most forty bytes of the text in quotes, for a reason. */
function quoteBytes(bytes: Buffer, start: number, end: number): string {
  const isCut = end > start + 40;
  return JSON.stringify(bytes.toString("utf8", start, isCut ? start + 40 : end) + (isCut ? "…" : ""));
}
