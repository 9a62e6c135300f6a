import fc from "fast-check";
import { expect, it } from "vitest";
import { SampleBatch } from "../../src/client/sample-batch.js";
import { encodeLabels, encodeWriteRequest } from "../../src/client/write-request.js";
import { decodeSnappy } from "../../src/kernels/snappy.js";
import { Labels } from "../../src/model/labels.js";
import { markStaleAt } from "../../src/model/staleness.js";
import { encodeWriteRequest as encodeForTests } from "../support/remote-write-bodies.js";

const anyLabels = fc
  .dictionary(fc.string({ minLength: 1, unit: "binary" }), fc.string({ unit: "binary", maxLength: 300 }))
  .map((pairs) => Labels.from(pairs));
const anyTime = fc.oneof(
  fc.maxSafeInteger().map((time) => time % 2 ** 52),
  fc.integer(),
  fc.constantFrom(0, -1, 127, 128, 2 ** 35, -(2 ** 52), 2 ** 52),
);
const anyValue = fc.oneof(fc.double(), fc.constantFrom("stale" as const, NaN, -0, Infinity));
const anySeries = fc.record({
  labels: anyLabels,
  samples: fc.array(fc.tuple(anyTime, anyValue), { maxLength: 20 }),
});

const columnsOf = (samples: readonly (readonly [number, number | "stale"])[]) => {
  const values = new Float64Array(samples.length);
  for (const [i, [, value]] of samples.entries()) {
    if (value === "stale") markStaleAt(values, i);
    else values[i] = value;
  }
  return { times: Float64Array.from(samples, ([time]) => time), values, length: samples.length };
};

it("is the message that the encoder of the tests writes, byte by byte", () => {
  fc.assert(
    fc.property(fc.array(anySeries, { maxLength: 8 }), (list) => {
      const series = list.map(({ labels, samples }) => ({ labels, samples: columnsOf(samples) }));
      const ours = encodeWriteRequest(
        series.map(({ labels, samples }) => ({ labels: encodeLabels(labels), samples })),
      );
      expect(Buffer.from(ours).equals(decodeSnappy(encodeForTests(series), 2 ** 30))).toBe(true);
    }),
  );
});

it("keeps the samples of each series in the order of their appends", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3), anyTime, anyValue), { maxLength: 100 }), (appends) => {
      const handles = [0, 1, 2, 3].map((i) => {
        const labels = Labels.from({ __name__: "a", i: String(i) });
        return { labels, encodedLabels: encodeLabels(labels) };
      });
      const batch = new SampleBatch();
      for (const [i, time, value] of appends) batch.add(handles[i]!, time, value);
      const order = [...new Set(appends.map(([i]) => i))];
      const expected = order.map((i) => ({
        labels: handles[i]!.labels,
        samples: columnsOf(appends.filter(([of]) => of === i).map(([, time, value]) => [time, value])),
      }));
      const decoded = decodeSnappy(batch.encode(), 2 ** 30);
      expect(Buffer.from(decoded).equals(decodeSnappy(encodeForTests(expected), 2 ** 30))).toBe(true);
      expect(batch.samples).toBe(appends.length);
      expect(batch.sizeBytes).toBeGreaterThanOrEqual(decoded.length);
    }),
  );
});
