/**
 * TunnelAgent: connections to https servers through a proxy, which is asked by CONNECT to pass bytes on.
 *
 * The proxy sees the server's name and nothing of what is said to it.
 */

import { request as httpRequest, type OutgoingHttpHeaders } from "node:http";
import { type AgentOptions, Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import { connect } from "node:tls";
import { UnavailableError } from "../model/errors.js";

type CreateConnection = HttpsAgent["createConnection"];

export class TunnelAgent extends HttpsAgent {
  readonly #proxy: URL;
  readonly #headers: OutgoingHttpHeaders;

  constructor(options: AgentOptions, proxy: URL, headers: OutgoingHttpHeaders) {
    super(options);
    this.#proxy = proxy;
    this.#headers = headers;
  }

  override createConnection(...[options, callback]: Parameters<CreateConnection>): undefined {
    const { port = 443, signal } = options;
    const host = options.host ?? "";
    const name = host.includes(":") ? `[${host}]` : host;
    this.#openTunnel(`${name}:${port}`, signal).then(
      (socket) => callback?.(null, connect({ ...(options as object), socket })),
      (error: Error) => callback?.(error, undefined as unknown as Duplex),
    );
    return undefined;
  }

  #openTunnel(path: string, signal: AbortSignal | undefined): Promise<Duplex> {
    const { protocol, hostname, port } = this.#proxy;
    const open = protocol === "https:" ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const request = open({
        host: hostname,
        port: port === "" ? (protocol === "https:" ? 443 : 80) : port,
        method: "CONNECT",
        path,
        headers: { host: path, ...this.#headers },
        agent: false,
        ...(signal && { signal }),
      });
      request.on("connect", ({ statusCode = 0, statusMessage = "" }, socket) => {
        if (statusCode === 200) return resolve(socket);
        socket.destroy();
        reject(
          new UnavailableError(`the proxy refused the connection: ${statusCode} ${statusMessage}`.trim()),
        );
      });
      request.on("response", (response) => {
        response.destroy();
        reject(new UnavailableError("the proxy answered CONNECT with a page"));
      });
      request.on("error", reject);
      request.end();
    });
  }
}
