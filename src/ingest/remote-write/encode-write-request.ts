/**
 * encodeWriteRequest: series as the compressed body of a remote write 1.0 request; the inverse of
 * `decodeWriteRequest`, see there for the layout.
 */

import type { Labels } from "../../model/labels.js";
import type { SampleColumns } from "../../model/sample.js";
import { encodeSnappy } from "./snappy.js";

export interface WriteRequestSeries {
  readonly labels: Labels;
  readonly samples: SampleColumns;
}

/** Ready to be sent with `Content-Encoding: snappy` and `Content-Type: application/x-protobuf`. */
export function encodeWriteRequest(series: Iterable<WriteRequestSeries>): Uint8Array {
  const encoded: Uint8Array[] = [];
  for (const one of series) encoded.push(field(1, encodeTimeSeries(one)));
  return encodeSnappy(Buffer.concat(encoded));
}

function encodeTimeSeries({ labels, samples }: WriteRequestSeries): Uint8Array {
  const fields: Uint8Array[] = [];
  for (const [name, value] of labels) {
    const label = Buffer.concat([field(1, Buffer.from(name)), field(2, Buffer.from(value))]);
    fields.push(field(1, label));
  }
  for (let i = 0; i < samples.length; i++) {
    const time = varint(BigInt.asUintN(64, BigInt(samples.times[i]!)));
    const sample = Buffer.alloc(10 + time.length);
    sample[0] = (1 << 3) | 1;
    // The bits, not the number: it may be a staleness marker.
    Buffer.from(samples.values.buffer, samples.values.byteOffset + i * 8, 8).copy(sample, 1);
    if (!isLittleEndian) sample.subarray(1, 9).reverse();
    sample[9] = 2 << 3;
    sample.set(time, 10);
    fields.push(field(2, sample));
  }
  return Buffer.concat(fields);
}

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function field(fieldNumber: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of((fieldNumber << 3) | 2), varint(BigInt(bytes.length)), bytes]);
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
