import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultOtlpOptions, type OtlpOptions } from "../../../src/ingest/otlp/otlp-labels.js";
import { pushOtlp } from "../../../src/ingest/otlp/push-otlp.js";
import { RowMemory } from "../../../src/ingest/push/row-memory.js";
import { RecordingPush } from "../../support/recording-push.js";
import { bytesField, doubleField, varintField } from "../../support/remote-write-bodies.js";

/** Attributes as text, in any order. */
type Pairs = readonly (readonly [string, string])[];

interface Point {
  readonly attributes: Pairs;
  readonly timeMs: number;
  readonly value: number;
  readonly flags: number;
  readonly exemplars: number;
  readonly buckets: readonly (readonly [bound: number, count: number])[];
  readonly hasSum: boolean;
  /** How it is written. */
  readonly form: "usual" | "attributes-first" | "attributes-apart" | "unpacked" | "unknown-field";
}

interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly kind: "gauge" | "sum" | "histogram" | "summary";
  readonly temporality: number;
  readonly isMonotonic: boolean;
  readonly points: readonly Point[];
}

interface Resource {
  readonly attributes: Pairs;
  readonly scope: string;
  readonly schemaUrl: string;
  readonly metrics: readonly Metric[];
}

const noSums = () => Promise.reject(new Error("no deltas here"));

const pairs = fc.array(
  fc.tuple(
    fc.constantFrom("a", "b.c", "service.name", "host", "größe", "__"),
    fc.constantFrom("", "x", "wäre"),
  ),
  { maxLength: 3 },
);
const point: fc.Arbitrary<Point> = fc.record({
  attributes: pairs,
  timeMs: fc.constantFrom(0, 1, 1_700_000_000_001, 2 ** 43),
  value: fc.constantFrom(0, -1.5, 7, 1e300),
  flags: fc.constantFrom(0, 0, 0, 1, 2),
  exemplars: fc.constantFrom(0, 0, 2),
  buckets: fc.uniqueArray(fc.tuple(fc.constantFrom(0.5, 1, 2), fc.nat(5)), {
    maxLength: 3,
    selector: ([bound]) => bound,
  }),
  hasSum: fc.boolean(),
  form: fc.constantFrom(
    "usual",
    "usual",
    "attributes-first",
    "attributes-apart",
    "unpacked",
    "unknown-field",
  ),
});
const metric: fc.Arbitrary<Metric> = fc.record({
  name: fc.constantFrom("http.requests", "temperature", "..."),
  unit: fc.constantFrom("", "s", "1"),
  description: fc.constantFrom("", "what it is"),
  kind: fc.constantFrom("gauge", "sum", "histogram", "summary"),
  temporality: fc.constantFrom(0, 2, 2, 2),
  isMonotonic: fc.boolean(),
  points: fc.array(point, { maxLength: 4 }),
});
const resource: fc.Arbitrary<Resource> = fc.record({
  attributes: pairs,
  scope: fc.constantFrom("", "lib"),
  schemaUrl: fc.constantFrom("", "http://schema"),
  metrics: fc.array(metric, { maxLength: 4 }),
});
const options: fc.Arbitrary<Partial<OtlpOptions>> = fc.constantFrom<Partial<OtlpOptions>>(
  {},
  { promoteScopeMetadata: true, promoteAllResourceAttributes: true },
  { translationStrategy: "NoTranslation" },
);

describe("a request in protobuf", () => {
  it("says what the same in JSON does, known or not, however it is written", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.array(resource), options), { maxLength: 4 }),
        async (requests) => {
          const [protobufMemory, jsonMemory] = [new RowMemory(), new RowMemory(4096)];
          for (const [resources, chosen] of [...requests, ...requests]) {
            const all = { ...defaultOtlpOptions, ...chosen };
            const protobuf = await pushed("protobuf", protobufOf(resources), all, protobufMemory);
            expect(protobuf).toEqual(await pushed("json", jsonOf(resources), all, jsonMemory));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("is refused whole when one point of it is cut short, and says nothing of metrics then", async () => {
    const memory = new RowMemory();
    const request = protobufOf([{ attributes: [], scope: "", schemaUrl: "", metrics: [goodMetric] }]);
    const push = new RecordingPush({ origin });
    await pushOtlp({ bytes: request, encoding: "protobuf" }, push, parts(defaultOtlpOptions, memory));
    expect(push.lines).toHaveLength(1);
    const refused = new RecordingPush({ origin });
    const pushing = pushOtlp(
      { bytes: Buffer.concat([request, Buffer.from([0x0a, 0x05])]), encoding: "protobuf" },
      refused,
      parts(defaultOtlpOptions, memory),
    );
    await expect(pushing).rejects.toThrow(/not a valid protobuf message/);
    expect([refused.lines, [...refused.described]]).toEqual([[], []]);
  });

  it("cuts nanoseconds to milliseconds, exactly", async () => {
    const nanoseconds = fc.oneof(
      fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
      fc.bigInt({ min: 1n, max: 2n ** 44n }).map((ms) => ms * 1_000_000n - 1n),
    );
    const memory = new RowMemory();
    await fc.assert(
      fc.asyncProperty(nanoseconds, async (time) => {
        const at = Buffer.alloc(9);
        at[0] = 0x19;
        at.writeBigUInt64LE(time, 1);
        const gauge = bytesField(5, bytesField(1, at, doubleField(4, 1)));
        const bytes = bytesField(1, bytesField(2, bytesField(2, bytesField(1, "g"), gauge)));
        const push = new RecordingPush({ origin });
        await pushOtlp({ bytes, encoding: "protobuf" }, push, parts(defaultOtlpOptions, memory));
        const ms = Number(time / 1_000_000n);
        expect(push.lines).toEqual([ms === 0 ? "g 1" : `g 1 @${ms}`]);
      }),
    );
  });
});

const origin = { name: "test" };
const goodMetric: Metric = {
  ...{ name: "g", unit: "", description: "d", kind: "gauge", temporality: 2, isMonotonic: false },
  points: [
    {
      ...{ attributes: [["a", "x"]], timeMs: 1, value: 1, flags: 0, exemplars: 0, buckets: [] },
      ...{ hasSum: false, form: "usual" },
    },
  ],
};

function parts(all: OtlpOptions, memory: RowMemory) {
  return { options: all, sums: noSums, memory };
}

async function pushed(
  encoding: "json" | "protobuf",
  bytes: Uint8Array,
  all: OtlpOptions,
  memory: RowMemory,
): Promise<object> {
  const push = new RecordingPush({ origin, limits: { transactionSamplesMax: 3 } });
  await pushOtlp({ bytes, encoding }, push, parts(all, memory));
  const { lines, lost, described, unstored } = push;
  return { lines, lost, described: [...described], unstored: [...unstored] };
}

function jsonOf(resources: readonly Resource[]): Uint8Array {
  const attributes = (from: Pairs) => from.map(([key, stringValue]) => ({ key, value: { stringValue } }));
  const pointOf = (one: Point, kind: Metric["kind"]) => ({
    attributes: attributes(one.attributes),
    timeUnixNano: `${one.timeMs}000000`,
    flags: one.flags,
    ...(kind !== "summary" && { exemplars: Array(one.exemplars).fill({}) }),
    ...(kind === "gauge" || kind === "sum" ? { asDouble: one.value } : { count: 9 }),
    ...(kind === "histogram" && one.hasSum && { sum: one.value }),
    ...(kind === "histogram" && histogramOf(one)),
    ...(kind === "summary" && {
      sum: one.value,
      quantileValues: one.buckets.map(([quantile, value]) => ({ quantile, value })),
    }),
  });
  const metricOf = ({ name, unit, description, kind, temporality, isMonotonic, points }: Metric) => ({
    ...{ name, unit, description },
    [kind]: {
      dataPoints: points.map((one) => pointOf(one, kind)),
      aggregationTemporality: temporality,
      isMonotonic,
    },
  });
  const resourceMetrics = resources.map((one) => ({
    resource: { attributes: attributes(one.attributes) },
    scopeMetrics: [
      { scope: { name: one.scope }, schemaUrl: one.schemaUrl, metrics: one.metrics.map(metricOf) },
    ],
  }));
  return Buffer.from(JSON.stringify({ resourceMetrics }));
}

/** Counts of one bucket more than there are bounds; none of either without bounds. */
function histogramOf({ buckets }: Point): {
  readonly explicitBounds: number[];
  readonly bucketCounts: number[];
} {
  const counts = buckets.map(([, count]) => count);
  return {
    explicitBounds: buckets.map(([bound]) => bound),
    bucketCounts: counts.length === 0 ? [] : [...counts, 1],
  };
}

function protobufOf(resources: readonly Resource[]): Buffer {
  return Buffer.concat(
    resources.map(({ attributes, scope, schemaUrl, metrics }) =>
      bytesField(
        1,
        bytesField(1, ...attributesOf(1, attributes)),
        bytesField(
          2,
          bytesField(1, bytesField(1, scope)),
          ...metrics.map((one) => bytesField(2, metricOf(one))),
          bytesField(3, schemaUrl),
        ),
      ),
    ),
  );
}

function metricOf({ name, unit, description, kind, temporality, isMonotonic, points }: Metric): Buffer {
  const number = { gauge: 5, sum: 7, histogram: 9, summary: 11 }[kind];
  const written = points.map((one) => bytesField(1, pointOf(one, kind)));
  const behind = [varintField(2, temporality), varintField(3, isMonotonic ? 1 : 0)];
  const texts = [bytesField(1, name), bytesField(2, description), bytesField(3, unit)];
  return Buffer.concat([...texts, bytesField(number, ...written, ...behind)]);
}

function pointOf(one: Point, kind: Metric["kind"]): Buffer {
  const isHistogram = kind === "histogram";
  const attributes = attributesOf(isHistogram ? 9 : 7, one.attributes);
  const exemplars = Array<Buffer>(one.exemplars).fill(bytesField(isHistogram ? 8 : 5, "x"));
  const flags = varintField(isHistogram ? 10 : 8, one.flags);
  const head = [fixed64Field(2, 1), fixed64Field(3, BigInt(one.timeMs) * 1_000_000n)];
  const { explicitBounds, bucketCounts } = histogramOf(one);
  const fields = {
    gauge: [doubleField(4, one.value), ...exemplars],
    sum: [doubleField(4, one.value), ...exemplars],
    histogram: [
      fixed64Field(4, 9),
      ...(one.hasSum ? [doubleField(5, one.value)] : []),
      ...list(one.form, 6, bucketCounts, fixed64Field),
      ...list(one.form, 7, explicitBounds, doubleField),
      ...exemplars,
      doubleField(11, 1),
    ],
    summary: [
      fixed64Field(4, 9),
      doubleField(5, one.value),
      ...one.buckets.map(([quantile, value]) =>
        bytesField(6, doubleField(1, quantile), doubleField(2, value)),
      ),
    ],
  }[kind];
  switch (one.form) {
    case "attributes-first":
      return Buffer.concat([...attributes, ...head, ...fields, flags]);
    case "attributes-apart":
      return Buffer.concat([...attributes.slice(0, 1), ...head, ...fields, ...attributes.slice(1), flags]);
    case "unknown-field":
      return Buffer.concat([...head, ...fields, bytesField(99, "x"), ...attributes, flags]);
    default:
      return Buffer.concat([...head, ...fields, ...attributes, flags]);
  }
}

function list(
  form: Point["form"],
  number: number,
  values: readonly number[],
  field: (number: number, value: number) => Buffer,
): readonly Buffer[] {
  const fields = values.map((value) => field(number, value));
  return form === "unpacked" ? fields : [bytesField(number, ...fields.map((bytes) => bytes.subarray(1)))];
}

function attributesOf(number: number, attributes: Pairs): readonly Buffer[] {
  return attributes.map(([key, value]) =>
    bytesField(number, bytesField(1, key), bytesField(2, bytesField(1, value))),
  );
}

function fixed64Field(number: number, value: number | bigint): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = (number << 3) | 1;
  bytes.writeBigUInt64LE(BigInt(value), 1);
  return bytes;
}
