/**
 * Channel: messages over one WebSocket, in either direction, and the watch over whether the other end still lives.
 *
 * A peer that brings no byte for two heartbeats is gone: firewalls drop idle connections without a word. What it sends
 * is taken message by message, each within a limit that is checked before there is memory for it; a message that is
 * none of ours ends the connection.
 */

import type { Socket } from "node:net";
import type { RawData, WebSocket } from "ws";
import type { Clock } from "../model/clock.js";
import { TsdbError } from "../model/errors.js";
import { messageSizeMaxBytes } from "./messages.js";

export interface ChannelOptions {
  readonly clock: Clock;
  /** Under the WebSocket: what it has read shows that the peer lives, also in the middle of a message. */
  readonly socket: Socket;
  /** A TsdbError that it throws ends the connection, with the message as the reason. */
  readonly onMessage: (encoded: Buffer) => void;
  /** Called once. */
  readonly onClose: (ending: ChannelEnding) => void;
}

/** How a connection ended. */
export interface ChannelEnding {
  readonly code: number;
  /** In words; never empty. */
  readonly reason: string;
}

/** Codes of RFC 6455, section 7.4.1, and our own. */
export const closeCodes = {
  goingAway: 1001,
  protocolError: 1002,
  noStatus: 1005,
  abnormal: 1006,
  /** The token counts no more. */
  revoked: 4401,
  /** Another connection came with the same token. */
  replaced: 4409,
} as const;

const beatMs = 15_000;
const silentBeatsMax = 2;
/** Of what we sent and the peer does not take. */
const unsentMaxBytes = 8 * 1024 * 1024;
/** Pings need no answer while as much as this is on the way: it shows as well that we live. */
const unansweredMaxBytes = 4096;
const closingMs = 2000;

/** What both sides say to the library about a connection. */
export const connectionOptions = {
  // Answered here: a peer that asks and does not read must not fill our memory with answers.
  autoPong: false,
  // One message a turn: others get theirs, however fast a peer sends.
  allowSynchronousEvents: false,
  maxPayload: messageSizeMaxBytes,
  perMessageDeflate: false,
  maxFragments: 256,
  maxBufferedChunks: 4096,
} as const;

export class Channel {
  readonly #webSocket: WebSocket;
  readonly #options: ChannelOptions;
  #cancelTimer: () => void = () => {};
  #bytesRead = -1;
  #silentBeats = 0;
  #turn: Promise<void> = Promise.resolve();
  /** Why we end it, when it is we who do. */
  #verdict: ChannelEnding | undefined;

  constructor(webSocket: WebSocket, options: ChannelOptions) {
    this.#webSocket = webSocket;
    this.#options = options;
    webSocket.on("ping", (text) => {
      if (this.isOpen && webSocket.bufferedAmount < unansweredMaxBytes) webSocket.pong(text);
    });
    webSocket.on("message", (data, isBinary) => this.#take(data, isBinary));
    // What was wrong: a message too long, bytes that are no WebSocket. `close` follows.
    webSocket.on("error", (error) => {
      this.#verdict ??= { code: closeCodes.protocolError, reason: error.message };
    });
    webSocket.on("close", (code, reason) => {
      this.#cancelTimer();
      options.onClose(this.#verdict ?? { code, reason: describeClose(code, reason) });
    });
    this.#beat();
  }

  get isOpen(): boolean {
    return this.#webSocket.readyState === this.#webSocket.OPEN && this.#verdict === undefined;
  }

  /** Resolves when it was handed to the system, or the connection has ended. */
  send(encoded: Buffer): Promise<void> {
    if (!this.isOpen) return Promise.resolve();
    if (this.#webSocket.bufferedAmount > unsentMaxBytes) {
      this.#end({ code: closeCodes.abnormal, reason: "the peer does not read what it is sent" });
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#webSocket.send(encoded, () => resolve());
    });
  }

  /** As `send`, one after the other, so that large ones that wait are not all handed to the system. */
  sendInTurn(encoded: Buffer): Promise<void> {
    this.#turn = this.#turn.then(() => this.send(encoded));
    return this.#turn;
  }

  /** Says why, and hangs up when the peer does not do so itself. */
  close(code: number, reason: string): void {
    if (this.#verdict !== undefined) return;
    this.#verdict = { code, reason };
    this.#webSocket.close(code, shortened(reason));
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.schedule(closingMs, () => this.#webSocket.terminate());
  }

  #take(data: RawData, isBinary: boolean): void {
    if (this.#verdict !== undefined) return;
    try {
      if (!isBinary || !Buffer.isBuffer(data)) {
        this.close(closeCodes.protocolError, "messages must be binary");
        return;
      }
      this.#options.onMessage(data);
    } catch (error) {
      if (!(error instanceof TsdbError)) throw error;
      this.close(closeCodes.protocolError, `what was sent makes no sense: ${error.message}`);
    }
  }

  #beat(): void {
    const { clock, socket } = this.#options;
    this.#silentBeats = socket.bytesRead === this.#bytesRead ? this.#silentBeats + 1 : 0;
    this.#bytesRead = socket.bytesRead;
    if (this.#silentBeats >= silentBeatsMax) {
      this.#end({
        code: closeCodes.abnormal,
        reason: `the peer was silent for ${(silentBeatsMax * beatMs) / 1000}s`,
      });
      return;
    }
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.ping();
    this.#cancelTimer = clock.schedule(beatMs, () => this.#beat());
  }

  #end(verdict: ChannelEnding): void {
    this.#verdict ??= verdict;
    this.#webSocket.terminate();
  }
}

/** Of a close frame, which has room for 123 bytes. */
function shortened(reason: string): string {
  const bytes = Buffer.from(reason);
  return bytes.length <= 123
    ? reason
    : `${bytes
        .subarray(0, 117)
        .toString("utf8")
        .replace(/\uFFFD$/, "")}...`;
}

function describeClose(code: number, reason: Buffer): string {
  const text = reason.toString("utf8").replace(/\p{Cc}+/gu, " ");
  if (text !== "") return text;
  return code === closeCodes.abnormal ? "the connection broke" : `the peer hung up, code ${code}`;
}
