/**
 * HttpServers: servers of a test on ports of their own, which all end with it.
 */

import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer, type ServerOptions } from "node:https";
import { type AddressInfo, connect } from "node:net";

export class HttpServers {
  readonly #servers: Server[] = [];

  /** Resolves with `http://127.0.0.1:PORT`. */
  plain(answer: RequestListener): Promise<string> {
    return this.#listen(createServer(answer), "http");
  }

  secure(options: ServerOptions, answer: RequestListener): Promise<string> {
    return this.#listen(createSecureServer(options, answer) as unknown as Server, "https");
  }

  /** A proxy: whole URLs are answered by `answer`, tunnels are opened for whom `mayConnect` says yes. */
  async proxy(
    answer: RequestListener,
    mayConnect: (place: string, authorization: string | undefined) => boolean,
  ) {
    const server = createServer(answer);
    server.on("connect", (request, socket) => {
      const authorization = request.headers["proxy-authorization"] ?? String(request.headers["x-pass"]);
      if (!mayConnect(request.url!, authorization)) {
        socket.end("HTTP/1.1 407 No\r\n\r\n");
        return;
      }
      const [host, port] = request.url!.split(":");
      const onward = connect(Number(port), host);
      onward.on("connect", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        socket.pipe(onward).pipe(socket);
      });
      onward.on("error", () => socket.destroy());
      socket.on("error", () => onward.destroy());
    });
    return this.#listen(server, "http");
  }

  close(): void {
    for (const server of this.#servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  }

  async #listen(server: Server, scheme: string): Promise<string> {
    this.#servers.push(server);
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
}
