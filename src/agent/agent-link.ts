/**
 * AgentLink: the server's end of one connection of an agent: scrapes that are asked for, and pages that come.
 *
 * Nothing that comes is believed: a message about a scrape that was not asked for, or that has ended, and more of a page
 * than there was credit for, end the connection.
 */

import type { HttpRequest, HttpResponse } from "../http-client/http-client.js";
import { MalformedInputError, UnavailableError } from "../model/errors.js";
import { AgentPage } from "./agent-page.js";
import type { AgentTarget, TargetDecision } from "./agent-target.js";
import type { Channel, ChannelEnding } from "./channel.js";
import { type AgentMessage, decodeAgentMessage, encodeMessage, windowSizeBytes } from "./messages.js";

export interface AgentLinkOptions {
  readonly name: string;
  readonly onTargets: (targets: readonly AgentTarget[]) => void;
}

/** One that was asked for and has not ended at the agent's. */
interface Scrape {
  creditBytes: number;
  page: AgentPage | undefined;
  /** Undefined once there is a head, or nobody waits. */
  waiting: Waiting | undefined;
}

interface Waiting {
  readonly resolve: (response: HttpResponse) => void;
  readonly reject: (error: Error) => void;
}

/** Of one agent, those that were cancelled and have not ended included. */
const scrapesMax = 1000;
const scrapeNumberMax = 2 ** 32 - 1;
const cancelled = "the scrape was cancelled";

export class AgentLink {
  readonly #options: AgentLinkOptions;
  readonly #channel: Channel;
  readonly #scrapes = new Map<number, Scrape>();
  #lastNumber = 0;

  /** `channel` must hand its messages to `take`, and its end to `ended`. */
  constructor(channel: Channel, options: AgentLinkOptions) {
    this.#channel = channel;
    this.#options = options;
  }

  /** As `HttpClient.request`, of a target of the agent. */
  request(target: string, { headers, signal }: HttpRequest): Promise<HttpResponse> {
    const { name } = this.#options;
    if (signal.aborted) return Promise.reject(new UnavailableError(cancelled));
    if (this.#scrapes.size >= scrapesMax)
      return Promise.reject(
        new UnavailableError(`agent "${name}" has ${scrapesMax} scrapes that have not ended`),
      );
    const number = this.#nextNumber();
    return new Promise((resolve, reject) => {
      const scrape: Scrape = {
        creditBytes: windowSizeBytes,
        page: undefined,
        waiting: { resolve, reject },
      };
      this.#scrapes.set(number, scrape);
      signal.addEventListener("abort", () => this.#abort(number, scrape), { once: true });
      this.#send({ kind: "ask", scrape: number, target, headers });
    });
  }

  /** Throws MalformedInputError for what no agent of ours sends. */
  take(encoded: Buffer): void {
    const message = decodeAgentMessage(encoded);
    if (message.kind === "targets") this.#options.onTargets(message.targets);
    else this.#takeOfScrape(message);
  }

  tell({ acceptedCount, refused, refusedCount }: TargetDecision): void {
    this.#send({ kind: "accepted", count: acceptedCount, refused, refusedCount });
  }

  close(code: number, reason: string): void {
    this.#channel.close(code, reason);
    this.ended({ code, reason });
  }

  /** All that was under way fails. */
  ended({ reason }: ChannelEnding): void {
    const error = new UnavailableError(`agent "${this.#options.name}" has gone: ${reason}`);
    for (const [number, scrape] of [...this.#scrapes]) this.#conclude(number, scrape, error);
  }

  #takeOfScrape(message: Exclude<AgentMessage, { kind: "targets" }>): void {
    const scrape = this.#scrapes.get(message.scrape);
    if (scrape === undefined) throw new MalformedInputError("a message about no scrape that is under way");
    switch (message.kind) {
      case "head":
        this.#begin(message, scrape);
        break;
      case "body":
        scrape.creditBytes -= message.bytes.length;
        if (scrape.creditBytes < 0) throw new MalformedInputError("more of a page than there was credit for");
        if (scrape.page === undefined && scrape.waiting !== undefined)
          throw new MalformedInputError("a page without a head");
        scrape.page?.arrive(message.bytes);
        break;
      case "end":
        if (scrape.waiting !== undefined) throw new MalformedInputError("the end of a page without a head");
        this.#scrapes.delete(message.scrape);
        scrape.page?.complete();
        break;
      case "failed":
        this.#conclude(message.scrape, scrape, new UnavailableError(message.reason));
    }
  }

  #begin(head: Extract<AgentMessage, { kind: "head" }>, scrape: Scrape): void {
    const { waiting } = scrape;
    // Nobody waits: it was cancelled, and the head was on its way. A second one has no page to be of.
    if (waiting === undefined && scrape.page !== undefined)
      throw new MalformedInputError("two heads of a page");
    if (waiting === undefined) return;
    scrape.waiting = undefined;
    scrape.page = new AgentPage({
      head,
      onRead: (sizeBytes) => {
        scrape.creditBytes += sizeBytes;
        this.#send({ kind: "credit", scrape: head.scrape, sizeBytes });
      },
      onUnwanted: () => this.#send({ kind: "cancel", scrape: head.scrape }),
    });
    waiting.resolve(scrape.page);
  }

  /** The scrape goes on to be known until the agent ends it. */
  #abort(number: number, scrape: Scrape): void {
    if (this.#scrapes.get(number) !== scrape) return;
    const error = new UnavailableError(cancelled);
    if (scrape.page !== undefined) {
      scrape.page.destroy(error);
      return;
    }
    scrape.waiting?.reject(error);
    scrape.waiting = undefined;
    this.#send({ kind: "cancel", scrape: number });
  }

  #conclude(number: number, scrape: Scrape, error: UnavailableError): void {
    this.#scrapes.delete(number);
    scrape.waiting?.reject(error);
    scrape.waiting = undefined;
    scrape.page?.fail(error);
  }

  #nextNumber(): number {
    do this.#lastNumber = this.#lastNumber === scrapeNumberMax ? 1 : this.#lastNumber + 1;
    while (this.#scrapes.has(this.#lastNumber));
    return this.#lastNumber;
  }

  #send(message: Parameters<typeof encodeMessage>[0]): void {
    void this.#channel.send(encodeMessage(message));
  }
}
