/**
 * What remote write says about metrics: a MetricMetadata message of 1.0, types by their numbers in both versions.
 *
 *   MetricMetadata  1: type, enum    2: metric_family_name, string    4: help, string    5: unit, string
 */

import { isUtf8 } from "node:buffer";
import { ProtobufReader, WIRE_BYTES, WIRE_VARINT } from "../../kernels/protobuf-reader.js";
import type { EncodedMetadata } from "../../kernels/remote-write-kernel.js";
import type { MetricMetadata } from "../../model/metric-metadata.js";
import { decodeText } from "./decode-text.js";

/** By number, as Prometheus' API writes them. */
const typeNames = [
  "unknown",
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
] as const;

export interface DescribedMetric {
  readonly name: string;
  readonly metadata: MetricMetadata;
}

/** Undefined when it names no metric, or in no valid text. Throws MalformedInputError. */
export function decodeMetricMetadata(message: Uint8Array, offset: number): DescribedMetric | undefined {
  const reader = new ProtobufReader(message, 0, message.length, offset);
  const texts: Record<number, string | undefined> = { 2: "", 4: "", 5: "" };
  let type = 0;
  while (reader.nextField()) {
    const { fieldNumber } = reader;
    if (reader.isAt(1, WIRE_VARINT)) type = reader.readVarint();
    else if (reader.wireType === WIRE_BYTES && fieldNumber in texts) {
      const end = reader.readLength();
      texts[fieldNumber] = decodeText(reader.bytes, reader.position, end);
      reader.position = end;
    } else reader.skip();
  }
  const { 2: name, 4: help, 5: unit } = texts;
  if (name === undefined || name === "" || help === undefined || unit === undefined) return undefined;
  return { name, metadata: { type: typeName(type), help, unit } };
}

/** Of 2.0. Undefined when a text is not valid. */
export function decodeMetadata({ type, help, unit }: EncodedMetadata): MetricMetadata | undefined {
  if (!isUtf8(help) || !isUtf8(unit)) return undefined;
  return { type: typeName(type), help: textOf(help), unit: textOf(unit) };
}

function typeName(type: number): string {
  return typeNames[type] ?? "unknown";
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}
