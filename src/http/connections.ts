/**
 * Connections: ends those that hold something and bring nothing: one that never says a word, a body that only drips, and at
 * the close of the server whatever has stopped moving.
 *
 * A body may take as long as it needs if it keeps up a modest mean rate after a first grace, so that an honest slow
 * link passes and a connection cannot be held for the price of a byte now and then. How long headers may take, and how
 * long a connection may idle between requests, is Node's affair: see `connectionOptions`.
 */

import type { Socket } from "node:net";
import { Server as TlsServer } from "node:tls";
import type { FastifyInstance, FastifyRequest } from "fastify";
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

interface Upload {
  readonly request: FastifyRequest;
  readonly socket: Socket;
  readonly start: number;
  readonly startBytes: number;
  seenBytes: number;
  lastProgress: number;
}

/** To be called once, before the server listens. */
export function watchConnections(app: FastifyInstance, clock: Clock, limits: ConnectionLimits): void {
  const watch = new ConnectionWatch(clock, limits);
  app.server.maxConnections = connectionsMax;
  const isTls = app.server instanceof TlsServer;
  app.server.on(isTls ? "secureConnection" : "connection", (socket: Socket) => watch.opened(socket));
  app.addHook("onRequest", (request, _reply, done) => {
    watch.began(request);
    done();
  });
  app.addHook("onResponse", (request, _reply, done) => {
    watch.answered(request);
    done();
  });
  app.addHook("preClose", async () => watch.close());
}

class ConnectionWatch {
  readonly #clock: Clock;
  readonly #limits: ConnectionLimits;
  readonly #sockets = new Set<Socket>();
  /** By the connection; there is one request at a time on each. */
  readonly #uploads = new Map<Socket, Upload>();
  readonly #busy = new Set<Socket>();
  /** Those from which nothing has come, the oldest first, with when they were opened. */
  readonly #silent = new Map<Socket, number>();
  #isChecking = false;
  #closingSince: number | undefined;

  constructor(clock: Clock, limits: ConnectionLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  opened(socket: Socket): void {
    // One that begins anew: see handBack of routes/agent.ts.
    if (this.#sockets.has(socket)) return;
    this.#sockets.add(socket);
    this.#silent.set(socket, this.#clock.monotonic());
    this.#scheduleCheck();
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#silent.delete(socket);
      this.#uploads.delete(socket);
      this.#busy.delete(socket);
    });
  }

  began(request: FastifyRequest): void {
    const { socket } = request.raw;
    if (!this.#sockets.has(socket)) return;
    this.#busy.add(socket);
    if (request.raw.complete) return;
    const start = this.#clock.monotonic();
    const startBytes = socket.bytesRead;
    this.#uploads.set(socket, {
      request,
      socket,
      start,
      startBytes,
      seenBytes: startBytes,
      lastProgress: start,
    });
    this.#scheduleCheck();
  }

  answered({ raw: { socket } }: FastifyRequest): void {
    this.#busy.delete(socket);
    this.#uploads.delete(socket);
  }

  /** What is between two requests, or has not begun one, ends now; what is in flight is given a little time. */
  close(): void {
    this.#closingSince = this.#clock.monotonic();
    for (const socket of this.#sockets) if (!this.#busy.has(socket)) socket.destroy();
    this.#scheduleCheck();
  }

  #scheduleCheck(): void {
    if (this.#isChecking) return;
    this.#isChecking = true;
    this.#clock.schedule(checkIntervalMs, () => {
      this.#isChecking = false;
      const now = this.#clock.monotonic();
      for (const upload of this.#uploads.values()) this.#checkUpload(upload, now);
      this.#endSilent(now);
      if (this.#isOver(now)) for (const socket of this.#sockets) socket.destroy();
      const isWatching = this.#uploads.size > 0 || this.#silent.size > 0;
      const goesOn = isWatching || (this.#closingSince !== undefined && this.#sockets.size > 0);
      if (goesOn) this.#scheduleCheck();
    });
  }

  /** What has said something is not ours any more, whatever it said: it may speak another protocol by now. */
  #endSilent(now: number): void {
    for (const [socket, openedAt] of this.#silent) {
      if (now - openedAt < this.#limits.firstByteMs) return;
      this.#silent.delete(socket);
      if (socket.bytesRead === 0) socket.destroy();
    }
  }

  #isOver(now: number): boolean {
    return this.#closingSince !== undefined && now - this.#closingSince >= this.#limits.closingMs;
  }

  #checkUpload(upload: Upload, now: number): void {
    const { request, socket, start, startBytes } = upload;
    if (request.raw.complete) {
      this.#uploads.delete(socket);
      return;
    }
    if (socket.bytesRead > upload.seenBytes) {
      upload.seenBytes = socket.bytesRead;
      upload.lastProgress = now;
    }
    const { bodyGraceMs, bodyBytesPerSecond, closingStallMs } = this.#limits;
    const allowedMs = bodyGraceMs + ((socket.bytesRead - startBytes) * 1000) / bodyBytesPerSecond;
    // A body that waits to be read is not late.
    const isOurTurn = request.raw.readableLength > 0;
    if (now - start > allowedMs && !isOurTurn)
      endUpload(upload, `the body came more slowly than ${bodyBytesPerSecond} bytes a second`);
    else if (this.#closingSince !== undefined && now - upload.lastProgress >= closingStallMs)
      endUpload(upload, "the server closes, and the body does not come");
  }
}

/** Answers on the bare connection, since the route still waits for the body; it then fails with the reason. */
function endUpload({ request, socket }: Upload, reason: string): void {
  const body = encodeError("timeout", reason);
  const head = `HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  if (socket.writable) socket.write(`${head}Connection: close\r\n\r\n${body}`);
  request.raw.destroy(new LimitExceededError(reason));
}
