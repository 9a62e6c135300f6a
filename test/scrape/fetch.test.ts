import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HttpClient } from "../../src/http-client/http-client.js";
import { readTextFile } from "../../src/local-files.js";
import { fetchPage, PageRequest } from "../../src/scrape/fetch.js";
import { PageBuffer } from "../../src/scrape/page-buffers.js";
import type { ScrapeConfig } from "../../src/scrape/scrape-config.js";
import { FakeClock } from "../support/fake-clock.js";
import { scrapeConfig } from "../support/scrape-config.js";

let server: Server;
let client: HttpClient;
let answer: RequestListener;
const clock = new FakeClock(0);

beforeEach(async () => {
  server = createServer((request, response) => answer(request, response));
  client = new HttpClient(scrapeConfig().http, { clock, readFile: readTextFile });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
});

afterEach(() => {
  client.close();
  server.closeAllConnections();
  server.close();
});

function url(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
}

const requestFor = (changes: Partial<ScrapeConfig>, from: string) =>
  new PageRequest(from, scrapeConfig(changes), client, "1");

async function page(changes: Partial<ScrapeConfig> = {}, from = url(), request = requestFor(changes, from)) {
  const buffer = new PageBuffer();
  const options = { clock, signal: new AbortController().signal };
  const format = await fetchPage(request, buffer, options);
  return { format, text: buffer.bytes.toString() };
}

describe("fetchPage", () => {
  it.each(["data:text/plain,a 1", "://h/metrics", "ftp://h/metrics"])(
    "fetches nothing from %s",
    async (from) => {
      await expect(page({}, from)).rejects.toThrow(`neither http nor https: ${from}`);
    },
  );

  it.each([
    ["text/plain; version=0.0.4", "prometheus"],
    ["application/openmetrics-text", "openmetrics"],
    [
      "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
      "protobuf",
    ],
  ])("knows %s", async (contentType, format) => {
    answer = (_, response) => response.setHeader("content-type", contentType).end("a 1\n");
    expect(await page()).toEqual({ format, text: "a 1\n" });
  });

  it("keeps connections, and takes another when one that was idle has been closed", async () => {
    const ports = new Set<number | undefined>();
    answer = (request, response) => {
      ports.add(request.socket.remotePort);
      response.setHeader("content-type", "text/plain").end("a 1\n");
    };
    for (let i = 0; i < 3; i++) await page();
    expect(ports.size).toBe(1);
    const closing = (request: Parameters<RequestListener>[0], response: Parameters<RequestListener>[1]) => {
      if (ports.has(request.socket.remotePort)) request.socket.destroy();
      else response.setHeader("content-type", "text/plain").end("b 1\n");
    };
    answer = closing;
    expect((await page()).text).toBe("b 1\n");
  });

  it("follows a redirect, and remembers that it needs to", async () => {
    let asked: (string | undefined)[] = [];
    answer = (request, response) => {
      asked.push(request.url);
      if (request.url === "/metrics") response.writeHead(302, { location: "/moved" }).end();
      else response.setHeader("content-type", "text/plain").end("a 1\n");
    };
    const request = requestFor({}, url());
    expect((await page({}, url(), request)).text).toBe("a 1\n");
    expect(asked).toEqual(["/metrics", "/metrics", "/moved"]);
    asked = [];
    expect((await page({}, url(), request)).text).toBe("a 1\n");
    expect(asked).toEqual(["/metrics", "/moved"]);
  });

  it("counts what comes out against body_size_limit while it comes out", async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    answer = (_, response) =>
      response.writeHead(200, { "content-type": "text/plain", "content-encoding": "gzip" }).end(bomb);
    const before = process.memoryUsage().rss;
    await expect(page({ bodySizeMaxBytes: 100_000 })).rejects.toThrow("body_size_limit, 100000 bytes");
    expect(process.memoryUsage().rss - before).toBeLessThan(48 * 1024 * 1024);
  });

  it.each([
    ["small", 10, 1],
    ["small, and large when it comes out", 3_000_000, 1],
    ["large", 3_000_000, 97],
  ])("decompresses what is %s", async (_, length, kinds) => {
    let seed = 1;
    const text = Buffer.alloc(length);
    for (let i = 0; i < length; i++) {
      seed = (seed * 48_271) % 2_147_483_647;
      text[i] = 32 + (seed % kinds);
    }
    const zipped = gzipSync(text);
    answer = (_request, response) =>
      response.writeHead(200, { "content-type": "text/plain", "content-encoding": "gzip" }).end(zipped);
    expect((await page()).text).toBe(text.toString());
  });

  it("refuses a page of exactly the limit, as Prometheus does", async () => {
    answer = (_, response) => response.setHeader("content-type", "text/plain").end("a 1\n");
    await expect(page({ bodySizeMaxBytes: 4 })).rejects.toThrow("body_size_limit");
    expect((await page({ bodySizeMaxBytes: 5 })).text).toBe("a 1\n");
  });

  it.each<[string, RequestListener, RegExp]>([
    [
      "a status",
      (_, response) => response.writeHead(404).end(),
      /: server returned HTTP status 404 Not Found; metrics_path/,
    ],
    [
      "a page that is cut short",
      (_, response) => {
        response.writeHead(200, { "content-type": "text/plain", "content-length": "9" }).write("a 1\n");
        setImmediate(() => response.destroy());
      },
      /before the page was complete/,
    ],
    [
      "gzip that is cut short",
      (_, response) => {
        const bytes = gzipSync("a 1\n".repeat(1000));
        response.writeHead(200, { "content-type": "text/plain", "content-encoding": "gzip" });
        response.end(bytes.subarray(0, bytes.length - 12));
      },
      /unexpected end of file/,
    ],
    [
      "what is no gzip",
      (_, response) =>
        response.writeHead(200, { "content-type": "text/plain", "content-encoding": "gzip" }).end("a 1\n"),
      /incorrect header check/,
    ],
  ])("fails for %s", async (_, respond, reason) => {
    answer = respond;
    await expect(page()).rejects.toThrow(reason);
  });

  it("ends at the timeout in the middle of a page", async () => {
    answer = (_, response) => {
      response.writeHead(200, { "content-type": "text/plain" }).write("a 1\n");
      setImmediate(() => clock.advance(10_000));
    };
    await expect(page()).rejects.toThrow("no complete answer within the timeout of 10s");
  });
});
