/**
 * GraphiteListener: Graphite's plaintext protocol on a TCP and a UDP port of the same number.
 *
 * A TCP connection is read no faster than its samples are stored: a sender that is over its rate waits. UDP is lossy
 * by nature; datagrams wait in a queue of bounded size, and what finds it full is counted and dropped. Neither
 * protocol has a reply: what could not be read or was refused is counted, and kept as the source's last rejected push.
 */

import { createSocket, type Socket as DatagramSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { GraphiteCounts } from "../ingest/graphite/graphite-counts.js";
import { GraphiteReader } from "../ingest/graphite/graphite-reader.js";
import type { GraphiteTemplate } from "../ingest/graphite/graphite-template.js";
import type { Push, PushGate, PushRequest, PushResult } from "../ingest/push/push.js";
import { RowMemory } from "../ingest/push/row-memory.js";
import type { Clock } from "../model/clock.js";
import { TooManyRequestsError, TsdbError } from "../model/errors.js";

export interface GraphiteListenerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly gate: PushGate;
  readonly clock: Clock;
  /** Asked for anew by each connection and each batch of datagrams. Default none. */
  readonly templates?: () => readonly GraphiteTemplate[];
  /** Of datagrams that wait. Default 16 MiB. */
  readonly queuedSizeMaxBytes?: number;
  /** Told of failures that are not a sender's doing. */
  readonly onFailure: (error: unknown) => void;
}

const connectionsMax = 10_000;
const lineSizeMaxBytes = 16 * 1024;
const defaultQueuedSizeMaxBytes = 16 * 1024 * 1024;
/** What the system holds for us while we are busy, where it lets us have that much. */
const receiveBufferSizeBytes = 4 * 1024 * 1024;
/** Between a datagram's arrival and its transaction, so that many share one. */
const gatherMs = 50;
const noTemplates: readonly GraphiteTemplate[] = [];
const idleTimeoutMs = 10 * 60_000;
const retryMaxMs = 1000;

interface Datagram {
  readonly bytes: Buffer;
  readonly address: string;
}

export class GraphiteListener {
  readonly #options: GraphiteListenerOptions;
  readonly #templates: () => readonly GraphiteTemplate[];
  readonly #server: Server;
  readonly #datagrams: DatagramSocket;
  readonly #connections = new Map<Socket, Promise<void>>();
  /** Of what was sent while these were in force: other templates make other series of a path. */
  #memory: { readonly templates: readonly GraphiteTemplate[]; readonly rows: RowMemory } | undefined;
  #queue: Datagram[] = [];
  #queuedBytes = 0;
  #draining: Promise<void> = Promise.resolve();
  #cancelDrain: (() => void) | undefined;
  #isClosing = false;
  #counts = { datagrams: 0, datagramsDropped: 0, samples: 0, refused: 0 };

  private constructor(options: GraphiteListenerOptions) {
    this.#options = options;
    this.#templates = options.templates ?? (() => noTemplates);
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = connectionsMax;
    this.#datagrams = createSocket({
      type: options.host.includes(":") ? "udp6" : "udp4",
      recvBufferSize: receiveBufferSizeBytes,
    });
    this.#datagrams.on("message", (bytes, sender) => this.#enqueue(bytes, sender));
  }

  /** Rejects with the system's error when either port cannot be had. */
  static async start(options: GraphiteListenerOptions): Promise<GraphiteListener> {
    const listener = new GraphiteListener(options);
    try {
      listener.#server.listen(options.port, options.host);
      await once(listener.#server, "listening");
      listener.#datagrams.bind(listener.port, options.host);
      await once(listener.#datagrams, "listening");
    } catch (error) {
      await listener.close();
      throw error;
    }
    listener.#server.on("error", options.onFailure);
    listener.#datagrams.on("error", options.onFailure);
    return listener;
  }

  /** Of both. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : this.#options.port;
  }

  counts(): GraphiteCounts {
    return { connections: this.#connections.size, ...this.#counts };
  }

  /** Stores what has arrived, and ends all connections. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#server.close();
    for (const socket of this.#connections.keys()) socket.destroy();
    await Promise.all(this.#connections.values());
    this.#datagrams.removeAllListeners("message");
    this.#datagrams.close();
    this.#cancelDrain?.();
    await this.#draining;
    await this.#drain();
  }

  #accept(socket: Socket): void {
    this.#endWhenIdle(socket);
    const read = this.#readConnection(socket)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        socket.destroy();
        this.#connections.delete(socket);
      });
    this.#connections.set(socket, read);
  }

  /** After a time without a byte. */
  #endWhenIdle(socket: Socket): void {
    const seenBytes = socket.bytesRead;
    const cancel = this.#options.clock.schedule(idleTimeoutMs, () => {
      socket.off("close", cancel);
      if (socket.bytesRead === seenBytes) socket.destroy();
      else this.#endWhenIdle(socket);
    });
    socket.once("close", cancel);
  }

  async #readConnection(socket: Socket): Promise<void> {
    const reader = this.#newReader();
    const address = socket.remoteAddress ?? "";
    try {
      for await (const chunk of socket)
        await this.#store(await this.#admit(address), (push) => reader.write(chunk as Buffer, push));
    } catch (error) {
      // A connection that breaks is its sender's affair; what has arrived is stored.
      if (error instanceof TsdbError) throw error;
    }
    if (reader.holdsLine) await this.#store(await this.#admit(address), (push) => reader.end(push));
  }

  #enqueue(bytes: Buffer, { address }: RemoteInfo): void {
    this.#counts.datagrams++;
    if (this.#queuedBytes + bytes.length > (this.#options.queuedSizeMaxBytes ?? defaultQueuedSizeMaxBytes)) {
      this.#counts.datagramsDropped++;
      return;
    }
    this.#queue.push({ bytes, address });
    this.#queuedBytes += bytes.length;
    this.#cancelDrain ??= this.#options.clock.schedule(gatherMs, () => {
      this.#draining = this.#draining.then(() => this.#drain());
    });
  }

  async #drain(): Promise<void> {
    this.#cancelDrain = undefined;
    const queue = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const [address, datagrams] of groupByAddress(queue)) {
      try {
        await this.#store(this.#options.gate.admit(requestFrom(address)), (push) =>
          this.#readDatagrams(datagrams, push),
        );
      } catch (error) {
        this.#fail(error, datagrams.length);
      }
    }
  }

  #readDatagrams(datagrams: readonly Uint8Array[], push: Push): void {
    const reader = this.#newReader();
    for (const bytes of datagrams) {
      reader.write(bytes, push);
      if (reader.holdsLine) reader.end(push);
    }
  }

  #newReader(): GraphiteReader {
    const templates = this.#templates();
    if (templates !== this.#memory?.templates) this.#memory = { templates, rows: new RowMemory() };
    return new GraphiteReader(templates, lineSizeMaxBytes, this.#memory.rows);
  }

  /** One transaction. */
  async #store(push: Push, write: (push: Push) => void): Promise<void> {
    try {
      write(push);
      this.#count(await push.commit());
    } catch (error) {
      push.rollback(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  /** Waits while the sender is over its rate, and its connection with it. */
  async #admit(address: string): Promise<Push> {
    while (true) {
      try {
        return this.#options.gate.admit(requestFrom(address));
      } catch (error) {
        if (!(error instanceof TooManyRequestsError) || this.#isClosing) throw error;
        await new Promise<void>((resolve) => {
          this.#options.clock.schedule(Math.min(error.retryAfterMs, retryMaxMs), resolve);
        });
      }
    }
  }

  #count({ appended, rejected, malformed }: PushResult): void {
    this.#counts.samples += appended;
    this.#counts.refused += malformed.count;
    for (const { count } of rejected.values()) this.#counts.refused += count;
  }

  /** A sender that may not push is the sender's fault; a disk that is full is not. */
  #fail(error: unknown, pieces = 1): void {
    const code = error instanceof TsdbError ? error.code : undefined;
    if (code === "unauthorized" || code === "forbidden" || code === "too-many-requests")
      this.#counts.refused += pieces;
    else this.#options.onFailure(error);
  }
}

function requestFrom(address: string): PushRequest {
  return { protocol: "graphite", sender: { address } };
}

function groupByAddress(queue: readonly Datagram[]): ReadonlyMap<string, readonly Uint8Array[]> {
  const groups = new Map<string, Uint8Array[]>();
  for (const { address, bytes } of queue) {
    const group = groups.get(address);
    if (group === undefined) groups.set(address, [bytes]);
    else group.push(bytes);
  }
  return groups;
}
