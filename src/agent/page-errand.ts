/**
 * PageErrand: one scrape at the agent's: a target is asked, and its page handed on as it comes, compressed as it is.
 *
 * Of the server's headers only those of scrapes go to the target, and of the target's only what says how to read the
 * page goes to the server.
 */

import { describeFailure } from "../http-client/describe-failure.js";
import type { HttpResponse } from "../http-client/http-client.js";
import type { Clock } from "../model/clock.js";
import type { ListedTarget } from "./listed-targets.js";
import { type AgentMessage, type HeaderTexts, pieceSizeMaxBytes, windowSizeBytes } from "./messages.js";

export interface PageErrandOptions {
  readonly clock: Clock;
  readonly scrape: number;
  readonly target: ListedTarget;
  readonly headers: HeaderTexts;
  /** Resolves when there is room for more. */
  readonly send: (message: AgentMessage) => Promise<void>;
}

const timeoutHeader = "x-prometheus-scrape-timeout-seconds";
const askedHeaders = ["accept", "accept-encoding", "user-agent", timeoutHeader];
const answeredHeaders = ["content-type", "content-encoding"] as const;
const headerLengthMax = 2048;
const timeoutMaxSeconds = 600;

export class PageErrand {
  readonly #options: PageErrandOptions;
  readonly #ending = new AbortController();
  #creditBytes = windowSizeBytes;
  #wake: () => void = () => {};

  constructor(options: PageErrandOptions) {
    this.#options = options;
  }

  get targetId(): string {
    return this.#options.target.id;
  }

  credit(sizeBytes: number): void {
    this.#creditBytes = Math.min(this.#creditBytes + sizeBytes, windowSizeBytes);
    this.#wake();
  }

  cancel(): void {
    this.#ending.abort();
    this.#wake();
  }

  /** Ends with `end` or `failed`, whatever happens. Never rejects. */
  async run(): Promise<void> {
    const { clock, scrape, headers, send } = this.#options;
    const timeoutSeconds = timeoutOf(headers);
    let isLate = false;
    const cancelTimer = clock.schedule(timeoutSeconds * 1000, () => {
      isLate = true;
      this.cancel();
    });
    try {
      await this.#handOn();
      await send({ kind: "end", scrape });
    } catch (error) {
      const late = `no complete answer within the timeout of ${timeoutSeconds}s`;
      await send({ kind: "failed", scrape, reason: (isLate ? late : describeFailure(error)).slice(0, 1000) });
    } finally {
      cancelTimer();
    }
  }

  async #handOn(): Promise<void> {
    const { scrape, target, headers, send } = this.#options;
    const { signal } = this.#ending;
    let response: HttpResponse | undefined;
    try {
      response = await target.client.request(target.url, { headers: pick(headers, askedHeaders), signal });
      const { statusCode: status = 0, statusMessage = "" } = response;
      const statusText = statusMessage.slice(0, headerLengthMax);
      await send({
        kind: "head",
        scrape,
        status,
        statusText,
        headers: pick(response.headers, answeredHeaders),
      });
      for await (const bytes of response as AsyncIterable<Buffer>)
        for (let at = 0; at < bytes.length; ) at += await this.#sendPiece(bytes.subarray(at));
    } finally {
      response?.destroy();
    }
  }

  /** As much of it as may be sent; resolves with how much that was. */
  async #sendPiece(bytes: Buffer): Promise<number> {
    const { signal } = this.#ending;
    while (this.#creditBytes === 0 && !signal.aborted)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    signal.throwIfAborted();
    const piece = bytes.subarray(0, Math.min(this.#creditBytes, pieceSizeMaxBytes));
    this.#creditBytes -= piece.length;
    await this.#options.send({ kind: "body", scrape: this.#options.scrape, bytes: piece });
    return piece.length;
  }
}

function timeoutOf(headers: HeaderTexts): number {
  const seconds = Number(headers[timeoutHeader]);
  return seconds > 0 ? Math.min(seconds, timeoutMaxSeconds) : timeoutMaxSeconds;
}

function pick(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  names: readonly string[],
): HeaderTexts {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (typeof value === "string" && value.length <= headerLengthMax) picked[name] = value;
  }
  return picked;
}
