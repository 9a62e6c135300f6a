/**
 * A connection as the server sees it: pages that come, are cancelled, and what is no page.
 */

import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { AgentLink } from "../../src/agent/agent-link.js";
import type { Channel } from "../../src/agent/channel.js";
import {
  type AgentMessage,
  decodeServerMessage,
  encodeMessage,
  type ServerMessage,
  windowSizeBytes,
} from "../../src/agent/messages.js";
import type { HttpResponse } from "../../src/http-client/http-client.js";
import { MalformedInputError, UnavailableError } from "../../src/model/errors.js";

let sent: ServerMessage[];
let link: AgentLink;

beforeEach(start);

function start(): void {
  sent = [];
  const channel: Pick<Channel, "send" | "close"> = {
    send: async (encoded) => void sent.push(decodeServerMessage(encoded)),
    close: () => {},
  };
  link = new AgentLink(channel as Channel, { name: "cellar", onTargets: () => {} });
}

function come(message: AgentMessage): void {
  link.take(encodeMessage(message));
}

const head = (scrape: number) =>
  ({
    kind: "head",
    scrape,
    status: 200,
    statusText: "OK",
    headers: { "content-type": "text/plain" },
  }) as const;
const body = (scrape: number, sizeBytes: number) =>
  ({ kind: "body", scrape, bytes: Buffer.alloc(sizeBytes, "x") }) as const;

function ask(signal = new AbortController().signal): Promise<HttpResponse> {
  return link.request("t", { headers: { accept: "text/plain" }, signal });
}

async function readAll(response: HttpResponse): Promise<string> {
  let text = "";
  for await (const piece of response) text += String(piece);
  return text;
}

describe("a link", () => {
  it("asks for pages and gives them as they come, several at once", async () => {
    const one = ask();
    const two = ask();
    expect(sent).toEqual([
      { kind: "ask", scrape: 1, target: "t", headers: { accept: "text/plain" } },
      { kind: "ask", scrape: 2, target: "t", headers: { accept: "text/plain" } },
    ]);
    come(head(2));
    come(head(1));
    come({ kind: "body", scrape: 1, bytes: Buffer.from("a 1\n") });
    come({ kind: "body", scrape: 2, bytes: Buffer.from("b 2\n") });
    come({ kind: "end", scrape: 1 });
    come({ kind: "end", scrape: 2 });
    const [first, second] = await Promise.all([one, two]);
    expect(first).toMatchObject({
      statusCode: 200,
      statusMessage: "OK",
      headers: { "content-type": "text/plain" },
    });
    expect(await readAll(first)).toBe("a 1\n");
    expect(await readAll(second)).toBe("b 2\n");
    expect(sent.slice(2)).toEqual([]);
  });

  it("gives credit for what was read, and none for what was not", async () => {
    const asked = ask();
    come(head(1));
    const response = await asked;
    const piece = 64 * 1024;
    for (let i = 0; i < 4; i++) come(body(1, piece));
    expect(sent.slice(1)).toEqual([]);
    const reading = readAll(response);
    await new Promise(setImmediate);
    const credited = sent.slice(1) as { sizeBytes: number }[];
    expect(credited.map(({ sizeBytes }) => sizeBytes)).toEqual([4 * piece]);
    for (let i = 0; i < 4; i++) come(body(1, piece));
    come({ kind: "end", scrape: 1 });
    expect(await reading).toHaveLength(8 * piece);
  });

  it("does not take more than there is credit for", async () => {
    const asked = ask();
    come(head(1));
    await asked;
    for (let i = 0; i < windowSizeBytes / 65_536; i++) come(body(1, 65_536));
    expect(() => come(body(1, 1))).toThrow("more of a page than there was credit for");
  });

  it("tells of a scrape that is not wanted, and takes what was on its way", async () => {
    const before = new AbortController();
    const unanswered = ask(before.signal);
    before.abort();
    await expect(unanswered).rejects.toThrow("cancelled");
    const during = new AbortController();
    const answered = ask(during.signal);
    come(head(2));
    const response = await answered;
    const reading = readAll(response);
    come(body(2, 10));
    during.abort();
    await expect(reading).rejects.toThrow("cancelled");
    expect(sent.map(({ kind }) => kind)).toEqual(["ask", "cancel", "ask", "cancel"]);
    come(head(1));
    come(body(1, 10));
    come({ kind: "end", scrape: 1 });
    come(body(2, 10));
    come({ kind: "failed", scrape: 2, reason: "aborted" });
    expect(() => come({ kind: "end", scrape: 2 })).toThrow("no scrape that is under way");
  });

  it("ends a page that is not read to its end", async () => {
    const asked = ask();
    come(head(1));
    const response = await asked;
    response.destroy();
    await new Promise((resolve) => response.once("close", resolve));
    expect(sent.slice(1)).toEqual([{ kind: "cancel", scrape: 1 }]);
    for (let i = 0; i < 4; i++) come(body(1, 65_536));
    expect(() => come(body(1, 1))).toThrow("credit");
  });

  it("fails what the agent says has failed, and all that is under way when it goes", async () => {
    const [refused, early, late] = [ask(), ask(), ask()];
    come({ kind: "failed", scrape: 1, reason: "connect ECONNREFUSED" });
    await expect(refused).rejects.toThrow(/^connect ECONNREFUSED$/);
    come(head(3));
    const gone = [early, readAll(await late)].map((failing) =>
      expect(failing).rejects.toThrow('agent "cellar" has gone: the connection broke'),
    );
    link.ended({ code: 1006, reason: "the connection broke" });
    await Promise.all(gone);
  });

  it.each([
    ["a page without a head", [body(1, 1)]],
    ["the end of a page without a head", [{ kind: "end", scrape: 1 }]],
    ["two heads", [head(1), head(1)]],
    ["a scrape that nobody asked for", [head(9)]],
    ["an end after the end", [head(1), { kind: "end", scrape: 1 }, { kind: "end", scrape: 1 }]],
    [
      "a failure after the end",
      [head(1), { kind: "end", scrape: 1 }, { kind: "failed", scrape: 1, reason: "" }],
    ],
  ] as [string, AgentMessage[]][])("refuses %s", async (_what, messages) => {
    ask().catch(() => {});
    const last = messages.pop()!;
    for (const message of messages) come(message);
    expect(() => come(last)).toThrow();
  });

  it("asks for no more when a thousand have not ended", async () => {
    for (let i = 0; i < 1000; i++) {
      const ending = new AbortController();
      ask(ending.signal).catch(() => {});
      ending.abort();
    }
    await expect(ask()).rejects.toThrow('agent "cellar" has 1000 scrapes that have not ended');
    come({ kind: "failed", scrape: 500, reason: "aborted" });
    ask().catch(() => {});
    expect(sent.at(-1)).toMatchObject({ kind: "ask", scrape: 1001 });
  });

  it("takes any sequence of messages, or refuses one in words", async () => {
    const scrape = fc.integer({ min: 1, max: 4 });
    const messages: fc.Arbitrary<AgentMessage> = fc.oneof(
      scrape.map((number) => head(number)),
      fc.tuple(scrape, fc.integer({ min: 1, max: 65_536 })).map(([number, size]) => body(number, size)),
      scrape.map((number) => ({ kind: "end", scrape: number }) as const),
      scrape.map((number) => ({ kind: "failed", scrape: number, reason: "r" }) as const),
    );
    const steps = fc.array(fc.oneof(messages, fc.constantFrom("ask", "cancel")), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        start();
        const endings: AbortController[] = [];
        const pages: Promise<unknown>[] = [];
        for (const step of taken) {
          if (step === "ask") {
            const ending = new AbortController();
            endings.push(ending);
            pages.push(
              ask(ending.signal)
                .then(readAll)
                .catch((error: unknown) => error),
            );
          } else if (step === "cancel") endings.pop()?.abort();
          else if (isRefused(step)) break;
        }
        link.ended({ code: 1006, reason: "over" });
        // Whatever came, whoever asked has an answer.
        for (const outcome of await Promise.all(pages))
          expect(typeof outcome === "string" || outcome instanceof UnavailableError).toBe(true);
      }),
    );
  });
});

function isRefused(message: AgentMessage): boolean {
  try {
    come(message);
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedInputError);
    return true;
  }
}
