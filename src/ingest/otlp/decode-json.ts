/**
 * decodeOtlpJson: an ExportMetricsServiceRequest from OTLP's JSON: names in camel case, 64-bit integers as text or
 * numbers, enumerations as numbers or names, bytes of attributes as base64. Unknown fields are passed over.
 *
 * Source: OpenTelemetry protocol specification, "JSON Protobuf Encoding".
 */

import { MalformedInputError } from "../../model/errors.js";
import { type AnyValue, attributeText, DEPTH_MAX } from "./attribute-text.js";
import {
  type Attributes,
  type HistogramPoint,
  type Metric,
  NO_RECORDED_VALUE,
  type NumberPoint,
  type Points,
  type ResourceMetrics,
  type ScopeMetrics,
  type SummaryPoint,
  sortAttributes,
  type Temporality,
} from "./otlp-message.js";

type Fields = Readonly<Record<string, unknown>>;

/** Throws MalformedInputError when the text is no such message. */
export function decodeOtlpJson(bytes: Uint8Array): readonly ResourceMetrics[] {
  let message: unknown;
  try {
    message = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch (cause) {
    throw new MalformedInputError("the body is no JSON", {}, { cause });
  }
  return list(fieldsOf(message, "the body"), "resourceMetrics").map(resourceMetrics);
}

function resourceMetrics(fields: Fields): ResourceMetrics {
  return {
    attributes: attributesOf(optional(fields, "resource")),
    scopes: list(fields, "scopeMetrics").map(scopeMetrics),
  };
}

function scopeMetrics(fields: Fields): ScopeMetrics {
  const scope = optional(fields, "scope");
  return {
    name: text(scope, "name"),
    version: text(scope, "version"),
    schemaUrl: text(fields, "schemaUrl"),
    attributes: attributesOf(scope),
    metrics: list(fields, "metrics").map(metric),
  };
}

function metric(fields: Fields): Metric {
  return {
    name: text(fields, "name"),
    description: text(fields, "description"),
    unit: text(fields, "unit"),
    points: pointsOf(fields),
  };
}

function pointsOf(fields: Fields): Points {
  const points = (key: string) => list(optional(fields, key), "dataPoints");
  if (fields.gauge !== undefined) return { kind: "gauge", points: points("gauge").map(numberPoint) };
  if (fields.sum !== undefined) {
    const sum = optional(fields, "sum");
    const isMonotonic = sum.isMonotonic === true;
    return {
      kind: "sum",
      points: points("sum").map(numberPoint),
      temporality: temporalityOf(sum),
      isMonotonic,
    };
  }
  if (fields.histogram !== undefined) {
    const temporality = temporalityOf(optional(fields, "histogram"));
    return { kind: "histogram", points: points("histogram").map(histogramPoint), temporality };
  }
  if (fields.summary !== undefined) return { kind: "summary", points: points("summary").map(summaryPoint) };
  if (fields.exponentialHistogram !== undefined)
    return { kind: "exponential-histogram", count: points("exponentialHistogram").length };
  return { kind: "empty" };
}

function temporalityOf({ aggregationTemporality }: Fields): Temporality {
  switch (aggregationTemporality) {
    case 1:
    case "AGGREGATION_TEMPORALITY_DELTA":
      return "delta";
    case 2:
    case "AGGREGATION_TEMPORALITY_CUMULATIVE":
      return "cumulative";
    default:
      return "unspecified";
  }
}

function pointFields(fields: Fields) {
  return {
    attributes: attributesOf(fields),
    timeMs: Number(integer(fields, "timeUnixNano") / 1_000_000n),
    hasNoValue: (Number(integer(fields, "flags")) & NO_RECORDED_VALUE) !== 0,
    exemplars: list(fields, "exemplars").length,
  };
}

function numberPoint(fields: Fields): NumberPoint {
  const value =
    fields.asInt === undefined ? (number(fields, "asDouble") ?? 0) : Number(integer(fields, "asInt"));
  return { ...pointFields(fields), value };
}

function histogramPoint(fields: Fields): HistogramPoint {
  return {
    ...pointFields(fields),
    count: Number(integer(fields, "count")),
    sum: number(fields, "sum"),
    bucketCounts: values(fields, "bucketCounts").map((count) => Number(integerOf(count, "bucketCounts"))),
    bounds: values(fields, "explicitBounds").map((bound) => numberOf(bound, "explicitBounds")),
  };
}

function summaryPoint(fields: Fields): SummaryPoint {
  return {
    ...pointFields(fields),
    count: Number(integer(fields, "count")),
    sum: number(fields, "sum") ?? 0,
    quantiles: list(fields, "quantileValues").map((one) => ({
      quantile: number(one, "quantile") ?? 0,
      value: number(one, "value") ?? 0,
    })),
  };
}

function attributesOf(fields: Fields): Attributes {
  return sortAttributes(
    list(fields, "attributes").map((pair) => [text(pair, "key"), attributeText(anyValue(pair.value, 0))]),
  );
}

function anyValue(value: unknown, depth: number): AnyValue {
  if (depth > DEPTH_MAX) throw new MalformedInputError(`an attribute is nested deeper than ${DEPTH_MAX}`);
  if (value === undefined || value === null) return null;
  const fields = fieldsOf(value, "value");
  if (fields.stringValue !== undefined) return text(fields, "stringValue");
  if (fields.boolValue !== undefined) return fields.boolValue === true;
  if (fields.intValue !== undefined) return integer(fields, "intValue");
  if (fields.doubleValue !== undefined) return number(fields, "doubleValue") ?? 0;
  if (fields.bytesValue !== undefined) return Buffer.from(text(fields, "bytesValue"), "base64");
  if (fields.arrayValue !== undefined)
    return values(optional(fields, "arrayValue"), "values").map((one) => anyValue(one, depth + 1));
  if (fields.kvlistValue !== undefined)
    return Object.fromEntries(
      list(optional(fields, "kvlistValue"), "values").map((pair) => [
        text(pair, "key"),
        anyValue(pair.value, depth + 1),
      ]),
    );
  return null;
}

function fieldsOf(value: unknown, name: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new MalformedInputError(`${name} must be a JSON object`);
}

function optional(fields: Fields, key: string): Fields {
  const value = fields[key];
  return value === undefined || value === null ? {} : fieldsOf(value, key);
}

function values(fields: Fields, key: string): readonly unknown[] {
  const value = fields[key];
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw new MalformedInputError(`${key} must be an array`);
}

function list(fields: Fields, key: string): readonly Fields[] {
  return values(fields, key).map((value) => fieldsOf(value, key));
}

function text(fields: Fields, key: string): string {
  const value = fields[key];
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  throw new MalformedInputError(`${key} must be text`);
}

function integer(fields: Fields, key: string): bigint {
  const value = fields[key];
  return value === undefined || value === null ? 0n : integerOf(value, key);
}

function integerOf(value: unknown, key: string): bigint {
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
  if (typeof value === "string" && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  throw new MalformedInputError(`${key} must be an integer`);
}

function number(fields: Fields, key: string): number | undefined {
  const value = fields[key];
  return value === undefined || value === null ? undefined : numberOf(value, key);
}

function numberOf(value: unknown, key: string): number {
  if (typeof value === "number") return value;
  switch (value) {
    case "NaN":
      return Number.NaN;
    case "Infinity":
      return Infinity;
    case "-Infinity":
      return -Infinity;
    default:
      throw new MalformedInputError(`${key} must be a number`);
  }
}
