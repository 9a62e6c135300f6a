/**
 * HttpGetter: GET with an `HttpClient`, for discovery: a deadline, a limit, and the whole body at once.
 */

import { describeFailure } from "../http-client/describe-failure.js";
import { HttpClient, type HttpClientOptions } from "../http-client/http-client.js";
import type { HttpClientConfig } from "../http-client/http-client-config.js";
import { uncompressed } from "../http-client/response-body.js";
import type { Clock } from "../model/clock.js";
import { LimitExceededError, TsdbError, UnavailableError } from "../model/errors.js";
import type { HttpAnswer, HttpGet, HttpGetRequest } from "./http-discovery.js";

export interface HttpGetterOptions extends HttpClientOptions {
  /** Of the server, for others to see. */
  readonly version: string;
}

export class HttpGetter {
  readonly #client: HttpClient;
  readonly #clock: Clock;
  readonly #version: string;

  constructor(config: HttpClientConfig, options: HttpGetterOptions) {
    this.#client = new HttpClient(config, options);
    this.#clock = options.clock;
    this.#version = options.version;
  }

  readonly get: HttpGet = async (request) => {
    const deadline = new AbortController();
    const cancelTimer = this.#clock.schedule(request.timeoutMs, () => deadline.abort());
    const signal = AbortSignal.any([deadline.signal, request.signal]);
    let response: HttpResponse | undefined;
    try {
      const headers = {
        ...request.headers,
        "accept-encoding": "gzip",
        "user-agent": `Narthex/${this.#version}`,
      };
      response = await this.#client.request(request.url, { headers, signal });
      return await readAnswer(response, request);
    } catch (cause) {
      if (deadline.signal.aborted)
        throw new UnavailableError(
          `no complete answer within ${request.timeoutMs / 1000}s, the refresh_interval`,
          { cause },
        );
      if (cause instanceof TsdbError) throw cause;
      throw new UnavailableError(describeFailure(cause), { cause });
    } finally {
      cancelTimer();
      response?.destroy();
    }
  };

  /** Ends all connections. */
  close(): void {
    this.#client.close();
  }
}

type HttpResponse = Awaited<ReturnType<HttpClient["request"]>>;

async function readAnswer(response: HttpResponse, { bodySizeMaxBytes }: HttpGetRequest): Promise<HttpAnswer> {
  const { statusCode = 0, statusMessage = "", headers } = response;
  const head = { status: statusCode, statusText: statusMessage, contentType: headers["content-type"] };
  if (statusCode !== 200) return { ...head, body: new Uint8Array(0) };
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of uncompressed(response)) {
    sizeBytes += piece.length;
    if (sizeBytes > bodySizeMaxBytes)
      throw new LimitExceededError(`the answer is larger than ${bodySizeMaxBytes} bytes`);
    pieces.push(piece);
  }
  return { ...head, body: Buffer.concat(pieces, sizeBytes) };
}
