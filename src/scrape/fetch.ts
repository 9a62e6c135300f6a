/**
 * fetchPage: one HTTP scrape: headers, deadline, status, size limit, decompression, content type.
 *
 * Source: Prometheus' scrape protocol headers (the weights of Accept fall from 0.6).
 */

import { type ExpositionFormat, expositionFormatOf } from "../ingest/exposition/exposition-format.js";
import type { Clock } from "../model/clock.js";
import {
  LimitExceededError,
  TsdbError,
  UnavailableError,
  UnsupportedMediaTypeError,
} from "../model/errors.js";
import type { ScrapeConfig, ScrapeProtocol } from "./scrape-config.js";

export interface Page {
  readonly body: Uint8Array;
  readonly format: ExpositionFormat;
}

export interface FetchOptions {
  readonly clock: Clock;
  /** Aborts when the loop stops. */
  readonly signal: AbortSignal;
}

/** Throws UnavailableError (network, status, deadline), UnsupportedMediaTypeError or LimitExceededError. */
export async function fetchPage(url: string, config: ScrapeConfig, options: FetchOptions): Promise<Page> {
  const deadline = new AbortController();
  const cancelTimer = options.clock.schedule(config.timeoutMs, () => deadline.abort());
  try {
    const response = await fetch(url, {
      headers: requestHeaders(config),
      redirect: config.followRedirects ? "follow" : "manual",
      signal: AbortSignal.any([deadline.signal, options.signal]),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new UnavailableError(`server returned HTTP status ${response.status} ${response.statusText}`);
    }
    const format = pageFormat(response.headers.get("content-type") ?? undefined, config.fallbackProtocol);
    return { body: await readBody(response, config.bodySizeMaxBytes), format };
  } catch (cause) {
    if (cause instanceof TsdbError) throw cause;
    if (deadline.signal.aborted) {
      throw new UnavailableError(`no complete answer within the timeout of ${config.timeoutMs / 1000}s`, {
        cause,
      });
    }
    throw new UnavailableError(describeFailure(cause, url), { cause });
  } finally {
    cancelTimer();
  }
}

const mediaTypes: Readonly<Record<ScrapeProtocol, string>> = {
  "OpenMetricsText1.0.0": "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
  "OpenMetricsText0.0.1": "application/openmetrics-text;version=0.0.1",
  "PrometheusText1.0.0": "text/plain;version=1.0.0;escaping=allow-utf-8",
  "PrometheusText0.0.4": "text/plain;version=0.0.4",
};

/** The Accept header for these protocols, most wanted first. */
export function acceptHeader(protocols: readonly ScrapeProtocol[]): string {
  const wanted = [...protocols.map((protocol) => mediaTypes[protocol]), "*/*"];
  return wanted.map((mediaType, i) => `${mediaType};q=0.${6 - i}`).join(",");
}

function requestHeaders(config: ScrapeConfig): Record<string, string> {
  return {
    accept: acceptHeader(config.protocols),
    "accept-encoding": config.enableCompression ? "gzip" : "identity",
    "user-agent": "Narthex",
    "x-prometheus-scrape-timeout-seconds": String(config.timeoutMs / 1000),
    ...(config.authorization === undefined ? {} : { authorization: config.authorization }),
  };
}

function pageFormat(contentType: string | undefined, fallback: ScrapeProtocol | undefined): ExpositionFormat {
  const format = expositionFormatOf(contentType) ?? expositionFormatOf(fallback && mediaTypes[fallback]);
  if (format !== undefined) return format;
  const received =
    contentType === undefined ? "sent no Content-Type" : `sent the unknown Content-Type "${contentType}"`;
  throw new UnsupportedMediaTypeError(
    `the target ${received}; set fallback_scrape_protocol to read it all the same`,
  );
}

async function readBody(response: Response, limitBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of response.body ?? []) {
    sizeBytes += piece.byteLength;
    if (limitBytes > 0 && sizeBytes > limitBytes) {
      throw new LimitExceededError(`the page is larger than body_size_limit, ${limitBytes} bytes`);
    }
    pieces.push(piece);
  }
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, sizeBytes);
}

/** `fetch failed` says nothing; its cause, or the first of several, does. */
function describeFailure(failure: unknown, url: string): string {
  if (!(failure instanceof Error)) return String(failure);
  const cause = failure.cause instanceof AggregateError ? failure.cause.errors[0] : failure.cause;
  const message = cause instanceof Error && cause.message !== "" ? cause.message : failure.message;
  // Fetch keeps a list of such ports, as browsers do.
  return message === "bad port" ? `port ${new URL(url).port} is kept for another protocol` : message;
}
