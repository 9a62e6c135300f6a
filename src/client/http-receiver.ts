/**
 * HttpReceiver: one address that takes remote write, over connections that are kept.
 *
 * Lifetime: `close` ends connections and requests; a request then rejects.
 */

import type { Agent, RequestOptions } from "node:http";
import type { ConnectionOptions } from "node:tls";
import type { Clock } from "../model/clock.js";
import { definedOnly } from "../model/defined-only.js";
import { InvalidArgumentError, UnavailableError } from "../model/errors.js";
import type { Answer } from "./judge-answer.js";
import type { PushAddressOptions } from "./push-client-options.js";

/** In the words of node:tls; PEM. */
export type ClientTls = Pick<
  PushAddressOptions,
  "ca" | "cert" | "key" | "passphrase" | "servername" | "rejectUnauthorized"
>;

export interface HttpReceiverOptions {
  readonly url: URL;
  /** On every request, whether it writes or not. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: ClientTls;
  /** For a whole request and its answer. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** Of a body: remote write 1.0. */
const writeHeaders = {
  "content-type": "application/x-protobuf",
  "content-encoding": "snappy",
  "x-prometheus-remote-write-version": "0.1.0",
};
/** More of an answer is not read. */
const answerSizeMaxBytes = 8192;

export class HttpReceiver {
  readonly #options: HttpReceiverOptions;
  readonly #http: typeof import("node:http") | typeof import("node:https");
  readonly #agent: Agent;

  private constructor(
    http: typeof import("node:http") | typeof import("node:https"),
    options: HttpReceiverOptions,
  ) {
    this.#http = http;
    this.#options = options;
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: 1, ...connectionOptionsOf(options.tls) });
  }

  /** TLS is loaded when it is needed. Rejects with InvalidArgumentError when what it is given is of no use. */
  static async open(options: HttpReceiverOptions): Promise<HttpReceiver> {
    const { url, tls } = options;
    if (url.protocol !== "https:") return new HttpReceiver(await import("node:http"), options);
    const { createSecureContext } = await import("node:tls");
    try {
      createSecureContext(connectionOptionsOf(tls));
    } catch (cause) {
      throw new InvalidArgumentError(
        `${url.host}: ca, cert or key is of no use: ${reasonOf(cause as Error)}`,
        {
          cause,
        },
      );
    }
    return new HttpReceiver(await import("node:https"), options);
  }

  /** Rejects with UnavailableError when no answer came. */
  post(body: Uint8Array): Promise<Answer> {
    return this.#request("POST", this.#options.url, body);
  }

  /** The same for another path of the receiver. */
  delete(url: URL): Promise<Answer> {
    return this.#request("DELETE", url, undefined);
  }

  close(): void {
    this.#agent.destroy();
  }

  #request(method: string, url: URL, body: Uint8Array | undefined): Promise<Answer> {
    const { headers, timeoutMs, clock } = this.#options;
    const ofBody = body === undefined ? {} : { ...writeHeaders, "content-length": body.length };
    const options: RequestOptions = { method, headers: { ...headers, ...ofBody }, agent: this.#agent };
    return new Promise((resolve, reject) => {
      const request = this.#http.request(url, options);
      const timeout = clock.schedule(timeoutMs, () => {
        request.destroy(new UnavailableError(`no answer within ${timeoutMs / 1000} s`));
      });
      const fail = (cause: Error) => {
        timeout();
        reject(cause instanceof UnavailableError ? cause : new UnavailableError(reasonOf(cause), { cause }));
      };
      request.on("error", fail);
      request.on("response", (response) => {
        const pieces: Buffer[] = [];
        let sizeBytes = 0;
        response.on("data", (piece: Buffer) => {
          if (sizeBytes < answerSizeMaxBytes) pieces.push(piece);
          sizeBytes += piece.length;
        });
        response.on("error", fail);
        response.on("end", () => {
          timeout();
          resolve({
            status: response.statusCode ?? 0,
            retryAfter: response.headers["retry-after"] ?? "",
            contentType: response.headers["content-type"] ?? "",
            text: Buffer.concat(pieces).toString("utf8", 0, answerSizeMaxBytes),
          });
        });
      });
      request.end(body);
    });
  }
}

function connectionOptionsOf({ ca, cert, key, ...rest }: ClientTls): ConnectionOptions {
  return { ...rest, ...definedOnly({ ca: pem(ca), cert: pem(cert), key: pem(key) }) };
}

function pem(text: string | Uint8Array | undefined): string | Buffer | undefined {
  return text === undefined || typeof text === "string" ? text : Buffer.from(text);
}

/** Several addresses of a name may each have failed. */
function reasonOf(cause: Error): string {
  const first = cause instanceof AggregateError ? (cause.errors[0] as Error) : cause;
  return first.message === "" ? "the connection failed" : first.message;
}
