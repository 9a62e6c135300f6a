/**
 * pushExposition: a pushed text body into a Push, leniently: what is malformed or rejected is counted and named, the
 * rest is kept.
 *
 * Lines whose series is known are read by a kernel. LineParser reads all others, and makes them known.
 */

import { BODY_OPEN_METRICS, BODY_TEXT, COMMENT_OWNER } from "../../kernels/body-format.js";
import { KIND_KEPT } from "../../kernels/exposition-format.js";
import type { TimestampMs } from "../../model/sample.js";
import type { ExpositionFormat } from "../exposition/exposition-format.js";
import type { ExpositionVisitor, MetricType, SeriesText } from "../exposition/exposition-visitor.js";
import { LineParser } from "../exposition/line-parser.js";
import { lineTooLong } from "../exposition/parse-exposition.js";
import { skipBlanks } from "../exposition/series-scanner.js";
import { type KnownLines, LineStream, type LineVisitor } from "../line-stream.js";
import { NO_NUMBER } from "./byte-keys.js";
import { KnownScan } from "./known-scan.js";
import type { Push, PushResult } from "./push.js";
import type { BodyReader } from "./push-body.js";
import { pushRows } from "./push-row-body.js";
import { PushRows } from "./push-rows.js";
import { RowMemory } from "./row-memory.js";

const CARRIAGE_RETURN = 0x0d;
/** Bodies of an origin after which it tells again what its metrics are: what is told again is kept longer. */
const bodiesPerMetadata = 64;

/** See `pushBody`. */
export function pushExposition(
  source: AsyncIterable<Uint8Array>,
  { format, push, memory }: ExpositionBody,
): Promise<PushResult> {
  const rows = new PushRows(push, memory ?? new RowMemory(), memory !== undefined);
  return pushRows(source, push, rows, new TextReader(push, rows, format));
}

export interface ExpositionBody {
  readonly format: ExpositionFormat;
  readonly push: Push;
  /** Of earlier bodies of the same format. */
  readonly memory?: RowMemory;
}

/** Writes what is read to a push. Labels are built once per distinct text of a series. */
class TextReader implements BodyReader, LineVisitor, KnownLines, ExpositionVisitor {
  readonly #push: Push;
  readonly #rows: PushRows;
  readonly #parser: LineParser;
  readonly #lines: LineStream;
  readonly #scan: KnownScan;
  readonly #tellsMetadata: boolean;
  readonly #lineSizeMax: number;
  #number = 0;
  /** Which label of the series on the next lines is a float: see SeriesScanner. */
  #kind = 0;
  /** What the line was that was read last: no sample, and well-formed. */
  #isComment = false;
  #isType = false;
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(push: Push, rows: PushRows, format: ExpositionFormat) {
    const { limits } = push;
    this.#push = push;
    this.#rows = rows;
    this.#lineSizeMax = limits.lineSizeBytes;
    this.#parser = new LineParser(format, limits, this);
    this.#scan = new KnownScan(rows, {
      format: format === "openmetrics" ? BODY_OPEN_METRICS : BODY_TEXT,
      sizeMax: limits.lineSizeBytes,
    });
    this.#lines = new LineStream(limits.lineSizeBytes, this, this);
    this.#tellsMetadata = rows.bodies % bodiesPerMetadata === 1;
  }

  write(piece: Uint8Array): void {
    this.#lines.write(piece);
  }

  end(): void {
    this.#lines.end();
    this.#parser.goOn(this.#number, this.#kind);
    this.#parser.end();
  }

  begin(bytes: Buffer, start: number, end: number): void {
    this.#scan.begin(bytes, start, end, this.#rows.owner);
  }

  read(at: number): number {
    if (this.#parser.hasEnded) return at;
    const stop = this.#scan.read(at, { kind: this.#kind, tellComments: this.#tellsMetadata });
    if (stop === at) return at;
    this.#kind = this.#scan.kind;
    this.#number += this.#scan.lines;
    return stop;
  }

  line(bytes: Buffer, start: number, end: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    const parser = this.#parser;
    parser.goOn(this.#number++, this.#kind);
    this.#isComment = true;
    this.#isType = false;
    parser.parseLine(bytes, start, end);
    this.#kind = parser.kind;
    if (this.#isComment && !parser.hasEnded) this.#rememberComment(start, end);
  }

  longLine(): void {
    this.#parser.goOn(this.#number++, this.#kind);
    this.#parser.refuseLine(lineTooLong(this.#lineSizeMax));
  }

  sample(text: SeriesText, value: number, time: TimestampMs | undefined): void {
    this.#isComment = false;
    const rows = this.#rows;
    const { seriesStart, seriesEnd } = this.#parser;
    const owner = rows.owner + this.#kind;
    let number = rows.find(owner, this.#view, seriesStart, seriesEnd);
    if (number === NO_NUMBER) {
      number = rows.take(text.labels());
      rows.remember(owner, this.#view, seriesStart, seriesEnd, number);
    }
    rows.append(number, time, value);
  }

  exemplar(): void {
    this.#push.notStored("exemplar", 1);
  }

  type(metricName: string, type: MetricType): void {
    this.#isType = true;
    this.#push.metadata(metricName, { type: type === "untyped" ? "unknown" : type });
  }

  help(metricName: string, help: string): void {
    this.#push.metadata(metricName, { help });
  }

  unit(metricName: string, unit: string): void {
    this.#push.metadata(metricName, { unit });
  }

  malformed(line: number, reason: string): void {
    this.#isComment = false;
    this.#push.malformed(line, reason);
  }

  /** A line of nothing but blanks is none. */
  #rememberComment(lineStart: number, lineEnd: number): void {
    const rows = this.#rows;
    const end = lineEnd > lineStart && this.#bytes[lineEnd - 1] === CARRIAGE_RETURN ? lineEnd - 1 : lineEnd;
    const start = skipBlanks(this.#bytes, lineStart, end);
    const owner = rows.owner + COMMENT_OWNER;
    if (rows.kernel === undefined || start === end) return;
    if (rows.find(owner, this.#view, start, end) !== NO_NUMBER) return;
    rows.rememberOwner(owner, this.#view, start, end, this.#isType ? this.#kind : KIND_KEPT);
  }
}
