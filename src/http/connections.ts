/**
 * Connections: ends those that hold something and bring nothing: one that never says a word, a body that only drips, and at
 * the close of the server whatever has stopped moving.
 *
 * A body may take as long as it needs if it keeps up a modest mean rate after a first grace, so that an honest slow
 * link passes and a connection cannot be held for the price of a byte now and then. How long headers may take, and how
 * long a connection may idle between requests, is Node's affair: see `connectionOptions`.
 */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { Server as TlsServer } from "node:tls";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../model/clock.js";
import { LimitExceededError } from "../model/errors.js";
import { encodeError } from "./envelope.js";

export interface ConnectionLimits {
  /** For the first byte of a connection: Node's own limits begin with it. */
  readonly firstByteMs: number;
  /** For the first bytes of a body. */
  readonly bodyGraceMs: number;
  /** In the mean, after the grace. */
  readonly bodyBytesPerSecond: number;
  /** At the close of the server, without a byte of the body. */
  readonly closingStallMs: number;
  /** At the close of the server, for all that is in flight. */
  readonly closingMs: number;
}

export const defaultConnectionLimits: ConnectionLimits = {
  firstByteMs: 20_000,
  bodyGraceMs: 20_000,
  bodyBytesPerSecond: 1024,
  closingStallMs: 2000,
  closingMs: 10_000,
};

/** Of Node's server. Between two requests a connection may idle for 72 s, as long as a client that pushes each minute. */
export const connectionOptions = { headersTimeout: 20_000, connectionsCheckingInterval: 5000 } as const;

/** Open at once; more are refused by closing them. */
const connectionsMax = 10_000;
const checkIntervalMs = 1000;

/** One connection, and the last of its requests. */
interface Connection {
  readonly socket: Socket;
  readonly openedAt: number;
  /** Whether nothing has come from it, as far as was looked. */
  isSilent: boolean;
  /** Begun and not answered. */
  underWay: number;
  /** The last one, while its body may be on its way. */
  upload: FastifyRequest | undefined;
  /** Of the last request. */
  reply: FastifyReply | undefined;
  start: number;
  startBytes: number;
  seenBytes: number;
  lastProgress: number;
}

/** To be called once, before the server listens. */
export function watchConnections(
  app: FastifyInstance,
  clock: Clock,
  limits: ConnectionLimits,
): ConnectionWatch {
  const watch = new ConnectionWatch(clock, limits);
  app.server.maxConnections = connectionsMax;
  const isTls = app.server instanceof TlsServer;
  app.server.on(isTls ? "secureConnection" : "connection", (socket: Socket) => watch.opened(socket));
  app.addHook("preClose", async () => watch.close());
  return watch;
}

export class ConnectionWatch {
  readonly #clock: Clock;
  readonly #limits: ConnectionLimits;
  /** The oldest first. */
  readonly #connections = new Map<Socket, Connection>();
  #isChecking = false;
  #closingSince: number | undefined;

  constructor(clock: Clock, limits: ConnectionLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  opened(socket: Socket): void {
    // One that begins anew: see handBack of routes/agent.ts.
    if (this.#connections.has(socket)) return;
    const openedAt = this.#clock.monotonic();
    this.#connections.set(socket, {
      ...{ socket, openedAt, isSilent: true, underWay: 0, upload: undefined, reply: undefined },
      ...{ start: 0, startBytes: 0, seenBytes: 0, lastProgress: 0 },
    });
    this.#scheduleCheck();
    socket.once("close", () => this.#connections.delete(socket));
  }

  /** To be called for each request, in the order of a connection. */
  began(request: FastifyRequest, reply: FastifyReply): void {
    const { socket } = request.raw;
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    connection.underWay++;
    connection.reply = reply;
    connection.upload = request;
    connection.start = this.#clock.monotonic();
    connection.startBytes = socket.bytesRead;
    connection.seenBytes = connection.startBytes;
    connection.lastProgress = connection.start;
    this.#scheduleCheck();
  }

  answered(request: FastifyRequest): void {
    const connection = this.#connections.get(request.raw.socket);
    if (connection === undefined) return;
    connection.underWay--;
    if (connection.upload === request) connection.upload = undefined;
    if (connection.reply?.request === request) connection.reply = undefined;
  }

  /**
   * What is between two requests, or has not begun one, ends now; what is in flight is given a little time, and ends with
   * its answer: else it would stay open until its client leaves.
   */
  close(): void {
    this.#closingSince = this.#clock.monotonic();
    for (const { socket, underWay, reply } of this.#connections.values()) {
      if (underWay === 0) socket.destroy();
      else reply?.header("connection", "close");
    }
    this.#scheduleCheck();
  }

  #scheduleCheck(): void {
    if (this.#isChecking) return;
    this.#isChecking = true;
    this.#clock.schedule(checkIntervalMs, () => {
      this.#isChecking = false;
      const now = this.#clock.monotonic();
      let isWatching = this.#closingSince !== undefined && this.#connections.size > 0;
      for (const connection of this.#connections.values()) {
        if (connection.isSilent) this.#checkSilent(connection, now);
        if (connection.upload !== undefined) this.#checkUpload(connection, connection.upload, now);
        if (this.#isOver(now)) connection.socket.destroy();
        isWatching ||= connection.isSilent || connection.upload !== undefined;
      }
      if (isWatching) this.#scheduleCheck();
    });
  }

  /** What has said something is not ours any more, whatever it said: it may speak another protocol by now. */
  #checkSilent(connection: Connection, now: number): void {
    const { socket, openedAt } = connection;
    if (now - openedAt < this.#limits.firstByteMs) return;
    connection.isSilent = false;
    if (socket.bytesRead === 0) socket.destroy();
  }

  #isOver(now: number): boolean {
    return this.#closingSince !== undefined && now - this.#closingSince >= this.#limits.closingMs;
  }

  #checkUpload(connection: Connection, { raw }: FastifyRequest, now: number): void {
    const { socket, start, startBytes } = connection;
    if (raw.complete) {
      connection.upload = undefined;
      return;
    }
    if (socket.bytesRead > connection.seenBytes) {
      connection.seenBytes = socket.bytesRead;
      connection.lastProgress = now;
    }
    const { bodyGraceMs, bodyBytesPerSecond, closingStallMs } = this.#limits;
    const allowedMs = bodyGraceMs + ((socket.bytesRead - startBytes) * 1000) / bodyBytesPerSecond;
    // A body that waits to be read is not late.
    const isOurTurn = raw.readableLength > 0;
    if (now - start > allowedMs && !isOurTurn)
      endUpload(socket, raw, `the body came more slowly than ${bodyBytesPerSecond} bytes a second`);
    else if (this.#closingSince !== undefined && now - connection.lastProgress >= closingStallMs)
      endUpload(socket, raw, "the server closes, and the body does not come");
  }
}

/** Answers on the bare connection, since the route still waits for the body; it then fails with the reason. */
function endUpload(socket: Socket, request: IncomingMessage, reason: string): void {
  const body = encodeError("timeout", reason);
  const head = `HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  if (socket.writable) socket.write(`${head}Connection: close\r\n\r\n${body}`);
  request.destroy(new LimitExceededError(reason));
}
