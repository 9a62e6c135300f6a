/**
 * ResourceWatch: all objects of one resource, kept as the API server has them: listed once, then watched.
 *
 *   list    in pages; the version of the list is where the watch begins
 *   watch   ADDED, MODIFIED, DELETED; BOOKMARK, which only says a version
 *   end     the watch is begun again where it was, also when it broke off in the middle of an event
 *   gone    410: the server has forgotten that version; everything is listed again, and what differs is told
 *
 * Whatever fails is tried again, after a second, two, four, up to thirty, or anywhere in the upper half of that, so that
 * not all come back at once; and not before the time that a server asks for. The objects stay as they were meanwhile.
 *
 * Source: Kubernetes documentation, API concepts, "Efficient detection of changes".
 */

import { isDeepStrictEqual } from "node:util";
import { describeFailure } from "../../http-client/describe-failure.js";
import { uncompressed } from "../../http-client/response-body.js";
import type { Clock } from "../../model/clock.js";
import {
  ForbiddenError,
  LimitExceededError,
  MalformedInputError,
  TsdbError,
  UnauthorizedError,
  UnavailableError,
} from "../../model/errors.js";
import type { TimestampMs } from "../../model/sample.js";
import type { ApiResponse, ApiServer } from "./api-server.js";
import { type JsonObject, objectOf, objectsOf, textOf } from "./json-fields.js";
import { type ResourceName, type ResourceTypes, readers, resourcePath } from "./resources.js";
import { jsonLines, parseJsonObject } from "./watch-lines.js";

export interface WatchedResource<R extends ResourceName = ResourceName> {
  readonly resource: R;
  /** Empty for all. */
  readonly namespace: string;
  readonly labelSelector: string;
  readonly fieldSelector: string;
}

export interface WatchOptions {
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
}

export interface WatchListener {
  /** An object came, changed or went; `key` is `NAMESPACE/NAME`. */
  onChange(key: string): void;
  /** Anything else changed that can be asked for. */
  onStatus(): void;
}

export interface WatchStatus {
  readonly refreshes: number;
  readonly failures: number;
  readonly lastRefresh: TimestampMs | undefined;
  /** Empty while all is well. */
  readonly lastError: string;
}

/** Objects of a page: one is parsed in a few milliseconds. */
const pageObjects = 100;
/** A million objects. */
const pagesMax = 10_000;
const pageTimeoutMs = 60_000;
const pageSizeMaxBytes = 256 * 1024 * 1024;
/** The server ends a watch then; we do when it has not a while later. */
const watchSeconds = 420;
const watchGraceMs = 30_000;
/** What etcd stores is a tenth of it. */
const eventSizeMaxBytes = 16 * 1024 * 1024;
const statusSizeMaxBytes = 64 * 1024;
/** A watch that lasted that long was none that failed. */
const steadyMs = 5000;
const firstPauseMs = 1000;
const longestPauseMs = 30_000;
/** Who asks for more is asked again all the same. */
const askedPauseMaxMs = 5 * 60_000;

type Expired = "expired";

interface Listed<R extends ResourceName> {
  readonly found: Map<string, ResourceTypes[R]>;
  readonly version: string;
}

export class ResourceWatch<R extends ResourceName = ResourceName> {
  readonly #watched: WatchedResource<R>;
  readonly #server: ApiServer;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #stopping = new AbortController();
  readonly #listeners = new Set<WatchListener>();
  #objects = new Map<string, ResourceTypes[R]>();
  #isListed = false;
  /** Where the next watch begins; undefined when all must be listed again. */
  #version: string | undefined;
  /** Tries in a row that brought nothing. */
  #vain = 0;
  /** For how long the server wants to be left alone. */
  #askedPauseMs = 0;
  #status: WatchStatus = { refreshes: 0, failures: 0, lastRefresh: undefined, lastError: "" };
  readonly #running: Promise<void>;

  constructor(watched: WatchedResource<R>, server: ApiServer, { clock, random }: WatchOptions) {
    this.#watched = watched;
    this.#server = server;
    this.#clock = clock;
    this.#random = random;
    this.#running = this.#run();
  }

  /** Whether all objects have been listed once. */
  get isListed(): boolean {
    return this.#isListed;
  }

  get status(): WatchStatus {
    return this.#status;
  }

  /** By key, borrowed. */
  get objects(): ReadonlyMap<string, ResourceTypes[R]> {
    return this.#objects;
  }

  /** Returns what ends it. */
  listen(listener: WatchListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        this.#version ??= await this.#list();
        if ((await this.#watch(this.#version)) === "expired") this.#version = undefined;
      } catch (cause) {
        if (signal.aborted) break;
        // What cannot be understood would come again from the same place.
        if (cause instanceof MalformedInputError || cause instanceof LimitExceededError)
          this.#version = undefined;
        this.#fail(cause instanceof TsdbError ? cause.message : describeFailure(cause));
      }
      if (!signal.aborted) await this.#pause();
    }
  }

  /** Lists all objects. Returns the version of the list. */
  async #list(): Promise<string> {
    const listed = (await this.#pages(String(pageObjects))) ?? (await this.#pages(undefined));
    if (listed === undefined)
      throw new UnavailableError("the API server forgets lists before it has told them");
    this.#replace(listed.found);
    return listed.version;
  }

  /** Undefined when it took so long that the rest is forgotten; without a limit there is only one page. */
  async #pages(limit: string | undefined): Promise<Listed<R> | undefined> {
    const found = new Map<string, ResourceTypes[R]>();
    const read = readers[this.#watched.resource];
    let next = "";
    for (let pages = 0; pages < pagesMax; pages++) {
      const page = await this.#page({ ...(limit && { limit }), ...(next && { continue: next }) });
      if (page === "expired") return undefined;
      const metadata = objectOf(page.metadata);
      const version = textOf(metadata.resourceVersion);
      // Anything else would be taken for a list of nothing.
      if (!textOf(page.kind).endsWith("List") || version === "")
        throw new MalformedInputError("the API server's answer is no list");
      for (const item of objectsOf(page.items)) {
        const object = read(item);
        found.set(keyOf(object), object);
      }
      next = textOf(metadata.continue);
      if (next === "") return { found, version };
    }
    throw new LimitExceededError(`a list of more than ${pagesMax} pages`);
  }

  async #page(query: Readonly<Record<string, string>>): Promise<JsonObject | Expired> {
    return this.#ask("list", query, pageTimeoutMs, async (response) => {
      if (response.statusCode === 410) return "expired";
      const sizeMaxBytes = pageSizeMaxBytes;
      return parseJsonObject(await readBody(response, sizeMaxBytes));
    });
  }

  /** Watches from `version` until the watch ends. Keeps `#version` as it goes. */
  async #watch(version: string): Promise<Expired | undefined> {
    const query = {
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: version,
      timeoutSeconds: String(watchSeconds),
    };
    return this.#ask("watch", query, watchSeconds * 1000 + watchGraceMs, async (response) => {
      if (response.statusCode === 410) return "expired";
      return this.#follow(response);
    });
  }

  async #follow(response: ApiResponse): Promise<Expired | undefined> {
    // One that begins and then fails at once has not recovered.
    let isSteady = false;
    const settle = () => {
      if (!isSteady) this.#note({ lastError: "" });
      isSteady = true;
      this.#vain = 0;
    };
    const cancelTimer = this.#clock.schedule(steadyMs, settle);
    try {
      for await (const event of jsonLines(uncompressed(response), eventSizeMaxBytes)) {
        if (this.#take(event) === "expired") return "expired";
        settle();
      }
    } catch (cause) {
      // A connection that broke off: a new one will tell whether anything is wrong.
      if (cause instanceof TsdbError) throw cause;
    } finally {
      cancelTimer();
    }
    return undefined;
  }

  #take(event: JsonObject): Expired | undefined {
    const object = objectOf(event.object);
    switch (event.type) {
      case "ADDED":
      case "MODIFIED": {
        const read = readers[this.#watched.resource](object);
        this.#set(keyOf(read), read);
        break;
      }
      case "DELETED":
        this.#set(keyOf(readers[this.#watched.resource](object)), undefined);
        break;
      case "BOOKMARK":
        break;
      case "ERROR":
        if (object.code === 410) return "expired";
        throw new MalformedInputError(`the watch says: ${clip(textOf(object.message))}`);
      default:
        throw new MalformedInputError(`the watch sent an event of type ${clip(String(event.type))}`);
    }
    this.#version = textOf(objectOf(object.metadata).resourceVersion) || this.#version;
    return undefined;
  }

  #set(key: string, object: ResourceTypes[R] | undefined): void {
    if (isDeepStrictEqual(this.#objects.get(key), object)) return;
    if (object === undefined) this.#objects.delete(key);
    else this.#objects.set(key, object);
    for (const listener of this.#listeners) listener.onChange(key);
  }

  #replace(found: Map<string, ResourceTypes[R]>): void {
    const gone = [...this.#objects.keys()].filter((key) => !found.has(key));
    for (const key of gone) this.#set(key, undefined);
    for (const [key, object] of found) this.#set(key, object);
    this.#isListed = true;
    this.#note({ refreshes: this.#status.refreshes + 1 });
  }

  /** Asks, and gives what was answered to `take` unless the server refuses; ends what is left of it. */
  async #ask<T>(
    verb: "list" | "watch",
    query: Readonly<Record<string, string>>,
    timeoutMs: number,
    take: (response: ApiResponse) => Promise<T>,
  ): Promise<T> {
    const deadline = new AbortController();
    const cancelTimer = this.#clock.schedule(timeoutMs, () => deadline.abort());
    const signal = AbortSignal.any([deadline.signal, this.#stopping.signal]);
    let response: ApiResponse | undefined;
    try {
      const headers = { accept: "application/json", ...(verb === "list" && { "accept-encoding": "gzip" }) };
      response = await this.#server.get(this.#path(query), { headers, signal });
      const { statusCode = 0 } = response;
      if (statusCode !== 200 && statusCode !== 410) throw await this.#refusal(verb, response);
      return await take(response);
    } catch (cause) {
      if (deadline.signal.aborted && !this.#stopping.signal.aborted)
        throw new UnavailableError(`no complete answer within ${timeoutMs / 1000}s`, { cause });
      throw cause;
    } finally {
      cancelTimer();
      response?.destroy();
    }
  }

  #path(query: Readonly<Record<string, string>>): string {
    const { resource, namespace, labelSelector, fieldSelector } = this.#watched;
    const parameters = new URLSearchParams({
      ...query,
      ...(labelSelector !== "" && { labelSelector }),
      ...(fieldSelector !== "" && { fieldSelector }),
    });
    return `${resourcePath(resource, namespace)}?${parameters}`;
  }

  async #refusal(verb: string, response: ApiResponse): Promise<TsdbError> {
    const { resource, namespace } = this.#watched;
    const { statusCode = 0 } = response;
    this.#askedPauseMs = pauseAsked(response);
    const place = namespace === "" ? `${resource} of the cluster` : `${resource} in namespace ${namespace}`;
    const said = await readStatusMessage(response);
    const because = said === "" ? "" : `: ${said}`;
    if (statusCode === 403)
      return new ForbiddenError(
        `we may not ${verb} ${place}; grant the verbs list and watch on ${resource} (HTTP 403)${because}`,
      );
    if (statusCode === 401)
      return new UnauthorizedError(
        `our credentials are not accepted to ${verb} ${place} (HTTP 401)${because}`,
      );
    return new UnavailableError(`cannot ${verb} ${place} (HTTP ${statusCode})${because}`);
  }

  #fail(lastError: string): void {
    const { refreshes, failures } = this.#status;
    this.#note({ refreshes: refreshes + 1, failures: failures + 1, lastError });
    this.#vain = Math.max(1, this.#vain);
  }

  #note(changes: Partial<WatchStatus>): void {
    this.#status = { ...this.#status, ...changes, lastRefresh: this.#clock.now() };
    for (const listener of this.#listeners) listener.onStatus();
  }

  /** Not at all after a watch that went well; else the longer, the more often it was in vain. */
  #pause(): Promise<void> {
    const fullMs =
      this.#vain === 0 ? 0 : Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(10, this.#vain - 1));
    const delayMs = Math.max((fullMs * (1 + this.#random())) / 2, this.#askedPauseMs);
    this.#askedPauseMs = 0;
    this.#vain++;
    return new Promise((resolve) => {
      const { signal } = this.#stopping;
      const end = () => {
        cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const cancel = this.#clock.schedule(delayMs, end);
      signal.addEventListener("abort", end);
    });
  }
}

function keyOf({ meta: { namespace, name } }: ResourceTypes[ResourceName]): string {
  return objectKey(namespace, name);
}

export function objectKey(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

/** Of `Retry-After`, in seconds. Its dates depend on two clocks, and no API server sends any. */
function pauseAsked({ headers }: ApiResponse): number {
  const [seconds] = /^\d{1,9}$/.exec(headers["retry-after"] ?? "") ?? [];
  return seconds === undefined ? 0 : Math.min(Number(seconds) * 1000, askedPauseMaxMs);
}

/** Throws LimitExceededError. */
async function readBody(response: ApiResponse, sizeMaxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of uncompressed(response)) {
    sizeBytes += piece.length;
    if (sizeBytes > sizeMaxBytes)
      throw new LimitExceededError(`the answer is larger than ${sizeMaxBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces, sizeBytes);
}

/** What the server says of why it refused; empty when it does not. */
async function readStatusMessage(response: ApiResponse): Promise<string> {
  try {
    return clip(textOf(parseJsonObject(await readBody(response, statusSizeMaxBytes)).message));
  } catch {
    return "";
  }
}

function clip(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)} ...` : text;
}
