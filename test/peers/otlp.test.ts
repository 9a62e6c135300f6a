/**
 * OTLP from the OpenTelemetry SDK for Node, by its protobuf and its JSON exporter, over real sockets. What series it
 * becomes is in the snapshot, which was read line by line against the specification: Debian's Prometheus is built
 * without its OTLP receiver.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiagLogLevel, diag } from "@opentelemetry/api";
import { OTLPMetricExporter as JsonExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtobufExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from "@opentelemetry/sdk-metrics";
import type { FastifyInstance } from "fastify";
import { afterAll, describe, expect, it } from "vitest";
import { openDatabase } from "../../src/database.js";
import { buildApp } from "../../src/http/app.js";
import { type TranslationStrategy, translationStrategies } from "../../src/ingest/otlp/otlp-names.js";
import { systemClock } from "../../src/model/clock.js";
import { UnavailableError } from "../../src/model/errors.js";
import { DatabaseDouble } from "../support/database-double.js";

const directory = mkdtempSync(join(tmpdir(), "narthex-otlp-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function startOurs(strategy: TranslationStrategy) {
  const database = await openDatabase({ directory: mkdtempSync(join(directory, "ours-")) });
  const otlp = { translationStrategy: strategy, promoteResourceAttributes: ["deployment.environment"] };
  const app = buildApp({
    database,
    clock: systemClock,
    version: "test",
    onEvent: () => {},
    otlp: () => otlp,
  });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  const stop = async () => {
    await app.close();
    await database.close();
  };
  return { url, stop };
}

/** Everything that the SDK has, with names and units that the strategies treat differently. */
async function exportOnce(exporter: PushMetricExporter): Promise<void> {
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const resource = resourceFromAttributes({
    "service.name": "shop",
    "service.namespace": "web",
    "service.instance.id": "shop-1",
    "deployment.environment": "test",
    "host.cpus": 2,
  });
  const provider = new MeterProvider({ resource, readers: [reader] });
  const meter = provider.getMeter("lib.shop", "1.2");
  meter
    .createCounter("http.requests", { unit: "{request}", description: "Requests" })
    .add(3, { "http.method": "GET" });
  meter.createCounter("sent.total", { unit: "By" }).add(1.5);
  meter.createUpDownCounter("queue.size").add(-2, { shop: "größe", _private: "1", "1st": true });
  meter.createGauge("load", { unit: "1" }).record(0.25);
  meter.createGauge("speed", { unit: "m/s" }).record(3);
  const latency = meter.createHistogram("latency", {
    unit: "ms",
    advice: { explicitBucketBoundaries: [0.5, 1, 10, 1000] },
  });
  for (const value of [0.1, 0.7, 5, 5000]) latency.record(value, { "a.b": "x", a_b: "y" });
  await provider.forceFlush();
  await provider.shutdown();
}

/** Every series with its value. */
async function dump(url: string): Promise<readonly string[]> {
  const query = encodeURIComponent('{__name__=~".+"}');
  const response = await fetch(`${url}/api/v1/query?query=${query}`);
  const { data } = (await response.json()) as {
    data: { result: readonly { metric: Record<string, string>; value: [number, string] }[] };
  };
  return data.result
    .map(({ metric, value }) => `${JSON.stringify(Object.entries(metric).sort())} ${value[1]}`)
    .sort();
}

describe("OTLP from the SDK", () => {
  it.each(translationStrategies)("has Prometheus' names and labels, by %s", async (strategy) => {
    const ours = await startOurs(strategy);
    try {
      await exportOnce(new ProtobufExporter({ url: `${ours.url}/api/v1/otlp/v1/metrics` }));
      expect(await dump(ours.url)).toMatchSnapshot();
    } finally {
      await ours.stop();
    }
  });

  it("is the same as JSON", async () => {
    const ours = await startOurs("NoTranslation");
    try {
      await exportOnce(new ProtobufExporter({ url: `${ours.url}/api/v1/otlp/v1/metrics` }));
      const expected = await dump(ours.url);
      await exportOnce(new JsonExporter({ url: `${ours.url}/api/v1/otlp/v1/metrics` }));
      expect(await dump(ours.url)).toEqual(expected);
    } finally {
      await ours.stop();
    }
  });

  it("may be deltas, which become counters", async () => {
    const ours = await startOurs("UnderscoreEscapingWithSuffixes");
    try {
      const url = `${ours.url}/api/v1/otlp/v1/metrics`;
      const temporalityPreference = AggregationTemporality.DELTA;
      for (let push = 0; push < 3; push++)
        await exportOnce(new ProtobufExporter({ url, temporalityPreference }));
      const lines = await dump(ours.url);
      expect(lines.filter((line) => line.includes("http_requests_total"))).toEqual([
        expect.stringMatching(/"GET".* 9$/),
      ]);
      expect(lines.filter((line) => line.includes("latency_milliseconds_count"))).toEqual([
        expect.stringMatching(/ 12$/),
      ]);
    } finally {
      await ours.stop();
    }
  });
});

describe("what the SDK is told", () => {
  /** What one export comes to, and what the SDK logs of it. */
  async function exportTo(
    app: FastifyInstance,
    Exporter: typeof ProtobufExporter | typeof JsonExporter,
    token = "",
  ) {
    const logged: string[] = [];
    const log = (...words: unknown[]) => logged.push(words.join(" "));
    const silent = { error: log, warn: log, info: () => {}, debug: () => {}, verbose: () => {} };
    diag.setLogger(silent, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
    const url = `${await app.listen({ host: "127.0.0.1", port: 0 })}/api/v1/otlp/v1/metrics`;
    const exporter = new Exporter({ url, headers: { authorization: `Bearer ${token}` } });
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const aggregation = { type: AggregationType.EXPONENTIAL_HISTOGRAM } as const;
    const provider = new MeterProvider({
      readers: [reader],
      views: [{ instrumentName: "latency", aggregation }],
    });
    provider.getMeter("m").createCounter("orders").add(1);
    provider.getMeter("m").createHistogram("latency").record(1);
    try {
      const { resourceMetrics } = await reader.collect();
      const result = await new Promise<{ code: number; error?: Error }>((resolve) =>
        exporter.export(resourceMetrics, resolve),
      );
      return { ...result, logged: logged.join("\n") };
    } finally {
      await provider.shutdown();
      await app.close();
      diag.disable();
    }
  }

  /** By the export; another one comes as the provider is shut down. */
  const stored = [expect.stringMatching(/^orders_total/), expect.stringMatching(/^target_info/)];

  function testApp() {
    const database = new DatabaseDouble(systemClock);
    const app = buildApp({ database, clock: systemClock, version: "test", onEvent: () => {} });
    return { app, database };
  }

  it.each([ProtobufExporter, JsonExporter])("is a partial success, which it logs: %o", async (Exporter) => {
    const { app, database } = testApp();
    const { code, logged } = await exportTo(app, Exporter);
    expect(code).toBe(0);
    expect(logged).toMatch(/partial success.*1 points of exponential histograms are not stored yet/i);
    expect(database.samples.slice(0, 2)).toEqual(stored);
  });

  it.each([ProtobufExporter, JsonExporter])(
    "is who may not, as an error with our words: %o",
    async (Exporter) => {
      const { app, database } = testApp();
      const credential = { token: "secret", labels: { job: "shop" } };
      await database.sources.configure([{ jobName: "shop", tokens: [credential] }]);
      const { code, error } = await exportTo(app, Exporter, "guess");
      expect(code).toBe(1);
      expect(error).toMatchObject({ code: 401, data: expect.stringContaining("token") });
      expect(database.samples).toEqual([]);
    },
  );

  it("is to come again when the server is busy, and it does", async () => {
    const { app, database } = testApp();
    let refusals = 1;
    database.answerCommit = (appended) => {
      if (appended > 0 && refusals-- > 0) throw new UnavailableError("the log is behind");
      return { appended, rejected: new Map() };
    };
    const answers: [status: number, retryAfter: unknown][] = [];
    app.addHook("onResponse", async (_, reply) => {
      answers.push([reply.statusCode, reply.getHeader("retry-after")]);
    });
    const { code } = await exportTo(app, ProtobufExporter);
    expect(code).toBe(0);
    expect(answers.slice(0, 2)).toEqual([
      [503, 1],
      [200, undefined],
    ]);
    expect(database.samples.slice(0, 2)).toEqual(stored);
  });
});
