/**
 * HttpClient: requests to targets, and to whoever knows of targets, as one `HttpClientConfig` says.
 *
 * What is secret (authorization, headers of the configuration, our certificate) goes to the server that was asked
 * and to nobody else: a redirect to another one is followed without them, and they are not taken up again.
 */

import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import type { Clock } from "../model/clock.js";
import { UnavailableError } from "../model/errors.js";
import { Connections, type Route } from "./connections.js";
import { describeFailure, isUnreachable } from "./describe-failure.js";
import type { Authorization, HttpClientConfig } from "./http-client-config.js";
import { OAuth2Token } from "./oauth2-token.js";
import { PlainConnections, PlainRequest } from "./plain-connections.js";
import { basicAuthorization, type ReadFile, SecretValues } from "./secret-values.js";

export interface HttpClientOptions {
  readonly clock: Clock;
  readonly readFile: ReadFile;
}

export interface HttpRequest {
  /** Default GET. Redirects of a POST are not followed. */
  readonly method?: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the request, and the reading of what came of it. */
  readonly signal: AbortSignal;
}

/** A reply whose body is still to be read. */
export interface HttpResponse extends Readable {
  readonly statusCode?: number | undefined;
  readonly statusMessage?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

/** Whoever can be asked for a page, and gives it as it comes. */
export interface HttpRequester {
  request(url: string, request: HttpRequest): Promise<HttpResponse>;
  /**
   * What asks for it, any number of times, in a way that costs less, where there is one; undefined where there is none.
   * Once a reply has proved unusual (`PlainRequest.isUnusual`), `request` is to be asked.
   */
  plainRequest?(url: string, headers: HttpRequest["headers"]): PlainRequest | undefined;
}

/** As in Go. */
const redirectsMax = 10;
/** Connections that were idle may have been closed by the server the moment they were used. */
const reusedConnectionsMax = 5;
export class HttpClient implements HttpRequester {
  readonly #config: HttpClientConfig;
  readonly #secrets: SecretValues;
  readonly #connections: Connections;
  readonly #token: OAuth2Token | undefined;
  /** Undefined when what is asked for needs more than a connection. */
  readonly #plain: PlainConnections | undefined;

  constructor(config: HttpClientConfig, options: HttpClientOptions) {
    const { authorization } = config;
    this.#config = config;
    this.#secrets = new SecretValues(options.readFile);
    this.#connections = new Connections(config, this.#secrets);
    const isPlain =
      authorization === undefined && config.proxy === undefined && Object.keys(config.headers).length === 0;
    if (isPlain) this.#plain = new PlainConnections(options.clock);
    if (authorization?.kind !== "oauth2") return;
    const client = new HttpClient(authorization.client, options);
    this.#token = new OAuth2Token(authorization, { client, secrets: this.#secrets, clock: options.clock });
  }

  /**
   * Resolves when the headers of the reply are here; its body must be read or destroyed. Rejects with TsdbError, or
   * with the system's error.
   */
  async request(url: string, request: HttpRequest): Promise<IncomingMessage> {
    const asked = parseHttpUrl(url);
    let place = asked;
    let isTrusted = true;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#send(place, request, isTrusted).catch((error: unknown) => {
        if (redirects === 0 || request.signal.aborted) throw error;
        throw new UnavailableError(`redirected to ${shown(place)}: ${describeFailure(error)}`, {
          cause: error,
        });
      });
      const { location } = response.headers;
      const isFollowed = this.#config.followRedirects && request.method !== "POST";
      if (!isFollowed || location === undefined || !isRedirect(response.statusCode)) return response;
      response.destroy();
      if (redirects === redirectsMax)
        throw new UnavailableError(`stopped after ${redirectsMax} redirects, at ${shown(place)}`);
      place = parseHttpUrl(location, place);
      isTrusted &&= isSameServer(asked, place);
    }
  }

  plainRequest(url: string, headers: HttpRequest["headers"]): PlainRequest | undefined {
    if (this.#plain === undefined || !URL.canParse(url)) return undefined;
    const place = new URL(url);
    return place.protocol === "http:" ? new PlainRequest(this.#plain, place, headers) : undefined;
  }

  /** Ends all connections. */
  close(): void {
    this.#connections.close();
    this.#plain?.close();
    this.#token?.close();
  }

  async #send(place: URL, request: HttpRequest, isTrusted: boolean): Promise<IncomingMessage> {
    const secret = isTrusted ? await this.#secretHeaders(request.signal) : {};
    const route = await this.#connections.routeTo(place, isTrusted);
    const headers = { ...route.options.headers, ...request.headers, ...secret };
    for (let attempt = 1; ; attempt++) {
      const outcome = await open(route, headers, request);
      if (!("error" in outcome)) return outcome.response;
      const isWorthAnother = outcome.isReused && attempt <= reusedConnectionsMax && !request.signal.aborted;
      if (isWorthAnother) continue;
      if (route.proxy === undefined || !isUnreachable(outcome.error)) throw outcome.error;
      const reason = describeFailure(outcome.error);
      throw new UnavailableError(`the proxy of proxy_url, ${route.proxy}: ${reason}`, {
        cause: outcome.error,
      });
    }
  }

  async #secretHeaders(signal: AbortSignal): Promise<Record<string, string | string[]>> {
    const headers = await this.#secrets.readHeaders(this.#config.headers);
    const authorization = await this.#authorization(this.#config.authorization, signal);
    return authorization === undefined ? headers : { ...headers, authorization };
  }

  async #authorization(
    authorization: Authorization | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    switch (authorization?.kind) {
      case "basic": {
        const username = await this.#secrets.read(authorization.username);
        const password = await this.#secrets.read(authorization.password);
        return basicAuthorization(username, password);
      }
      case "token":
        return `${authorization.type} ${await this.#secrets.read(authorization.credentials)}`;
      case "oauth2":
        return this.#token!.authorization(signal);
      case undefined:
        return undefined;
    }
  }
}

type Outcome =
  | { readonly response: IncomingMessage }
  | { readonly error: unknown; readonly isReused: boolean };

function open(route: Route, headers: Record<string, unknown>, request: HttpRequest): Promise<Outcome> {
  return new Promise((resolve) => {
    const { method = "GET", signal } = request;
    let sent: ClientRequest;
    try {
      sent = route.open({ ...route.options, method, headers: headers as Record<string, string>, signal });
    } catch (error) {
      // A header has characters that none may have: the message names the header, not its value.
      return resolve({ error, isReused: false });
    }
    // A request that has no connection yet does not end when it is given up: a proxy may be asked for one.
    const giveUp = () => resolve({ error: signal.reason, isReused: false });
    signal.addEventListener("abort", giveUp);
    const settle = (outcome: Outcome) => {
      signal.removeEventListener("abort", giveUp);
      resolve(outcome);
    };
    sent.on("response", (response) => settle({ response }));
    sent.on("error", (error) => settle({ error, isReused: sent.reusedSocket }));
    sent.end(request.body);
  });
}

/** Without what may be secret: users, passwords, signatures. */
function shown({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

/** Throws UnavailableError for what is neither http nor https. */
function parseHttpUrl(text: string, base?: URL): URL {
  const url = URL.canParse(text, base?.href) ? new URL(text, base?.href) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  if (base !== undefined) throw new UnavailableError("redirected to what is neither http nor https");
  throw new UnavailableError(`neither http nor https: ${text}`);
}

function isRedirect(status: number | undefined): boolean {
  return [301, 302, 303, 307, 308].includes(status ?? 0);
}

/** Host and port are the same, or the same host is asked to be asked encrypted. */
function isSameServer(asked: URL, place: URL): boolean {
  if (place.origin === asked.origin) return true;
  const isUpgraded = asked.protocol === "http:" && place.protocol === "https:";
  return isUpgraded && place.hostname === asked.hostname && asked.port === "" && place.port === "";
}
