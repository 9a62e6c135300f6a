/**
 * AgentPage: a page that comes through an agent, as a reply that can be read like one over HTTP.
 *
 * What was read is credited to the agent, so that of a page that nobody reads no more than a window is ever here.
 */

import { Readable } from "node:stream";
import type { HttpResponse } from "../http-client/http-client.js";
import { type AgentMessage, pieceSizeMaxBytes, windowSizeBytes } from "./messages.js";

export interface AgentPageOptions {
  readonly head: Extract<AgentMessage, { kind: "head" }>;
  /** So many bytes more may come. */
  readonly onRead: (sizeBytes: number) => void;
  /** Nobody wants the rest. */
  readonly onUnwanted: () => void;
}

export class AgentPage extends Readable implements HttpResponse {
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly headers: HttpResponse["headers"];
  readonly #options: AgentPageOptions;
  #uncreditedBytes = 0;
  #isComplete = false;

  constructor(options: AgentPageOptions) {
    super({ highWaterMark: pieceSizeMaxBytes });
    this.#options = options;
    const { status, statusText, headers } = options.head;
    this.statusCode = status;
    this.statusMessage = statusText;
    this.headers = headers;
    // Whoever reads gets the failure; when nobody does any more it is of no interest.
    this.on("error", () => {});
  }

  arrive(piece: Buffer): void {
    if (this.destroyed) return;
    this.#uncreditedBytes += piece.length;
    if (this.push(piece)) this.#credit();
  }

  complete(): void {
    this.#isComplete = true;
    this.push(null);
  }

  fail(error: Error): void {
    this.#isComplete = true;
    this.destroy(error);
  }

  override _read(): void {
    this.#credit();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.#isComplete) this.#options.onUnwanted();
    callback(error);
  }

  #credit(): void {
    if (this.#isComplete || this.#uncreditedBytes < windowSizeBytes / 4) return;
    this.#options.onRead(this.#uncreditedBytes);
    this.#uncreditedBytes = 0;
  }
}
