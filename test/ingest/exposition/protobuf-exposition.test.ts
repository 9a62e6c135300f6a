import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  isProtobufExposition,
  parseProtobufExposition,
  protobufMediaType,
} from "../../../src/ingest/exposition/protobuf-exposition.js";
import { LimitExceededError, MalformedInputError } from "../../../src/model/errors.js";

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...varint(Math.floor(value / 0x80))];
}

function bytesField(number: number, content: readonly number[] | string): number[] {
  const bytes = typeof content === "string" ? [...Buffer.from(content)] : content;
  return [...varint(number * 8 + 2), ...varint(bytes.length), ...bytes];
}

function double(number: number, value: number): number[] {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return [...varint(number * 8 + 1), ...bytes];
}

const integer = (number: number, value: number) => [...varint(number * 8), ...varint(value)];
const label = (name: string, value: string) =>
  bytesField(1, [...bytesField(1, name), ...bytesField(2, value)]);

function family(name: string, type: number, ...metrics: readonly (readonly number[])[]): number[] {
  const content = [
    ...bytesField(1, name),
    ...bytesField(2, `Help of ${name}.`),
    ...integer(3, type),
    ...metrics.flatMap((metric) => bytesField(4, metric)),
  ];
  return [...varint(content.length), ...content];
}

function read(bytes: readonly number[]): string[] {
  const lines: string[] = [];
  parseProtobufExposition(Uint8Array.from(bytes), {
    sample: (series, value, time) =>
      lines.push(`${series.labels()} ${value}${time === undefined ? "" : ` ${time}`}`),
    type: (name, type) => lines.push(`TYPE ${name} ${type}`),
    help: (name, text) => lines.push(`HELP ${name} ${text}`),
  });
  return lines;
}

describe("parseProtobufExposition", () => {
  it("tells families as their lines would be", () => {
    const bucket = (count: number, bound: number) =>
      bytesField(3, [...integer(1, count), ...double(2, bound)]);
    const body = [
      ...family("c", 0, [...label("a", "ü"), ...bytesField(3, double(1, 7)), ...integer(6, 1234)]),
      ...family(
        "s",
        2,
        bytesField(4, [
          ...integer(1, 2),
          ...double(2, 3.5),
          ...bytesField(3, [...double(1, 0.5), ...double(2, 9)]),
        ]),
      ),
      ...family(
        "h",
        4,
        bytesField(7, [...integer(1, 3), ...double(2, 4), ...bucket(1, 1), ...bucket(2, 1e6)]),
      ),
    ];
    expect(read(body).sort()).toEqual(
      [
        ...["TYPE c counter", "HELP c Help of c.", 'c{a="ü"} 7 1234'],
        ...["TYPE s summary", "HELP s Help of s.", 's{quantile="0.5"} 9', "s_sum{} 3.5", "s_count{} 2"],
        ...["TYPE h histogram", "HELP h Help of h.", 'h_bucket{le="1.0"} 1', 'h_bucket{le="1e+06"} 2'],
        ...['h_bucket{le="+Inf"} 3', "h_sum{} 4", "h_count{} 3"],
      ]
        .map((line) => line.replace("{}", ""))
        .sort(),
    );
  });

  it("has a key of its own for each series", () => {
    const metric = (a: string) => [...label("a", a), ...bytesField(2, double(1, 1))];
    const keys = new Set<string>();
    const body = family("g", 1, metric("x"), metric("y"), bytesField(2, double(1, 1)));
    parseProtobufExposition(Uint8Array.from(body), { sample: (series) => keys.add(series.key()) });
    expect(keys.size).toBe(3);
  });

  it("tells what stands before something malformed, and not of families without metrics", () => {
    const gauge = (value: number) => bytesField(2, double(1, value));
    const body = [
      ...family("", 40),
      ...family("g", 1, [...label("a", "x"), ...gauge(1)], [...label("", "y"), ...gauge(2)], gauge(3)),
    ];
    const told: string[] = [];
    const sample = ({ labels }: { labels(): unknown }, value: number) => told.push(`${labels()} ${value}`);
    expect(() => parseProtobufExposition(Uint8Array.from(body), { sample })).toThrow(MalformedInputError);
    expect(told).toEqual(['g{a="x"} 1']);
  });

  it("refuses known fields of another wire type, as a Prometheus does, and skips unknown ones", () => {
    const framed = (...fields: readonly (readonly number[])[]) => {
      const content = fields.flat();
      return [...varint(content.length), ...content];
    };
    const metric = bytesField(4, bytesField(2, double(1, 1)));
    expect(read(framed(bytesField(1, "g"), integer(3, 1), metric, double(49, 1)))).toContain("g 1");
    expect(() => read(framed(bytesField(1, "g"), integer(3, 1), metric, double(1, 1)))).toThrow(
      "field 1 has the wire type 1, not 2",
    );
    // Also where the family has no metrics, and within a metric.
    expect(() => read(framed(double(1, 1)))).toThrow("field 1 has the wire type 1, not 2");
    expect(() => read(framed(bytesField(1, "g"), bytesField(4, integer(2, 1))))).toThrow(
      "field 2 has the wire type 0, not 2",
    );
  });

  it("tells the count and the sum of a histogram first, and that a sample is refused", () => {
    const histogram = bytesField(7, [...integer(1, 3), ...double(2, 4)]);
    const told: string[] = [];
    const visitor = {
      sample: ({ labels }: { labels(): unknown }) => told.push(String(labels())),
      refused: () => told.push("refused"),
    };
    const body = Uint8Array.from(family("h", 4, [...label("le", "1"), ...histogram]));
    expect(() => parseProtobufExposition(body, visitor)).toThrow(MalformedInputError);
    expect(told).toEqual(['h_count{le="1"}', 'h_sum{le="1"}', "refused"]);
  });

  it("refuses a bound that is also a label", () => {
    const histogram = bytesField(7, [...integer(1, 3), ...double(2, 4)]);
    expect(() => read(family("h", 4, [...label("le", "1"), ...histogram]))).toThrow(
      'the label "le" of "h" is given twice',
    );
    const summary = bytesField(4, [...integer(1, 2), ...double(2, 3.5)]);
    expect(read(family("s", 2, [...label("quantile", "1"), ...summary]))).toContain(
      's_count{quantile="1"} 2',
    );
  });

  it("refuses hostile bytes as malformed, and never otherwise", () => {
    const good = family("c", 0, [...label("a", "b"), ...bytesField(3, double(1, 7))]);
    const broken = fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, byte]) => good.with(at, byte));
    const random = fc.uint8Array({ maxLength: 64 }).map((bytes) => [...bytes]);
    fc.assert(
      fc.property(fc.oneof(broken, random), (bytes) => {
        try {
          read(bytes);
        } catch (error) {
          expect(error instanceof MalformedInputError || error instanceof LimitExceededError).toBe(true);
        }
      }),
    );
  });
});

describe("isProtobufExposition", () => {
  it.each([
    [protobufMediaType, true],
    ['application/vnd.google.protobuf; proto="io.prometheus.client.MetricFamily"; encoding=delimited', true],
    ["application/vnd.google.protobuf", true],
    ["application/vnd.google.protobuf;proto=other.Message;encoding=delimited", false],
    ["application/vnd.google.protobuf;encoding=text", false],
    ["text/plain", false],
    [undefined, false],
  ])("%s: %s", (contentType, isIt) => expect(isProtobufExposition(contentType)).toBe(isIt));
});
