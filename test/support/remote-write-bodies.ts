/**
 * Messages of remote write 1.0 and 2.0, field by field, so that tests can write what no sender would.
 */

import { encodeSnappy } from "../../src/kernels/snappy.js";
import type { Labels } from "../../src/model/labels.js";
import type { SampleColumns } from "../../src/model/sample.js";

/** `value` may be a bigint: the bits of a double. */
export interface SampleFields {
  readonly time: number;
  readonly value: number | bigint;
  /** Of 2.0. */
  readonly startTime?: number;
}

export interface SeriesFields {
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly samples?: readonly SampleFields[];
  readonly exemplars?: number;
  readonly histograms?: number;
  /** Of 2.0. */
  readonly metadata?: MetadataFields;
}

export interface MetadataFields {
  readonly type: number;
  readonly help: string;
  readonly unit: string;
}

export const STALE_BITS = 0x7ff0000000000002n;

/** A length-delimited field. */
export function bytesField(number: number, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const bytes = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

export function varintField(number: number, value: number | bigint): Buffer {
  return Buffer.concat([varint(number << 3), varint(value)]);
}

export function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

export function doubleField(number: number, value: number | bigint): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = (number << 3) | 1;
  if (typeof value === "bigint") bytes.writeBigUInt64LE(value, 1);
  else bytes.writeDoubleLE(value, 1);
  return bytes;
}

export function label(name: string | Uint8Array, value: string | Uint8Array): Buffer {
  return bytesField(1, bytesField(1, name), bytesField(2, value));
}

export function sample({ time, value, startTime }: SampleFields): Buffer {
  const start = startTime === undefined ? Buffer.alloc(0) : varintField(3, startTime);
  return bytesField(2, doubleField(1, value), varintField(2, time), start);
}

export function timeSeries({ labels, samples = [], exemplars = 0, histograms = 0 }: SeriesFields): Buffer {
  return bytesField(
    1,
    ...labels.map(([name, value]) => label(name, value)),
    ...samples.map(sample),
    ...Array.from({ length: exemplars }, () => bytesField(3, doubleField(2, 1))),
    ...Array.from({ length: histograms }, () => bytesField(4, varintField(1, 3))),
  );
}

/** A MetricMetadata of 1.0. */
export function metricMetadata(name: string, { type, help, unit }: MetadataFields): Buffer {
  return bytesField(3, varintField(1, type), bytesField(2, name), bytesField(4, help), bytesField(5, unit));
}

/** A body of 1.0, compressed. */
export function writeRequest(...fields: readonly Uint8Array[]): Uint8Array {
  return encodeSnappy(Buffer.concat(fields));
}

/** The messages of 2.0 that share a table of symbols. */
export class Request2 {
  readonly #symbols = new Map<string, number>();
  readonly #series: Buffer[] = [];

  /** `symbols` come first in the table, before those that series add. */
  constructor(symbols: readonly string[] = [""]) {
    for (const symbol of symbols) this.ref(symbol);
  }

  ref(symbol: string): number {
    const ref = this.#symbols.get(symbol) ?? this.#symbols.size;
    this.#symbols.set(symbol, ref);
    return ref;
  }

  add({ labels, samples = [], exemplars = 0, histograms = 0, metadata }: SeriesFields): this {
    const refs = labels.flatMap(([name, value]) => [this.ref(name), this.ref(value)]);
    return this.addFields(
      bytesField(1, ...refs.map(varint)),
      ...samples.map(sample),
      ...Array.from({ length: histograms }, () => bytesField(3, varintField(1, 3))),
      ...Array.from({ length: exemplars }, () => bytesField(4, doubleField(2, 1))),
      ...(metadata === undefined ? [] : [this.metadata(metadata)]),
    );
  }

  /** A series of any fields. */
  addFields(...fields: readonly Uint8Array[]): this {
    this.#series.push(bytesField(5, ...fields));
    return this;
  }

  metadata({ type, help, unit }: MetadataFields): Buffer {
    return bytesField(
      5,
      varintField(1, type),
      varintField(3, this.ref(help)),
      varintField(4, this.ref(unit)),
    );
  }

  /** Not compressed. */
  message(): Buffer {
    return Buffer.concat([
      ...[...this.#symbols.keys()].map((symbol) => bytesField(4, symbol)),
      ...this.#series,
    ]);
  }

  body(): Uint8Array {
    return encodeSnappy(this.message());
  }
}

/** A body of 2.0, compressed. */
export function request2(...series: readonly SeriesFields[]): Uint8Array {
  const request = new Request2();
  for (const one of series) request.add(one);
  return request.body();
}

/** A body of 1.0, compressed, of columns; the bits of values are kept. */
export function encodeWriteRequest(
  series: Iterable<{ readonly labels: Labels; readonly samples: SampleColumns }>,
): Uint8Array {
  const fields = Array.from(series, ({ labels, samples: { times, values, length } }) => {
    const bits = new BigUint64Array(values.slice(0, length).buffer);
    return timeSeries({
      labels: [...labels],
      samples: Array.from(bits, (value, i) => ({ time: times[i]!, value })),
    });
  });
  return writeRequest(...fields);
}
