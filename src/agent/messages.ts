/**
 * The messages between an agent and its server: one binary WebSocket message each.
 *
 *   │ kind: u8 │ scrape: u32, big endian; 0 when it is about none │ the rest: JSON, or bytes of a page │
 *
 *   from the agent                                   from the server
 *   targets   all that it has, first and on change   accepted  what became of them
 *   head      status and headers of a page           ask       for a target's page, by its id, with our headers
 *   body      a piece of it, within the credit       credit    more of it may be sent: so many bytes
 *   end       that was all of it                     cancel    it is not wanted any more
 *   failed    there is no page, or no more of it
 *
 * A scrape begins with `ask` and ends with exactly one `end` or `failed`, also when it was cancelled. Of each page
 * `windowSizeBytes` may be sent before there is credit. Numbers of scrapes are the server's, and no two that have not
 * ended are equal. Who sends anything else is hung up on. The version is in the name of the subprotocol.
 */

import { MalformedInputError } from "../model/errors.js";
import { type AgentTarget, type RefusedTarget, readAgentTargets, reasonsMax } from "./agent-target.js";

export const subprotocol = "narthex-agent.v1";

/** Of one message. */
export const messageSizeMaxBytes = 1024 * 1024;
/** Of what is no list of targets and no piece of a page. */
const smallSizeMaxBytes = 16 * 1024;
/** Of a page, in one message: others get their turn in between. */
export const pieceSizeMaxBytes = 64 * 1024;
export const windowSizeBytes = 256 * 1024;

export type HeaderTexts = Readonly<Record<string, string>>;

export type AgentMessage =
  | { readonly kind: "targets"; readonly targets: readonly AgentTarget[] }
  | {
      readonly kind: "head";
      readonly scrape: number;
      readonly status: number;
      readonly statusText: string;
      readonly headers: HeaderTexts;
    }
  | { readonly kind: "body"; readonly scrape: number; readonly bytes: Buffer }
  | { readonly kind: "end"; readonly scrape: number }
  | { readonly kind: "failed"; readonly scrape: number; readonly reason: string };

export type ServerMessage =
  | {
      readonly kind: "accepted";
      readonly count: number;
      /** The first of those that were refused. */
      readonly refused: readonly RefusedTarget[];
      readonly refusedCount: number;
    }
  | { readonly kind: "ask"; readonly scrape: number; readonly target: string; readonly headers: HeaderTexts }
  | { readonly kind: "credit"; readonly scrape: number; readonly sizeBytes: number }
  | { readonly kind: "cancel"; readonly scrape: number };

type Kind = AgentMessage["kind"] | ServerMessage["kind"];

const codes = {
  targets: 1,
  head: 2,
  body: 3,
  end: 4,
  failed: 5,
  accepted: 16,
  ask: 17,
  credit: 18,
  cancel: 19,
} as const satisfies Record<Kind, number>;

const kinds: ReadonlyMap<number, Kind> = new Map(
  Object.entries(codes).map(([kind, code]) => [code, kind as Kind]),
);

const headerSizeBytes = 5;

export function encodeMessage(message: AgentMessage | ServerMessage): Buffer {
  const { kind, scrape = 0, ...rest } = { scrape: 0, ...message };
  const content = "bytes" in message ? message.bytes : Buffer.from(contentOf(rest));
  const encoded = Buffer.allocUnsafe(headerSizeBytes + content.length);
  encoded.writeUInt8(codes[kind], 0);
  encoded.writeUInt32BE(scrape, 1);
  encoded.set(content, headerSizeBytes);
  return encoded;
}

/** Throws MalformedInputError. */
export function decodeAgentMessage(encoded: Buffer): AgentMessage {
  const { kind, scrape, content } = split(encoded);
  switch (kind) {
    case "targets":
      return { kind, targets: readAgentTargets(readRecord(content, messageSizeMaxBytes).targets) };
    case "head": {
      const { status, statusText, headers } = readRecord(content);
      if (!isCount(status) || status > 999) throw malformed("head without a status");
      return { kind, scrape, status, statusText: readText(statusText), headers: readHeaders(headers) };
    }
    case "body":
      if (content.length === 0 || content.length > pieceSizeMaxBytes) throw malformed("body of a wrong size");
      return { kind, scrape, bytes: content };
    case "end":
      if (content.length > 0) throw malformed("end with more behind it");
      return { kind, scrape };
    case "failed":
      return { kind, scrape, reason: oneLine(readText(readRecord(content).reason)) };
    default:
      throw malformed(`${kind}, which agents do not send`);
  }
}

/** Throws MalformedInputError. */
export function decodeServerMessage(encoded: Buffer): ServerMessage {
  const { kind, scrape, content } = split(encoded);
  switch (kind) {
    case "accepted": {
      const { count, refused, refusedCount } = readRecord(content, messageSizeMaxBytes);
      if (!isCount(count) || !isCount(refusedCount) || !Array.isArray(refused))
        throw malformed("accepted without counts");
      if (refused.length > reasonsMax) throw malformed("accepted with more reasons than there may be");
      return { kind, count, refused: refused.map(readRefused), refusedCount };
    }
    case "ask": {
      const { target, headers } = readRecord(content);
      return { kind, scrape, target: readText(target), headers: readHeaders(headers) };
    }
    case "credit": {
      const { sizeBytes } = readRecord(content);
      if (!isCount(sizeBytes)) throw malformed("credit without a size");
      return { kind, scrape, sizeBytes };
    }
    case "cancel":
      if (content.length > 0) throw malformed("cancel with more behind it");
      return { kind, scrape };
    default:
      throw malformed(`${kind}, which servers do not send`);
  }
}

function contentOf(rest: object): string {
  return Object.keys(rest).length === 0 ? "" : JSON.stringify(rest);
}

function split(encoded: Buffer): { kind: Kind; scrape: number; content: Buffer } {
  if (encoded.length < headerSizeBytes) throw malformed("message that is too short");
  const kind = kinds.get(encoded.readUInt8(0));
  if (kind === undefined) throw malformed(`message of the unknown kind ${encoded.readUInt8(0)}`);
  return { kind, scrape: encoded.readUInt32BE(1), content: encoded.subarray(headerSizeBytes) };
}

function readRecord(content: Buffer, sizeMaxBytes = smallSizeMaxBytes): Readonly<Record<string, unknown>> {
  if (content.length > sizeMaxBytes) throw malformed("message that is too long for what it is");
  const json = parseJson(content.toString("utf8"));
  if (typeof json !== "object" || json === null) throw malformed("message that is no JSON object");
  return json as Readonly<Record<string, unknown>>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MalformedInputError("a message that is no JSON", {}, { cause });
  }
}

function readRefused(json: unknown): RefusedTarget {
  const { id, reason } = (json ?? {}) as Readonly<Record<string, unknown>>;
  return { id: readText(id), reason: oneLine(readText(reason)) };
}

function readHeaders(json: unknown): HeaderTexts {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw malformed("message without headers");
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => [name.toLowerCase(), readText(value)]),
  );
}

function readText(value: unknown): string {
  if (typeof value !== "string") throw malformed("message without a text that it needs");
  return value;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** It comes from elsewhere and goes into logs and status pages. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ").slice(0, 1000);
}

function malformed(what: string): MalformedInputError {
  return new MalformedInputError(`a ${what}`);
}
