/**
 * readOtlpProtobuf: an ExportMetricsServiceRequest from the protobuf wire format, into an OtlpWriter.
 *
 *   request 1: ResourceMetrics { 1 resource, 2 ScopeMetrics { 1 scope, 2 Metric, 3 schema URL } }
 *   Metric { 1 name, 2 description, 3 unit, 5 gauge, 7 sum, 9 histogram, 10 exponential histogram, 11 summary }
 *
 * Names and resources that were read before are not decoded again: see node-path.ts, and point-reader.ts for points.
 *
 * Source: opentelemetry-proto, `collector/metrics/v1/metrics_service.proto` and what it imports.
 */

import { ProtobufReader, WIRE_BYTES, WIRE_VARINT } from "../../kernels/protobuf-reader.js";
import { NO_NUMBER } from "../push/byte-keys.js";
import type { PushRows } from "../push/push-rows.js";
import { METRIC, NAME, NodePath, RESOURCE, SCHEMA_URL, SCOPE, TARGET_INFO, UNIT } from "./node-path.js";
import type { NamedScope, OtlpLabelSet } from "./otlp-labels.js";
import type { Attributes, Temporality } from "./otlp-message.js";
import type { NamedMetric } from "./otlp-names.js";
import { noPoints, type OtlpMetric, type OtlpWriter } from "./otlp-writer.js";
import { PointReader, type PointSurroundings } from "./point-reader.js";
import {
  decodeHistogramPoint,
  decodeNumberPoint,
  decodeResource,
  decodeScope,
  decodeSummaryPoint,
  decodeText,
} from "./protobuf-messages.js";

/** Throws MalformedInputError when the bytes are no such message. */
export function readOtlpProtobuf(bytes: Uint8Array, writer: OtlpWriter, rows: PushRows): void {
  new RequestReader(bytes, writer, rows).read();
}

interface Range {
  readonly start: number;
  readonly end: number;
}

const nothing: Range = { start: 0, end: 0 };

/** A metric's fields, of which the last of each counts. */
interface MetricFields {
  readonly name: Range;
  readonly description: Range;
  readonly unit: Range;
  readonly points: Range;
  /** Of the points; 0 when there are none. */
  readonly kind: number;
}

const GAUGE = 5;
const SUM = 7;
const HISTOGRAM = 9;
const EXPONENTIAL_HISTOGRAM = 10;
const SUMMARY = 11;

const types: readonly NamedMetric["type"][] = ["gauge", "counter", "histogram", "summary"];
const temporalities: readonly Temporality[] = ["unspecified", "delta", "cumulative"];

class RequestReader implements PointSurroundings {
  readonly #writer: OtlpWriter;
  readonly #rows: PushRows;
  readonly #reader: ProtobufReader;
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #path: NodePath;
  readonly #points: PointReader;
  /** Of the resource, the scope, and both, when they were asked for. */
  #attributes: Attributes | undefined;
  #named: NamedScope | undefined;
  #base: OtlpLabelSet | undefined;
  #scope = nothing;
  #schemaUrl = nothing;

  constructor(bytes: Uint8Array, writer: OtlpWriter, rows: PushRows) {
    this.#writer = writer;
    this.#rows = rows;
    this.#reader = new ProtobufReader(bytes);
    this.#bytes = this.#reader.bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#path = new NodePath(rows, this.#view, writer.labels.text);
    this.#points = new PointReader(this.#bytes, this.#path, this, writer, rows);
  }

  read(): void {
    const reader = this.#reader;
    const resources: Range[] = [];
    while (reader.nextField()) {
      if (reader.isAt(1, WIRE_BYTES)) resources.push(this.#range());
      else reader.skip();
    }
    for (const resource of resources) this.#readResource(resource);
  }

  #readResource({ start, end }: Range): void {
    const reader = this.#reader;
    const scopes: Range[] = [];
    let resource = nothing;
    reader.enter(start, end);
    while (reader.nextField()) {
      if (reader.isAt(1, WIRE_BYTES)) resource = this.#range();
      else if (reader.isAt(2, WIRE_BYTES)) scopes.push(this.#range());
      else reader.skip();
    }
    this.#path.enter(RESOURCE, resource.start, resource.end);
    this.#attributes = this.#path.isKnown(RESOURCE) ? undefined : decodeResource(this.#readerOf(resource));
    this.#writer.beginResource();
    for (const scope of scopes) this.#readScope(scope);
    this.#writer.endResource(() => this.#targetInfo());
  }

  #readScope({ start, end }: Range): void {
    const reader = this.#reader;
    const metrics: Range[] = [];
    this.#scope = nothing;
    this.#schemaUrl = nothing;
    this.#named = undefined;
    this.#base = undefined;
    reader.enter(start, end);
    while (reader.nextField()) {
      if (reader.isAt(1, WIRE_BYTES)) this.#scope = this.#range();
      else if (reader.isAt(2, WIRE_BYTES)) metrics.push(this.#range());
      else if (reader.isAt(3, WIRE_BYTES)) this.#schemaUrl = this.#range();
      else reader.skip();
    }
    this.#path.enter(SCOPE, this.#scope.start, this.#scope.end);
    this.#path.enter(SCHEMA_URL, this.#schemaUrl.start, this.#schemaUrl.end);
    if (!this.#path.isKnown(SCHEMA_URL)) this.#namedScope();
    for (const metric of metrics) this.#readMetric(metric);
  }

  #readMetric(range: Range): void {
    const writer = this.#writer;
    writer.beginMetric();
    const { name, description, unit, points, kind } = this.#metricFields(range);
    if (kind === 0) {
      writer.lose(noPoints(this.#text(name)), 1);
      return;
    }
    const { count, temporality, isMonotonic } = this.#pointsHeader(points);
    if (kind === EXPONENTIAL_HISTOGRAM) {
      this.#eachPoint(points, (start, end) => validate(new ProtobufReader(this.#bytes, start, end)));
      writer.noteExponentialPoints(count);
      return;
    }
    const isValue = kind === GAUGE || kind === SUMMARY;
    const type = kind === HISTOGRAM ? 2 : kind === SUMMARY ? 3 : kind === SUM && isMonotonic ? 1 : 0;
    this.#path.enter(NAME, name.start, name.end);
    this.#path.enter(UNIT, unit.start, unit.end);
    this.#path.enter(METRIC, description.start, description.end, type);
    let metric: OtlpMetric;
    if (this.#path.isKnown(METRIC)) metric = this.#path.node(METRIC) as OtlpMetric;
    else {
      const texts = {
        name: this.#text(name),
        unit: this.#text(unit),
        description: this.#text(description),
      };
      try {
        metric = writer.translate(texts, types[type]!);
        this.baseLabels();
      } catch (error) {
        this.#eachPoint(points, (start, end) => this.#decode(kind, start, end));
        writer.lose(error, count);
        return;
      }
    }
    writer.describe(metric);
    this.#points.begin(metric, isValue ? "cumulative" : temporality);
    if (kind === HISTOGRAM) this.#eachPoint(points, (start, end) => this.#points.readHistogram(start, end));
    else if (kind === SUMMARY) this.#eachPoint(points, (start, end) => this.#points.readSummary(start, end));
    else this.#eachPoint(points, (start, end) => this.#points.readNumber(start, end));
  }

  #metricFields({ start, end }: Range): MetricFields {
    const reader = this.#reader;
    let [name, description, unit, points] = [nothing, nothing, nothing, nothing];
    let kind = 0;
    reader.enter(start, end);
    while (reader.nextField()) {
      if (reader.wireType !== WIRE_BYTES) {
        reader.skip();
        continue;
      }
      switch (reader.fieldNumber) {
        case 1:
          name = this.#range();
          break;
        case 2:
          description = this.#range();
          break;
        case 3:
          unit = this.#range();
          break;
        case GAUGE:
        case SUM:
        case HISTOGRAM:
        case EXPONENTIAL_HISTOGRAM:
        case SUMMARY:
          kind = reader.fieldNumber;
          points = this.#range();
          break;
        default:
          reader.skip();
      }
    }
    return { name, description, unit, points, kind };
  }

  /** What gauges, sums, histograms and summaries have alike: 1 points, 2 temporality, 3 whether monotonic. */
  #pointsHeader({ start, end }: Range) {
    const reader = this.#reader;
    let count = 0;
    let temporality: Temporality = "unspecified";
    let isMonotonic = false;
    reader.enter(start, end);
    while (reader.nextField()) {
      if (reader.isAt(2, WIRE_VARINT)) temporality = temporalities[reader.readVarint()] ?? "unspecified";
      else if (reader.isAt(3, WIRE_VARINT)) isMonotonic = reader.readVarint() !== 0;
      else {
        if (reader.isAt(1, WIRE_BYTES)) count++;
        reader.skip();
      }
    }
    return { count, temporality, isMonotonic };
  }

  #eachPoint({ start, end }: Range, read: (start: number, end: number) => void): void {
    const reader = this.#reader;
    reader.enter(start, end);
    while (reader.nextField()) {
      if (!reader.isAt(1, WIRE_BYTES)) {
        reader.skip();
        continue;
      }
      const pointEnd = reader.readLength();
      const pointStart = reader.position;
      reader.position = pointEnd;
      read(pointStart, pointEnd);
    }
  }

  /** Only to see whether it can be. */
  #decode(kind: number, start: number, end: number): void {
    const reader = new ProtobufReader(this.#bytes, start, end);
    if (kind === HISTOGRAM) decodeHistogramPoint(reader);
    else if (kind === SUMMARY) decodeSummaryPoint(reader);
    else decodeNumberPoint(reader);
  }

  #targetInfo(): number | undefined {
    const owner = this.#path.owner(RESOURCE, TARGET_INFO);
    const known = owner === undefined ? NO_NUMBER : this.#rows.find(owner, this.#view, 0, 0);
    if (known !== NO_NUMBER) return known;
    const labels = this.#writer.labels.targetInfo(this.resource());
    if (labels === undefined) return undefined;
    const number = this.#rows.take(labels);
    if (owner !== undefined) this.#rows.remember(owner, this.#view, 0, 0, number);
    return number;
  }

  resource(): Attributes {
    this.#attributes ??= this.#path.node(RESOURCE) as Attributes;
    return this.#attributes;
  }

  #namedScope(): NamedScope {
    this.#named ??= { ...decodeScope(this.#readerOf(this.#scope)), schemaUrl: this.#text(this.#schemaUrl) };
    return this.#named;
  }

  baseLabels(): OtlpLabelSet {
    this.#base ??= this.#writer.labels.base(this.resource(), this.#namedScope());
    return this.#base;
  }

  /** Past the field that the reader is at. */
  #range(): Range {
    const reader = this.#reader;
    const end = reader.readLength();
    const start = reader.position;
    reader.position = end;
    return { start, end };
  }

  #readerOf({ start, end }: Range): ProtobufReader {
    return new ProtobufReader(this.#bytes, start, end);
  }

  #text({ start, end }: Range): string {
    return decodeText(this.#bytes, start, end);
  }
}

/** Throws MalformedInputError when the fields are no fields. */
function validate(reader: ProtobufReader): void {
  while (reader.nextField()) reader.skip();
}
