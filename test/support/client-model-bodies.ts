/**
 * Bodies of the Pushgateway API from one description of their families: text, delimited protobuf, Snappy's frames.
 */

import { maskedChecksum } from "../../src/ingest/pushgateway/snappy-frames.js";
import { encodeSnappy } from "../../src/kernels/snappy.js";
import { formatFloat } from "../../src/model/float-text.js";

export interface SentMetric {
  readonly labels: Readonly<Record<string, string>>;
  /** Of a counter, a gauge, an untyped metric. */
  readonly value: number;
  /** Of a histogram or summary. */
  readonly points?: readonly (readonly [bound: number, value: number])[];
  readonly sum?: number;
  readonly count?: number;
  readonly time?: number;
}

export interface SentFamily {
  readonly name: string;
  readonly type: "counter" | "gauge" | "summary" | "untyped" | "histogram";
  readonly help?: string;
  readonly metrics: readonly SentMetric[];
}

export const protobufType =
  "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

export function textOf(families: readonly SentFamily[]): string {
  const lines: string[] = [];
  for (const { name, type, help, metrics } of families) {
    if (help !== undefined) lines.push(`# HELP ${name} ${help}`);
    lines.push(`# TYPE ${name} ${type}`);
    for (const { labels, value, points = [], sum = 0, count = 0, time } of metrics) {
      const line = (suffix: string, number: number, more: Readonly<Record<string, string>> = {}) => {
        const pairs = Object.entries({ ...labels, ...more }).map(([n, v]) => `${n}=${JSON.stringify(v)}`);
        const braces = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
        lines.push(`${name}${suffix}${braces} ${formatFloat(number)}${time === undefined ? "" : ` ${time}`}`);
      };
      if (type !== "histogram" && type !== "summary") {
        line("", value);
        continue;
      }
      for (const [bound, number] of points)
        if (type === "histogram") line("_bucket", number, { le: formatFloat(bound) });
        else line("", number, { quantile: formatFloat(bound) });
      line("_sum", sum);
      line("_count", count);
    }
  }
  return lines.map((line) => `${line}\n`).join("");
}

const typeNumbers = { counter: 0, gauge: 1, summary: 2, untyped: 3, histogram: 4 } as const;
const contentFields = { gauge: 2, counter: 3, summary: 4, untyped: 5, histogram: 7 } as const;

export function protobufOf(families: readonly SentFamily[]): Buffer {
  return Buffer.concat(
    families.flatMap(({ name, type, help, metrics }) => {
      const family = Buffer.concat([
        bytesField(1, Buffer.from(name)),
        ...(help === undefined ? [] : [bytesField(2, Buffer.from(help))]),
        varintField(3, typeNumbers[type]),
        ...metrics.map((metric) => bytesField(4, metricOf(type, metric))),
      ]);
      return [varint(family.length), family];
    }),
  );
}

function metricOf(type: SentFamily["type"], metric: SentMetric): Buffer {
  const { labels, value, points = [], sum = 0, count = 0, time } = metric;
  const pair = ([name, text]: readonly [string, string]) =>
    bytesField(1, Buffer.concat([bytesField(1, Buffer.from(name)), bytesField(2, Buffer.from(text))]));
  const point = ([bound, number]: readonly [number, number]) =>
    type === "histogram"
      ? Buffer.concat([varintField(1, number), doubleField(2, bound)])
      : Buffer.concat([doubleField(1, bound), doubleField(2, number)]);
  const content =
    type === "histogram" || type === "summary"
      ? [varintField(1, count), doubleField(2, sum), ...points.map((one) => bytesField(3, point(one)))]
      : [doubleField(1, value)];
  return Buffer.concat([
    ...Object.entries(labels).map(pair),
    bytesField(contentFields[type], Buffer.concat(content)),
    ...(time === undefined ? [] : [varintField(6, time)]),
  ]);
}

/** As streams are framed: see snappy-frames.ts. */
export function snappyFramesOf(bytes: Uint8Array): Buffer {
  const chunks: Buffer[] = [Buffer.from("ff060000734e61507059", "hex")];
  for (let start = 0; start < bytes.length; start += 65_536) {
    const piece = bytes.subarray(start, start + 65_536);
    const block = encodeSnappy(piece);
    const header = Buffer.alloc(8);
    header.writeUIntLE(block.length + 4, 1, 3);
    header.writeUInt32LE(maskedChecksum(piece), 4);
    chunks.push(header, Buffer.from(block));
  }
  return Buffer.concat(chunks);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

export function varintField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

export function bytesField(field: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
}

function doubleField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([varint(field * 8 + 1), bytes]);
}
