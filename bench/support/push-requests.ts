/**
 * Bodies of push protocols with the same samples as those of remote write, as their senders would write them: one
 * sample of each series in a body, with its time.
 */

import { pack } from "msgpackr";
import { bytesField, doubleField } from "../../test/support/remote-write-bodies.js";
import { labelsOf, RequestEncoder, type SampleRow } from "./remote-write-requests.js";

export const pushProtocols = [
  "text",
  "text-now",
  "json",
  "json-columns",
  "json-backlog",
  "msgpack",
  "msgpack-columns",
  "msgpack-backlog",
  "otlp",
  "otlp-json",
  "influx",
  "influx-fields",
  "json-lines",
] as const;
export type PushProtocolName = (typeof pushProtocols)[number] | "remote-write-1" | "remote-write-2";

export interface PushForm {
  /** Of our server. */
  readonly path: string;
  /** Of a VictoriaMetrics, if it speaks the protocol. */
  readonly victoriaPath?: string;
  readonly headers: Readonly<Record<string, string>>;
  encoder(): { encode(rows: readonly SampleRow[]): Uint8Array };
}

export const pushForms: Readonly<Record<PushProtocolName, PushForm>> = {
  text: {
    path: "/api/v1/import/prometheus",
    victoriaPath: "/api/v1/import/prometheus",
    headers: { "Content-Type": "text/plain" },
    encoder: () => lines(({ series, time, value }) => `${seriesText(series)} ${value} ${time}`),
  },
  "text-now": {
    path: "/api/v1/import/prometheus",
    victoriaPath: "/api/v1/import/prometheus",
    headers: { "Content-Type": "text/plain", "X-Push-State": "partial" },
    encoder: () => lines(({ series, value }) => `${seriesText(series)} ${value}`),
  },
  json: device("json", (rows) => rows.map(deviceValue)),
  "json-columns": device("json", columnsOf),
  "json-backlog": device("json", backlogOf),
  msgpack: device("msgpack", (rows) => rows.map(deviceValue)),
  "msgpack-columns": device("msgpack", columnsOf),
  "msgpack-backlog": device("msgpack", backlogOf),
  otlp: {
    path: "/api/v1/otlp/v1/metrics",
    victoriaPath: "/opentelemetry/v1/metrics",
    headers: { "Content-Type": "application/x-protobuf" },
    encoder: () => ({ encode: otlpMessage }),
  },
  "otlp-json": {
    path: "/api/v1/otlp/v1/metrics",
    headers: { "Content-Type": "application/json" },
    encoder: () => ({ encode: otlpJson }),
  },
  influx: {
    path: "/write",
    victoriaPath: "/write",
    headers: { "Content-Type": "text/plain" },
    encoder: () =>
      lines(({ series, time, value }) => {
        const { name, labels } = identityOf(series);
        const tags = Object.entries(labels).map(([key, text]) => `${key}=${text}`);
        return `${[name, ...tags].join(",")} value=${value} ${time}000000`;
      }),
  },
  "influx-fields": {
    path: "/write",
    victoriaPath: "/write",
    headers: { "Content-Type": "text/plain" },
    encoder: () => ({ encode: influxFields }),
  },
  "json-lines": {
    path: "/api/v1/import",
    victoriaPath: "/api/v1/import",
    headers: { "Content-Type": "application/json" },
    encoder: () =>
      lines(({ series, time, value }) =>
        JSON.stringify({ metric: Object.fromEntries(labelsOf(series)), values: [value], timestamps: [time] }),
      ),
  },
  "remote-write-1": remoteWrite(1),
  "remote-write-2": remoteWrite(2),
};

function remoteWrite(version: 1 | 2): PushForm {
  const message = version === 2 ? "io.prometheus.write.v2.Request" : "prometheus.WriteRequest";
  return {
    path: "/api/v1/write",
    ...(version === 1 && { victoriaPath: "/api/v1/write" }),
    headers: {
      "Content-Type": `application/x-protobuf;proto=${message}`,
      "Content-Encoding": "snappy",
      "X-Prometheus-Remote-Write-Version": version === 2 ? "2.0.0" : "0.1.0",
    },
    encoder: () => new RequestEncoder(version),
  };
}

function device(format: "json" | "msgpack", valuesOf: (rows: readonly SampleRow[]) => object[]): PushForm {
  const encode = (rows: readonly SampleRow[]) =>
    format === "json"
      ? Buffer.from(
          `${valuesOf(rows)
            .map((value) => JSON.stringify(value))
            .join("\n")}\n`,
        )
      : Buffer.concat(valuesOf(rows).map((value) => Buffer.from(pack(value))));
  return {
    path: "/api/v1/push",
    headers: { "Content-Type": `application/${format}` },
    encoder: () => ({ encode }),
  };
}

function lines(line: (row: SampleRow) => string): ReturnType<PushForm["encoder"]> {
  return { encode: (rows) => Buffer.from(`${rows.map(line).join("\n")}\n`) };
}

function identityOf(series: number): { readonly name: string; readonly labels: Record<string, string> } {
  const { __name__: name = "", ...labels } = Object.fromEntries(labelsOf(series));
  return { name, labels };
}

function seriesText(series: number): string {
  const { name, labels } = identityOf(series);
  return `${name}{${Object.entries(labels)
    .map(([key, text]) => `${key}="${text}"`)
    .join(",")}}`;
}

function deviceValue({ series, time, value }: SampleRow): object {
  return { ...identityOf(series), value, time };
}

/** Ten metrics that a device measures at once, from ten series that follow one another. */
const metricsOfDevice = 10;
/** And twenty times of them. */
const timesOfBacklog = 20;

/** Rows in parts of `size`, each with what its first series says of the device. */
function devicesOf(rows: readonly SampleRow[], size: number) {
  const count = Math.ceil(rows.length / size);
  return Array.from({ length: count }, (_, i) => {
    const part = rows.slice(i * size, (i + 1) * size);
    return { part, labels: identityOf(part[0]!.series).labels };
  });
}

function columnsOf(rows: readonly SampleRow[]): object[] {
  return devicesOf(rows, metricsOfDevice).map(({ part, labels }) => ({
    labels,
    time: part[0]!.time,
    values: Object.fromEntries(part.map(({ value }, i) => [`metric_${i}`, value])),
  }));
}

/** What was measured while nobody could be reached. */
function backlogOf(rows: readonly SampleRow[]): object[] {
  return devicesOf(rows, metricsOfDevice * timesOfBacklog).map(({ part, labels }) => ({
    labels,
    times: Array.from({ length: timesOfBacklog }, (_, i) => part[0]!.time + 700 * i),
    values: Object.fromEntries(
      Array.from({ length: metricsOfDevice }, (_, metric) => [
        `metric_${metric}`,
        part.filter((__, i) => i % metricsOfDevice === metric).map(({ value }) => value),
      ]),
    ),
  }));
}

function influxFields(rows: readonly SampleRow[]): Uint8Array {
  const all = devicesOf(rows, metricsOfDevice).map(({ part, labels }) => {
    const tags = Object.entries(labels).map(([key, text]) => `${key}=${text}`);
    const fields = part.map(({ value }, i) => `metric_${i}=${value}`);
    return `${["device", ...tags].join(",")} ${fields.join(",")} ${part[0]!.time}000000\n`;
  });
  return Buffer.from(all.join(""));
}

/** As `otlpMessage`. */
function otlpJson(rows: readonly SampleRow[]): Uint8Array {
  const pointsOf = new Map<string, object[]>();
  for (const { series, time, value } of rows) {
    const { name, labels } = identityOf(series);
    const attributes = Object.entries(labels).map(([key, text]) => ({ key, value: { stringValue: text } }));
    const points = pointsOf.get(name) ?? [];
    pointsOf.set(name, points);
    points.push({ attributes, timeUnixNano: `${time}000000`, asDouble: value });
  }
  const metrics = Array.from(pointsOf, ([name, dataPoints]) => ({ name, gauge: { dataPoints } }));
  return Buffer.from(JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }));
}

/** One gauge for each name, with a point for each series. */
function otlpMessage(rows: readonly SampleRow[]): Uint8Array {
  const pointsOf = new Map<string, Buffer[]>();
  for (const { series, time, value } of rows) {
    const { name, labels } = identityOf(series);
    const attributes = Object.entries(labels).map(([key, text]) =>
      bytesField(7, bytesField(1, key), bytesField(2, bytesField(1, text))),
    );
    const at = Buffer.alloc(9);
    at[0] = (3 << 3) | 1;
    at.writeBigUInt64LE(BigInt(time) * 1_000_000n, 1);
    const points = pointsOf.get(name) ?? [];
    pointsOf.set(name, points);
    points.push(bytesField(1, ...attributes, at, doubleField(4, value)));
  }
  const metrics = Array.from(pointsOf, ([name, points]) =>
    bytesField(2, bytesField(1, name), bytesField(5, ...points)),
  );
  return bytesField(1, bytesField(2, ...metrics));
}
