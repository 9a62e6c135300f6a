import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultOtlpOptions, type OtlpOptions } from "../../../src/ingest/otlp/otlp-labels.js";
import { OtlpNames, type TranslationStrategy } from "../../../src/ingest/otlp/otlp-names.js";
import { pushOtlp } from "../../../src/ingest/otlp/push-otlp.js";
import { Sums } from "../../../src/ingest/sums/sums.js";
import { Journals } from "../../../src/storage/journal.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import { RecordingPush } from "../../support/recording-push.js";

const AT = new RecordingPush().arrivalTime;
const NANOS = `${AT}000000`;

function openSums(fileSystem = new MemFileSystem()): () => Promise<Sums> {
  const clock = new FakeClock(AT);
  const journals = new Journals({
    ...{
      fileSystem,
      directory: "data",
      durability: "commit",
      durabilityIntervalMs: 0,
      clock,
      onLoss: () => {},
    },
  });
  let sums: Promise<Sums> | undefined;
  return () => {
    sums ??= Sums.open((name, visit) => journals.open(name, visit), clock);
    return sums;
  };
}

async function push(
  message: unknown,
  options: Partial<OtlpOptions> = {},
  sums: () => Promise<Sums> = openSums(),
): Promise<RecordingPush> {
  const target = new RecordingPush();
  const bytes = message instanceof Uint8Array ? message : Buffer.from(JSON.stringify(message));
  const encoding = message instanceof Uint8Array ? "protobuf" : "json";
  await pushOtlp({ bytes, encoding }, target, { options: { ...defaultOtlpOptions, ...options }, sums });
  return target;
}

const attributes = (pairs: Record<string, string>) =>
  Object.entries(pairs).map(([key, value]) => ({ key, value: { stringValue: value } }));

function message(metrics: readonly unknown[], resource: Record<string, string> = {}): unknown {
  const scopeMetrics = [{ scope: { name: "lib", version: "1" }, metrics }];
  return { resourceMetrics: [{ resource: { attributes: attributes(resource) }, scopeMetrics }] };
}

const point = (more: object) => ({ timeUnixNano: NANOS, ...more });

describe("an OTLP request", () => {
  it("has gauges and cumulative sums", async () => {
    const { lines, described, lost } = await push(
      message(
        [
          {
            name: "room.temperature",
            unit: "Cel",
            description: "How warm",
            gauge: { dataPoints: [point({ asDouble: 21.5 })] },
          },
          {
            name: "http.requests",
            sum: {
              aggregationTemporality: 2,
              isMonotonic: true,
              dataPoints: [point({ asInt: "7", attributes: attributes({ "http.method": "GET" }) })],
            },
          },
          { name: "queue.size", sum: { aggregationTemporality: 2, dataPoints: [point({ asInt: 3 })] } },
        ],
        { "service.name": "shop", "service.namespace": "web", "service.instance.id": "a:1" },
      ),
    );
    expect(lost).toEqual([]);
    const identity = 'instance="a:1", job="web/shop"';
    expect(lines).toEqual([
      `room_temperature_celsius{${identity}} 21.5 @${AT}`,
      `http_requests_total{http_method="GET", ${identity}} 7 @${AT}`,
      `queue_size{${identity}} 3 @${AT}`,
    ]);
    expect(described.get("room_temperature_celsius")).toEqual({
      type: "gauge",
      help: "How warm",
      unit: "Cel",
    });
  });

  it("has histograms and summaries", async () => {
    const { lines } = await push(
      message([
        {
          name: "latency",
          unit: "s",
          histogram: {
            aggregationTemporality: "AGGREGATION_TEMPORALITY_CUMULATIVE",
            dataPoints: [
              point({ count: "6", sum: 2.5, bucketCounts: ["1", "2", 3], explicitBounds: [0.5, 1] }),
            ],
          },
        },
        {
          name: "size",
          summary: {
            dataPoints: [point({ count: 2, sum: 9, quantileValues: [{ quantile: 0.5, value: 4 }] })],
          },
        },
      ]),
    );
    expect(lines).toEqual(
      [
        'latency_seconds_bucket{le="0.5"} 1',
        'latency_seconds_bucket{le="1"} 3',
        'latency_seconds_bucket{le="+Inf"} 6',
        "latency_seconds_count 6",
        "latency_seconds_sum 2.5",
        'size{quantile="0.5"} 4',
        "size_count 2",
        "size_sum 9",
      ].map((line) => `${line} @${AT}`),
    );
  });

  it("has resource attributes on target_info, unless they are promoted", async () => {
    const resource = { "service.name": "shop", "k8s.pod": "p1", "host.name": "h" };
    const metrics = [{ name: "a", gauge: { dataPoints: [point({ asDouble: 1 })] } }];
    expect((await push(message(metrics, resource))).lines).toEqual([
      `a{job="shop"} 1 @${AT}`,
      `target_info{host_name="h", job="shop", k8s_pod="p1"} 1 @${AT}`,
    ]);
    const promoted = await push(message(metrics, resource), { promoteResourceAttributes: ["k8s.pod"] });
    expect(promoted.lines[0]).toBe(`a{job="shop", k8s_pod="p1"} 1 @${AT}`);
    const all = await push(message(metrics, resource), {
      promoteAllResourceAttributes: true,
      ignoreResourceAttributes: ["host.name"],
      keepIdentifyingResourceAttributes: true,
      promoteScopeMetadata: true,
    });
    expect(all.lines).toEqual([
      `a{job="shop", k8s_pod="p1", otel_scope_name="lib", otel_scope_version="1", service_name="shop"} 1 @${AT}`,
      `target_info{host_name="h", job="shop", k8s_pod="p1", service_name="shop"} 1 @${AT}`,
    ]);
  });

  it("has deltas, which are added up, once, through a restart", async () => {
    const fileSystem = new MemFileSystem();
    const delta = (value: number, later = 0) =>
      message([
        {
          name: "hits",
          sum: {
            aggregationTemporality: 1,
            isMonotonic: true,
            dataPoints: [{ timeUnixNano: `${AT + later}000000`, asInt: value }],
          },
        },
      ]);
    const sums = openSums(fileSystem);
    expect((await push(delta(2), {}, sums)).lines).toEqual([`hits_total 2 @${AT}`]);
    expect((await push(delta(2), {}, sums)).lines).toEqual([`hits_total 2 @${AT}`]);
    expect((await push(delta(3, 1000), {}, sums)).lines).toEqual([`hits_total 5 @${AT + 1000}`]);
    expect((await push(delta(4, 2000), {}, openSums(fileSystem))).lines).toEqual([
      `hits_total 9 @${AT + 2000}`,
    ]);
  });

  it("ends a series that has no value any more", async () => {
    const { lines } = await push(message([{ name: "a", gauge: { dataPoints: [point({ flags: 1 })] } }]));
    expect(lines).toEqual([`a stale @${AT}`]);
  });

  it("counts what is not stored, and what cannot be read, and keeps the rest", async () => {
    const { lines, lost, unstored } = await push(
      message([
        { name: "e", exponentialHistogram: { dataPoints: [point({}), point({})] } },
        { name: "g", gauge: { dataPoints: [point({ asDouble: 1, exemplars: [{}, {}] })] } },
        { name: "...", gauge: { dataPoints: [point({ asDouble: 1 }), point({ asDouble: 2 })] } },
        { name: "u", sum: { dataPoints: [point({ asDouble: 1 })] } },
        { name: "nothing" },
        {
          name: "h",
          histogram: {
            aggregationTemporality: 2,
            dataPoints: [point({ bucketCounts: [1], explicitBounds: [1] })],
          },
        },
      ]),
    );
    expect(lines).toEqual([`g 1 @${AT}`]);
    expect([...unstored]).toEqual([
      ["native-histogram", 2],
      ["exemplar", 2],
    ]);
    expect(lost).toEqual([
      '3: nothing is left of the metric\'s name "..." (2)',
      "4: u: the aggregation temporality must be cumulative or delta (1)",
      "5: the metric nothing has no points of a kind that is known (1)",
      "6: h: 1 buckets for 1 bounds (1)",
    ]);
  });

  it("is refused whole when it is no such message", async () => {
    await expect(push(Buffer.from([0xff]))).rejects.toThrow(/not a valid protobuf message/);
    await expect(push({ resourceMetrics: 1 })).rejects.toThrow(/resourceMetrics must be an array/);
    let nested: unknown = { stringValue: "x" };
    for (let depth = 0; depth < 30; depth++) nested = { arrayValue: { values: [nested] } };
    const dataPoints = [point({ attributes: [{ key: "k", value: nested }] })];
    await expect(push(message([{ name: "a", gauge: { dataPoints } }]))).rejects.toThrow(
      /nested deeper than 16/,
    );
  });

  it("never fails in another way, whatever the bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
        await push(bytes).catch((error: Error) => expect(error.name).toBe("MalformedInputError"));
      }),
      { numRuns: 2000 },
    );
  });
});

describe("names", () => {
  const of = (
    strategy: TranslationStrategy,
    name: string,
    unit = "",
    type: "counter" | "gauge" | "histogram" = "gauge",
  ) => new OtlpNames(strategy).metricName({ name, unit, type });

  it.each<[TranslationStrategy, string]>([
    ["UnderscoreEscapingWithSuffixes", "http_server_duration_seconds"],
    ["UnderscoreEscapingWithoutSuffixes", "http_server_duration"],
    ["NoUTF8EscapingWithSuffixes", "http.server.duration_seconds"],
    ["NoTranslation", "http.server.duration"],
  ])("follow %s", (strategy, expected) => {
    expect(of(strategy, "http.server.duration", "s", "histogram")).toBe(expected);
  });

  it.each<[string, string, "counter" | "gauge", string]>([
    ["requests.count", "1", "counter", "requests_count_total"],
    ["requests_total", "", "counter", "requests_total"],
    ["total.requests", "", "counter", "requests_total"],
    ["memory.usage", "By", "gauge", "memory_usage_bytes"],
    ["memory_usage_bytes", "By", "gauge", "memory_usage_bytes"],
    ["speed", "m/s", "gauge", "speed_meters_per_second"],
    ["load", "1", "gauge", "load_ratio"],
    ["errors", "{error}", "counter", "errors_total"],
    ["2xx", "", "gauge", "_2xx"],
    ["a..b__c", "", "gauge", "a_b_c"],
  ])("have suffixes: %s in %s, a %s", (name, unit, type, expected) => {
    expect(of("UnderscoreEscapingWithSuffixes", name, unit, type)).toBe(expected);
  });

  it("of labels begin as labels may", () => {
    const names = new OtlpNames("UnderscoreEscapingWithSuffixes");
    expect(["http.method", "2x", "_a", "__a", "größe"].map((key) => names.labelName(key))).toEqual([
      "http_method",
      "key_2x",
      "key_a",
      "__a",
      "gr__e",
    ]);
    expect(new OtlpNames("NoTranslation").labelName("http.method")).toBe("http.method");
  });
});
