/**
 * fetchPage: one HTTP scrape: headers, deadline, status, size limit, decompression, content type.
 *
 * Source: Prometheus' scrape protocol headers (the weights of Accept fall from 0.6).
 */

import type { HttpRequester, HttpResponse } from "../http-client/http-client.js";
import { describeFailure, uncompressed } from "../http-client/response-body.js";
import { expositionFormatOf } from "../ingest/exposition/exposition-format.js";
import { isProtobufExposition, protobufMediaType } from "../ingest/exposition/protobuf-exposition.js";
import type { Clock } from "../model/clock.js";
import { TsdbError, UnavailableError, UnsupportedMediaTypeError } from "../model/errors.js";
import type { PageBuffer } from "./page-buffers.js";
import type { PageFormat } from "./scrape-cache.js";
import type { ScrapeConfig, ScrapeProtocol } from "./scrape-config.js";
import { ScrapeLimitError } from "./scrape-limit-error.js";

export interface FetchOptions {
  readonly client: HttpRequester;
  readonly clock: Clock;
  /** As `1.2.3`. */
  readonly version: string;
  /** Aborts when the loop stops. */
  readonly signal: AbortSignal;
}

/**
 * Fills `buffer` with the page, uncompressed, and resolves with its format. Rejects with UnavailableError (network,
 * status, deadline, credentials), UnsupportedMediaTypeError, ScrapeLimitError or StorageError (a file of the
 * configuration); no message has a secret in it.
 */
export async function fetchPage(
  url: string,
  config: ScrapeConfig,
  buffer: PageBuffer,
  options: FetchOptions,
): Promise<PageFormat> {
  const ending = new AbortController();
  const { signal } = ending;
  const end = () => ending.abort();
  let isLate = false;
  const cancelTimer = options.clock.schedule(config.timeoutMs, () => {
    isLate = true;
    end();
  });
  options.signal.addEventListener("abort", end);
  let response: HttpResponse | undefined;
  try {
    response = await options.client.request(url, {
      headers: requestHeaders(config, options.version),
      signal,
    });
    const { statusCode, statusMessage, headers } = response;
    if (statusCode !== 200)
      throw new UnavailableError(`server returned HTTP status ${statusCode} ${statusMessage}`.trimEnd());
    const format = pageFormat(headers["content-type"], config.fallbackProtocol);
    await readBody(response, buffer, config.bodySizeMaxBytes);
    return format;
  } catch (cause) {
    if (isLate)
      throw new UnavailableError(`no complete answer within the timeout of ${config.timeoutMs / 1000}s`, {
        cause,
      });
    if (cause instanceof TsdbError) throw cause;
    throw new UnavailableError(describeFailure(cause), { cause });
  } finally {
    cancelTimer();
    options.signal.removeEventListener("abort", end);
    // A reply that was read to its end has left its connection by now; any other one must not keep it.
    response?.destroy();
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

function requestHeaders(config: ScrapeConfig, version: string): Record<string, string> {
  return {
    accept: acceptHeader(config),
    "accept-encoding": config.enableCompression ? "gzip" : "identity",
    "user-agent": `Narthex/${version}`,
    "x-prometheus-scrape-timeout-seconds": String(config.timeoutMs / 1000),
  };
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

/** The limit counts uncompressed bytes, as they come out. A page of exactly the limit is too large, as in Prometheus. */
async function readBody(response: HttpResponse, buffer: PageBuffer, limitBytes: number): Promise<void> {
  for await (const piece of uncompressed(response)) {
    if (limitBytes > 0 && buffer.sizeBytes + piece.length >= limitBytes)
      throw new ScrapeLimitError("body", `the page is not smaller than body_size_limit, ${limitBytes} bytes`);
    buffer.append(piece);
  }
}
