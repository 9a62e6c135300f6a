/**
 * LineStream: cuts a body into lines as it arrives. A line ends before its line feed; the last one needs none.
 *
 * Invariant: at most `sizeMaxBytes` of a line whose end has not come are held; of a longer line nothing is.
 */

export interface LineVisitor {
  /** The line is bytes[start, end), borrowed until this returns. */
  line(bytes: Buffer, start: number, end: number): void;
  /** A line that was longer than the limit, in its place. */
  longLine(): void;
}

const LINE_FEED = 0x0a;

export class LineStream {
  readonly #sizeMaxBytes: number;
  readonly #visitor: LineVisitor;
  #parts: Buffer[] = [];
  #heldBytes = 0;

  constructor(sizeMaxBytes: number, visitor: LineVisitor) {
    this.#sizeMaxBytes = sizeMaxBytes;
    this.#visitor = visitor;
  }

  /** Whether the last line has not ended. */
  get holdsLine(): boolean {
    return this.#heldBytes > 0;
  }

  /** The piece is not kept. */
  write(piece: Uint8Array): void {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      if (this.#heldBytes === 0) this.#take(bytes, start, end);
      else {
        this.#hold(bytes.subarray(start, end));
        this.#takeHeld();
      }
      start = end + 1;
    }
    if (start < bytes.length) this.#hold(Buffer.from(bytes.subarray(start)));
  }

  /** Behind the last piece. */
  end(): void {
    if (this.#heldBytes > 0) this.#takeHeld();
  }

  #take(bytes: Buffer, start: number, end: number): void {
    if (end - start > this.#sizeMaxBytes) this.#visitor.longLine();
    else this.#visitor.line(bytes, start, end);
  }

  #hold(part: Buffer): void {
    this.#heldBytes += part.length;
    if (this.#heldBytes <= this.#sizeMaxBytes) this.#parts.push(part);
    else this.#parts = [];
  }

  #takeHeld(): void {
    const isLong = this.#heldBytes > this.#sizeMaxBytes;
    const line = isLong ? undefined : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#heldBytes = 0;
    if (line === undefined) this.#visitor.longLine();
    else this.#visitor.line(line, 0, line.length);
  }
}
