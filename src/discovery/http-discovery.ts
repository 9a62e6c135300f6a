/**
 * httpLookout: targets that a server lists, asked at an interval: the adapter for every discovery that is not built in.
 *
 * Source: Prometheus `discovery/http/http.go` and its documentation of HTTP discovery.
 */

import { describeStatus } from "../http-client/describe-failure.js";
import { MalformedInputError, UnavailableError, UnsupportedMediaTypeError } from "../model/errors.js";
import { quoteText } from "../model/labels.js";
import type { HttpDiscoveryConfig } from "./discovery-config.js";
import type { Lookout } from "./refreshing-discovery.js";
import { parseJsonGroups } from "./target-group-text.js";

export interface HttpGetRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** A larger body, uncompressed, is refused. */
  readonly bodySizeMaxBytes: number;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly contentType: string | undefined;
  readonly body: Uint8Array;
}

/** One GET with the credentials of a client. Rejects with a TsdbError: network, deadline, size. */
export type HttpGet = (request: HttpGetRequest) => Promise<HttpAnswer>;

const bodySizeMaxBytes = 64 * 1024 * 1024;
const jsonContentType = /^application\/json(?:;\s*charset=(?:"utf-8"|utf-8))?$/i;

export function httpLookout(config: HttpDiscoveryConfig, get: HttpGet): Lookout {
  const { url, refreshIntervalMs } = config;
  const headers = {
    accept: "application/json",
    "x-prometheus-refresh-interval-seconds": String(refreshIntervalMs / 1000),
  };
  return {
    kind: "http",
    place: withoutPassword(url),
    intervalMs: refreshIntervalMs,
    async look(onGroups, signal) {
      const timeoutMs = refreshIntervalMs;
      const answer = await get({ url, headers, timeoutMs, bodySizeMaxBytes, signal });
      if (answer.status !== 200)
        throw new UnavailableError(describeStatus(answer.status, answer.statusText, config.client));
      const contentType = answer.contentType?.trim() ?? "";
      if (!jsonContentType.test(contentType))
        throw new UnsupportedMediaTypeError(`unsupported content type ${quoteText(contentType)}`);
      onGroups(url, parseJsonGroups(decodeText(answer.body), { __meta_url: url }));
      return [];
    },
  };
}

/** For logs. */
function withoutPassword(url: string): string {
  return url.replace(/^(https?:\/\/)[^/?#]*@/i, "$1");
}

function decodeText(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (cause) {
    throw new MalformedInputError("the answer is no UTF-8", {}, { cause });
  }
}
