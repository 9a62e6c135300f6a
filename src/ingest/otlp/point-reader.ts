/**
 * PointReader: the points of one metric after the other, from the protobuf wire format.
 *
 * A point whose attributes (and bounds) were read before within the same names is not decoded: its series are found by
 * these bytes. All others are decoded, and are learnt when their series are taken; the series of a histogram's point have
 * numbers that follow one another, so that one look finds them all.
 *
 * Invariant: what is found by its bytes was decoded when it was learnt, so that all of a request has been validated.
 */

import { ProtobufReader } from "../../kernels/protobuf-reader.js";
import { NO_NUMBER } from "../push/byte-keys.js";
import type { PushRows } from "../push/push-rows.js";
import {
  HISTOGRAM_POINT,
  HISTOGRAM_POINT_WITHOUT_SUM,
  METRIC,
  type NodePath,
  NUMBER_POINT,
  RESOURCE,
} from "./node-path.js";
import type { OtlpLabelSet } from "./otlp-labels.js";
import type { Attributes, Temporality } from "./otlp-message.js";
import { histogramLabels, type OtlpMetric, type OtlpWriter, seriesLabels } from "./otlp-writer.js";
import { PointScan, unsigned64At } from "./point-scan.js";
import { decodeHistogramPoint, decodeNumberPoint, decodeSummaryPoint } from "./protobuf-messages.js";

/** What stands around points, decoded when it is asked for. */
export interface PointSurroundings {
  resource(): Attributes;
  /** Throws MalformedInputError for an attribute whose key is no name. */
  baseLabels(): OtlpLabelSet;
}

export class PointReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #path: NodePath;
  readonly #surroundings: PointSurroundings;
  readonly #writer: OtlpWriter;
  readonly #rows: PushRows;
  readonly #scan: PointScan;
  #metric: OtlpMetric = { name: "", metadata: {} };
  #temporality: Temporality = "cumulative";
  /** The key of a histogram's point. */
  #key = Buffer.alloc(256);
  #keyView = new DataView(this.#key.buffer);

  constructor(
    bytes: Buffer,
    path: NodePath,
    surroundings: PointSurroundings,
    writer: OtlpWriter,
    rows: PushRows,
  ) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#path = path;
    this.#surroundings = surroundings;
    this.#writer = writer;
    this.#rows = rows;
    this.#scan = new PointScan(bytes, this.#view);
  }

  /** Points are of this metric, at which the path is, from now on. */
  begin(metric: OtlpMetric, temporality: Temporality): void {
    this.#metric = metric;
    this.#temporality = temporality;
  }

  readNumber(start: number, end: number): void {
    const scan = this.#scan;
    const isUsual = scan.scanNumber(start, end);
    const { attributesStart, attributesEnd } = scan;
    const owner = isUsual ? this.#path.owner(METRIC, NUMBER_POINT) : undefined;
    const known =
      owner === undefined ? NO_NUMBER : this.#rows.find(owner, this.#view, attributesStart, attributesEnd);
    if (known !== NO_NUMBER) {
      this.#appendNumber(known);
      return;
    }
    const point = decodeNumberPoint(new ProtobufReader(this.#bytes, start, end));
    this.#writer.noteExemplars(point.exemplars);
    this.#try(() => {
      const base = this.#surroundings.baseLabels();
      if (isUsual) {
        const number = this.#rows.take(seriesLabels(this.#metric.name, base, point.attributes));
        this.#learn(number, 1, NUMBER_POINT, this.#view, attributesStart, attributesEnd);
        this.#writer.append(this.#metric, number, point, point.value, this.#temporality);
      } else this.#writer.writeNumber(this.#metric, base, point, this.#temporality);
    });
  }

  /** Of the point that was scanned. */
  #appendNumber(number: number): void {
    const scan = this.#scan;
    if (scan.exemplars > 0) this.#writer.noteExemplars(scan.exemplars);
    try {
      this.#writer.append(this.#metric, number, scan, scan.value, this.#temporality);
    } catch (error) {
      this.#writer.lose(error, 1);
    }
  }

  readHistogram(start: number, end: number): void {
    const scan = this.#scan;
    const isUsual = scan.scanHistogram(start, end);
    const variant = scan.hasSum ? HISTOGRAM_POINT : HISTOGRAM_POINT_WITHOUT_SUM;
    const owner = isUsual ? this.#path.owner(METRIC, variant) : undefined;
    const keySize = isUsual ? this.#makeKey() : 0;
    const known = owner === undefined ? NO_NUMBER : this.#rows.find(owner, this.#keyView, 0, keySize);
    if (known !== NO_NUMBER) {
      this.#writer.noteExemplars(scan.exemplars);
      this.#appendHistogram(known);
      return;
    }
    const point = decodeHistogramPoint(new ProtobufReader(this.#bytes, start, end));
    this.#writer.noteExemplars(point.exemplars);
    this.#try(() => {
      const base = this.#surroundings.baseLabels();
      if (isUsual) {
        const labels = histogramLabels(this.#metric.name, base, point);
        const first = this.#rows.takeAll(labels);
        this.#learn(first, labels.length, variant, this.#keyView, 0, keySize);
        this.#appendHistogram(first);
      } else this.#writer.writeHistogram(this.#metric, base, point, this.#temporality);
    });
  }

  /** Attributes and bounds, with their tags. Returns the size. */
  #makeKey(): number {
    const { attributesStart, attributesEnd, boundsStart, boundsEnd } = this.#scan;
    const attributesSize = attributesEnd - attributesStart;
    const size = attributesSize + boundsEnd - boundsStart;
    if (size > this.#key.length) {
      this.#key = Buffer.alloc(2 * size);
      this.#keyView = new DataView(this.#key.buffer);
    }
    this.#bytes.copy(this.#key, 0, attributesStart, attributesEnd);
    this.#bytes.copy(this.#key, attributesSize, boundsStart, boundsEnd);
    return size;
  }

  /** Of the point that was scanned; its series are in the order of `histogramLabels`. */
  #appendHistogram(first: number): void {
    const scan = this.#scan;
    const { boundCount, bucketsAt, count } = scan;
    const time = { timeMs: scan.timeMs, hasNoValue: scan.hasNoValue };
    let cumulative = 0;
    this.#try(() => {
      const append = (place: number, value: number) =>
        this.#writer.append(this.#metric, first + place, time, value, this.#temporality);
      for (let i = 0; i < boundCount; i++) {
        cumulative += unsigned64At(this.#view, bucketsAt + 8 * i);
        append(i, cumulative);
      }
      append(boundCount, count);
      append(boundCount + 1, count);
      if (scan.hasSum) append(boundCount + 2, scan.sum);
    });
  }

  readSummary(start: number, end: number): void {
    const point = decodeSummaryPoint(new ProtobufReader(this.#bytes, start, end));
    this.#writer.noteExemplars(point.exemplars);
    this.#try(() => this.#writer.writeSummary(this.#metric, this.#surroundings.baseLabels(), point));
  }

  /** One point, or what stands for it, that cannot be written does not keep the others from it. */
  #try(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#writer.lose(error, 1);
    }
  }

  /** That the bytes stand for these series of the metric, and for whatever stands around them. */
  #learn(number: number, count: number, variant: number, bytes: DataView, start: number, end: number): void {
    if (this.#rows.areTaken(number, count))
      this.#path.learn((level) =>
        level === RESOURCE ? this.#surroundings.resource() : level === METRIC ? this.#metric : undefined,
      );
    const owner = this.#path.owner(METRIC, variant);
    if (owner !== undefined) this.#rows.remember(owner, bytes, start, end, number, count);
  }
}
