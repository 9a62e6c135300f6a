/**
 * Raw samples, staleness markers included,  of a running server: ours by a snapshot, a Prometheus' by remote read.
 */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { ProtobufReader, WIRE_BYTES, WIRE_FIXED64, WIRE_VARINT } from "../../src/kernels/protobuf-reader.js";
import { decodeSnappy, encodeSnappy } from "../../src/kernels/snappy.js";
import { isStaleAt } from "../../src/model/staleness.js";
import { openTsdb } from "../../src/storage/tsdb.js";
import { bytesField, varintField } from "../support/client-model-bodies.js";
import type { RunningServer } from "../support/processes.js";

export interface RawSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly times: readonly number[];
  /** As text; `stale` for a staleness marker. */
  readonly values: readonly string[];
}

/** Both in milliseconds, inclusive. */
export interface ReadRange {
  readonly from: number;
  readonly to: number;
}

const answerSizeMaxBytes = 1 << 30;

/** Of a Prometheus. */
export async function readTheirs(server: RunningServer, range: ReadRange): Promise<RawSeries[]> {
  const matcher = Buffer.concat([
    varintField(1, 2),
    bytesField(2, Buffer.from("__name__")),
    bytesField(3, Buffer.from(".+")),
  ]);
  const query = Buffer.concat([varintField(1, range.from), varintField(2, range.to), bytesField(3, matcher)]);
  const response = await fetch(`${server.url}/api/v1/read`, {
    method: "POST",
    headers: { "content-type": "application/x-protobuf", "content-encoding": "snappy" },
    body: encodeSnappy(bytesField(1, query)),
  });
  const body = Buffer.from(await response.arrayBuffer());
  if (!response.ok) throw new Error(`remote read: ${response.status} ${body.toString().slice(0, 200)}`);
  const reader = new ProtobufReader(decodeSnappy(body, answerSizeMaxBytes));
  return messages(reader, 1).flatMap((result) => messages(result, 1).map(readSeries));
}

/** Of ours, which must have been started with `--web.enable-admin-api`: through a snapshot. */
export async function readOurs(
  { url }: RunningServer,
  directory: string,
  range: ReadRange,
): Promise<RawSeries[]> {
  const response = await fetch(`${url}/api/v1/admin/tsdb/snapshot`, { method: "POST" });
  const { data } = (await response.json()) as { data: { name: string } };
  const snapshot = join(directory, "snapshots", data.name);
  const tsdb = await openTsdb({ directory: snapshot, workers: 0 });
  const found: RawSeries[] = [];
  const request = { selectors: [], range: { minTime: range.from, maxTime: range.to } };
  for await (const { labels, parts } of tsdb.exchange.samples(request)) {
    const times: number[] = [];
    const values: string[] = [];
    for (const columns of parts) {
      for (let i = 0; i < columns.length; i++) {
        times.push(columns.times[i]!);
        values.push(textOf(isStaleAt(columns.values, i) ? "stale" : columns.values[i]!));
      }
    }
    if (times.length > 0) found.push({ labels: labels.toObject(), times, values });
  }
  await tsdb.close();
  rmSync(snapshot, { recursive: true });
  return found;
}

function readSeries(reader: ProtobufReader): RawSeries {
  const labels: Record<string, string> = {};
  const times: number[] = [];
  const values: string[] = [];
  while (reader.nextField()) {
    const field = reader.fieldNumber;
    const end = reader.readLength();
    const inner = new ProtobufReader(reader.bytes, reader.position, end);
    if (field === 1) {
      const [name, value] = readLabel(inner);
      labels[name] = value;
    } else if (field === 2) {
      const [time, value] = readSample(inner);
      times.push(time);
      values.push(value);
    }
    reader.position = end;
  }
  return { labels, times, values };
}

function readLabel(reader: ProtobufReader): [name: string, value: string] {
  const texts = ["", ""];
  while (reader.nextField()) {
    const field = reader.fieldNumber;
    const end = reader.readLength();
    texts[field - 1] = reader.bytes.toString("utf8", reader.position, end);
    reader.position = end;
  }
  return [texts[0]!, texts[1]!];
}

const staleBits = 0x7ff0000000000002n;

function readSample(reader: ProtobufReader): [time: number, value: string] {
  let time = 0;
  let value = "0";
  while (reader.nextField()) {
    if (reader.isAt(1, WIRE_FIXED64)) {
      const at = reader.readFixed64();
      const isStale = reader.bytes.readBigUInt64LE(at) === staleBits;
      value = textOf(isStale ? "stale" : reader.bytes.readDoubleLE(at));
    } else if (reader.isAt(2, WIRE_VARINT)) time = reader.readInt64();
    else reader.skip();
  }
  return [time, value];
}

/** Remote read leaves out a value that equals zero, so a negative zero comes as zero. */
function textOf(value: number | "stale"): string {
  return String(value);
}

/** Readers of all fields with this number, which must be messages. */
function messages(reader: ProtobufReader, fieldNumber: number): ProtobufReader[] {
  const found: ProtobufReader[] = [];
  while (reader.nextField()) {
    if (!reader.isAt(fieldNumber, WIRE_BYTES)) {
      reader.skip();
      continue;
    }
    const end = reader.readLength();
    found.push(new ProtobufReader(reader.bytes, reader.position, end));
    reader.position = end;
  }
  return found;
}
