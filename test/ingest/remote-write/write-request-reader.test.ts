import { beforeEach, describe, expect, it } from "vitest";
import type { IngestLimits } from "../../../src/ingest/limits.js";
import type { PushRefusal, PushSeries } from "../../../src/ingest/push/push.js";
import {
  type RemoteWriteVersion,
  WriteRequestReader,
} from "../../../src/ingest/remote-write/write-request-reader.js";
import type { LimitExceededError } from "../../../src/model/errors.js";
import type { Labels } from "../../../src/model/labels.js";
import { RecordingPush } from "../../support/recording-push.js";
import {
  bytesField,
  label,
  metricMetadata,
  Request2,
  request2,
  type SeriesFields,
  sample,
  timeSeries,
  writeRequest,
} from "../../support/remote-write-bodies.js";

const five = sample({ time: 5, value: 1 });
const good = bytesField(1, label("__name__", "good"), five);

/** A push of one origin that counts how often it was asked for a series. */
class CountingPush extends RecordingPush {
  asked = 0;
  refusal: PushRefusal | undefined;

  override series(labels: Labels): PushSeries {
    this.asked++;
    return { labels, refusal: this.refusal };
  }
}

describe("WriteRequestReader", () => {
  const origin = { name: "one" };
  let reader: WriteRequestReader;

  beforeEach(() => {
    reader = new WriteRequestReader();
  });

  async function push(
    body: Uint8Array,
    version: RemoteWriteVersion = 1,
    more: { readonly origin?: { readonly name: string }; readonly limits?: Partial<IngestLimits> } = {},
  ): Promise<CountingPush> {
    const into = new CountingPush({ origin, ...more });
    await reader.push([body.subarray(0, 3), body.subarray(3)], version, into);
    return into;
  }

  it.each<[name: string, labels: Buffer[], reason: RegExp]>([
    ["no metric name", [label("a", "b")], /no metric name/],
    ["no labels at all", [], /no metric name/],
    ["an empty metric name", [label("__name__", "")], /no metric name/],
    ["a repeated label", [label("__name__", "m"), label("a", "b"), label("a", "c")], /"a" is given twice/],
    [
      "a label repeated at a distance",
      [label("a", "b"), label("__name__", "m"), label("a", "c")],
      /"a" is given twice/,
    ],
    ["an empty label name", [label("", "x"), label("__name__", "m")], /empty name/],
    ["invalid UTF-8", [label("__name__", "m"), label(Buffer.from([0x61, 0xff]), "y")], /not valid UTF-8/],
    ["a long name", [label("__name__", "m"), label("a".repeat(51), "y")], /label_name_length of 50/],
    ["a long value", [label("__name__", "m"), label("a", "y".repeat(61))], /label_value_length of 60/],
    ["many labels", ["__name__", "a", "b", "c", "d"].map((name) => label(name, "x")), /labels of 4/],
  ])("refuses a series with %s and keeps the others", async (_, labels, reason) => {
    const body = writeRequest(good, bytesField(1, ...labels, five, five), good);
    const limits = { labelNameSizeBytes: 50, labelValueSizeBytes: 60, labelsMax: 4 };
    for (let round = 0; round < 2; round++) {
      const { lines, lost } = await push(body, 1, { limits });
      expect(lines).toEqual(["good 1 @5", "good 1 @5"]);
      expect(lost).toEqual([expect.stringMatching(new RegExp(`^2: .*${reason.source}.* \\(2\\)$`))]);
    }
  });

  it("sorts labels that a sender did not, and drops empty ones", async () => {
    const one = bytesField(1, label("b", "x"), label("__name__", "m"), label("c", ""), label("a", "y"), five);
    for (let round = 0; round < 2; round++)
      expect((await push(writeRequest(one))).lines).toEqual(['m{a="y", b="x"} 1 @5']);
  });

  it("reads a series whose fields stand in any order, among unknown ones", async () => {
    const unknown = Buffer.from([0x78, 0x96, 0x01, 0x7d, 1, 2, 3, 4, 0x79, 1, 2, 3, 4, 5, 6, 7, 8]);
    const one = bytesField(1, five, label("__name__", "m"), unknown, five, label("a", "b"));
    for (let round = 0; round < 3; round++)
      expect((await push(writeRequest(unknown, one, good))).lines).toEqual([
        'm{a="b"} 1 @5',
        'm{a="b"} 1 @5',
        "good 1 @5",
      ]);
  });

  it.each([1, 2] as const)("asks for a series of %i.0 once for each origin", async (version) => {
    const one: SeriesFields = { labels: [["__name__", "up"]], samples: [{ time: 5, value: 1 }] };
    const body = version === 1 ? writeRequest(timeSeries(one), timeSeries(one)) : request2(one, one);
    expect((await push(body, version)).asked).toBe(1);
    expect((await push(body, version)).asked).toBe(0);
    const other = await push(body, version, { origin: { name: "other" } });
    expect([other.asked, other.lines]).toEqual([1, ["up 1 @5", "up 1 @5"]]);
  });

  it("does not remember what is refused", async () => {
    const request = (name: string) => writeRequest(bytesField(1, label("__name__", name), five), good);
    const push1 = new CountingPush({ origin });
    push1.refusal = { reason: "series-limit", message: "full" };
    await reader.push([request("a")], 1, push1);
    expect(push1.lines).toEqual(["a 1 @5", "good 1 @5"]);
    const again = await push(request("b"));
    expect([again.asked, again.lines]).toEqual([2, ["b 1 @5", "good 1 @5"]]);
    expect((await push(request("a"))).lines).toEqual(["a 1 @5", "good 1 @5"]);
  });

  it("passes on what is said of metrics, by 2.0 when it is news", async () => {
    const { described } = await push(
      writeRequest(metricMetadata("up", { type: 2, help: "Whether it is.", unit: "" }), good),
    );
    expect([...described]).toEqual([["up", { type: "gauge", help: "Whether it is.", unit: "" }]]);
    const saying = (help: string) =>
      request2({
        labels: [["__name__", "sizes"]],
        samples: [{ time: 5, value: 1 }],
        metadata: { type: 1, help, unit: "bytes" },
      });
    const told = async (body: Uint8Array) => [...(await push(body, 2)).described];
    expect(await told(saying("Sizes."))).toEqual([
      ["sizes", { type: "counter", help: "Sizes.", unit: "bytes" }],
    ]);
    expect(await told(saying("Sizes."))).toEqual([]);
    expect(await told(saying("All sizes."))).toEqual([
      ["sizes", { type: "counter", help: "All sizes.", unit: "bytes" }],
    ]);
    expect(await told(saying("All sizes."))).toEqual([]);
  });

  it("is told what metrics are in a body of many new series", async () => {
    const request = new Request2();
    for (let i = 0; i < 3000; i++)
      request.add({
        labels: [["__name__", `metric_${i}`]],
        samples: [{ time: 5, value: 1 }],
        metadata: { type: 1, help: `Help ${i}.`, unit: "" },
      });
    const { described } = await push(request.body(), 2);
    expect([...described.values()].map(({ help }) => help)).toEqual(
      Array.from({ length: 3000 }, (_, i) => `Help ${i}.`),
    );
  });

  it("counts what it does not store", async () => {
    const labels = [["__name__", "m"]] as const;
    const { unstored } = await push(request2({ labels, histograms: 2, exemplars: 3 }), 2);
    expect(Object.fromEntries(unstored)).toEqual({ exemplar: 3, "native-histogram": 2 });
  });

  it("names malformed series, and counts those that are too many to be named", async () => {
    const request = new Request2(["", "a"]);
    for (let i = 0; i < 1200; i++) request.addFields(bytesField(1, Buffer.of(1)), five, five);
    const { lost, lostSamples } = await push(request.body(), 2);
    expect(lost).toHaveLength(1001);
    expect(lost.at(-1)).toBe("0: 200 more series are malformed (400)");
    expect(lostSamples).toBe(2400);
  });

  it("commits a body with very many samples in parts", async () => {
    const samples = Array.from({ length: 250 }, (_, i) => ({ time: i, value: i / 2 }));
    const body = writeRequest(
      timeSeries({ labels: [["__name__", "a"]], samples }),
      timeSeries({ labels: [["job", "nameless"]], samples }),
      timeSeries({ labels: [["__name__", "b"]], samples }),
    );
    const { lines, flushes, lostSamples } = await push(body, 1, { limits: { transactionSamplesMax: 100 } });
    expect([lines.length, flushes, lostSamples]).toEqual([500, 5, 250]);
    expect(lines[499]).toBe("b 124.5 @249");
  });

  it("reads a body that is larger than what is kept ready for", async () => {
    const value = "x".repeat(60_000);
    const many = Array.from({ length: 100 }, (_, i) =>
      timeSeries({
        labels: [
          ["__name__", "m"],
          ["v", `${i}${value}`],
        ],
        samples: [{ time: 5, value: i }],
      }),
    );
    const noise = Array.from({ length: 6_000_000 }, (_, i) => (Math.imul(i, 0x9e3779b1) >>> 13) & 0xff);
    const { lines } = await push(writeRequest(...many, bytesField(9, Buffer.from(noise))));
    expect(lines).toHaveLength(100);
    expect((await push(writeRequest(good))).lines).toEqual(["good 1 @5"]);
  });

  it("refuses a body whose parts would take too much memory", async () => {
    const empty = Buffer.alloc(2 * 2_000_000);
    for (let i = 0; i < empty.length; i += 2) empty[i] = 0x12;
    const one = bytesField(1, label("__name__", "m"), empty);
    const failure = await push(writeRequest(one), 1, { limits: { bodySizeBytes: 4_100_000 } }).then(
      () => "none",
      (error: LimitExceededError) => `${error.code}: ${error.message}`,
    );
    expect(failure).toMatch(/^limit-exceeded: .* so many parts/);
  });

  it.each<[name: string, bytes: number[], reason: RegExp]>([
    ["a group", [0x0b], /wire type/],
    [
      "a label that is no message",
      [0x0a, 0x06, 0x0a, 0x02, 0x0a, 0x05, 0x12, 0x00],
      /longer than its message/,
    ],
    ["metadata that are no message", [0x1a, 0x02, 0x12, 0x05], /longer than its message/],
  ])("refuses a body with %s, says where, and stores nothing", async (_, bytes, reason) => {
    const into = new CountingPush({ origin });
    const pushing = reader.push([writeRequest(good, Buffer.from(bytes))], 1, into);
    await expect(pushing).rejects.toThrow(reason);
    await expect(pushing).rejects.toMatchObject({ offset: expect.any(Number) });
    expect(into.lines).toEqual([]);
    expect((await push(writeRequest(good))).lines).toEqual(["good 1 @5"]);
  });
});
