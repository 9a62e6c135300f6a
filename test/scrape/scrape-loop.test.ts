import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HttpClient } from "../../src/http-client/http-client.js";
import { readTextFile } from "../../src/local-files.js";
import { Labels } from "../../src/model/labels.js";
import type { MetadataSink, MetricMetadata } from "../../src/model/metric-metadata.js";
import { RelabelConfig } from "../../src/relabel/relabel-config.js";
import { GatheredCommits } from "../../src/scrape/gathered-commits.js";
import { PageBuffers } from "../../src/scrape/page-buffers.js";
import type { ScrapeConfig } from "../../src/scrape/scrape-config.js";
import { ScrapeCounts } from "../../src/scrape/scrape-counts.js";
import { ScrapeLoop } from "../../src/scrape/scrape-loop.js";
import { selectTargets } from "../../src/scrape/select-targets.js";
import { Ticks } from "../../src/scrape/ticks.js";
import { protobufOf, protobufType } from "../support/client-model-bodies.js";
import { FakeClock } from "../support/fake-clock.js";
import { RecordingAppendable } from "../support/recording-appendable.js";
import { scrapeConfig } from "../support/scrape-config.js";

class RecordedMetadata implements MetadataSink {
  readonly metrics: Record<string, Partial<MetricMetadata>> = {};
  describeMetric(name: string, metadata: Partial<MetricMetadata>): void {
    this.metrics[name] = { ...this.metrics[name], ...metadata };
  }
}

let server: Server;
let answer: (response: ServerResponse, headers: NodeJS.Dict<string | string[]>) => void;
let database: RecordingAppendable;
let client: HttpClient | undefined;
let described: RecordedMetadata;
let counts: ScrapeCounts;
let buffers: PageBuffers;
const clock = new FakeClock(1_000_000);

beforeEach(async () => {
  database = new RecordingAppendable();
  described = new RecordedMetadata();
  buffers = new PageBuffers();
  server = createServer((request, response) => answer(response, request.headers));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
});

afterEach(() => {
  client?.close();
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
  const config = scrapeConfig(changes);
  const { port } = server.address() as AddressInfo;
  const found = Labels.from({ __address__: `127.0.0.1:${port}`, instance: "i", ...labels });
  const [target] = selectTargets(config, [found]).active;
  const onFailure = (error: unknown) => {
    throw error;
  };
  return new ScrapeLoop(target!, config, { ...loopOptions(config), appendable: database, clock, onFailure });
}

function loopOptions({ http }: ScrapeConfig) {
  client = new HttpClient(http, { clock, readFile: readTextFile });
  counts = new ScrapeCounts(clock);
  return {
    client,
    ticks: new Ticks(clock),
    commits: new GatheredCommits(clock),
    buffers,
    counts,
    version: "1.2.3",
    metadata: described,
  };
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

  it("reports without the exported_ of a label that the target has as well, as Prometheus does", async () => {
    page("");
    await loop({}, { exported_job: "x", exported_a: "y", exported_zone: "z" }).scrape(5000);
    expect(database.samples[0]).toBe(
      'up{exported_a="y", exported_zone="z", instance="i", job="app"} 1 @5000',
    );
  });

  it("needs its page no more when it commits, as that may wait for the disk", async () => {
    page("a 1\n");
    const memoryOfNext = () => {
      const buffer = buffers.take();
      buffer.append(Buffer.from("x"));
      const { buffer: memory } = buffer.bytes;
      buffers.give(buffer);
      return memory;
    };
    const onlyMemory = memoryOfNext();
    const free: unknown[] = [];
    const appender = database.appender.bind(database);
    database.appender = () => {
      const inner = appender();
      const commit = () => {
        free.push(memoryOfNext());
        return inner.commit();
      };
      return { ...inner, commit };
    };
    await loop().scrape(1000);
    expect(free).toHaveLength(1);
    expect(free[0]).toBe(onlyMemory);
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
    ["a line is malformed", () => page("this is { no line\na 5\n"), {}, /line 2|./],
    [
      "the content type is unknown",
      () => page("a 1\n", "text/html"),
      {},
      /text\/html.*fallback_scrape_protocol/,
    ],
    ["the connection breaks", () => (answer = (response) => response.destroy()), {}, /./],
    ["there are too many samples", () => page("b 2\nc 3\na 1\n"), { samplesMax: 2 }, /sample_limit, 2/],
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
    answer = (response) => response.destroy();
    await scraped.scrape(3000);
    expect(database.samples.filter((sample) => sample.startsWith("a{"))).toEqual([]);
    page("a 2\n");
    await scraped.scrape(4000);
    expect(scraped.status.health).toBe("up");
    expect(taken().at(-1)).toBe('a{instance="i", job="app"} 2 @4000');
  });

  it.each<[string, string, Partial<ScrapeConfig>]>([
    ["a malformed line", "b 1\na 1\nno line\nd 1\nc 1\n", {}],
    ["the sample that is one too many", "b 1\na 1\nd 1\nc 1\n", { samplesMax: 2 }],
    ["labels beyond a limit", 'b 1\na 1\na{x="y",z="y"} 1\nc 1\n', { labelsMax: 4 }],
  ])("knows what a page had before %s, as Prometheus does", async (_, text, changes) => {
    const scraped = loop(changes);
    const added = () => database.samples.at(-1)!.replace(/.*\} (.*) @.*/, "$1");
    page("a 1\nc 1\n");
    await scraped.scrape(1000);
    taken();
    page(text);
    await scraped.scrape(2000);
    expect(added()).toBe("1");
    expect(taken()).toEqual(['c{instance="i", job="app"} stale @2000']);
    await scraped.scrape(3000);
    expect(added()).toBe("0");
    expect(taken()).toEqual([]);
    page("a 1\n");
    await scraped.scrape(4000);
    expect(taken()).toEqual(['a{instance="i", job="app"} 1 @4000', 'b{instance="i", job="app"} stale @4000']);
  });

  it("does not count towards sample_limit what is there twice", async () => {
    const scraped = loop({ samplesMax: 2 });
    page("a 1\na 2\nb 1\na 3\n");
    await scraped.scrape(1000);
    expect(scraped.status.health).toBe("up");
    expect(taken()).toEqual(['a{instance="i", job="app"} 1 @1000', 'b{instance="i", job="app"} 1 @1000']);
    expect(counts.unstored).toEqual(new Map([["duplicate-time", 2]]));
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

  it.each([
    ["text/plain", 'a{instance="",job="own"} 1\n'],
    [
      protobufType,
      protobufOf([
        { name: "a", type: "gauge", metrics: [{ labels: { instance: "", job: "own" }, value: 1 }] },
      ]),
    ],
  ])(
    "takes an empty label for a word when labels are honoured, as Pushgateways mean it: %s",
    async (type, text) => {
      answer = (response) => response.setHeader("content-type", type).end(text);
      const scraped = loop({ honorLabels: true });
      await scraped.scrape(1);
      expect(taken()).toEqual(['a{job="own"} 1 @1']);
      page("");
      await scraped.scrape(2);
      expect(taken()).toEqual(['a{job="own"} stale @2']);
      answer = (response) => response.setHeader("content-type", type).end(text);
      await loop().scrape(3);
      expect(taken()).toEqual(['a{exported_job="own", instance="i", job="app"} 1 @3']);
    },
  );

  it("renames the label with the shortest name first", async () => {
    page('a{job="x",exported_job="y"} 1\n');
    await loop({}, { exported_job: "z" }).scrape(1);
    expect(taken()).toEqual([
      'a{exported_exported_exported_job="y", exported_exported_job="x", exported_job="z", instance="i", job="app"} 1 @1',
    ]);
  });

  it("relabels series once, and takes a dropped one for none", async () => {
    const metricRelabelConfigs = [
      new RelabelConfig({ action: "drop", sourceLabels: ["__name__"], regex: "go_.*" }),
      new RelabelConfig({
        sourceLabels: ["job", "id"],
        regex: "(.+);(.+)",
        targetLabel: "job",
        replacement: "$1/$2",
      }),
      new RelabelConfig({ action: "labeldrop", regex: "id" }),
    ];
    const scraped = loop({ metricRelabelConfigs });
    page('go_a 1\ngo_b 2\nx{id="7"} 3\n');
    await scraped.scrape(1000);
    expect(database.samples.slice(-3)).toEqual([
      'scrape_samples_scraped{instance="i", job="app"} 3 @1000',
      'scrape_samples_post_metric_relabeling{instance="i", job="app"} 1 @1000',
      'scrape_series_added{instance="i", job="app"} 1 @1000',
    ]);
    expect(taken()).toEqual(['x{instance="i", job="app/7"} 3 @1000']);
    page("go_a 1\n");
    await scraped.scrape(2000);
    expect(database.samples.at(-1)).toBe('scrape_series_added{instance="i", job="app"} 0 @2000');
    expect(taken()).toEqual(['x{instance="i", job="app/7"} stale @2000']);
    await scraped.scrape(3000);
    expect(taken()).toEqual([]);
    expect(scraped.status).toMatchObject({ health: "up", lastSamples: 1 });
  });

  it("counts towards sample_limit what relabelling keeps, and goes on counting beyond it", async () => {
    const drop = new RelabelConfig({ action: "drop", sourceLabels: ["__name__"], regex: "b.*" });
    const scraped = loop({ samplesMax: 2, metricRelabelConfigs: [drop] });
    page("a 1\nb1 1\nb2 1\nc 1\n");
    await scraped.scrape(1000);
    expect(scraped.status.health).toBe("up");
    database.samples.length = 0;
    page("a 1\nb1 1\nc 1\nd 1\ne 1\n");
    await scraped.scrape(2000);
    expect(scraped.status.lastError).toBe("the page has more samples than sample_limit, 2");
    expect(database.samples.filter((sample) => /^(?:up|scrape_s)/.test(sample))).toEqual([
      'up{instance="i", job="app"} 0 @2000',
      'scrape_samples_scraped{instance="i", job="app"} 5 @2000',
      'scrape_samples_post_metric_relabeling{instance="i", job="app"} 4 @2000',
      'scrape_series_added{instance="i", job="app"} 0 @2000',
    ]);
  });

  it.each<[what: string, changes: Partial<ScrapeConfig>, reason: string]>([
    [
      "no name",
      { metricRelabelConfigs: [new RelabelConfig({ action: "labeldrop", regex: "__name__" })] },
      "missing metric name (__name__ label)",
    ],
    [
      "an empty label name",
      { metricRelabelConfigs: [new RelabelConfig({ action: "labelmap", regex: "job", replacement: "$2" })] },
      'invalid metric name or label names: a{""="app", instance="i", job="app"}',
    ],
    [
      "a name that is not legacy",
      {
        nameValidation: "legacy",
        metricRelabelConfigs: [new RelabelConfig({ targetLabel: "a.b", replacement: "x" })],
      },
      'invalid metric name or label names: a{"a.b"="x", instance="i", job="app"}',
    ],
  ])("fails when relabelling leaves %s", async (_, changes, reason) => {
    const scraped = loop(changes);
    page("a 1\n");
    await scraped.scrape(1000);
    expect(scraped.status).toMatchObject({ health: "down", lastError: reason });
    expect(taken()).toEqual([]);
  });

  it("asks as Prometheus does, and reads gzip and a fallback format", async () => {
    let asked: NodeJS.Dict<string | string[]> = {};
    answer = (response, headers) => {
      asked = headers;
      response.setHeader("content-encoding", "gzip").end(gzipSync("a 1\n"));
    };
    await loop({ fallbackProtocol: "PrometheusText0.0.4" }).scrape(1);
    expect(taken()).toEqual(['a{instance="i", job="app"} 1 @1']);
    expect(asked).toMatchObject({
      accept:
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6," +
        "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4," +
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
      "accept-encoding": "gzip",
      "x-prometheus-scrape-timeout-seconds": "10",
      "user-agent": "Narthex/1.2.3",
    });
    await loop({
      nameEscaping: "underscores",
      protocols: ["PrometheusText1.0.0", "PrometheusText0.0.4"],
    }).scrape(1);
    expect(asked.accept).toBe(
      "text/plain;version=1.0.0;escaping=underscores;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4",
    );
  });

  it("reads OpenMetrics by its content type", async () => {
    page("# TYPE a counter\na_total 1 1.5\n# EOF\n", "application/openmetrics-text; version=1.0.0");
    await loop().scrape(9);
    expect(taken()).toEqual(['a_total{instance="i", job="app"} 1 @1500']);
  });
});

describe("limits and options of a page", () => {
  it.each<[Partial<ScrapeConfig>, string, RegExp]>([
    [{ labelsMax: 4 }, 'a{b="c"} 1\nd{e="f",g="h"} 1\n', /^d has 5 labels, more than label_limit, 4$/],
    [
      { labelNameSizeMaxBytes: 8 },
      'a{"bücher"="c"} 1\na{ninechars="c"} 1\n',
      /^the label ninechars of a has a name longer than label_name_length_limit, 8 bytes: 9$/,
    ],
    [
      { labelValueSizeMaxBytes: 3 },
      'a{b="ccc"} 1\na{b="cccc"} 1\n',
      /^the label b of a has a value longer than label_value_length_limit, 3 bytes: 4$/,
    ],
  ])("fail as a whole beyond %j", async (limits, text, reason) => {
    const scraped = loop(limits);
    page(text);
    await scraped.scrape(1000);
    expect(scraped.status).toMatchObject({ health: "down", lastError: expect.stringMatching(reason) });
    expect(database.samples[0]).toBe('up{instance="i", job="app"} 0 @1000');
    expect(counts.limits).toEqual(new Map([["labels", 1]]));
    page(text.split("\n")[0]!.concat("\n"));
    await scraped.scrape(2000);
    expect(scraped.status.health).toBe("up");
  });

  it("are told by series of their own when that is asked for", async () => {
    const scraped = loop({ extraScrapeMetrics: true, samplesMax: 7, bodySizeMaxBytes: 10 });
    const extra = () => database.samples.splice(0).slice(-3);
    const told = (size: number, time: number) => [
      `scrape_timeout_seconds{instance="i", job="app"} 10 @${time}`,
      `scrape_sample_limit{instance="i", job="app"} 7 @${time}`,
      `scrape_body_size_bytes{instance="i", job="app"} ${size} @${time}`,
    ];
    page("a 1\n");
    await scraped.scrape(1000);
    expect(extra()).toEqual(told(4, 1000));
    page("a 1\nb 1\nc 1\n");
    await scraped.scrape(2000);
    expect(extra()).toEqual(told(-1, 2000));
    answer = (response) => response.writeHead(500).end();
    await scraped.scrape(3000);
    expect(extra()).toEqual(told(0, 3000));
    page("a 1\n", "text/html");
    await scraped.scrape(4000);
    expect(extra()).toEqual(told(4, 4000));
  });

  it("end series with times of their own when track_timestamps_staleness says so", async () => {
    const scraped = loop({ trackTimestampsStaleness: true });
    page("a 1 1234\n");
    await scraped.scrape(5000);
    page("");
    await scraped.scrape(6000);
    expect(taken()).toEqual(['a{instance="i", job="app"} 1 @1234', 'a{instance="i", job="app"} stale @6000']);
  });

  it("end a series that begins to bring times of its own, unless the page is malformed", async () => {
    const scraped = loop();
    page("a 1\n");
    await scraped.scrape(1000);
    page("a 2 500\nb\n");
    await scraped.scrape(2000);
    page("a 2 500\n");
    await scraped.scrape(3000);
    await scraped.scrape(4000);
    const of = (rest: string) => `a{instance="i", job="app"} ${rest}`;
    expect(taken()).toEqual([of("1 @1000"), of("stale @2000"), of("2 @500"), of("2 @500")]);
    page("a 1\n");
    await scraped.scrape(5000);
    page("a 2 500\n");
    await scraped.scrape(6000);
    expect(taken()).toEqual([of("1 @5000"), of("2 @500"), of("stale @6000")]);
  });

  it("may be empty in any format: all series end, but none is new when it returns", async () => {
    const scraped = loop();
    page("a 1\n# EOF\n", "application/openmetrics-text");
    await scraped.scrape(1000);
    page("", "application/openmetrics-text");
    await scraped.scrape(2000);
    expect(scraped.status).toMatchObject({ health: "up", lastError: "" });
    expect(taken()).toContain('a{instance="i", job="app"} stale @2000');
    page("a 1\n# EOF\n", "application/openmetrics-text");
    await scraped.scrape(3000);
    expect(database.samples).toContain('scrape_series_added{instance="i", job="app"} 0 @3000');
  });

  it("count what is too far in the future", async () => {
    page(`a 1 ${clock.now() + 601_000}\nb 1 ${clock.now() + 599_000}\n`);
    await loop().scrape(5000);
    expect(database.samples.at(-1)).toBe('scrape_series_added{instance="i", job="app"} 1 @5000');
    expect(taken()).toEqual([`b{instance="i", job="app"} 1 @${clock.now() + 599_000}`]);
    expect(counts).toMatchObject({ scrapes: 1, failures: 0, unstored: new Map([["too-new", 1]]) });
  });

  it("count what comes out of order, and store it", async () => {
    const scraped = loop();
    page("a 1 2000\na 2 1000\n");
    await scraped.scrape(5000);
    page("a 2 1500\na 3 3000\n");
    await scraped.scrape(6000);
    expect(taken().map((sample) => sample.replace(/.*@/, ""))).toEqual(["2000", "1000", "1500", "3000"]);
    expect(counts.outOfOrder).toBe(2);
  });

  it("hand on what the page says of its metrics", async () => {
    page("# HELP a Help \\\\ text.\n# TYPE a untyped\na 1\n# TYPE b counter\nb 1\n");
    await loop().scrape(1);
    expect(described.metrics).toEqual({
      a: { help: "Help \\ text.", type: "unknown" },
      b: { type: "counter" },
    });
  });
});

describe("the clockwork", () => {
  it("gives up at the timeout", async () => {
    answer = () => clock.advance(10_000);
    const scraped = loop();
    await scraped.scrape(1);
    expect(scraped.status.lastError).toMatch(
      /^cannot get http:\S+: no complete answer within the timeout of 10s; scrape_timeout says how long to wait$/,
    );
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

  it("goes on within an interval when the machine's clock is set back", async () => {
    page("a 1\n");
    const scraped = loop();
    scraped.start();
    const wasDue = clock.nextDue!;
    clock.set(clock.now() - 3_600_000);
    clock.advance(clock.nextDue! - clock.now());
    while (database.commits === 0 || clock.nextDue === undefined) await new Promise(setImmediate);
    expect(clock.nextDue - clock.now()).toBeLessThanOrEqual(15_000);
    expect((wasDue - clock.nextDue) % 15_000).toBe(0);
    await scraped.stop();
    clock.set(clock.now() + 3_600_000);
  });
});
