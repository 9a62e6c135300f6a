/**
 * ScriptedReceiver: a server that answers writes as a test says, and keeps what it was sent.
 */

import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { createServer as createSecureServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { decodeSnappy } from "../../src/kernels/snappy.js";

export interface ScriptedAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly text?: string;
}

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export class ScriptedReceiver {
  /** What comes next; 204 when nothing is said. */
  readonly answers: (ScriptedAnswer | "silence")[] = [];
  readonly requests: ReceivedRequest[] = [];
  readonly #server: Server;

  #url = "";

  private constructor(server: Server) {
    this.#server = server;
  }

  /** With a certificate it speaks TLS. */
  static async open(certificate?: ServerOptions): Promise<ScriptedReceiver> {
    const server: Server = certificate === undefined ? createServer() : createSecureServer(certificate);
    const receiver = new ScriptedReceiver(server);
    server.on("request", (request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        const { method = "", url = "", headers } = request;
        receiver.requests.push({ method, path: url, headers, body: Buffer.concat(pieces) });
        const answer = receiver.answers.shift() ?? { status: 204 };
        if (answer === "silence") return;
        const { status, headers: more = {}, text = "" } = answer;
        response.writeHead(status, more).end(text);
      });
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const scheme = certificate === undefined ? "http" : "https";
    receiver.#url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/write`;
    return receiver;
  }

  get url(): string {
    return this.#url;
  }

  get writes(): readonly ReceivedRequest[] {
    return this.requests.filter(({ method }) => method === "POST");
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }
}

/** The message of a write, without compression. */
export function messageOf({ body }: ReceivedRequest): Buffer {
  return Buffer.from(decodeSnappy(body, 2 ** 26));
}
