/**
 * Bodies of remote write as a Prometheus sends them: 2,000 samples each, one per series, series labelled like those of
 * a fleet of web servers. Written fast, so that a benchmark does not begin with minutes of encoding.
 */

import { encodeSnappy } from "../../src/kernels/snappy.js";

export const SAMPLES_PER_REQUEST = 2000;

type LabelPair = readonly [name: string, value: string];

const metrics = ["http_requests_total", "http_request_duration_seconds_sum", "process_cpu_seconds_total"];

/** Seven labels, about 170 bytes. */
export function labelsOf(series: number): readonly LabelPair[] {
  const host = Math.floor(series / 100);
  return [
    ["__name__", metrics[series % metrics.length]!],
    ["code", String(200 + (series % 5))],
    ["handler", `/api/v1/resource/${series % 100}`],
    ["instance", `web-${String(host).padStart(4, "0")}.berlin.example.com:9100`],
    ["job", "api-server"],
    ["method", series % 2 === 0 ? "GET" : "POST"],
    ["zone", `eu-central-1${"abc"[host % 3]}`],
  ];
}

/** Bytes that grow. */
class Bytes {
  #bytes = Buffer.allocUnsafe(1024 * 1024);
  length = 0;

  clear(): void {
    this.length = 0;
  }

  view(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.length++] = value;
  }

  varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) this.#bytes[this.length++] = (rest % 128) | 0x80;
    this.#bytes[this.length++] = rest;
  }

  double(value: number): void {
    this.#reserve(8);
    this.length = this.#bytes.writeDoubleLE(value, this.length);
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  field(tag: number, bytes: Uint8Array): void {
    this.byte(tag);
    this.varint(bytes.length);
    this.bytes(bytes);
  }

  #reserve(sizeBytes: number): void {
    if (this.length + sizeBytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(this.#bytes.length * 2);
    grown.set(this.view());
    this.#bytes = grown;
  }
}

export interface SampleRow {
  readonly series: number;
  readonly time: number;
  readonly value: number;
}

export class RequestEncoder {
  readonly #version: 1 | 2;
  readonly #message = new Bytes();
  readonly #series = new Bytes();
  readonly #sample = new Bytes();
  readonly #labelFields = new Map<number, Buffer>();

  constructor(version: 1 | 2) {
    this.#version = version;
  }

  encode(rows: readonly SampleRow[]): Uint8Array {
    this.#message.clear();
    if (this.#version === 1) this.#encode1(rows);
    else this.#encode2(rows);
    return encodeSnappy(this.#message.view()).slice();
  }

  #encode1(rows: readonly SampleRow[]): void {
    for (const row of rows) {
      this.#series.clear();
      this.#series.bytes(this.#labelFieldsOf(row.series));
      this.#addSample(row);
      this.#message.field(0x0a, this.#series.view());
    }
  }

  #encode2(rows: readonly SampleRow[]): void {
    const symbols = new Map<string, number>([["", 0]]);
    const refOf = (text: string) => {
      const ref = symbols.get(text) ?? symbols.size;
      symbols.set(text, ref);
      return ref;
    };
    const refs = rows.map(({ series }) =>
      labelsOf(series).flatMap(([name, value]) => [refOf(name), refOf(value)]),
    );
    for (const symbol of symbols.keys()) this.#message.field(0x22, Buffer.from(symbol));
    for (const [i, row] of rows.entries()) {
      this.#sample.clear();
      for (const ref of refs[i]!) this.#sample.varint(ref);
      this.#series.clear();
      this.#series.field(0x0a, this.#sample.view());
      this.#addSample(row);
      this.#message.field(0x2a, this.#series.view());
    }
  }

  #addSample({ time, value }: SampleRow): void {
    this.#sample.clear();
    this.#sample.byte(0x09);
    this.#sample.double(value);
    this.#sample.byte(0x10);
    this.#sample.varint(time);
    this.#series.field(0x12, this.#sample.view());
  }

  #labelFieldsOf(series: number): Buffer {
    let fields = this.#labelFields.get(series);
    if (fields === undefined) {
      const encoded = new Bytes();
      for (const [name, value] of labelsOf(series)) {
        const label = new Bytes();
        label.field(0x0a, Buffer.from(name));
        label.field(0x12, Buffer.from(value));
        encoded.field(0x0a, label.view());
      }
      fields = Buffer.from(encoded.view());
      this.#labelFields.set(series, fields);
    }
    return fields;
  }
}

export interface Load {
  readonly series: number;
  /** Samples of each series, 15 s apart. */
  readonly rounds: number;
  readonly connections: number;
  /** Of the last round. */
  readonly endTime: number;
}

/** The bodies that one connection sends, in order: its part of the series, round after round. */
export function* requestsOf(
  load: Load,
  connection: number,
  encoder: { encode(rows: readonly SampleRow[]): Uint8Array },
): Generator<Uint8Array> {
  const { series, rounds, connections, endTime } = load;
  const from = Math.floor((series * connection) / connections);
  const to = Math.floor((series * (connection + 1)) / connections);
  let rows: SampleRow[] = [];
  for (let round = 0; round < rounds; round++) {
    const time = endTime - (rounds - 1 - round) * 15_000;
    for (let one = from; one < to; one++) {
      rows.push({ series: one, time, value: round * (1 + (one % 7)) + (one % 3) / 4 });
      if (rows.length < SAMPLES_PER_REQUEST) continue;
      yield encoder.encode(rows);
      rows = [];
    }
  }
  if (rows.length > 0) yield encoder.encode(rows);
}
