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

/** Reads those lines that are known, before the visitor gets the others. */
export interface KnownLines {
  /** The lines are bytes[start, end), which ends behind a line feed. They are borrowed until the next call of `begin`. */
  begin(bytes: Buffer, start: number, end: number): void;
  /** Reads lines from `at` on. Returns where the first line begins that it does not know. */
  read(at: number): number;
}

const LINE_FEED = 0x0a;
const lineFeed = Buffer.of(LINE_FEED);

export class LineStream {
  readonly #sizeMaxBytes: number;
  readonly #visitor: LineVisitor;
  readonly #known: KnownLines | undefined;
  #parts: Buffer[] = [];
  #heldBytes = 0;

  constructor(sizeMaxBytes: number, visitor: LineVisitor, known?: KnownLines) {
    this.#sizeMaxBytes = sizeMaxBytes;
    this.#visitor = visitor;
    this.#known = known;
  }

  /** Whether the last line has not ended. */
  get holdsLine(): boolean {
    return this.#heldBytes > 0;
  }

  /** The piece is not kept. */
  write(piece: Uint8Array): void {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    let start = 0;
    if (this.#heldBytes > 0) {
      const end = bytes.indexOf(LINE_FEED);
      if (end < 0) {
        this.#hold(Buffer.from(bytes));
        return;
      }
      this.#hold(bytes.subarray(0, end));
      this.#takeHeld();
      start = end + 1;
    }
    const stop = bytes.lastIndexOf(LINE_FEED) + 1;
    if (start < stop) this.#takeLines(bytes, start, stop);
    if (Math.max(start, stop) < bytes.length) this.#hold(Buffer.from(bytes.subarray(Math.max(start, stop))));
  }

  #takeLines(bytes: Buffer, start: number, stop: number): void {
    const known = this.#known;
    known?.begin(bytes, start, stop);
    for (let at = known?.read(start) ?? start; at < stop; ) {
      const end = bytes.indexOf(LINE_FEED, at);
      this.#take(bytes, at, end);
      at = known?.read(end + 1) ?? end + 1;
    }
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
    const line = isLong ? undefined : Buffer.concat([...this.#parts, lineFeed]);
    this.#parts = [];
    this.#heldBytes = 0;
    if (line === undefined) this.#visitor.longLine();
    else this.#takeLines(line, 0, line.length);
  }
}
