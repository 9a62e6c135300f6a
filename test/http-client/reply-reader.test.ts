import { once } from "node:events";
import { get } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ReplyHead, ReplyReader } from "../../src/http-client/reply-reader.js";

const runs = Number(process.env.FUZZ_RUNS ?? 100);

interface Reading {
  readonly state: string;
  readonly mayGoOn: boolean;
  readonly head: ReplyHead | undefined;
  readonly body: string;
}

/** Reads the bytes in pieces that end at `cuts`, then the end of the connection. */
function read(reply: string, cuts: readonly number[] = [], isEnded = true): Reading {
  let head: ReplyHead | undefined;
  let body = "";
  const reader = new ReplyReader({
    head: (told) => {
      head = told;
    },
    body: (piece) => {
      body += piece.toString("latin1");
    },
  });
  const bytes = Buffer.from(reply, "latin1");
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length].sort((a, b) => a - b);
  for (let i = 1; i < places.length; i++) {
    const piece = Buffer.from(bytes.subarray(places[i - 1], places[i]));
    reader.read(piece);
    // It is borrowed.
    piece.fill(0x58);
  }
  if (isEnded) reader.end();
  return { state: reader.state, mayGoOn: reader.mayGoOn, head, body };
}

const bodyText = fc.string({
  unit: fc.constantFrom("a", "1", " ", "\n", "\r\n", "0\r\n\r\n", "é"),
  maxLength: 60,
});

function chunked(body: string, sizes: readonly number[]): string {
  let text = "";
  let at = 0;
  for (const size of sizes) {
    const chunk = body.slice(at, at + size);
    if (chunk !== "") text += `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
    at += size;
  }
  const rest = body.slice(at);
  return `${text}${rest === "" ? "" : `${rest.length.toString(16)}\r\n${rest}\r\n`}0\r\n\r\n`;
}

const reply = fc
  .tuple(bodyText, fc.constantFrom("length", "chunked", "end"), fc.array(fc.integer({ min: 1, max: 20 })))
  .map(([body, form, sizes]) => {
    const framing =
      form === "length"
        ? `Content-Length: ${body.length}\r\n`
        : form === "chunked"
          ? "Transfer-Encoding: chunked\r\n"
          : "";
    const sent = form === "chunked" ? chunked(body, sizes) : body;
    return {
      body,
      form,
      text: `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n${framing}X: \r\n\r\n${sent}`,
    };
  });

describe("ReplyReader", () => {
  it("reads a reply in whatever pieces it comes", () => {
    fc.assert(
      fc.property(reply, fc.array(fc.nat(), { maxLength: 8 }), ({ body, form, text }, cuts) => {
        const { head, ...rest } = read(text, cuts);
        expect(rest).toEqual({ state: "complete", mayGoOn: form !== "end", body });
        expect(head).toMatchObject({ statusCode: 200, statusMessage: "OK" });
        expect(head?.headers.get("content-type")).toBe("text/plain");
        expect(head?.headers.get("x")).toBe("");
      }),
      { numRuns: runs },
    );
  });

  it("is not complete before all is here", () => {
    fc.assert(
      fc.property(reply, fc.nat(), ({ form, text }, size) => {
        const { state } = read(text.slice(0, size % text.length), [], false);
        expect(["complete", "unusual"]).not.toContain(form === "end" ? "" : state);
      }),
      { numRuns: runs },
    );
  });

  it.each<[string, string]>([
    ["no reply", "garbage\r\n\r\n"],
    ["a status without a body", "HTTP/1.1 204 No Content\r\n\r\n"],
    ["a redirect", "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"],
    ["an interim reply", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
    [
      "a length and chunks",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["an unknown encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
    ["a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"],
    ["a header that goes on", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"],
    ["a header without a name", "HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 0\r\n\r\n"],
    ["a chunk without a size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"],
    [
      "a chunk that is longer than its size",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    ],
    ["an extension", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0;a=b\r\n\r\n"],
    ["a trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n"],
    ["a line feed alone", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n"],
    ["a head without an end", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(17_000)}`],
    ["a size without an end", `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${"0".repeat(300)}`],
  ])("leaves %s to others", (_, text) => {
    expect(read(text).state).toBe("unusual");
  });

  it("does not go on where the server ends the connection, or says more than was asked for", () => {
    const mayGoOn = (text: string) => read(text).mayGoOn;
    expect(mayGoOn("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")).toBe(false);
    expect(mayGoOn("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")).toBe(false);
    expect(mayGoOn("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab")).toBe(false);
    expect(mayGoOn("HTTP/1.1 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\na")).toBe(true);
  });

  it("reads no reply otherwise than node:http", async () => {
    let text = "";
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end(text, "latin1"));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const snippets = fc.constantFrom(
      "\r",
      "\n",
      "\r\n",
      " ",
      "0",
      "5",
      ":",
      "\0",
      "Content-Length: 3\r\n",
      "x",
      "é",
      ";",
    );
    const mutated = fc
      .tuple(reply, fc.array(fc.tuple(fc.nat(), fc.nat(2), snippets), { maxLength: 3 }))
      .map(([original, changes]) =>
        changes.reduce((result, [at, removed, inserted]) => {
          const place = at % result.length;
          return result.slice(0, place) + inserted + result.slice(place + removed);
        }, original.text),
      );
    try {
      await fc.assert(
        fc.asyncProperty(mutated, async (changed) => {
          const { state, head, body } = read(changed);
          // More than was asked for is no fault of the reply.
          const isShorter = changed !== "" && read(changed.slice(0, -1), [], false).state === "complete";
          fc.pre(state === "complete" && !isShorter);
          text = changed;
          const told = await nodeReads(port);
          expect(told).toEqual({ statusCode: head?.statusCode, body });
        }),
        { numRuns: 2 * runs },
      );
    } finally {
      server.close();
    }
  });
});

function nodeReads(port: number): Promise<{ statusCode: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const request = get({ host: "127.0.0.1", port, agent: false }, (response) => {
      let body = "";
      response.setEncoding("latin1");
      response.on("data", (piece: string) => {
        body += piece;
      });
      response.on("error", reject);
      response.on("end", () => resolve({ statusCode: response.statusCode, body }));
    });
    request.on("error", reject);
  });
}
