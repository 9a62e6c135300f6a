/**
 * Bodies to begin with, by protocol: what real senders send, and corners of the formats.
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { OTLPMetricExporter as JsonExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtobufExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { pack } from "msgpackr";
import {
  bytesField,
  doubleField,
  metricMetadata,
  Request2,
  STALE_BITS,
  timeSeries,
  varint,
  varintField,
} from "../support/remote-write-bodies.js";

export const expositions = texts(
  `# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000
msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9
metric_without_timestamp_and_labels 12.47
something_weird{problem="division by zero"} +Inf -3982045
# TYPE rpc summary
rpc{quantile="0.01"} 3102
rpc{quantile="0.5"} 4773
rpc_sum 1.7560473e+07
rpc_count 2693`,
  `# TYPE latency histogram
latency_bucket{le="0.05"} 24054
latency_bucket{le="1"} 133988
latency_bucket{le="+Inf"} 144320
latency_sum 53423
latency_count 144320
{"größe.μ",ort="Köln"} NaN
up{} 1
a:b{c="",d="e",} -0
node_cpu_seconds_total{cpu="0",mode="idle"} 3.621e-05 1700000000123`,
);

export const openMetrics = texts(
  `# TYPE acme_http_router_request_seconds summary
# UNIT acme_http_router_request_seconds seconds
acme_http_router_request_seconds_sum{path="/api/v1",method="GET"} 9036.32
acme_http_router_request_seconds_count{path="/api/v1",method="GET"} 807283.0 1605301325.0
# TYPE foo histogram
foo_bucket{le="0.01"} 0
foo_bucket{le="1.0"} 11 # {trace_id="KOO5S4vxi0o"} 0.67
foo_bucket{le="+Inf"} 17 # {trace_id="oHg5SJYRHA0"} 9.8 1520879607.789
foo_count 17
foo_sum 324789.3
foo_created 1520430000.123
# EOF`,
);

export const influxLines = texts(
  `weather,station=roof celsius=21.4,windows=2i,state="dry" 1763640000000000000
weather\\ station,room=att\\,ic,floor=3 celsius=21.4,windows=2i,open=t,count=3u 1700000000000000000
# a comment

cpu,host=server\\ 01,region=uswest value=1e3,msg="a \\"quoted\\" one, with = and \\\\"
cpu value=-0.5 -1
mem,host=ü used_percent=64.23 1434055562000000000
disk free=442221834240i 1434055562005000035`,
);

export const graphiteLines = texts(
  `servers.web1.cpu.load 0.25 1700000000
cpu.load;host=web1;env=prod 0.25 1700000000.5
a.b.c 3
room.größe;ort=Köln 1e-3 -1
# a comment
carbon.agents.x\t17\t1700000060`,
);

export const jsonLines = texts(
  `{"metric":{"__name__":"up","job":"x"},"values":[1,null,0],"timestamps":[1700000000000,1700000015000,1700000030000]}
{"metric":{"__name__":"odd","ort":"K\\u00f6ln"},"values":["NaN","Infinity",-1e-300],"timestamps":[1,2,3]}
{"metric":{"__name__":"one"},"values":[1.5],"timestamps":[-5]}`,
);

const deviceValues: readonly unknown[] = [
  { name: "room_celsius", labels: { room: "attic" }, value: 21.4, time: 1763640000000 },
  { name: "größe", labels: { ort: "Köln" }, value: "NaN" },
  {
    name: "room_celsius",
    labels: { room: "attic" },
    samples: [[1763640000000, 21.4], [1763640060000, null], 3],
  },
  {
    labels: { room: "attic" },
    times: [1763640000000, "2025-11-20T12:01:00Z"],
    values: { a: [21.4, 2], b: [0.41, null] },
  },
  { labels: { __name__: "up" }, value: 1, time: "2025-11-20T12:00:00.5+01:00" },
  { labels: { room: 'a"b\\' }, values: { c: 1, d: "+Inf" } },
];

export const deviceTexts = [
  Buffer.from(deviceValues.map((value) => JSON.stringify(value)).join("\n")),
  Buffer.from(`${deviceValues.map((value) => JSON.stringify(value)).join("\n")}\n`),
];

export const devicePacks = [
  Buffer.concat(deviceValues.map((value) => Buffer.from(pack(value)))),
  Buffer.from(pack(deviceValues)),
  Buffer.from(pack({ name: "t", value: 2, time: new Date(1763640000500) })),
];

/** Not compressed. */
export function writeMessages(version: 1 | 2): readonly Buffer[] {
  const series = [0, 1, 2].map((i) => ({
    labels: [
      ["__name__", "http_requests_total"],
      ["instance", `host-${i}`],
      ["ort", "Köln"],
    ] as const,
    samples: [
      { time: 1763640000000, value: i },
      { time: 1763640015000, value: i === 2 ? STALE_BITS : 0.5 },
    ],
    exemplars: i,
  }));
  const metadata = { type: 1, help: "Requests.", unit: "" };
  if (version === 1)
    return [Buffer.concat([...series.map(timeSeries), metricMetadata("http_requests_total", metadata)])];
  const request = new Request2();
  for (const one of series) request.add({ ...one, metadata });
  return [request.message()];
}

/** MetricFamily messages, each behind its length: a counter, a histogram. */
export function metricFamilies(): readonly Buffer[] {
  const named = (name: string, type: number) => [
    bytesField(1, name),
    bytesField(2, "Help."),
    varintField(3, type),
  ];
  const label = bytesField(1, bytesField(1, "shop"), bytesField(2, "north"));
  const buckets = [0.5, 10].map((bound, i) => bytesField(3, varintField(1, i + 1), doubleField(2, bound)));
  const families = [
    [...named("orders_total", 0), bytesField(4, label, bytesField(3, doubleField(1, 3)))],
    [
      ...named("latency", 4),
      bytesField(4, bytesField(7, varintField(1, 2), doubleField(2, 5.5), ...buckets)),
    ],
  ].map((fields) => Buffer.concat(fields));
  return [Buffer.concat(families.flatMap((family) => [varint(family.length), family]))];
}

/** What the OpenTelemetry SDK sends. */
export async function otlpBodies(encoding: "protobuf" | "json"): Promise<readonly Buffer[]> {
  const bodies: Buffer[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      bodies.push(Buffer.concat(parts));
      response.setHeader("content-type", "application/json").end("{}");
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const Exporter = encoding === "protobuf" ? ProtobufExporter : JsonExporter;
  const reader = new PeriodicExportingMetricReader({
    exporter: new Exporter({ url }),
    exportIntervalMillis: 3_600_000,
  });
  const attributes = {
    "service.name": "shop",
    "service.instance.id": "shop-1",
    "host.cpus": 2,
    "k.v": ["a", "b"],
  };
  const provider = new MeterProvider({ resource: resourceFromAttributes(attributes), readers: [reader] });
  const meter = provider.getMeter("lib.shop", "1.2");
  meter
    .createCounter("http.requests", { unit: "{request}", description: "Requests" })
    .add(3, { "http.method": "GET" });
  meter.createUpDownCounter("queue.size").add(-2, { shop: "größe", _private: "1" });
  meter.createGauge("load", { unit: "1" }).record(0.25);
  const latency = meter.createHistogram("latency", {
    unit: "ms",
    advice: { explicitBucketBoundaries: [0.5, 10] },
  });
  for (const value of [0.1, 5, 5000]) latency.record(value, { "a.b": "x", a_b: "y" });
  await provider.forceFlush();
  await provider.shutdown();
  await new Promise((closed) => server.close(closed));
  return bodies.filter((body) => body.length > 100);
}

function texts(...bodies: readonly string[]): readonly Buffer[] {
  return bodies.flatMap((body) => [Buffer.from(body), Buffer.from(`${body}\n`)]);
}
