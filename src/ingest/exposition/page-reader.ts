/**
 * readPage: a whole page, its lines as far as they are known by the exposition kernel, the others by LineParser.
 *
 * Afterwards the kernel's rows are the samples of the page, in order. The page must have been entered in the kernel.
 */

import {
  KIND_KEPT,
  NONE,
  STOP_END,
  STOP_LINE,
  TEXT_SIZE_BYTES_MAX,
} from "../../kernels/exposition-format.js";
import type { ExpositionKernel } from "../../kernels/exposition-kernel.js";
import { LimitExceededError } from "../../model/errors.js";
import type { Labels } from "../../model/labels.js";
import { defaultIngestLimits, type IngestLimits } from "../limits.js";
import type { ExpositionFormat } from "./exposition-format.js";
import type { ExpositionVisitor, SeriesText } from "./exposition-visitor.js";
import { LineParser } from "./line-parser.js";
import { parseFloatBytes } from "./number-text.js";
import { lineTooLong } from "./parse-exposition.js";
import { SeriesScanner, skipBlanks } from "./series-scanner.js";

/** A page is held whole, twice. */
const pageSizeMaxBytes = 512 * 1024 * 1024;

/** `emptyLabels` as in SeriesText. */
export type StoredAs = (labels: Labels, emptyLabels: readonly string[]) => Labels | undefined;

/** What is not known of a page. */
export interface PageVisitor extends Pick<ExpositionVisitor, "refused" | "type" | "help" | "unit"> {
  /** What a series that is not known is stored as, undefined for not at all. What it throws ends the page. */
  storedAs: StoredAs;
  /** Such a series has become known, as this entry. */
  newSeries(entry: number, stored: Labels | undefined): void;
}

export interface PageReading {
  readonly kernel: ExpositionKernel;
  readonly format: ExpositionFormat;
  /** Whether what is said of metrics is told, though it was told before. */
  readonly tellMetadata: boolean;
  readonly visitor: PageVisitor;
  readonly limits?: IngestLimits;
}

/** Throws MalformedInputError at the first line that is malformed, and LimitExceededError when there is no room. */
export function readPage(bytes: Buffer, reading: PageReading): void {
  const { kernel, format, tellMetadata, limits = defaultIngestLimits } = reading;
  const isOpenMetrics = format === "openmetrics";
  const options = { isOpenMetrics, readComments: tellMetadata, lineSizeMax: limits.lineSizeBytes };
  // There must be no rows of another page when this one is not read at all.
  kernel.begin(0, options);
  if (bytes.length > pageSizeMaxBytes)
    throw new LimitExceededError(`the page has ${bytes.length} bytes, more than ${pageSizeMaxBytes}`);
  kernel.input(bytes.length).set(bytes);
  kernel.begin(bytes.length, options);
  /** Most pages have none. */
  let lines: UnknownLines | undefined;
  for (let stop = kernel.read(); stop !== STOP_END; stop = kernel.read()) {
    const value = stop === STOP_LINE ? undefined : parseFloatBytes(bytes, kernel.valueStart, kernel.valueEnd);
    if (value !== undefined) kernel.takeValue(value);
    else {
      lines ??= new UnknownLines(bytes, reading);
      lines.read();
    }
  }
  // A page in text ends anywhere.
  if (isOpenMetrics) lines ??= new UnknownLines(bytes, reading);
  lines?.end();
}

/** Reads the line at which the kernel stopped. */
class UnknownLines {
  readonly #bytes: Buffer;
  readonly #kernel: ExpositionKernel;
  readonly #lineSizeMax: number;
  readonly #parser: LineParser;
  /** What the line was that was read last. */
  #isSample = false;
  #isType = false;

  constructor(bytes: Buffer, { kernel, format, visitor, limits = defaultIngestLimits }: PageReading) {
    this.#bytes = bytes;
    this.#kernel = kernel;
    this.#lineSizeMax = limits.lineSizeBytes;
    this.#parser = new LineParser(format, limits, {
      sample: (series, value, time) => {
        this.#isSample = true;
        const start = this.#parser.seriesStart;
        const sizeBytes = this.#parser.seriesEnd - start;
        let entry = kernel.find(start, sizeBytes);
        if (entry === NONE) entry = addSeries(kernel, visitor, { series, start, sizeBytes });
        kernel.addRow(entry, value, time ?? Number.NaN);
      },
      type: (name, type) => {
        this.#isType = true;
        visitor.type?.(name, type);
      },
      ...(visitor.help && { help: visitor.help }),
      ...(visitor.unit && { unit: visitor.unit }),
    });
  }

  read(): void {
    const { lineStart, lineEnd, kind, line } = this.#kernel;
    const parser = this.#parser;
    parser.goOn(line - 1, kind);
    this.#isSample = false;
    this.#isType = false;
    if (lineEnd - lineStart > this.#lineSizeMax) parser.refuseLine(lineTooLong(this.#lineSizeMax));
    parser.parseLine(this.#bytes, lineStart, lineEnd);
    if (parser.hasEnded) this.#readRest(lineEnd + 1);
    else if (!this.#isSample) this.#keepComment(lineStart, lineEnd);
  }

  end(): void {
    this.#parser.goOn(this.#kernel.line, this.#kernel.kind);
    this.#parser.end();
  }

  /** Of a comment that was well-formed; a line of nothing but blanks is none. */
  #keepComment(lineStart: number, lineEnd: number): void {
    const stop = lineEnd > lineStart && this.#bytes[lineEnd - 1] === 0x0d ? lineEnd - 1 : lineEnd;
    const start = skipBlanks(this.#bytes, lineStart, stop);
    if (start < stop)
      this.#kernel.addComment(start, stop - start, this.#isType ? this.#parser.kind : KIND_KEPT);
  }

  /** Behind the end nothing may come. */
  #readRest(start: number): void {
    if (start < this.#bytes.length) this.#parser.parseLine(this.#bytes, start, this.#bytes.length);
  }
}

/** A series whose text is known: see KnownText. */
export function seriesOfText(bytes: Uint8Array, kind: number): SeriesText {
  const scanner = new SeriesScanner(defaultIngestLimits, false);
  scanner.kind = kind;
  scanner.scanSeries(Buffer.from(bytes), 0, bytes.length);
  return scanner;
}

/** Of a series whose text stands at `start` of the page. */
export function addSeries(
  kernel: ExpositionKernel,
  visitor: Pick<PageVisitor, "storedAs" | "newSeries">,
  {
    series,
    start,
    sizeBytes,
  }: {
    readonly series: Pick<SeriesText, "labels" | "emptyLabels">;
    readonly start: number;
    readonly sizeBytes: number;
  },
): number {
  // Before it is known: one that is refused must be asked for again.
  const stored = visitor.storedAs(series.labels(), series.emptyLabels());
  const entry = kernel.add(start, sizeBytes);
  if (entry === NONE) throw noRoom(sizeBytes);
  visitor.newSeries(entry, stored);
  return entry;
}

function noRoom(sizeBytes: number): LimitExceededError {
  return new LimitExceededError(
    sizeBytes > TEXT_SIZE_BYTES_MAX
      ? `a series has a text of ${sizeBytes} bytes, more than ${TEXT_SIZE_BYTES_MAX}`
      : "the series of all targets take more memory than there is for them; scrape fewer of them",
  );
}
