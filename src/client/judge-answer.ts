/**
 * judgeAnswer, retryDelayMs: what a receiver's answer means for a request, and when it is tried again. Pure.
 *
 * Source: the remote write specification, "Retries & Backoff": 5xx and 429 are tried again, other 4xx never. 408 is
 * tried again as well: it says that the request did not arrive as a whole. So are 401, 403, 404 and 407, against the
 * specification: they say nothing of the samples, but that somebody has to put a token, an address or a proxy right.
 */

import type { TimestampMs } from "../model/sample.js";

export interface Answer {
  readonly status: number;
  /** The headers `retry-after` and `content-type`, "" when absent. */
  readonly retryAfter: string;
  readonly contentType: string;
  /** The beginning of the body. */
  readonly text: string;
}

export type Verdict =
  | { readonly kind: "stored" }
  /** `afterMs` is what the receiver asked for; `needsPerson` when time alone will not mend it. */
  | {
      readonly kind: "later";
      readonly reason: string;
      readonly afterMs?: number;
      readonly needsPerson?: boolean;
    }
  | { readonly kind: "too-large"; readonly reason: string }
  | { readonly kind: "refused"; readonly reason: string };

/** No right, nothing there, no way through the proxy. */
const lockedOut: ReadonlySet<number> = new Set([401, 403, 404, 407]);

export function judgeAnswer(answer: Answer, now: TimestampMs): Verdict {
  const { status } = answer;
  const reason = wordsOf(answer);
  if (status >= 200 && status < 300) {
    // A hotel's Wi-Fi says "welcome" to everything.
    if (!/^text\/html/i.test(answer.contentType)) return { kind: "stored" };
    return { kind: "later", reason: `${status} with a page of HTML: this is no receiver of remote write` };
  }
  if (status === 429 || status === 408 || status >= 500) {
    const afterMs = parseRetryAfter(answer.retryAfter, now);
    return { kind: "later", reason, ...(afterMs === undefined ? {} : { afterMs }) };
  }
  if (lockedOut.has(status)) return { kind: "later", reason, needsPerson: true };
  if (status === 413) return { kind: "too-large", reason };
  if (status >= 400) return { kind: "refused", reason };
  return { kind: "later", reason };
}

export interface RetryDelays {
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
}

/** Doubles with each attempt, from the first (0) on; somewhere in the upper half of that, by `random` in [0, 1). */
export function retryDelayMs(
  attempt: number,
  { delayMinMs, delayMaxMs }: RetryDelays,
  random: number,
): number {
  const wholeMs = Math.min(delayMaxMs, delayMinMs * 2 ** Math.min(attempt, 30));
  return wholeMs / 2 + (wholeMs / 2) * random;
}

const retryAfterMaxMs = 86_400_000;

/** Seconds, or a date. */
function parseRetryAfter(text: string, now: TimestampMs): number | undefined {
  const ms = /^\s*\d+\s*$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? undefined : Math.min(retryAfterMaxMs, Math.max(0, ms));
}

function wordsOf({ status, text }: Answer): string {
  const words = text.replaceAll(/\s+/g, " ").trim();
  return words === "" ? `HTTP ${status}` : `HTTP ${status}: ${words}`;
}
