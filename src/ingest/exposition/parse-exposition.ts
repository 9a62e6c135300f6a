/**
 * parseExposition and ExpositionStream: an exposition, whole or in chunks of any size, read line by line.
 *
 * Strict or lenient is the visitor's choice: see ExpositionVisitor.malformed.
 */

import { defaultIngestLimits, type IngestLimits } from "../limits.js";
import type { ExpositionFormat } from "./exposition-format.js";
import type { ExpositionVisitor } from "./exposition-visitor.js";
import { LineParser } from "./line-parser.js";

export interface ExpositionOptions {
  readonly format: ExpositionFormat;
  readonly limits?: IngestLimits;
}

/** Reads a whole exposition. The last line needs no line feed. */
export function parseExposition(
  bytes: Uint8Array,
  options: ExpositionOptions,
  visitor: ExpositionVisitor,
): void {
  const stream = new ExpositionStream(options, visitor);
  stream.write(bytes);
  stream.end();
}

const LINE_FEED = 0x0a;
const emptyBytes = Buffer.alloc(0);

/** Reads chunks as they come; holds at most the one line that is not complete yet. */
export class ExpositionStream {
  readonly #lineSizeMax: number;
  readonly #parser: LineParser;
  /** The start of a line whose end has not come yet, in pieces. */
  #pieces: Buffer[] = [];
  #piecesSize = 0;
  /** The line being read is beyond the limit: its bytes are dropped until its end. */
  #isSkipping = false;

  constructor(options: ExpositionOptions, visitor: ExpositionVisitor) {
    const limits = options.limits ?? defaultIngestLimits;
    this.#lineSizeMax = limits.lineSizeBytes;
    this.#parser = new LineParser(options.format, limits, visitor);
  }

  /** Reads every line that is complete. The chunk is not kept. */
  write(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      if (this.#piecesSize === 0 && !this.#isSkipping) this.#parseLine(bytes, start, end);
      else {
        this.#hold(bytes.subarray(start, end));
        this.#parseHeld();
      }
      start = end + 1;
    }
    if (start < bytes.length) this.#hold(Buffer.from(bytes.subarray(start)));
  }

  /** To be called once, after the last chunk. */
  end(): void {
    if (this.#piecesSize > 0 || this.#isSkipping) this.#parseHeld();
    this.#parser.end();
  }

  #parseLine(bytes: Buffer, start: number, end: number): void {
    if (end - start > this.#lineSizeMax) this.#refuseLine();
    else this.#parser.parseLine(bytes, start, end);
  }

  #hold(piece: Buffer): void {
    if (this.#isSkipping) return;
    this.#piecesSize += piece.length;
    if (this.#piecesSize <= this.#lineSizeMax) this.#pieces.push(piece);
    else {
      this.#isSkipping = true;
      this.#pieces = [];
    }
  }

  #parseHeld(): void {
    const line = this.#isSkipping ? emptyBytes : Buffer.concat(this.#pieces, this.#piecesSize);
    const isTooLong = this.#isSkipping;
    this.#pieces = [];
    this.#piecesSize = 0;
    this.#isSkipping = false;
    if (isTooLong) this.#refuseLine();
    else this.#parser.parseLine(line, 0, line.length);
  }

  #refuseLine(): void {
    this.#parser.refuseLine(lineTooLong(this.#lineSizeMax));
  }
}

export function lineTooLong(lineSizeMax: number): string {
  return `the line is longer than the limit lineSizeBytes of ${lineSizeMax} bytes`;
}
