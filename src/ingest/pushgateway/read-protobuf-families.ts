/**
 * readProtobufFamilies: a body of delimited messages `io.prometheus.client.MetricFamily`, each behind its length as a
 * varint, as metric families: all of it or nothing. Of families with one name the last one counts.
 *
 *   MetricFamily   1 name  2 help  3 type  4 metric*
 *   Metric         1 label*  2 gauge  3 counter  4 summary  5 untyped  7 histogram  6 timestamp ms
 *   LabelPair      1 name  2 value           Gauge, Counter, Untyped   1 value, double
 *   Summary        1 count  2 sum  3 quantile* { 1 quantile  2 value }
 *   Histogram      1 count  2 sum  3 bucket* { 1 cumulative count  2 upper bound  4 cumulative count, double }
 *                  4 count, double
 *
 * Native histograms are read as far as they have classic buckets.
 *
 * Source: prometheus/client_model, metrics.proto.
 */

import { isUtf8 } from "node:buffer";
import { ProtobufReader, WIRE_BYTES, WIRE_FIXED64, WIRE_VARINT } from "../../kernels/protobuf-reader.js";
import { MalformedInputError } from "../../model/errors.js";
import { Labels, METRIC_NAME, quoteText } from "../../model/labels.js";
import { checkLimit, type IngestLimits } from "../limits.js";
import type { FamilyAllowance } from "./family-allowance.js";
import type { FamilyType, Metric, MetricFamily } from "./metric-family.js";

/** By name. Without an allowance there may be any number of them. Throws MalformedInputError, LimitExceededError. */
export function readProtobufFamilies(
  bytes: Uint8Array,
  limits: IngestLimits,
  allowance?: FamilyAllowance,
): ReadonlyMap<string, MetricFamily> {
  const families = new Map<string, MetricFamily>();
  for (const { metrics, ...facts } of protobufFamilies(bytes, { limits, allowance }))
    families.set(facts.name, { ...facts, metrics: [...metrics] });
  return families;
}

/** A family whose metrics are read when they are asked for. */
export interface OpenFamily extends Omit<MetricFamily, "metrics"> {
  readonly metrics: Iterable<Metric>;
}

interface FamilyBounds {
  readonly limits: IngestLimits;
  readonly allowance?: FamilyAllowance | undefined;
}

interface FamilyOptions extends FamilyBounds {
  /**
   * As by a Prometheus that scrapes: nothing is read of families without metrics, and a known field of another wire type
   * is malformed; by a Pushgateway it is skipped.
   */
  readonly asScraped?: boolean;
}

/** One after the other: what is wrong throws when its turn has come. Each must be read before the next one. */
export function* protobufFamilies(bytes: Uint8Array, options: FamilyOptions): Generator<OpenFamily> {
  const { asScraped = false } = options;
  const reader = new ProtobufReader(bytes, 0, bytes.length, 0, asScraped);
  while (reader.position < bytes.length) {
    reader.enter(reader.position, bytes.length);
    const end = reader.readLength();
    options.allowance?.family();
    const family = () => reader.within(reader.position, end);
    if (!asScraped || hasMetrics(family())) yield readFamily(family(), options);
    reader.position = end;
  }
}

/** Name, help, type, metric and unit. */
const familyWireTypes = [undefined, WIRE_BYTES, WIRE_BYTES, WIRE_VARINT, WIRE_BYTES, WIRE_BYTES] as const;

/** Throws, if the reader is strict, also for a field behind the first metric. */
function hasMetrics(reader: ProtobufReader): boolean {
  let has = false;
  while (reader.nextField()) {
    const { fieldNumber } = reader;
    const wireType = familyWireTypes[fieldNumber];
    if (wireType !== undefined && reader.isAt(fieldNumber, wireType)) has ||= fieldNumber === 4;
    reader.skip();
  }
  return has;
}

const types: readonly FamilyType[] = [
  "counter",
  "gauge",
  "summary",
  "untyped",
  "histogram",
  "gaugehistogram",
];

function readFamily(reader: ProtobufReader, bounds: FamilyBounds): OpenFamily {
  let name = "";
  let help = "";
  let typeNumber = 0;
  const places: (readonly [start: number, end: number])[] = [];
  while (reader.nextField()) {
    if (reader.isAt(1, WIRE_BYTES)) name = readText(reader);
    else if (reader.isAt(2, WIRE_BYTES)) help = readText(reader);
    else if (reader.isAt(3, WIRE_VARINT)) typeNumber = reader.readVarint();
    else if (reader.isAt(4, WIRE_BYTES)) {
      const end = reader.readLength();
      places.push([reader.position, end]);
      reader.position = end;
    } else reader.skip();
  }
  const type = types[typeNumber];
  if (name === "") throw new MalformedInputError("a metric family has no name");
  if (type === undefined)
    throw new MalformedInputError(`${quoteText(name)} has the type ${typeNumber}, which is not known`);
  const facts = { name, type, help };
  function* metrics(): Generator<Metric> {
    for (const [start, end] of places) yield readMetricOf(facts, reader.within(start, end), bounds);
  }
  return { ...facts, metrics: metrics() };
}

function readMetricOf(
  { name, type }: Pick<MetricFamily, "name" | "type">,
  reader: ProtobufReader,
  bounds: FamilyBounds,
): Metric {
  const { metric, content } = readMetric(reader, bounds);
  if (content !== (type === "gaugehistogram" ? "histogram" : type))
    throw new MalformedInputError(`a metric of ${quoteText(name)} is not a ${type.toUpperCase()}`);
  return metric;
}

type Content = Exclude<FamilyType, "gaugehistogram">;

/** A metric, and of which type it says to be. */
interface ReadMetric {
  readonly metric: Metric;
  readonly content: Content | undefined;
}

const contents: ReadonlyMap<number, Content> = new Map([
  [2, "gauge"],
  [3, "counter"],
  [4, "summary"],
  [5, "untyped"],
  [7, "histogram"],
]);

function readMetric(reader: ProtobufReader, { limits, allowance }: FamilyBounds): ReadMetric {
  const pairs: (readonly [string, string])[] = [];
  let time: number | undefined;
  let content: Content | undefined;
  let body = emptyBody;
  while (reader.nextField()) {
    const found = contents.get(reader.fieldNumber);
    if (reader.isAt(1, WIRE_BYTES)) {
      checkLimit("a series", pairs.length + 1, limits, "labelsMax");
      pairs.push(readMessage(reader, readLabelPair));
    } else if (reader.isAt(6, WIRE_VARINT)) time = reader.readInt64();
    else if (found !== undefined && reader.isAt(reader.fieldNumber, WIRE_BYTES)) {
      content = found;
      body = readMessage(reader, (inner) => bodyReaders[found](inner, allowance));
    } else reader.skip();
  }
  allowance?.sample(pairs.length);
  const emptyLabels = pairs.filter(([, value]) => value === "").map(([name]) => name);
  const empty = emptyLabels.length > 0 && { emptyLabels };
  return { metric: { ...body, labels: Labels.from(pairs), ...empty, time }, content };
}

type Body =
  | { readonly kind: "simple"; readonly value: number }
  | {
      readonly kind: "distribution";
      readonly points: readonly (readonly [number, number])[];
      readonly sum: number;
      readonly count: number;
    };

const emptyBody: Body = { kind: "simple", value: 0 };

type ReadBody = (reader: ProtobufReader, allowance: FamilyAllowance | undefined) => Body;

const bodyReaders: Readonly<Record<Content, ReadBody>> = {
  gauge: readValue,
  counter: readValue,
  untyped: readValue,
  summary: (reader, allowance) => readDistribution(reader, readQuantile, allowance),
  histogram: (reader, allowance) => readDistribution(reader, readBucket, allowance),
};

function readLabelPair(reader: ProtobufReader): readonly [string, string] {
  let name = "";
  let value = "";
  while (reader.nextField()) {
    if (reader.isAt(1, WIRE_BYTES)) name = readText(reader);
    else if (reader.isAt(2, WIRE_BYTES)) value = readText(reader);
    else reader.skip();
  }
  if (name === "" || name === METRIC_NAME)
    throw new MalformedInputError(`a label has the name ${quoteText(name)}`);
  return [name, value];
}

function readValue(reader: ProtobufReader): Body {
  let value = 0;
  while (reader.nextField()) {
    if (reader.isAt(1, WIRE_FIXED64)) value = readDouble(reader);
    else reader.skip();
  }
  return { kind: "simple", value };
}

type ReadPoint = (reader: ProtobufReader) => readonly [bound: number, value: number];

function readDistribution(
  reader: ProtobufReader,
  readPoint: ReadPoint,
  allowance: FamilyAllowance | undefined,
): Body {
  let sum = 0;
  let count = 0;
  const points: (readonly [number, number])[] = [];
  while (reader.nextField()) {
    if (reader.isAt(1, WIRE_VARINT)) count = reader.readVarint();
    else if (reader.isAt(2, WIRE_FIXED64)) sum = readDouble(reader);
    else if (reader.isAt(3, WIRE_BYTES)) {
      allowance?.sample(0);
      points.push(readMessage(reader, readPoint));
    } else if (reader.isAt(4, WIRE_FIXED64)) count = readDouble(reader);
    else reader.skip();
  }
  return { kind: "distribution", points, sum, count };
}

function readBucket(reader: ProtobufReader): readonly [bound: number, value: number] {
  let count = 0;
  let bound = 0;
  while (reader.nextField()) {
    if (reader.isAt(1, WIRE_VARINT)) count = reader.readVarint();
    else if (reader.isAt(2, WIRE_FIXED64)) bound = readDouble(reader);
    else if (reader.isAt(4, WIRE_FIXED64)) count = readDouble(reader);
    else reader.skip();
  }
  return [bound, count];
}

function readQuantile(reader: ProtobufReader): readonly [bound: number, value: number] {
  let quantile = 0;
  let value = 0;
  while (reader.nextField()) {
    if (reader.isAt(1, WIRE_FIXED64)) quantile = readDouble(reader);
    else if (reader.isAt(2, WIRE_FIXED64)) value = readDouble(reader);
    else reader.skip();
  }
  return [quantile, value];
}

function readMessage<T>(reader: ProtobufReader, read: (inner: ProtobufReader) => T): T {
  const end = reader.readLength();
  const result = read(reader.within(reader.position, end));
  reader.position = end;
  return result;
}

/** A staleness marker comes as an ordinary NaN: a group's series end when they are left out. */
function readDouble(reader: ProtobufReader): number {
  const value = reader.bytes.readDoubleLE(reader.readFixed64());
  return Number.isNaN(value) ? Number.NaN : value;
}

function readText(reader: ProtobufReader): string {
  const end = reader.readLength();
  const bytes = reader.bytes.subarray(reader.position, end);
  reader.position = end;
  if (!isUtf8(bytes)) throw new MalformedInputError("a text is not UTF-8");
  return bytes.toString("utf8");
}
