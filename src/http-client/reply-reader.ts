/**
 * ReplyReader: one reply of HTTP/1.1 as it comes from its connection, in the form that servers give it as a rule. What is
 * in another form (extensions and trailers of chunks among it) is not judged here: it is "unusual", and somebody else may ask again and read it (`node:http`).
 *
 *   HTTP/1.1 200 OK                  a status that has a body and is no redirect; one value for each header that decides about the body
 *   Content-Length: 5                or Transfer-Encoding: chunked, or neither, and the body ends with the connection
 *
 * Source: RFC 9112.
 */

export interface ReplyHead {
  readonly statusCode: number;
  readonly statusMessage: string;
  /** By name in small letters; values that came several times are joined. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface ReplySink {
  /** Comes before the body. What it throws ends the reply. */
  head(head: ReplyHead): void;
  /** A piece of the body, borrowed for the call. What it throws ends the reply. */
  body(piece: Buffer): void;
}

export type ReplyState =
  | "head"
  | "length"
  | "chunk size"
  | "chunk"
  | "chunk end"
  | "last line"
  | "until the end"
  | "complete"
  | "unusual";

/** As node:http. */
const headSizeMaxBytes = 16 * 1024;
/** Of the line with the size of a chunk. */
const lineSizeMaxBytes = 16;
const LINE_FEED = 0x0a;
/** Of `HTTP/1.1`. */
const firstByte = 0x48;
const headEnd = Buffer.from("\r\n\r\n");
const noBytes = Buffer.alloc(0);

export class ReplyReader {
  readonly #sink: ReplySink;
  readonly #headLines: HeadLines;
  #state: ReplyState = "head";
  #held: Buffer = noBytes;
  /** Bytes of the body, or of the chunk, that are still to come. */
  #missing = 0;
  #line = "";
  #mayGoOn = false;

  /** `headLines` may be shared by many. */
  constructor(sink: ReplySink, headLines = new HeadLines()) {
    this.#sink = sink;
    this.#headLines = headLines;
  }

  get state(): ReplyState {
    return this.#state;
  }

  /** Whether another reply may come on the same connection, once this one is complete. */
  get mayGoOn(): boolean {
    return this.#mayGoOn;
  }

  /** Reads a piece, which is not kept. Throws what the sink throws. */
  read(piece: Buffer): void {
    let at = this.#state === "head" ? this.#readHead(piece) : 0;
    while (at < piece.length && this.#state !== "unusual") {
      if (this.#state === "complete") {
        // There is more than was asked for.
        this.#mayGoOn = false;
        return;
      }
      at = this.#readSome(piece, at);
    }
  }

  /** The server has ended the connection. */
  end(): void {
    if (this.#state === "until the end") this.#state = "complete";
  }

  #readSome(piece: Buffer, at: number): number {
    switch (this.#state) {
      case "length":
      case "chunk":
        return this.#readBody(piece, at);
      case "until the end":
        this.#sink.body(piece.subarray(at));
        return piece.length;
      default:
        return this.#readLine(piece, at);
    }
  }

  #readBody(piece: Buffer, at: number): number {
    const end = Math.min(piece.length, at + this.#missing);
    this.#missing -= end - at;
    this.#sink.body(at === 0 && end === piece.length ? piece : piece.subarray(at, end));
    if (this.#missing === 0) this.#state = this.#state === "chunk" ? "chunk end" : "complete";
    return end;
  }

  /** Lines between chunks. */
  #readLine(piece: Buffer, at: number): number {
    const lineFeed = piece.indexOf(LINE_FEED, at);
    const end = lineFeed < 0 ? piece.length : lineFeed + 1;
    this.#line += piece.toString("latin1", at, end);
    if (this.#line.length > lineSizeMaxBytes) this.#state = "unusual";
    else if (lineFeed >= 0) {
      const line = this.#line;
      this.#line = "";
      this.#state = line.endsWith("\r\n") ? this.#stateAfter(line.slice(0, -2)) : "unusual";
    }
    return end;
  }

  #stateAfter(line: string): ReplyState {
    if (this.#state === "chunk end") return line === "" ? "chunk size" : "unusual";
    if (this.#state === "last line") return line === "" ? "complete" : "unusual";
    if (!/^[0-9a-fA-F]{1,8}$/.test(line)) return "unusual";
    this.#missing = Number.parseInt(line, 16);
    return this.#missing === 0 ? "last line" : "chunk";
  }

  /** Returns where the body begins. */
  #readHead(piece: Buffer): number {
    const before = this.#held.length;
    const bytes = before === 0 ? piece : Buffer.concat([this.#held, piece]);
    const end = bytes.indexOf(headEnd, Math.max(0, before - 3));
    // What does not begin like HTTP may have no head at all.
    const isStrange = end < 0 && bytes.length > 0 && bytes[0] !== firstByte;
    if (isStrange || (end < 0 ? bytes.length : end) > headSizeMaxBytes) this.#state = "unusual";
    else if (end < 0) this.#held = before === 0 ? Buffer.from(bytes) : bytes;
    else {
      this.#held = noBytes;
      const head = parseHead(bytes.toString("latin1", 0, end), this.#headLines);
      this.#state = head === undefined ? "unusual" : this.#begin(head);
      if (head !== undefined && this.#state !== "unusual") this.#sink.head(head);
    }
    return end < 0 ? piece.length : end + headEnd.length - before;
  }

  #begin({ statusCode, headers, isVersion11 }: ParsedHead): ReplyState {
    const isUsual = (statusCode >= 200 && statusCode < 300 && statusCode !== 204) || statusCode >= 400;
    const length = headers.get("content-length");
    const encoding = headers.get("transfer-encoding");
    if (!isUsual || (length !== undefined && encoding !== undefined)) return "unusual";
    const connection = headers.get("connection")?.toLowerCase() ?? "";
    this.#mayGoOn = isVersion11 && (connection === "" || connection === "keep-alive");
    if (encoding !== undefined)
      return encoding.toLowerCase() === "chunked" && isVersion11 ? "chunk size" : "unusual";
    if (length === undefined) {
      this.#mayGoOn = false;
      return "until the end";
    }
    if (!/^\d{1,15}$/.test(length)) return "unusual";
    this.#missing = Number(length);
    return this.#missing === 0 ? "complete" : "length";
  }
}

type Header = readonly [name: string, value: string];

/** Such have another value each time. */
const changing: ReadonlySet<string> = new Set(["content-length", "date", "etag", "expires", "last-modified"]);
const linesMax = 128;

/** Lines of heads. Servers say the same of themselves again and again: what was read once is remembered. */
export class HeadLines {
  readonly #known = new Map<string, Header>();

  /** Name, in small letters, and value; undefined for what is no header in the usual form. */
  parse(line: string): Header | undefined {
    const known = this.#known.get(line);
    if (known !== undefined) return known;
    const match = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([\t -~\x80-\xff]*)$/.exec(line);
    if (match === null) return undefined;
    const header: Header = [match[1]!.toLowerCase(), match[2]!.trimEnd()];
    if (this.#known.size < linesMax && !changing.has(header[0])) this.#known.set(line, header);
    return header;
  }
}

interface ParsedHead extends ReplyHead {
  readonly isVersion11: boolean;
}

/** Undefined when something is unusual: a line that goes on on the next one, a name that is none. */
function parseHead(text: string, headLines: HeadLines): ParsedHead | undefined {
  const [statusLine = "", ...lines] = text.split("\r\n");
  const status = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: ([\t -~\x80-\xff]*))?$/.exec(statusLine);
  if (status === null) return undefined;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const header = headLines.parse(line);
    if (header === undefined) return undefined;
    const [name, value] = header;
    const known = headers.get(name);
    headers.set(name, known === undefined ? value : `${known}, ${value}`);
  }
  return {
    isVersion11: status[1] === "1",
    statusCode: Number(status[2]),
    statusMessage: status[3] ?? "",
    headers,
  };
}
