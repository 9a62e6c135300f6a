import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDiscovery } from "../../src/discovery/create-discovery.js";
import { type DiscoveryEvent, type TargetGroup, targetsOf } from "../../src/discovery/discovery.js";
import { HttpGetter } from "../../src/discovery/http-getter.js";
import { defaultHttpClientConfig, type HttpClientConfig } from "../../src/http-client/http-client-config.js";
import { systemClock } from "../../src/model/clock.js";
import { LimitExceededError, UnavailableError } from "../../src/model/errors.js";
import { eventually } from "../support/eventually.js";

let server: Server;
let url: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  server = createServer((request, response) => answer(request, response));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/targets`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const authorization = { kind: "basic", username: { text: "u" }, password: { text: "p" } } as const;
const client: HttpClientConfig = { ...defaultHttpClientConfig, authorization };
const options = { clock: systemClock, readFile: async () => "", version: "1.2.3" };

async function get(changes: { readonly timeoutMs?: number; readonly bodySizeMaxBytes?: number } = {}) {
  const getter = new HttpGetter(client, options);
  const { signal } = new AbortController();
  const limits = { timeoutMs: 5000, bodySizeMaxBytes: 1000, ...changes };
  try {
    return await getter.get({ url, headers: { accept: "application/json" }, signal, ...limits });
  } finally {
    getter.close();
  }
}

describe("a GET for discovery", () => {
  it("says who asks, with the credentials of the configuration", async () => {
    const seen: NodeJS.Dict<string | string[]>[] = [];
    answer = ({ headers }, response) => {
      seen.push(headers);
      response.setHeader("content-type", "application/json").end("[]");
    };
    const { body, ...head } = await get();
    expect(head).toEqual({ status: 200, statusText: "OK", contentType: "application/json" });
    expect(Buffer.from(body).toString()).toBe("[]");
    expect(seen[0]).toMatchObject({
      accept: "application/json",
      authorization: `Basic ${Buffer.from("u:p").toString("base64")}`,
      "user-agent": "Narthex/1.2.3",
    });
  });

  it("takes compressed answers, up to a size", async () => {
    answer = (_, response) =>
      response.setHeader("content-encoding", "gzip").end(gzipSync(Buffer.alloc(1000, "x")));
    expect((await get()).body).toHaveLength(1000);
    await expect(get({ bodySizeMaxBytes: 999 })).rejects.toThrow(LimitExceededError);
  });

  it("fails when no complete answer comes in time, or the server goes away", async () => {
    answer = (_, response) => response.write("[");
    await expect(get({ timeoutMs: 50 })).rejects.toThrow("no complete answer within 0.05s");
    answer = (_, response) => {
      response.writeHead(200, { "content-length": "10" });
      response.write("[");
      response.socket?.destroySoon();
    };
    await expect(get()).rejects.toThrow(UnavailableError);
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    await expect(get()).rejects.toThrow("ECONNREFUSED");
  });
});

describe("discovery by HTTP", () => {
  it("sees targets change, keeps them while the server fails, and sees them again", async () => {
    let reply = { status: 200, text: '[{"targets": ["a:1"]}]' };
    answer = (_, response) =>
      response.writeHead(reply.status, { "content-type": "application/json" }).end(reply.text);
    const events: DiscoveryEvent[] = [];
    let groups: readonly TargetGroup[] = [];
    const config = { kind: "http", url, refreshIntervalMs: 300, client } as const;
    const discovery = createDiscovery(config, { ...options, onEvent: (event) => events.push(event) });
    discovery.run((_, found) => {
      groups = found;
    });
    const become = (...expected: string[]) =>
      eventually(() => {
        expect([...targetsOf(groups)].map((labels) => labels.get("__address__"))).toEqual(expected);
      });
    try {
      await become("a:1");
      reply = { status: 200, text: '[{"targets": ["a:2", "b:1"]}]' };
      await become("a:2", "b:1");
      reply = { status: 500, text: "[]" };
      await eventually(() => expect(discovery.status.lastError).toContain("HTTP status 500"));
      await become("a:2", "b:1");
      reply = { status: 200, text: "[]" };
      await become();
      await eventually(() => expect(events.map(({ level }) => level)).toEqual(["warning", "info"]));
    } finally {
      await discovery.stop();
    }
  });
});
