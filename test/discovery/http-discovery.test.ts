import { describe, expect, it } from "vitest";
import { type HttpAnswer, type HttpGetRequest, httpLookout } from "../../src/discovery/http-discovery.js";
import { defaultHttpClientConfig } from "../../src/http-client/http-client-config.js";
import { UnavailableError } from "../../src/model/errors.js";
import { Discovered } from "../support/discovered.js";
import { FakeClock } from "../support/fake-clock.js";

const url = "http://sd.test/targets?x=1";
const config = { kind: "http", url, refreshIntervalMs: 2500, client: defaultHttpClientConfig } as const;

function answer(text: string, changes: Partial<HttpAnswer> = {}): HttpAnswer {
  const body = new TextEncoder().encode(text);
  return { status: 200, statusText: "OK", contentType: "application/json", body, ...changes };
}

function discover(answers: readonly (HttpAnswer | Error)[]) {
  const clock = new FakeClock();
  const requests: HttpGetRequest[] = [];
  const get = async (request: HttpGetRequest) => {
    const next = answers[Math.min(requests.push(request), answers.length) - 1]!;
    if (next instanceof Error) throw next;
    return next;
  };
  const discovered = new Discovered(httpLookout(config, get), clock);
  /** Lets one look come to its end. */
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const next = async () => {
    clock.advance(config.refreshIntervalMs);
    await settle();
  };
  return { discovered, requests, settle, next };
}

const one = answer('[{"targets": ["a:1"], "labels": {"x": "y"}}]');
const target = `{__address__="a:1", __meta_url="${url}", x="y"}`;

describe("targets that a server lists", () => {
  it("are asked for at the interval, which the server is told", async () => {
    const { discovered, requests, settle, next } = discover([one, answer("[]")]);
    discovered.run();
    await settle();
    expect(discovered.targets).toEqual([target]);
    expect(requests[0]).toMatchObject({
      url,
      headers: { accept: "application/json", "x-prometheus-refresh-interval-seconds": "2.5" },
      timeoutMs: 2500,
    });
    await next();
    expect(discovered.targets).toEqual([]);
    expect(discovered.discovery.status).toMatchObject({ refreshes: 2, failures: 0, lastRefresh: 2500 });
  });

  it.each([
    [answer("[]", { status: 503, statusText: "Service Unavailable" }), "HTTP status 503 Service Unavailable"],
    [answer("[]", { contentType: "text/plain" }), 'unsupported content type "text/plain"'],
    [answer("[]", { contentType: undefined }), 'unsupported content type ""'],
    [answer('[{"targets": ["a:1"]'), "no JSON"],
    [answer("", { body: Uint8Array.of(0x22, 0xff, 0x22) }), "no UTF-8"],
    [answer('[{"targets": ["a:1"], "other": 1}]'), 'unknown key "other"'],
    [new UnavailableError("connection refused"), "connection refused"],
  ])("stay as they were when it fails", async (failure, reason) => {
    const { discovered, settle, next } = discover([one, failure, failure, one]);
    discovered.run();
    await settle();
    await next();
    await next();
    expect(discovered.targets).toEqual([target]);
    expect(discovered.discovery.status.lastError).toContain(reason);
    expect(discovered.discovery.status.failures).toBe(2);
    expect(discovered.events.map(({ level }) => level)).toEqual(["warning"]);
    await next();
    expect(discovered.discovery.status.lastError).toBe("");
    expect(discovered.events.map(({ level }) => level)).toEqual(["warning", "info"]);
  });

  it("are named without the password of the URL", () => {
    const get = async () => one;
    const { place } = httpLookout({ ...config, url: "http://u:p@sd.test/x?mail=a@b" }, get);
    expect(place).toBe("http://sd.test/x?mail=a@b");
  });

  it.each(["application/json; charset=utf-8", 'APPLICATION/JSON;charset="utf-8"'])(
    "come as %s",
    async (contentType) => {
      const { discovered, settle } = discover([{ ...one, contentType }]);
      discovered.run();
      await settle();
      expect(discovered.targets).toEqual([target]);
    },
  );
});
