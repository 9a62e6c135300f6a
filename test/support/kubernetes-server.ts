/**
 * KubernetesServer: an API server as far as discovery goes: it lists and watches, over real sockets, what a test puts
 * into it, in the words of the real one: versions, pages, selectors, bookmarks, 410, status objects. And it fails on order.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { freePort } from "./processes.js";

export interface StoredObject {
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    resourceVersion?: string;
    [key: string]: unknown;
  };
  [key: string]: unknown;
}

type EventType = "ADDED" | "MODIFIED" | "DELETED";

interface StoredEvent {
  readonly version: number;
  readonly resource: string;
  /** Undefined when it is new. */
  readonly before: StoredObject | undefined;
  /** Undefined when it is gone. */
  readonly after: StoredObject | undefined;
}

interface OpenWatch {
  readonly resource: string;
  readonly path: string;
  readonly isWanted: (object: StoredObject) => boolean;
  readonly response: ServerResponse;
}

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly authorization: string | undefined;
  readonly accept: string | undefined;
  readonly userAgent: string | undefined;
}

/** Undefined: go on as if nothing had been asked. */
export type Fault = (
  request: SeenRequest,
  response: ServerResponse,
) => "answered" | undefined | Promise<"answered" | undefined>;

const kinds: Readonly<Record<string, { kind: string; group: string }>> = {
  pods: { kind: "Pod", group: "/api/v1" },
  services: { kind: "Service", group: "/api/v1" },
  nodes: { kind: "Node", group: "/api/v1" },
  endpoints: { kind: "Endpoints", group: "/api/v1" },
  endpointslices: { kind: "EndpointSlice", group: "/apis/discovery.k8s.io/v1" },
  ingresses: { kind: "Ingress", group: "/apis/networking.k8s.io/v1" },
};

export class KubernetesServer {
  readonly requests: SeenRequest[] = [];
  /** What a request must bring; undefined for nothing. */
  authorization: string | undefined;
  fault: Fault = () => undefined;
  readonly #server: Server;
  readonly #scheme: string;
  readonly #objects = new Map<string, Map<string, StoredObject>>();
  readonly #watches = new Set<OpenWatch>();
  #events: StoredEvent[] = [];
  #version = 1000;
  /** Watches from an earlier version are answered with 410. */
  #oldest = 0;

  constructor(options?: ServerOptions) {
    const answer = (request: IncomingMessage, response: ServerResponse) =>
      void this.#answer(request, response);
    this.#scheme = options === undefined ? "http" : "https";
    this.#server =
      options === undefined
        ? createServer(answer)
        : (createSecureServer(options, answer) as unknown as Server);
  }

  /** Resolves with the URL. With `port`, there; a port of its own stays its own when it has closed. */
  async listen(port?: number): Promise<string> {
    const ownPort = port ?? (await freePort());
    await new Promise<void>((listening) => this.#server.listen(ownPort, "127.0.0.1", listening));
    return this.url;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resolves when nobody can reach it. */
  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  put(resource: string, object: StoredObject): void {
    const stored = this.#objects.get(resource) ?? new Map<string, StoredObject>();
    this.#objects.set(resource, stored);
    const key = keyOf(object);
    const before = stored.get(key);
    const version = ++this.#version;
    const kept = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    stored.set(key, kept);
    this.#tell({ version, resource, before, after: kept });
  }

  delete(resource: string, name: string, namespace = ""): void {
    const key = `${namespace}/${name}`;
    const object = this.#objects.get(resource)?.get(key);
    if (object === undefined) throw new Error(`there is no ${resource} ${key}`);
    this.#objects.get(resource)!.delete(key);
    this.#tell({ version: ++this.#version, resource, before: object, after: undefined });
  }

  /** Changes an annotation of all objects, as controllers do when what stands behind them has changed. */
  touch(resource: string): void {
    for (const object of [...(this.#objects.get(resource)?.values() ?? [])]) {
      const annotations = { ...(object.metadata.annotations as object), touched: String(this.#version) };
      this.put(resource, { ...object, metadata: { ...object.metadata, annotations } });
    }
  }

  /** Forgets what happened until now: watches from here on only begin at what is now. */
  forget(): void {
    this.#events = [];
    this.#oldest = ++this.#version;
  }

  /** Ends all watches as the server does when their time is over, or breaks their connections. */
  endWatches(how: "ended" | "broken" | "mid-line" = "ended"): void {
    for (const { response } of this.#watches) {
      if (how === "ended") response.end();
      else if (how === "broken") response.destroy();
      else response.write('{"type":"ADDED","object":{"metadata":{"name":"half', () => response.destroy());
    }
    this.#watches.clear();
  }

  /** Tells watches nothing any more, and does not end them: as a firewall does that has forgotten a connection. */
  loseWatches(): void {
    this.#watches.clear();
  }

  /** Writes the same to all watches. */
  write(text: string): void {
    for (const { response } of this.#watches) response.write(text);
  }

  /** Tells all watches of a version, and of no change. */
  bookmark(): void {
    this.#version++;
    for (const open of this.#watches) sendBookmark(open, this.#version);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, "http://x");
    const { authorization, accept } = request.headers;
    const seen: SeenRequest = {
      method: request.method!,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      authorization,
      accept,
      userAgent: request.headers["user-agent"],
    };
    this.requests.push(seen);
    if ((await this.fault(seen, response)) === "answered") return;
    if (this.authorization !== undefined && authorization !== this.authorization)
      return refuse(response, 401, "Unauthorized", "Unauthorized");
    if (url.pathname === "/version")
      return answerJson(request, response, { major: "1", minor: "33", gitVersion: "v1.33.1" });
    const match = /^(.*?)(?:\/namespaces\/([^/]+))?\/([^/]+)$/.exec(url.pathname);
    const known = match && kinds[match[3]!];
    if (!known || known.group !== match[1])
      return refuse(response, 404, "NotFound", "the server could not find the requested resource");
    const isWanted = wanted(seen.query, match[2]);
    if (seen.query.watch === undefined) return this.#list(match[3]!, isWanted, seen, request, response);
    this.#watch(match[3]!, isWanted, seen, response);
  }

  #list(
    resource: string,
    isWanted: (object: StoredObject) => boolean,
    { query }: SeenRequest,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const { kind, group } = kinds[resource]!;
    const all = [...(this.#objects.get(resource)?.values() ?? [])].filter(isWanted);
    // The real one keeps the version of the first page in the token, too.
    const [version = this.#version, from = 0] = query.continue?.split(":").map(Number) ?? [];
    if (version < this.#oldest) {
      refuse(response, 410, "Expired", "The provided continue parameter is too old");
      return;
    }
    const limit = Number(query.limit ?? "0") || all.length;
    const next = from + limit < all.length ? `${version}:${from + limit}` : "";
    answerJson(request, response, {
      kind: `${kind}List`,
      apiVersion: group.replace(/^\/apis?\//, ""),
      metadata: { resourceVersion: String(version), ...(next !== "" && { continue: next }) },
      items: all.slice(from, from + limit),
    });
  }

  #watch(
    resource: string,
    isWanted: (object: StoredObject) => boolean,
    { query, path }: SeenRequest,
    response: ServerResponse,
  ): void {
    const version = Number(query.resourceVersion ?? "0");
    // A list as a stream: what there is, then a mark of its end.
    const isList = query.sendInitialEvents === "true";
    response.writeHead(200, { "content-type": "application/json", "transfer-encoding": "chunked" });
    response.flushHeaders();
    if (!isList && version < this.#oldest) {
      response.end(
        `${JSON.stringify({ type: "ERROR", object: status(410, "Expired", "too old resource version") })}\n`,
      );
      return;
    }
    const open = { resource, path, isWanted, response };
    this.#watches.add(open);
    if (isList) {
      for (const after of this.#objects.get(resource)?.values() ?? [])
        send(open, { version: this.#version, resource, before: undefined, after });
      sendBookmark(open, this.#version, { "k8s.io/initial-events-end": "true" });
    }
    response.on("close", () => this.#watches.delete(open));
    if (!isList) for (const event of this.#events) if (event.version > version) send(open, event);
  }

  #tell(event: StoredEvent): void {
    this.#events.push(event);
    for (const open of this.#watches) send(open, event);
  }
}

/** What is no longer selected is gone for who selects, and the other way round. */
function send(
  { resource, isWanted, response }: OpenWatch,
  { version, before, after, ...event }: StoredEvent,
) {
  if (event.resource !== resource) return;
  const was = before !== undefined && isWanted(before);
  const is = after !== undefined && isWanted(after);
  if (!was && !is) return;
  const type: EventType = !is ? "DELETED" : was ? "MODIFIED" : "ADDED";
  const { kind, group } = kinds[resource]!;
  const told = is ? after : before!;
  const metadata = { ...told.metadata, ...(!is && { resourceVersion: String(version) }) };
  const object = { kind, apiVersion: group.replace(/^\/apis?\//, ""), ...told, metadata };
  response.write(`${JSON.stringify({ type, object })}\n`);
}

function sendBookmark({ resource, response }: OpenWatch, version: number, annotations = {}): void {
  const { kind, group } = kinds[resource]!;
  const metadata = { resourceVersion: String(version), creationTimestamp: null, annotations };
  const object = { kind, apiVersion: group.replace(/^\/apis?\//, ""), metadata };
  response.write(`${JSON.stringify({ type: "BOOKMARK", object })}\n`);
}

function keyOf({ metadata: { namespace = "", name } }: StoredObject): string {
  return `${namespace}/${name}`;
}

/** Selectors of equality are enough for tests. */
function wanted(query: Readonly<Record<string, string>>, namespace: string | undefined) {
  const labels = (query.labelSelector ?? "").split(",").filter((term) => term !== "");
  const fields = (query.fieldSelector ?? "").split(",").filter((term) => term !== "");
  return (object: StoredObject): boolean =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    labels.every((term) => {
      const [key, value] = term.split("=");
      return object.metadata.labels?.[key!] === value;
    }) &&
    fields.every((term) => {
      const [path, value] = term.split("=");
      const found = path!
        .split(".")
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], object);
      return found === value;
    });
}

/** As the real one: what is large is compressed for whom it may be. */
function answerJson(request: IncomingMessage, response: ServerResponse, value: unknown): void {
  const text = JSON.stringify(value);
  const isGzip = text.length > 2000 && String(request.headers["accept-encoding"]).includes("gzip");
  response.writeHead(200, {
    "content-type": "application/json",
    ...(isGzip && { "content-encoding": "gzip" }),
  });
  response.end(isGzip ? gzipSync(text) : text);
}

export function status(code: number, reason: string, message: string) {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code };
}

export function refuse(response: ServerResponse, code: number, reason: string, message: string): void {
  response.writeHead(code, { "content-type": "application/json" });
  response.end(JSON.stringify(status(code, reason, message)));
}
