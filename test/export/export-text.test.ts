import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exportText } from "../../src/export/export-text.js";
import { importStream } from "../../src/ingest/import.js";
import type { ExportFormat, SeriesSamples } from "../../src/model/exporting.js";
import { Labels } from "../../src/model/labels.js";
import { markStaleAt } from "../../src/model/staleness.js";
import { RecordingAppendable } from "../ingest/recording-appender.js";

type Value = number | "stale";
type Described = readonly [
  labels: Record<string, string>,
  samples: readonly (readonly [time: number, value: Value])[],
];

/** As storage hands it out: in parts. */
function seriesOf([labels, samples]: Described): SeriesSamples {
  const parts = [samples.slice(0, 2), samples.slice(2)].map((part) => {
    const values = new Float64Array(part.length);
    part.forEach(([, value], i) => {
      if (value === "stale") markStaleAt(values, i);
      else values[i] = value;
    });
    return { times: Float64Array.from(part, ([time]) => time), values, length: part.length };
  });
  return { labels: Labels.from(labels), parts };
}

async function* streamOf(series: readonly Described[]): AsyncGenerator<SeriesSamples> {
  for (const each of series) yield seriesOf(each);
}

async function textOf(format: ExportFormat, series: readonly Described[], labelNames: string[] = []) {
  const pieces: Uint8Array[] = [];
  for await (const piece of exportText(format, streamOf(series), async () => labelNames)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

/** What an import of the text appends, a line a sample. */
async function imported(format: "openmetrics" | "jsonl", text: string) {
  const appendable = new RecordingAppendable();
  async function* source() {
    // In pieces that end anywhere.
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
  }
  const { malformed } = await importStream(source(), { format, appender: appendable.appender(), now: 0 });
  return { lines: appendable.lines, malformed: malformed.first };
}

const room: Described = [
  { __name__: "room_celsius", room: 'the "attic"\\\n' },
  [
    [-1001, 1.5],
    [1001, -0],
    [1_700_000_000_123, Number.NaN],
    [1_700_000_000_124, Number.NEGATIVE_INFINITY],
    [1_700_000_000_125, "stale"],
  ],
];
const utf8: Described = [{ __name__: "disk.used", größe: "x" }, [[5000, 1e21]]];

describe("openmetrics", () => {
  it("writes names, values and times as Prometheus reads them, and leaves staleness markers out", async () => {
    expect(await textOf("openmetrics", [room, utf8, [{ a: "without a name" }, [[1, 1]]]])).toBe(
      [
        'room_celsius{room="the \\"attic\\"\\\\\\n"} 1.5 -1.0011',
        'room_celsius{room="the \\"attic\\"\\\\\\n"} -0 1.0011',
        'room_celsius{room="the \\"attic\\"\\\\\\n"} NaN 1700000000.123',
        'room_celsius{room="the \\"attic\\"\\\\\\n"} -Inf 1700000000.124',
        '{"disk.used","größe"="x"} 1e+21 5',
        "# EOF\n",
      ].join("\n"),
    );
  });

  it("writes times that are right to the millisecond for readers that cut as well", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: -(2 ** 45), max: 2 ** 45 }), async (time) => {
        const [line] = (await textOf("openmetrics", [[{ __name__: "x" }, [[time, 1]]]])).split("\n");
        expect(Math.trunc(Number(line!.split(" ")[2]) * 1000) + 0).toBe(time);
      }),
    );
  });
});

describe("csv", () => {
  it("has a column for each label, in quotes where needed", async () => {
    expect(await textOf("csv", [room, utf8], ["__name__", "größe", "room"])).toBe(
      [
        "time,__name__,größe,room,value",
        '1969-12-31T23:59:58.999Z,room_celsius,,"the ""attic""\\\n",1.5',
        '1970-01-01T00:00:01.001Z,room_celsius,,"the ""attic""\\\n",-0',
        '2023-11-14T22:13:20.123Z,room_celsius,,"the ""attic""\\\n",NaN',
        '2023-11-14T22:13:20.124Z,room_celsius,,"the ""attic""\\\n",-Inf',
        '2023-11-14T22:13:20.125Z,room_celsius,,"the ""attic""\\\n",stale',
        "1970-01-01T00:00:05Z,disk.used,x,,1e+21\n",
      ].join("\n"),
    );
  });
});

describe("jsonl", () => {
  it("writes lines as VictoriaMetrics does", async () => {
    expect(await textOf("jsonl", [room])).toBe(
      '{"metric":{"__name__":"room_celsius","room":"the \\"attic\\"\\\\\\n"},' +
        '"values":[1.5,-0,"NaN","-Infinity",null],' +
        '"timestamps":[-1001,1001,1700000000123,1700000000124,1700000000125]}\n',
    );
  });

  it("cuts long series into lines", async () => {
    const samples = Array.from({ length: 20_000 }, (_, i) => [i, i] as const);
    const stream = async function* () {
      const parts = [0, 5000, 10_000, 15_000].map((from) => samples.slice(from, from + 5000));
      yield {
        labels: Labels.from({ __name__: "x" }),
        parts: parts.map((part) => ({
          times: Float64Array.from(part, ([time]) => time),
          values: Float64Array.from(part, ([, value]) => value),
          length: part.length,
        })),
      };
    };
    let text = "";
    for await (const piece of exportText("jsonl", stream(), async () => [])) text += Buffer.from(piece);
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { timestamps: number[] });
    expect(lines.map(({ timestamps }) => timestamps.length)).toEqual([10_000, 10_000]);
    expect(lines.flatMap(({ timestamps }) => timestamps)).toEqual(samples.map(([time]) => time));
  });
});

describe("an import of what was exported", () => {
  const value = fc.oneof(
    fc.double(),
    fc.constantFrom<Value>("stale", -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  );
  const times = fc.uniqueArray(fc.integer({ min: -(2 ** 44), max: 2 ** 44 }), { minLength: 1, maxLength: 6 });
  const described = fc
    .tuple(
      fc.dictionary(fc.string({ minLength: 1, unit: "grapheme" }), fc.string({ unit: "grapheme" })),
      fc.string({ minLength: 1, unit: "grapheme" }),
      times,
      fc.array(value, { minLength: 6, maxLength: 6 }),
    )
    .map(
      ([labels, name, at, values]): Described => [
        { ...labels, __name__: name },
        at.sort((a, b) => a - b).map((time, i) => [time, values[i]!] as const),
      ],
    );

  function linesOf(series: readonly Described[]): string[] {
    return series.flatMap(([labels, samples]) =>
      samples.map(([time, each]) => `${Labels.from(labels)} ${each}@${time}`),
    );
  }

  it("gives everything back from jsonl", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(described, { maxLength: 4 }), async (series) => {
        const { lines, malformed } = await imported("jsonl", await textOf("jsonl", series));
        expect(malformed).toEqual([]);
        expect(lines).toEqual(linesOf(series));
      }),
    );
  });

  it("gives everything back from openmetrics but staleness markers", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(described, { maxLength: 4 }), async (series) => {
        const { lines, malformed } = await imported("openmetrics", await textOf("openmetrics", series));
        expect(malformed).toEqual([]);
        expect(lines).toEqual(linesOf(series).filter((line) => !/ stale@-?\d+$/.test(line)));
      }),
    );
  });
});
