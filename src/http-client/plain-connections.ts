/**
 * PlainConnections: pages over HTTP/1.1 without encryption, from connections that are kept, with as little as possible
 * between the socket and who wants the page: bytes are read into one buffer for all connections and handed on from there.
 * That takes a quarter of the time that `node:http` takes, which most of a scrape's time was.
 *
 * Only what is usual is done here: see ReplyReader. The rest is left to `node:http`.
 */

import { connect, type Socket } from "node:net";
import type { Clock } from "../model/clock.js";
import { UnavailableError } from "../model/errors.js";
import { HeadLines, type ReplyHead, ReplyReader, type ReplySink } from "./reply-reader.js";
import { cutShort } from "./response-body.js";

/** A request on its way. */
export interface PlainExchange {
  /**
   * Resolves when all of the reply was handed on; false when it is unusual, so that it must be asked for in another way.
   * Rejects with what the sink threw, or with the system's error.
   */
  readonly finished: Promise<boolean>;
  /** Ends it, if it has not ended: `finished` rejects. */
  abort(): void;
}

/** What is asked for, again and again. */
export class PlainRequest {
  readonly host: string;
  readonly port: number;
  readonly hostname: string;
  readonly text: string;
  /** A reply was in a form that is not read here: another way is to be taken. */
  isUnusual = false;
  readonly #connections: PlainConnections;

  /** `headers` have no line breaks. */
  constructor(connections: PlainConnections, url: URL, headers: Readonly<Record<string, string>>) {
    this.#connections = connections;
    this.host = url.host;
    this.hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
    this.port = url.port === "" ? 80 : Number(url.port);
    this.text = requestText(url, headers);
  }

  send(sink: ReplySink): PlainExchange {
    return this.#connections.get(this, sink);
  }
}

interface Connection {
  readonly socket: Socket;
  exchange: Exchange | undefined;
  /** By the monotonic clock. */
  idleUntil: number;
}

/** An idle connection is used no more after five minutes, as in Prometheus, or shortly before the server ends it. */
const idleMaxMs = 5 * 60_000;
const serverMarginMs = 1000;
const readSizeBytes = 128 * 1024;
/** Connections that were idle may have been closed by the server the moment they were used. */
const reusedConnectionsMax = 5;

export class PlainConnections {
  readonly #clock: Clock;
  /** What a connection reads is handed on before another one reads. */
  readonly #buffer = Buffer.allocUnsafeSlow(readSizeBytes);
  /** By host and port. The one used last comes last. */
  readonly #idle = new Map<string, Connection[]>();
  readonly #open = new Set<Connection>();
  readonly #headLines = new HeadLines();
  #sweptAt = 0;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(request: PlainRequest, sink: ReplySink): PlainExchange {
    return new Exchange(request, this.#headLines, sink, (exchange, isFresh) =>
      this.#connect(request, exchange, isFresh),
    );
  }

  /** Ends all connections, those in use too. */
  close(): void {
    this.#isClosed = true;
    for (const { socket } of this.#open) socket.destroy();
    this.#open.clear();
    this.#idle.clear();
  }

  /** A connection for the exchange; returns whether it was used before. */
  #connect(
    request: PlainRequest,
    exchange: Exchange,
    isFresh: boolean,
  ): { connection: Connection; isReused: boolean } {
    const known = isFresh ? undefined : this.#takeIdle(request.host);
    const connection = known ?? this.#dial(request);
    connection.exchange = exchange;
    if (this.#isClosed) connection.socket.destroy();
    return { connection, isReused: known !== undefined };
  }

  #takeIdle(host: string): Connection | undefined {
    const idle = this.#idle.get(host);
    const now = this.#clock.monotonic();
    for (let known = idle?.pop(); known !== undefined; known = idle?.pop()) {
      if (idle!.length === 0) this.#idle.delete(host);
      if (known.idleUntil > now) {
        known.socket.ref();
        return known;
      }
      known.socket.destroy();
    }
    return undefined;
  }

  #dial({ host, hostname, port }: PlainRequest): Connection {
    let connection: Connection;
    const socket = connect({
      host: hostname,
      port,
      noDelay: true,
      keepAlive: true,
      onread: {
        buffer: this.#buffer,
        callback: (sizeBytes, buffer) => {
          const { exchange } = connection;
          // Nobody has asked for that.
          if (exchange === undefined) socket.destroy();
          else if (exchange.read(buffer.subarray(0, sizeBytes) as Buffer))
            this.#giveBack(host, connection, exchange);
          return true;
        },
      },
    });
    connection = { socket, exchange: undefined, idleUntil: 0 };
    this.#open.add(connection);
    let failure: Error | undefined;
    socket.on("error", (error) => {
      failure = error;
    });
    socket.on("close", () => {
      this.#forget(host, connection);
      connection.exchange?.disconnected(failure);
    });
    return connection;
  }

  /** The exchange is over. */
  #giveBack(host: string, connection: Connection, { mayGoOn, serverIdleMs }: Exchange): void {
    connection.exchange = undefined;
    const now = this.#clock.monotonic();
    connection.idleUntil = now + Math.min(idleMaxMs, serverIdleMs - serverMarginMs);
    if (!mayGoOn || connection.idleUntil <= now) {
      connection.socket.destroy();
      return;
    }
    connection.socket.unref();
    const idle = this.#idle.get(host);
    if (idle === undefined) this.#idle.set(host, [connection]);
    else idle.push(connection);
    if (now - this.#sweptAt > idleMaxMs) this.#sweep(now);
  }

  /** Ends connections that nobody has taken in their time. */
  #sweep(now: number): void {
    this.#sweptAt = now;
    for (const connections of this.#idle.values())
      for (const { socket, idleUntil } of connections) if (idleUntil <= now) socket.destroy();
  }

  #forget(host: string, connection: Connection): void {
    this.#open.delete(connection);
    const others = this.#idle.get(host)?.filter((other) => other !== connection) ?? [];
    if (others.length > 0) this.#idle.set(host, others);
    else this.#idle.delete(host);
  }
}

type Connect = (exchange: Exchange, isFresh: boolean) => { connection: Connection; isReused: boolean };

class Exchange implements PlainExchange {
  readonly finished: Promise<boolean>;
  readonly #request: PlainRequest;
  readonly #connect: Connect;
  readonly #reader: ReplyReader;
  #connection: Connection | undefined;
  #isReused = false;
  #attempts = 0;
  #hasBegun = false;
  #isOver = false;
  #serverIdleMs = Number.POSITIVE_INFINITY;
  #resolve!: (isUsual: boolean) => void;
  #reject!: (error: unknown) => void;

  constructor(request: PlainRequest, headLines: HeadLines, sink: ReplySink, connect: Connect) {
    this.#request = request;
    this.#connect = connect;
    const head = (head: ReplyHead) => {
      const hint = /(?:^|[,;\s])timeout=(\d+)/.exec(head.headers.get("keep-alive") ?? "")?.[1];
      if (hint !== undefined) this.#serverIdleMs = Number(hint) * 1000;
      sink.head(head);
    };
    this.#reader = new ReplyReader({ head, body: (piece) => sink.body(piece) }, headLines);
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#send();
  }

  get mayGoOn(): boolean {
    return this.#reader.state === "complete" && this.#reader.mayGoOn;
  }

  /** As far as the server says how long it keeps a connection. */
  get serverIdleMs(): number {
    return this.#serverIdleMs;
  }

  abort(): void {
    this.#end(() => this.#reject(new UnavailableError("the request was given up")));
    this.#connection?.socket.destroy();
  }

  /** Returns whether it is over. */
  read(piece: Buffer): boolean {
    if (this.#isOver) return true;
    this.#hasBegun = true;
    try {
      this.#reader.read(piece);
    } catch (error) {
      this.#end(() => this.#reject(error));
      return true;
    }
    const { state } = this.#reader;
    if (state === "unusual") this.#request.isUnusual = true;
    if (state === "complete" || state === "unusual") this.#end(() => this.#resolve(state === "complete"));
    return this.#isOver;
  }

  disconnected(failure: Error | undefined): void {
    if (this.#isOver) return;
    if (this.#isReused && !this.#hasBegun) {
      this.#send();
      return;
    }
    if (failure === undefined) this.#reader.end();
    if (this.#reader.state === "complete") this.#end(() => this.#resolve(true));
    else {
      const reason = this.#hasBegun ? cutShort : "the target ended the connection without an answer";
      this.#end(() => this.#reject((!this.#hasBegun && failure) || new UnavailableError(reason)));
    }
  }

  #send(): void {
    this.#attempts++;
    const { connection, isReused } = this.#connect(this, this.#attempts > reusedConnectionsMax);
    this.#connection = connection;
    this.#isReused = isReused;
    connection.socket.write(this.#request.text, "latin1");
  }

  #end(settle: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    settle();
  }
}

function requestText(url: URL, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n${lines.join("")}\r\n`;
}
