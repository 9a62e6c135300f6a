/**
 * PushProx, proxy and client, as far as a scraper sees of them: the proxy is asked for whole URLs, hands each request to
 * the client that polls with the host's name, and answers with what that client pushes.
 *
 *   POST /poll   the client's name; answered with a request, as it would be written to a proxy, with an Id
 *   POST /push   a response, as it was read from the target, with that Id
 *   GET /clients those that have polled, as a list for file_sd_configs
 *
 * Source: prometheus-community/PushProx, `cmd/proxy/main.go`, `cmd/client/main.go`, README.
 */

import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const timeoutHeader = "x-prometheus-scrape-timeout-seconds";

interface WaitingScrape {
  readonly id: string;
  readonly text: string;
  readonly answer: (status: number, headers: Record<string, string>, body: Buffer) => void;
}

export class PushProxProxy {
  /** What scrapers have asked for: the request line and the headers. */
  readonly seen: { readonly line: string; readonly headers: IncomingMessage["headers"] }[] = [];
  readonly #server: Server;
  readonly #polls = new Map<string, ServerResponse>();
  readonly #waiting = new Map<string, WaitingScrape[]>();
  readonly #polled = new Map<string, WaitingScrape>();
  readonly #known = new Set<string>();

  private constructor() {
    // A connection that breaks takes what was under way with it.
    this.#server = createServer((incoming, response) => {
      this.#take(incoming, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<PushProxProxy> {
    const proxy = new PushProxProxy();
    await new Promise<void>((listening) => proxy.#server.listen(0, "127.0.0.1", listening));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #take(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = "" } = incoming;
    // What tells the two apart there, too: a URL with a host in it.
    if (/^https?:\/\//.test(url)) return this.#takeScrape(incoming, response);
    const body = await readAll(incoming);
    if (url === "/poll") this.#takePoll(body.toString().trim(), response);
    else if (url === "/push") this.#takePush(body, response);
    else response.end(JSON.stringify([...this.#known].map((name) => ({ targets: [name], labels: null }))));
  }

  #takeScrape(incoming: IncomingMessage, response: ServerResponse): void {
    const { method, url = "", headers, rawHeaders } = incoming;
    this.seen.push({ line: `${method} ${url} HTTP/${incoming.httpVersion}`, headers });
    const id = randomUUID();
    const lines = [`${method} ${url} HTTP/1.1`];
    for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
    lines.push(`Id: ${id}`);
    const scrape: WaitingScrape = {
      ...{ id, text: `${lines.join("\r\n")}\r\n\r\n` },
      answer: (status, answered, body) => {
        clearTimeout(timer);
        response.writeHead(status, answered).end(body);
      },
    };
    const seconds = Number(headers[timeoutHeader] ?? 15);
    const name = new URL(url).hostname;
    const timer = setTimeout(() => {
      this.#waiting.set(
        name,
        (this.#waiting.get(name) ?? []).filter((other) => other !== scrape),
      );
      this.#polled.delete(id);
      const failure = `Error scraping "${url}": context deadline exceeded`;
      response.writeHead(500).end(failure);
    }, seconds * 1000);
    timer.unref();
    this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), scrape]);
    this.#pair(name);
  }

  #takePoll(name: string, response: ServerResponse): void {
    this.#known.add(name);
    this.#polls.get(name)?.writeHead(408).end("request is expired");
    this.#polls.set(name, response);
    this.#pair(name);
  }

  #pair(name: string): void {
    const poll = this.#polls.get(name);
    const [scrape, ...others] = this.#waiting.get(name) ?? [];
    if (poll === undefined || scrape === undefined) return;
    this.#polls.delete(name);
    this.#waiting.set(name, others);
    this.#polled.set(scrape.id, scrape);
    poll.end(scrape.text);
  }

  #takePush(pushed: Buffer, response: ServerResponse): void {
    const end = pushed.indexOf("\r\n\r\n");
    const [line = "", ...fields] = pushed.subarray(0, end).toString("latin1").split("\r\n");
    const headers = headersOf(fields);
    const scrape = this.#polled.get(headers.id ?? "");
    const { id, [timeoutHeader]: _, ...told } = headers;
    if (scrape !== undefined) scrape.answer(Number(line.split(" ")[1]), told, pushed.subarray(end + 4));
    if (id !== undefined) this.#polled.delete(id);
    response.end();
  }
}

/** Polls until it is closed, and asks this machine for what it is told. */
export class PushProxClient {
  readonly #proxy: string;
  readonly #name: string;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;

  constructor(proxy: string, name: string) {
    this.#proxy = proxy;
    this.#name = name;
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      // Without a proxy, or when it expires, it polls again.
      const text = await this.#poll(signal).catch(() => "");
      if (text !== "") this.#scrape(text).catch(() => {});
    }
  }

  async #poll(signal: AbortSignal): Promise<string> {
    const polled = await fetch(`${this.#proxy}/poll`, { method: "POST", body: this.#name, signal });
    return polled.ok ? polled.text() : "";
  }

  async #scrape(text: string): Promise<void> {
    const [line = "", ...fields] = text.trimEnd().split("\r\n");
    const { id = "", ...headers } = headersOf(fields);
    const url = new URL(line.split(" ")[1] ?? "");
    const pushed =
      url.hostname === this.#name
        ? await askHere(url, headers, id)
        : Buffer.from(
            `HTTP/1.1 500 Internal Server Error\r\nid: ${id}\r\n\r\nscrape target doesn't match client fqdn`,
          );
    await fetch(`${this.#proxy}/push`, { method: "POST", body: new Uint8Array(pushed) });
  }
}

/** The name is the client's own: it leads to this machine. */
function askHere(url: URL, headers: Record<string, string>, id: string): Promise<Buffer> {
  const path = `${url.pathname}${url.search}`;
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port: url.port, path, headers }, (response) => {
      const { statusCode, statusMessage } = response;
      const kept = ["content-type", "content-encoding"].filter((name) => name in response.headers);
      const lines = kept.map((name) => `${name}: ${response.headers[name]}`);
      const head = [`HTTP/1.1 ${statusCode} ${statusMessage}`, `id: ${id}`, ...lines].join("\r\n");
      readAll(response).then(
        (body) => resolve(Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body])),
        reject,
      );
    });
    asked.on("error", ({ message }) =>
      resolve(Buffer.from(`HTTP/1.1 500 Internal Server Error\r\nid: ${id}\r\n\r\n${message}`)),
    );
    asked.end();
  });
}

function headersOf(fields: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    fields.map((field) => {
      const colon = field.indexOf(":");
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
    }),
  );
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}
