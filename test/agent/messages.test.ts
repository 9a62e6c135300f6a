/**
 * The messages of agents: what is written is read, and whatever else comes is refused in words.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type AgentMessage,
  decodeAgentMessage,
  decodeServerMessage,
  encodeMessage,
  pieceSizeMaxBytes,
  type ServerMessage,
} from "../../src/agent/messages.js";
import { MalformedInputError } from "../../src/model/errors.js";

const id = fc.stringMatching(/^[0-9a-f]{16}$/);
const text = fc.string({ maxLength: 50 });
const scrape = fc.nat(2 ** 32 - 1);
const headers = fc.dictionary(fc.stringMatching(/^[a-z-]{1,20}$/), text);
const words = fc.stringMatching(/^[a-z ]*$/);

const agentMessages: fc.Arbitrary<AgentMessage> = fc.oneof(
  fc.record({
    kind: fc.constant("targets" as const),
    targets: fc.uniqueArray(
      fc.record({ id, job: text, url: text, labels: fc.dictionary(text, text, { noNullPrototype: true }) }),
      { selector: (target) => target.id },
    ),
  }),
  fc.record({
    kind: fc.constant("head" as const),
    ...{ scrape, status: fc.nat(999), statusText: text, headers },
  }),
  fc.record({
    kind: fc.constant("body" as const),
    ...{ scrape, bytes: fc.uint8Array({ minLength: 1, maxLength: 100 }).map((bytes) => Buffer.from(bytes)) },
  }),
  fc.record({ kind: fc.constant("end" as const), scrape }),
  fc.record({ kind: fc.constant("failed" as const), scrape, reason: words }),
);

const serverMessages: fc.Arbitrary<ServerMessage> = fc.oneof(
  fc.record({
    kind: fc.constant("accepted" as const),
    count: fc.nat(),
    refused: fc.array(fc.record({ id, reason: words })),
    refusedCount: fc.nat(),
  }),
  fc.record({ kind: fc.constant("ask" as const), scrape, target: text, headers }),
  fc.record({ kind: fc.constant("credit" as const), scrape, sizeBytes: fc.nat() }),
  fc.record({ kind: fc.constant("cancel" as const), scrape }),
);

/** Undefined when it was read. */
function refusalOf(decode: (encoded: Buffer) => unknown, encoded: Uint8Array): unknown {
  try {
    decode(Buffer.from(encoded));
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("a message", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(agentMessages, serverMessages, (ofAgent, ofServer) => {
        expect(decodeAgentMessage(encodeMessage(ofAgent))).toEqual(ofAgent);
        expect(decodeServerMessage(encodeMessage(ofServer))).toEqual(ofServer);
      }),
    );
  });

  it("that is none is refused, and breaks nothing", () => {
    const noise = fc
      .tuple(fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 16, 17, 18, 19, 20), fc.uint8Array({ maxLength: 40 }))
      .map(([kind, rest]) => Buffer.from([kind, ...rest]));
    const json = fc
      .tuple(fc.constantFrom(1, 2, 5, 16, 17, 18), fc.json())
      .map(([kind, content]) => Buffer.concat([Buffer.from([kind, 0, 0, 0, 1]), Buffer.from(content)]));
    // One byte of a good message is another one.
    const mutated = fc
      .tuple(fc.oneof(agentMessages, serverMessages), fc.nat(), fc.nat(255))
      .map(([message, at, byte]) => {
        const encoded = encodeMessage(message);
        encoded[at % encoded.length] = byte;
        return encoded;
      });
    for (const decode of [decodeAgentMessage, decodeServerMessage])
      fc.assert(
        fc.property(fc.oneof(noise, json, mutated), (encoded) => {
          const refusal = refusalOf(decode, encoded);
          expect(refusal === undefined || refusal instanceof MalformedInputError).toBe(true);
        }),
        { numRuns: 2000 },
      );
  });

  it("of the other side is refused", () => {
    fc.assert(
      fc.property(agentMessages, serverMessages, (ofAgent, ofServer) => {
        expect(refusalOf(decodeAgentMessage, encodeMessage(ofServer))).toBeInstanceOf(MalformedInputError);
        expect(refusalOf(decodeServerMessage, encodeMessage(ofAgent))).toBeInstanceOf(MalformedInputError);
      }),
    );
  });

  it.each([
    ["a body that is too long", { kind: "body", scrape: 1, bytes: Buffer.alloc(pieceSizeMaxBytes + 1) }],
    ["a body of nothing", { kind: "body", scrape: 1, bytes: Buffer.alloc(0) }],
    [
      "a head with more headers than a head has",
      { kind: "head", scrape: 1, status: 200, statusText: "", headers: { a: "x".repeat(20_000) } },
    ],
    ["a head of no status", { kind: "head", scrape: 1, status: -1, statusText: "", headers: {} }],
    [
      "a target whose id is a path",
      { kind: "targets", targets: [{ id: "../../etc/passwd", job: "a", url: "u", labels: {} }] },
    ],
    [
      "two targets of one id",
      { kind: "targets", targets: Array(2).fill({ id: "0".repeat(16), job: "a", url: "u", labels: {} }) },
    ],
    [
      "a label that is long",
      {
        kind: "targets",
        targets: [{ id: "0".repeat(16), job: "a", url: "u", labels: { a: "x".repeat(5000) } }],
      },
    ],
    ["more targets than may be told of", { kind: "targets", targets: Array(10_001).fill(0) }],
  ] as unknown as [string, AgentMessage][])("with %s is refused", (_what, message) => {
    expect(refusalOf(decodeAgentMessage, encodeMessage(message))).toBeInstanceOf(MalformedInputError);
  });

  it("has no control characters for logs", () => {
    const message = decodeAgentMessage(
      encodeMessage({ kind: "failed", scrape: 1, reason: "a\u001b[31m\nb" }),
    );
    expect(message).toMatchObject({ reason: "a [31m b" });
  });
});
