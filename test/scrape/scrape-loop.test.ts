import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ScrapeConfig, scrapeProtocols } from "../../src/scrape/scrape-config.js";
import { ScrapeLoop } from "../../src/scrape/scrape-loop.js";
import { buildTarget } from "../../src/scrape/target.js";
import { FakeClock } from "../support/fake-clock.js";
import { RecordingAppendable } from "../support/recording-appendable.js";

let server: Server;
let answer: (response: ServerResponse, headers: NodeJS.Dict<string | string[]>) => void;
let database: RecordingAppendable;
const clock = new FakeClock(1_000_000);

beforeEach(async () => {
  database = new RecordingAppendable();
  server = createServer((request, response) => answer(response, request.headers));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function page(text: string, contentType: string | undefined = "text/plain; version=0.0.4") {
  answer = (response) => {
    if (contentType !== undefined) response.setHeader("content-type", contentType);
    response.end(text);
  };
}

function loop(changes: Partial<ScrapeConfig> = {}, labels: Record<string, string> = {}): ScrapeLoop {
  const config: ScrapeConfig = {
    jobName: "app",
    intervalMs: 15_000,
    timeoutMs: 10_000,
    scheme: "http",
    metricsPath: "/metrics",
    params: {},
    honorLabels: false,
    honorTimestamps: true,
    protocols: scrapeProtocols,
    fallbackProtocol: undefined,
    enableCompression: true,
    followRedirects: true,
    authorization: undefined,
    samplesMax: 0,
    bodySizeMaxBytes: 0,
    staticTargets: [],
    ...changes,
  };
  const { port } = server.address() as AddressInfo;
  const target = buildTarget(config, { address: `127.0.0.1:${port}`, labels: { instance: "i", ...labels } });
  const onFailure = (error: unknown) => {
    throw error;
  };
  return new ScrapeLoop(target, config, { appendable: database, clock, onFailure });
}

/** The samples of the last scrape, without those about the scrape itself. */
function taken(): string[] {
  const samples = database.samples.splice(0);
  return samples.filter((sample) => !/^(?:up|scrape_\w+)\{/.test(sample));
}

describe("a scrape", () => {
  it("takes the page, gives it the target's labels, and reports on itself", async () => {
    page('a 1\nb{c="d"} 2.5\n');
    const scraped = loop({}, { zone: "x" });
    await scraped.scrape(5000);
    const samples = database.samples.map((sample) =>
      sample.replace(/_seconds\{(.*)\} \S+ @/, "_seconds{$1} SOME @"),
    );
    expect(samples).toEqual([
      'a{instance="i", job="app", zone="x"} 1 @5000',
      'b{c="d", instance="i", job="app", zone="x"} 2.5 @5000',
      'up{instance="i", job="app", zone="x"} 1 @5000',
      'scrape_duration_seconds{instance="i", job="app", zone="x"} SOME @5000',
      'scrape_samples_scraped{instance="i", job="app", zone="x"} 2 @5000',
      'scrape_samples_post_metric_relabeling{instance="i", job="app", zone="x"} 2 @5000',
      'scrape_series_added{instance="i", job="app", zone="x"} 2 @5000',
    ]);
    expect(scraped.status).toMatchObject({ health: "up", lastError: "", lastScrape: 5000, lastSamples: 2 });
  });

  it("marks what vanished as stale, once", async () => {
    const scraped = loop();
    page("a 1\nb 2\n");
    await scraped.scrape(1000);
    page("b 3\n");
    await scraped.scrape(2000);
    await scraped.scrape(3000);
    expect(taken().filter((sample) => sample.includes("stale"))).toEqual([
      'a{instance="i", job="app"} stale @2000',
    ]);
  });

  it.each<[string, () => void, Partial<ScrapeConfig>, RegExp]>([
    [
      "the status is not 200",
      () => (answer = (response) => response.writeHead(503).end()),
      {},
      /HTTP status 503/,
    ],
    ["a line is malformed", () => page("a 5\nthis is { no line\n"), {}, /line 2|./],
    [
      "the content type is unknown",
      () => page("a 1\n", "text/html"),
      {},
      /text\/html.*fallback_scrape_protocol/,
    ],
    ["the connection breaks", () => (answer = (response) => response.destroy()), {}, /./],
    ["there are too many samples", () => page("a 1\nb 2\nc 3\n"), { samplesMax: 2 }, /sample_limit, 2/],
    ["the page is too large", () => page("a 1\nb 2\n"), { bodySizeMaxBytes: 5 }, /body_size_limit, 5 bytes/],
  ])("marks every series stale and is down when %s", async (_, fail, changes, reason) => {
    const scraped = loop(changes);
    page("a 1\n");
    await scraped.scrape(1000);
    database.samples.length = 0;
    fail();
    await scraped.scrape(2000);
    expect(database.samples[0]).toBe('a{instance="i", job="app"} stale @2000');
    expect(database.samples[1]).toBe('up{instance="i", job="app"} 0 @2000');
    expect(scraped.status).toMatchObject({ health: "down", lastError: expect.stringMatching(reason) });
    database.samples.length = 0;
    await scraped.scrape(3000);
    expect(database.samples.filter((sample) => sample.includes("stale"))).toEqual([]);
    page("a 2\n");
    await scraped.scrape(4000);
    expect(scraped.status.health).toBe("up");
    expect(taken().at(-1)).toBe('a{instance="i", job="app"} 2 @4000');
  });

  it("keeps the times of the page, without staleness, unless told not to", async () => {
    page("a 1 1234\n");
    const honoring = loop();
    await honoring.scrape(5000);
    expect(taken()).toEqual(['a{instance="i", job="app"} 1 @1234']);
    page("");
    await honoring.scrape(6000);
    expect(taken()).toEqual([]);
    page("a 1 1234\n");
    await loop({ honorTimestamps: false }).scrape(5000);
    expect(taken()).toEqual(['a{instance="i", job="app"} 1 @5000']);
  });

  it("renames labels that the target has too, unless they are honoured", async () => {
    page('a{job="own",exported_job="taken"} 1\n');
    await loop().scrape(1);
    expect(taken()).toEqual([
      'a{exported_exported_job="own", exported_job="taken", instance="i", job="app"} 1 @1',
    ]);
    await loop({ honorLabels: true }).scrape(1);
    expect(taken()).toEqual(['a{exported_job="taken", instance="i", job="own"} 1 @1']);
  });

  it("asks as Prometheus does, and reads gzip and a fallback format", async () => {
    let asked: NodeJS.Dict<string | string[]> = {};
    answer = (response, headers) => {
      asked = headers;
      response.setHeader("content-encoding", "gzip").end(gzipSync("a 1\n"));
    };
    await loop({ fallbackProtocol: "PrometheusText0.0.4", authorization: "Bearer t" }).scrape(1);
    expect(taken()).toEqual(['a{instance="i", job="app"} 1 @1']);
    expect(asked).toMatchObject({
      accept:
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6," +
        "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4," +
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
      "accept-encoding": "gzip",
      "x-prometheus-scrape-timeout-seconds": "10",
      authorization: "Bearer t",
    });
  });

  it("reads OpenMetrics by its content type", async () => {
    page("# TYPE a counter\na_total 1 1.5\n# EOF\n", "application/openmetrics-text; version=1.0.0");
    await loop().scrape(9);
    expect(taken()).toEqual(['a_total{instance="i", job="app"} 1 @1500']);
  });
});

describe("the clockwork", () => {
  it("gives up at the timeout", async () => {
    answer = () => clock.advance(10_000);
    const scraped = loop();
    await scraped.scrape(1);
    expect(scraped.status.lastError).toBe("no complete answer within the timeout of 10s");
  });

  it("keeps a phase of its own, every interval, and stops without marks", async () => {
    const times: number[] = [];
    page("a 1\n");
    const scraped = loop();
    scraped.start();
    for (let i = 0; i < 3; i++) {
      const commits = database.commits;
      clock.advance(clock.nextDue! - clock.now());
      while (database.commits === commits || clock.nextDue === undefined) await new Promise(setImmediate);
      times.push(scraped.status.lastScrape!);
    }
    await scraped.stop();
    expect(times[1]! - times[0]!).toBe(15_000);
    expect(times[2]! - times[1]!).toBe(15_000);
    expect(clock.nextDue).toBeUndefined();
    expect(database.samples.some((sample) => sample.includes("stale"))).toBe(false);
  });
});
