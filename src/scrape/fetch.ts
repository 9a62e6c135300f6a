/**
 * fetchPage: one HTTP scrape: headers, deadline, status, size limit, decompression, content type.
 *
 * Source: Prometheus' scrape protocol headers (the weights of Accept fall from 0.6).
 */

import { describeFailure, describeStatus } from "../http-client/describe-failure.js";
import type { HttpRequester, HttpResponse } from "../http-client/http-client.js";
import type { PlainRequest } from "../http-client/plain-connections.js";
import { gunzipped, uncompressed } from "../http-client/response-body.js";
import { expositionFormatOf } from "../ingest/exposition/exposition-format.js";
import { isProtobufExposition, protobufMediaType } from "../ingest/exposition/protobuf-exposition.js";
import type { Clock } from "../model/clock.js";
import { TsdbError, UnavailableError, UnsupportedMediaTypeError } from "../model/errors.js";
import type { PageBuffer } from "./page-buffers.js";
import type { PageFormat } from "./scrape-cache.js";
import type { ScrapeConfig, ScrapeProtocol } from "./scrape-config.js";
import { ScrapeLimitError } from "./scrape-limit-error.js";

/** What a loop asks for, each time: the target, as the configuration says, and how that went so far. */
export class PageRequest {
  readonly url: string;
  readonly config: ScrapeConfig;
  readonly client: HttpRequester;
  readonly headers: Readonly<Record<string, string>>;
  /** The way that costs less, where there is one. */
  readonly plain: PlainRequest | undefined;
  #contentType: string | undefined;
  #format: PageFormat | undefined;

  /** `version` is of the server, as `1.2.3`. */
  constructor(url: string, config: ScrapeConfig, client: HttpRequester, version: string) {
    const { enableCompression, timeoutMs } = config;
    this.url = url;
    this.config = config;
    this.client = client;
    this.headers = {
      accept: acceptHeader(config),
      "accept-encoding": enableCompression ? "gzip" : "identity",
      "user-agent": `Narthex/${version}`,
      "x-prometheus-scrape-timeout-seconds": String(timeoutMs / 1000),
    };
    this.plain = client.plainRequest?.(url, this.headers);
  }

  /** What a reply of this type is. Throws UnsupportedMediaTypeError. */
  formatOf(contentType: string | undefined): PageFormat {
    if (this.#format === undefined || contentType !== this.#contentType) {
      this.#format = pageFormat(contentType, this.config.fallbackProtocol);
      this.#contentType = contentType;
    }
    return this.#format;
  }
}

export interface FetchOptions {
  readonly clock: Clock;
  /** Aborts when the loop stops. */
  readonly signal: AbortSignal;
}

/**
 * Fills `buffer` with the page, uncompressed, and resolves with its format. Rejects with UnavailableError (network,
 * status, deadline, credentials), UnsupportedMediaTypeError, ScrapeLimitError or StorageError (a file of the
 * configuration); no message has a secret in it.
 */
export async function fetchPage(
  request: PageRequest,
  buffer: PageBuffer,
  options: FetchOptions,
): Promise<PageFormat> {
  const { url, config } = request;
  const page = new Page(request, buffer);
  let isLate = false;
  let end = () => {};
  const cancelTimer = options.clock.schedule(config.timeoutMs, () => {
    isLate = true;
    end();
  });
  const onStop = () => end();
  options.signal.addEventListener("abort", onStop);
  const onBegin = (abort: () => void) => {
    end = abort;
  };
  try {
    const isRead = await readPlainly(page, request.plain, onBegin);
    if (!isRead) await readAnyway(page, request, options.signal, onBegin);
    return page.format;
  } catch (cause) {
    throw fetchFailure(url, config, isLate ? undefined : cause);
  } finally {
    cancelTimer();
    options.signal.removeEventListener("abort", onStop);
  }
}

/** Without a cause it was too late. What is wrong with the page itself says so without the place that it is from. */
function fetchFailure(url: string, { timeoutMs }: ScrapeConfig, cause: unknown): TsdbError {
  if (cause instanceof TsdbError && !(cause instanceof UnavailableError)) return cause;
  const reason =
    cause === undefined
      ? `no complete answer within the timeout of ${timeoutMs / 1000}s; scrape_timeout says how long to wait`
      : describeFailure(cause);
  return new UnavailableError(`cannot get ${url}: ${reason}`, { cause });
}

type OnBegin = (abort: () => void) => void;

/** Returns false when the page is to be had in another way. */
async function readPlainly(
  page: Page,
  request: PlainRequest | undefined,
  onBegin: OnBegin,
): Promise<boolean> {
  if (request === undefined || request.isUnusual) return false;
  const compressed: Buffer[] = [];
  let isCompressed = false;
  let sizeBytes = 0;
  const exchange = request.send({
    head({ statusCode, statusMessage, headers }) {
      page.begin(statusCode, statusMessage, headers.get("content-type"));
      isCompressed = headers.get("content-encoding") === "gzip";
    },
    body(piece) {
      if (!isCompressed) return page.append(piece);
      sizeBytes += piece.length;
      page.checkCompressed(sizeBytes);
      compressed.push(Buffer.from(piece));
    },
  });
  onBegin(() => exchange.abort());
  const isRead = await exchange.finished;
  if (!isRead) page.clear();
  else if (isCompressed)
    for await (const piece of gunzipped(Buffer.concat(compressed, sizeBytes))) page.append(piece);
  return isRead;
}

async function readAnyway(
  page: Page,
  { url, client, headers }: PageRequest,
  signal: AbortSignal,
  onBegin: OnBegin,
): Promise<void> {
  const ending = new AbortController();
  onBegin(() => ending.abort());
  if (signal.aborted) ending.abort();
  let response: HttpResponse | undefined;
  try {
    response = await client.request(url, { headers, signal: ending.signal });
    page.begin(response.statusCode, response.statusMessage, response.headers["content-type"]);
    for await (const piece of uncompressed(response)) page.append(piece);
  } finally {
    // A reply that was read to its end has left its connection by now; any other one must not keep it.
    response?.destroy();
  }
}

/** What comes of a request. */
class Page {
  readonly #request: PageRequest;
  readonly #config: ScrapeConfig;
  readonly #buffer: PageBuffer;
  #contentType: string | undefined;

  constructor(request: PageRequest, buffer: PageBuffer) {
    this.#request = request;
    this.#config = request.config;
    this.#buffer = buffer;
  }

  /** Throws UnsupportedMediaTypeError. To be asked for at the end: a page of any type has a size, and may be too large. */
  get format(): PageFormat {
    return this.#request.formatOf(this.#contentType);
  }

  begin(
    status: number | undefined,
    statusMessage: string | undefined,
    contentType: string | undefined,
  ): void {
    if (status !== 200) throw new UnavailableError(describeStatus(status, statusMessage, this.#config.http));
    this.#contentType = contentType;
  }

  /** The limit counts uncompressed bytes, as they come out. A page of exactly the limit is too large, as in Prometheus. */
  append(piece: Buffer): void {
    const { bodySizeMaxBytes } = this.#config;
    if (bodySizeMaxBytes > 0 && this.#buffer.sizeBytes + piece.length >= bodySizeMaxBytes)
      throw this.#tooLarge();
    this.#buffer.append(piece);
  }

  /** Compression makes nothing much larger than it was. */
  checkCompressed(sizeBytes: number): void {
    const { bodySizeMaxBytes } = this.#config;
    if (bodySizeMaxBytes > 0 && sizeBytes > bodySizeMaxBytes * 1.01 + 1024) throw this.#tooLarge();
  }

  clear(): void {
    this.#buffer.clear();
  }

  #tooLarge(): ScrapeLimitError {
    const { bodySizeMaxBytes } = this.#config;
    return new ScrapeLimitError(
      "body",
      `the page is not smaller than body_size_limit, ${bodySizeMaxBytes} bytes`,
    );
  }
}

const mediaTypes: Readonly<Record<ScrapeProtocol, string>> = {
  PrometheusProto: protobufMediaType,
  "OpenMetricsText1.0.0": "application/openmetrics-text;version=1.0.0",
  "OpenMetricsText0.0.1": "application/openmetrics-text;version=0.0.1",
  "PrometheusText1.0.0": "text/plain;version=1.0.0",
  "PrometheusText0.0.4": "text/plain;version=0.0.4",
};

/** The Accept header, most wanted first. Newer protocols are told what becomes of names that are not legacy. */
function acceptHeader({ protocols, nameEscaping }: ScrapeConfig): string {
  const wanted = protocols.map((protocol) => {
    const isTold = protocol === "OpenMetricsText1.0.0" || protocol === "PrometheusText1.0.0";
    return isTold ? `${mediaTypes[protocol]};escaping=${nameEscaping}` : mediaTypes[protocol];
  });
  return [...wanted, "*/*"].map((mediaType, i) => `${mediaType};q=0.${6 - i}`).join(",");
}

function pageFormat(contentType: string | undefined, fallback: ScrapeProtocol | undefined): PageFormat {
  const format = formatOf(contentType) ?? formatOf(fallback && mediaTypes[fallback]);
  if (format !== undefined) return format;
  const received =
    contentType === undefined ? "sent no Content-Type" : `sent the unknown Content-Type "${contentType}"`;
  throw new UnsupportedMediaTypeError(
    `the target ${received}; set fallback_scrape_protocol to read it all the same`,
  );
}

function formatOf(contentType: string | undefined): PageFormat | undefined {
  return isProtobufExposition(contentType) ? "protobuf" : expositionFormatOf(contentType);
}
