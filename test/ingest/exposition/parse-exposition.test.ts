import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expositionFormatOf } from "../../../src/ingest/exposition/exposition-format.js";
import type { ExpositionVisitor } from "../../../src/ingest/exposition/exposition-visitor.js";
import { parseExposition } from "../../../src/ingest/exposition/parse-exposition.js";
import { defaultIngestLimits } from "../../../src/ingest/limits.js";
import { MalformedInputError } from "../../../src/model/errors.js";
import { Labels, METRIC_NAME } from "../../../src/model/labels.js";
import { recordExposition } from "./record-exposition.js";

const prometheus = { format: "prometheus" } as const;
const openmetrics = { format: "openmetrics" } as const;

describe("the Prometheus text format", () => {
  it.each<[line: string, series: string, value: number, time?: number]>([
    ["up 1", "up", 1],
    ["up\t 1 \t", "up", 1],
    ["  up 1", "up", 1],
    ["a:b_9 1.5 1700000000123", "a:b_9", 1.5, 1700000000123],
    ["a 1 -1", "a", 1, -1],
    ["a{} 1", "a", 1],
    ['a{b="c"}1', 'a{b="c"}', 1],
    ['a { b = "c" , d = "e" , } 1', 'a{b="c", d="e"}', 1],
    ['a{z="1",b="2"} 1', 'a{b="2", z="1"}', 1],
    ['a{b="",c="d"} 1', 'a{c="d"}', 1],
    ['a{b="x\\\\y\\"z\\n\\t"} 1', 'a{b="x\\\\y\\"z\\n\\\\t"}', 1],
    ['a{b="#{}, =1"} 2', 'a{b="#{}, =1"}', 2],
    ['a{b="größe"} 1', 'a{b="größe"}', 1],
    ['{"my.metric", a="b"} 1', '{__name__="my.metric", a="b"}', 1],
    ['{a="b", "my.metric"} 1', '{__name__="my.metric", a="b"}', 1],
    ['{"a\\"b\\\\", "l.x"="y"} 1', '{__name__="a\\"b\\\\", "l.x"="y"}', 1],
    ['{__name__="up", a="b"} 1', 'up{a="b"}', 1],
    ["a NaN", "a", Number.NaN],
    ["a nan", "a", Number.NaN],
    ["a +Inf", "a", Infinity],
    ["a -inf", "a", -Infinity],
    ["a infinity", "a", Infinity],
    ["a 1.5203724e+08", "a", 152037240],
    ["a 0.30000000000000004", "a", 0.30000000000000004],
    ["a 12345678901234567890", "a", 12345678901234567000],
    ["a -0", "a", -0],
    ["a 5e-324", "a", 5e-324],
    ["a 1e23", "a", 1e23],
    ["a .5", "a", 0.5],
    ["a 5.", "a", 5],
    ['a{b="",c="d",b="e"} 1', 'a{b="e", c="d"}', 1],
    ["a 9007199254740993", "a", 9007199254740992],
  ])("reads %s", (line, series, value, time) => {
    const record = recordExposition(line, prometheus);
    expect(record.malformed).toEqual([]);
    expect(record.samples).toEqual([[series, value, time]]);
  });

  it.each([
    ["a", /value is missing/],
    ["a one", /"one" is no number/],
    ["a 0x1p-2", /"0x1p-2" is no number/],
    ["a -0X1.8P1", /"-0X1.8P1" is no number/],
    ["a 1e999", /no number/],
    ["a 1_000", /no number/],
    ["a 1 2.5", /"2.5" is not a number of whole milliseconds/],
    ["a 1 9223372036854775808", /"9223372036854775808" is not a number of whole milliseconds of 64 bits/],
    ["a 1 2 3", /did not expect "3"/],
    ['a 1 # {b="c"} 1', /did not expect/],
    ["1a 1", /expected a metric name/],
    ['{a="b"} 1', /no metric name/],
    ['{"", a="b"} 1', /expected a label name/],
    ['a{b="c" 1', /comma or a closing brace/],
    ['a{b="c"', /closing brace is missing/],
    ['a{b="c} 1', /closing quote is missing/],
    ['a{b="c\\"} 1', /closing quote is missing/],
    ["a{b=c} 1", /expected a quoted label value/],
    ['a{b="c" d="e"} 1', /comma/],
    ['a{,b="c"} 1', /expected a label name/],
    ['a{b="c",,} 1', /expected a label name/],
    ['a{1b="c"} 1', /expected a label name/],
    ['a{b:c="d"} 1', /expected = after/],
    ['a{b="c",b="d"} 1', /the label "b" is given twice/],
    ['a{b="c","b"="d"} 1', /the label "b" is given twice/],
    ['a{"b"} 1', /metric name is given twice/],
    ['a{__name__="b"} 1', /metric name is given twice/],
    ['{"a\\x"} 1', /unknown escape/],
    ["# TYPE a nonsense", /"nonsense" is no metric type/],
    ["# TYPE a", /"" is no metric type/],
    ["# TYPE 1 counter", /expected a metric name/],
  ])("refuses %s", (line, reason) => {
    const record = recordExposition(`before 1\n${line}\nafter 2\n`, prometheus);
    expect(record.malformed).toEqual([[2, expect.stringMatching(reason)]]);
    expect(record.samples).toEqual([
      ["before", 1, undefined],
      ["after", 2, undefined],
    ]);
  });

  it("refuses invalid UTF-8", () => {
    const bytes = Buffer.from('a{b="\xff"} 1\nb 2\n', "latin1");
    const record = recordExposition(bytes, prometheus);
    expect(record.malformed).toEqual([[1, "the series is not valid UTF-8"]]);
    expect(record.samples).toEqual([["b", 2, undefined]]);
  });

  it("reads metadata and skips comments and empty lines", () => {
    const text =
      '# HELP a  two\\nlines \\\\ and \\" \\\\"\n# TYPE a counter\n\n#TYPE b gauge\n# anything at all\n# HELP b\n' +
      '# TYPE "my.metric" gauge\n# TYPE\n# UNIT a seconds\n#\r\na 1\r\n';
    const record = recordExposition(text, prometheus);
    expect(record.malformed).toEqual([]);
    expect(record.metadata).toEqual([
      ["HELP", "a", 'two\nlines \\ and \\" \\"'],
      ["TYPE", "a", "counter"],
      ["HELP", "b", ""],
      ["TYPE", "my.metric", "gauge"],
    ]);
    expect(record.samples).toEqual([["a", 1, undefined]]);
  });

  it("writes le and quantile as OpenMetrics does, in histograms and summaries only", () => {
    const lines = [
      'h_bucket{le="1"} 1',
      'h_bucket{le="1e6"} 1',
      'h_bucket{le="+Inf"} 2',
      'h_bucket{le="x"} 2',
    ];
    const series = (text: string) => recordExposition(text, prometheus).samples.map(([name]) => name);
    expect(series(`# TYPE h histogram\n${lines.join("\n")}`)).toEqual([
      'h_bucket{le="1.0"}',
      'h_bucket{le="1e+06"}',
      'h_bucket{le="+Inf"}',
      'h_bucket{le="x"}',
    ]);
    expect(series(`# TYPE h gauge\n${lines[0]}`)).toEqual(['h_bucket{le="1"}']);
    expect(series('# TYPE s summary\ns{quantile="1"} 1')).toEqual(['s{quantile="1.0"}']);
  });

  it("gives equal keys for equal text", () => {
    const { keys } = recordExposition('a{b="ä"} 1\na{b="ä"} 2 3\na{ b="ä"} 2', prometheus);
    expect(keys[0]).toBe(keys[1]);
    expect(keys[0]).not.toBe(keys[2]);
  });
});

it.each([prometheus, openmetrics])("%j refuses a help that is not UTF-8", (options) => {
  const text = Buffer.from("# HELP a \xff\n# EOF\n", "latin1");
  expect(recordExposition(text, options).malformed).toEqual([[1, "the help is not valid UTF-8"]]);
});

describe("OpenMetrics", () => {
  it("reads types, units, times in seconds and exemplars", () => {
    const text = [
      "# TYPE foo_seconds histogram",
      "# UNIT foo_seconds seconds",
      '# HELP foo_seconds A \\"quoted\\" help.',
      'foo_seconds_bucket{le="1"} 2 1520879607.789 # {trace_id="KOO5S4vxi0o"} 0.67',
      'foo_seconds_bucket{le="+Inf"} 2 # {trace_id="x"} 9.8 1520879607.001',
      "foo_seconds_created 1520430000.123",
      "a_total 1 -1.5",
      "a_total 1 1.5e9",
      "a_total 1 1.0019",
      'b{c="d"} 1 # {} 1',
      "# EOF",
    ].join("\n");
    const record = recordExposition(text, openmetrics);
    expect(record.malformed).toEqual([]);
    expect(record.metadata).toEqual([
      ["TYPE", "foo_seconds", "histogram"],
      ["UNIT", "foo_seconds", "seconds"],
      ["HELP", "foo_seconds", 'A "quoted" help.'],
    ]);
    expect(record.samples).toEqual([
      ['foo_seconds_bucket{le="1.0"}', 2, 1520879607789],
      ['foo_seconds_bucket{le="+Inf"}', 2, undefined],
      ["foo_seconds_created", 1520430000.123, undefined],
      ["a_total", 1, -1500],
      ["a_total", 1, 1500000000000],
      ["a_total", 1, 1001],
      ['b{c="d"}', 1, undefined],
    ]);
    expect(record.exemplars).toEqual([
      ['foo_seconds_bucket{le="1.0"}', '{trace_id="KOO5S4vxi0o"}', 0.67, undefined],
      ['foo_seconds_bucket{le="+Inf"}', '{trace_id="x"}', 9.8, 1520879607001],
      ['b{c="d"}', "{}", 1, undefined],
    ]);
  });

  it("lets exemplars repeat a label", () => {
    const sampled: string[] = [];
    const visitor: ExpositionVisitor = { sample: (series) => sampled.push(series.key()) };
    parseExposition(Buffer.from('a 1 # {x="y",x="z"} 1\n# EOF\n'), openmetrics, visitor);
    expect(sampled).toEqual(["a"]);
  });

  it.each([
    ["", /empty line/],
    [" a 1", /blanks at the start/],
    ["# comment", /none of # HELP/],
    ["#TYPE a counter", /none of # HELP/],
    ["# TYPE a untyped", /no metric type/],
    ["# HELP a", /expected a space and a text/],
    ["# HELP  a text", /expected a metric name/],
    ["# TYPE a  counter", /" counter" is no metric type/],
    ["# TYPE a counter ", /"counter " is no metric type/],
    ["#  TYPE a counter", /none of # HELP/],
    ["# UNIT a seconds", /not the end of the metric name/],
    ["# UNIT seconds seconds", /not the end of the metric name/],
    ["a  1", /one space between/],
    ["a\t1", /one space between/],
    ["a 1 ", /one space between/],
    ["a 1  5", /one space between/],
    ['a{b="c"}1', /one space between/],
    ['a {b="c"} 1', /is no number/],
    ['a{ b="c"} 1', /expected a label name/],
    ['a{b ="c"} 1', /expected = after/],
    ['a{b= "c"} 1', /expected a quoted label value/],
    ['a{b="c" } 1', /expected a comma/],
    ['a{b="c", d="e"} 1', /expected a label name/],
    ["a 1 #{} 1", /expected a space after #/],
    ["a 1 #  {} 1", /expected an opening brace/],
    ["a 1 abc", /not a number of seconds/],
    ["a 1 NaN", /not a number of seconds/],
    ["a 1 # 1", /exemplar: expected an opening brace/],
    ["a 1 # {a=1} 1", /exemplar: expected a quoted/],
    ["a 1 # {}", /exemplar: the value is missing/],
    ["a 1 # {} 1 x", /exemplar: the timestamp/],
    ["a 1 # {} 1 1 1", /did not expect/],
  ])("refuses %j", (line, reason) => {
    const record = recordExposition(`before 1\n${line}\n# EOF\n`, openmetrics);
    expect(record.malformed).toEqual([[2, expect.stringMatching(reason)]]);
    expect(record.samples).toEqual([["before", 1, undefined]]);
  });

  it("wants # EOF at the end and nothing after it", () => {
    expect(recordExposition("a 1\n", openmetrics).malformed).toEqual([
      [2, expect.stringMatching(/EOF.*missing/)],
    ]);
    expect(recordExposition("", openmetrics).malformed).toEqual([[1, expect.stringMatching(/EOF.*missing/)]]);
    expect(recordExposition("# EOF\na 1\n", openmetrics).malformed).toEqual([
      [2, expect.stringMatching(/text after/)],
    ]);
  });
});

describe("strict and lenient", () => {
  it("throws for the first malformed line when the visitor takes none", () => {
    const seen: number[] = [];
    const parse = () =>
      parseExposition(Buffer.from("a 1\nb\nc 3\n"), prometheus, { sample: (_, value) => seen.push(value) });
    expect(parse).toThrow(new MalformedInputError("line 2: the value is missing", { line: 2 }));
    expect(seen).toEqual([1]);
  });
});

describe("limits", () => {
  const limits = {
    ...defaultIngestLimits,
    lineSizeBytes: 40,
    labelsMax: 3,
    labelNameSizeBytes: 5,
    labelValueSizeBytes: 6,
  };
  it.each([
    [`a{b="${"x".repeat(40)}"} 1`, /lineSizeBytes of 40/],
    ['a{b="1",c="2",d="3"} 1', /labels of 3/],
    ['a{abcdef="1"} 1', /label_name_length of 5/],
    ['a{a="1234567"} 1', /label_value_length of 6/],
  ])("refuses %s", (line, reason) => {
    for (const chunkSize of [1, 7, 1000]) {
      const record = recordExposition(`a 1\n${line}\nc 3\n`, { ...prometheus, limits }, chunkSize);
      expect(record.malformed).toEqual([[2, expect.stringMatching(reason)]]);
      expect(record.samples.length).toBe(2);
    }
  });
});

describe("expositionFormatOf", () => {
  it("goes by the media type", () => {
    expect(expositionFormatOf("text/plain; version=0.0.4")).toBe("prometheus");
    expect(expositionFormatOf("text/plain;version=1.0.0;escaping=allow-utf-8")).toBe("prometheus");
    expect(expositionFormatOf("application/OpenMetrics-text; version=1.0.0")).toBe("openmetrics");
    expect(expositionFormatOf("application/json")).toBeUndefined();
    expect(expositionFormatOf(undefined)).toBeUndefined();
  });
});

const anyText = fc.string({ unit: "grapheme", maxLength: 12 });
const anyLabels = fc
  .dictionary(
    anyText.filter((text) => text !== "" && text !== METRIC_NAME),
    anyText,
    { maxKeys: 5 },
  )
  .chain((labels) =>
    anyText.filter((text) => text !== "").map((name) => Labels.from({ ...labels, [METRIC_NAME]: name })),
  );
const anySample = fc.record({
  labels: anyLabels,
  value: fc.double(),
  time: fc.option(fc.integer({ min: -(10 ** 14), max: 10 ** 14 }), { nil: undefined }),
});

describe("properties", () => {
  it("reads back what was written, in chunks of any size", () => {
    fc.assert(
      fc.property(
        fc.array(anySample),
        fc.integer({ min: 1, max: 50 }),
        fc.boolean(),
        (samples, chunkSize, seconds) => {
          const lines = samples.map(({ labels, value, time }) => writeLine(labels, value, time, seconds));
          const text = seconds ? [...lines, "# EOF\n"].join("") : lines.join("");
          const record = recordExposition(text, seconds ? openmetrics : prometheus, chunkSize);
          expect(record.malformed).toEqual([]);
          expect(record.samples).toEqual(
            samples.map(({ labels, value, time }) => [labels.toString(), value, time]),
          );
        },
      ),
    );
  });

  it("survives hostile bytes: every line is a sample, metadata, a comment or malformed", () => {
    const pieces = [
      "a",
      "{",
      "}",
      '"',
      "\\",
      ",",
      "=",
      " ",
      "#",
      "\n",
      "\r",
      "1",
      "e",
      ".",
      "-",
      "TYPE ",
      "# EOF",
      "é",
    ];
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map((parts) => Buffer.from(parts.join(""))),
    );
    fc.assert(
      fc.property(hostile, fc.constantFrom(prometheus, openmetrics), (bytes, options) => {
        const whole = recordExposition(bytes, options);
        expect(recordExposition(bytes, options, 3)).toEqual(whole);
        const lines = bytes.reduce((count, byte) => count + (byte === 0x0a ? 1 : 0), 2);
        expect(whole.samples.length + whole.malformed.length).toBeLessThanOrEqual(lines);
      }),
      { numRuns: 500 },
    );
  });
});

function writeLine(labels: Labels, value: number, time: number | undefined, seconds: boolean): string {
  const quote = (text: string) =>
    `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
  const pairs = [...labels].map(([name, text]) =>
    name === METRIC_NAME ? quote(text) : `${quote(name)}=${quote(text)}`,
  );
  const timeText = time === undefined ? "" : ` ${seconds ? writeSeconds(time) : time}`;
  return `{${pairs.join(",")}} ${Object.is(value, -0) ? "-0" : value}${timeText}\n`;
}

function writeSeconds(time: number): string {
  const digits = Math.abs(time).toString().padStart(4, "0");
  return `${time < 0 ? "-" : ""}${digits.slice(0, -3)}.${digits.slice(-3)}`;
}
