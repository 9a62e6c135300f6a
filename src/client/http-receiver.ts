/**
 * HttpReceiver: one address that takes remote write, over connections that are kept.
 *
 * Lifetime: `close` ends connections and requests; a request then rejects.
 */

import type { Agent, RequestOptions } from "node:http";
import type { Clock } from "../model/clock.js";
import { UnavailableError } from "../model/errors.js";
import type { Answer } from "./judge-answer.js";

export interface HttpReceiverOptions {
  readonly url: URL;
  /** On every request, whether it writes or not. */
  readonly headers: Readonly<Record<string, string>>;
  /** PEM, in place of the authorities that the system trusts. */
  readonly ca: string | Uint8Array | undefined;
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
    const ca = typeof options.ca === "string" ? options.ca : options.ca && Buffer.from(options.ca);
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: 1, ...(ca !== undefined && { ca }) });
  }

  /** TLS is loaded when it is needed. */
  static async open(options: HttpReceiverOptions): Promise<HttpReceiver> {
    const isSecure = options.url.protocol === "https:";
    return new HttpReceiver(isSecure ? await import("node:https") : await import("node:http"), options);
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

/** Several addresses of a name may each have failed. */
function reasonOf(cause: Error): string {
  const first = cause instanceof AggregateError ? (cause.errors[0] as Error) : cause;
  return first.message === "" ? "the connection failed" : first.message;
}
