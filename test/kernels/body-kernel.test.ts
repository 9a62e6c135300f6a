import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import {
  BODY_GRAPHITE,
  BODY_INFLUX,
  BODY_JSON_LINES,
  BODY_JSON_VALUES,
  BODY_KEY_SIZE_MAX,
  BODY_OPEN_METRICS,
  BODY_PACKED_VALUES,
  BODY_TEXT,
  COMMENT_OWNER,
  NO_KEY,
  OWNERS_OF_BODY,
} from "../../src/kernels/body-format.js";
import type { BodyKernel, BodyReading, ReadState } from "../../src/kernels/body-kernel.js";
import { ReferenceBodyKernel } from "../../src/kernels/reference-body-kernel.js";
import { bodyModule, WasmBodyKernel } from "../../src/kernels/wasm-body-kernel.js";
import { bitsOf } from "./arbitraries.js";

const runs = Number(process.env.FUZZ_RUNS ?? 100);
const kernels: readonly (readonly [name: string, make: () => BodyKernel])[] = [
  ["TypeScript", () => new ReferenceBodyKernel()],
  ["WebAssembly", () => new WasmBodyKernel(bodyModule()!)],
];
const owner = OWNERS_OF_BODY;

interface Told {
  readonly stops: string[];
  readonly rows: string[];
}

/** Reads a body and learns each key that is missed; what cannot be read is passed over, to the next line or by a byte. */
function readBody(kernel: BodyKernel, body: Buffer, reading: BodyReading, state: ReadState = {}): Told {
  const told: Told = { stops: [], rows: [] };
  const isOfLines = reading.format !== BODY_JSON_VALUES && reading.format !== BODY_PACKED_VALUES;
  kernel.input(body.length).set(body);
  kernel.begin(body.length, reading);
  let kind = 0;
  for (let at = 0; at < body.length; ) {
    const stop = kernel.read(at, { ...state, kind });
    kind = kernel.kind;
    const { missed } = kernel;
    told.stops.push(
      `${stop} lines ${kernel.lines} kind ${kind} missed ${missed?.owner} ${missed?.start} ${missed?.end}`,
    );
    if (!isOfLines && missed !== undefined) told.stops.push(`head ${missed.headEnd}`);
    const { numbers, times, values, length } = kernel.rows();
    const bits = bitsOf(values.slice());
    for (let i = 0; i < length; i++) told.rows.push(`${numbers[i]} ${times[i]} ${bits[i]!.toString(16)}`);
    at = stop;
    if (missed !== undefined) {
      const isComment = missed.owner === owner + COMMENT_OWNER && reading.format <= BODY_OPEN_METRICS;
      const number = isComment ? missed.end % 4 : 1000 + 7 * missed.end + missed.owner;
      kernel.add(missed.owner, body.subarray(missed.start, missed.end), number);
    } else if (at < body.length) at = isOfLines ? body.indexOf("\n", at) + 1 : at + 1;
  }
  return told;
}

const float = fc.oneof(
  fc.double().map(String),
  fc.integer().map(String),
  fc.constantFrom("NaN", "+Inf", "-Inf", "1e400", "1e-5", "+1", "01", "1.", ".5", "-0", "0x1p3", "1i", "-3u"),
  fc.constantFrom(
    "9007199254740993",
    "0.30000000000000004",
    "12345678901234567890",
    "t",
    "FALSE",
    "null",
    "x",
  ),
  fc.constantFrom("true", "Tr", '"text"', "1e+05", "-.e1", "2.5E-3", ""),
);
const time = fc.oneof(
  fc.integer({ min: 0, max: 2e9 }).map((seconds) => String(seconds * 1000 + 7)),
  fc.constantFrom("1763640000000000000", "1763640000", "-5", "1.5", "17e8", "99999999999999999999", "x", ""),
);
const name = fc.constantFrom("a", "b", "room_celsius", "größe", "a:b", 'q"', "v\\", "\0");
const blank = fc.constantFrom(" ", " ", " ", "  ", "\t", "");
const end = fc.constantFrom("\n", "\n", "\n", "\r\n", " \n", "x\n");

const textSeries = fc.oneof(
  name,
  fc.tuple(name, blank, name, name).map(([a, between, b, c]) => `${a}${between.trim()}{${b}="${c}",le="1"}`),
  name.map((one) => `{"${one}"}`),
);
const textLine = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(blank, textSeries, blank, float, blank, time, end).map((all) => all.join("")),
  },
  { weight: 3, arbitrary: fc.tuple(textSeries, float, end).map(([a, b, c]) => `${a} ${b}${c}`) },
  fc.tuple(fc.constantFrom("# TYPE a histogram", "#", "# HELP b x", ""), end).map((all) => all.join("")),
);
const influxLine = fc
  .tuple(
    fc.constantFrom("", "", " "),
    fc.constantFrom("m", "m\\ n", "m,tag=a", "m,tag=a\\ b,x=y", "#m"),
    fc.array(fc.tuple(fc.constantFrom("f", "g", "h\\=", "h "), float), { minLength: 1, maxLength: 3 }),
    blank,
    time,
    end,
  )
  .map(
    ([before, head, fields, between, at, ending]) =>
      `${before}${head} ${fields.map(([key, value]) => `${key}=${value}`).join(",")}${between}${at}${ending}`,
  );
const graphiteLine = fc
  .tuple(fc.constantFrom("a.b", "a.b;x=y", "ü", " a", "\xa0"), blank, float, blank, time, end)
  .map((all) => all.join(""));
const jsonLine = fc
  .tuple(
    fc.constantFrom('{"__name__":"a"}', '{"__name__":"a","b":"}"}', "{}", "{"),
    fc.array(float, { maxLength: 4 }),
    fc.array(time, { maxLength: 4 }),
    end,
  )
  .map(
    ([metric, values, times, ending]) =>
      `{"metric":${metric},"values":[${values}],"timestamps":[${times}]}${ending}`,
  );
const labels = fc.constantFrom('"labels":{"room":"attic"},', '"labels":{"value":"x"},', '"name":"a",', "");
const columns = (cell: fc.Arbitrary<string>) =>
  fc
    .array(fc.tuple(fc.constantFrom("a", "b", "c\\n", "ä"), cell), { minLength: 1, maxLength: 4 })
    .map((all) => all.map(([key, text]) => `"${key}":${text}`).join(","));
const separator = fc.constantFrom("\n", "\n", "", ",", " ,\r\n", "]", "[");
const jsonValue = fc.oneof(
  fc
    .tuple(labels, float, fc.option(time), separator)
    .map(
      ([head, value, at, behind]) =>
        `{${head}"value":${value}${at === null ? "" : `,"time":${at}`}}${behind}`,
    ),
  fc
    .tuple(labels, fc.option(time), columns(float), separator)
    .map(
      ([head, at, all, behind]) => `{${head}${at === null ? "" : `"time":${at},`}"values":{${all}}}${behind}`,
    ),
  fc
    .tuple(
      labels,
      fc.array(time, { maxLength: 3 }),
      columns(fc.array(float, { maxLength: 3 }).map((cells) => `[${cells}]`)),
      separator,
    )
    .map(([head, times, all, behind]) => `{${head}"times":[${times}],"values":{${all}}}${behind}`),
);
const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, 127, 128, 255, 256, -32, -33, -129, 2 ** 40, -0, 1.5, 0.1, 2n ** 64n - 1n, -(2n ** 63n)),
);
const cell = fc.oneof({ weight: 5, arbitrary: number }, fc.constantFrom(null, "x"));
const packedLabels = fc.constantFrom(
  { labels: { room: "attic" } },
  { name: "a", labels: { value: "b" } },
  {},
);
const packers = [
  new Packr({ useRecords: false }),
  new Packr({ useRecords: false, variableMapSize: true, useFloat32: 3 }),
];
const longName = "n".repeat(40);
const packedValue = fc
  .tuple(
    packedLabels,
    fc.oneof(
      fc.record({ value: cell }),
      fc.record({ value: cell, time: number }),
      fc.record({ values: fc.dictionary(fc.constantFrom("a", "b", longName), cell) }),
      fc.record({ time: number, values: fc.dictionary(fc.constantFrom("a", "b"), cell) }),
      fc.integer({ min: 0, max: 3 }).chain((length) =>
        fc.record({
          times: fc.array(number, { minLength: length, maxLength: length }),
          values: fc.dictionary(
            fc.constantFrom("a", "b", longName),
            fc.array(cell, { minLength: length, maxLength: 3 }),
          ),
        }),
      ),
    ),
    fc.constantFrom(...packers),
  )
  .map(([head, rest, packer]) => Buffer.from(packer.pack({ ...head, ...rest })));

const text = (line: fc.Arbitrary<string>) =>
  fc.array(line, { maxLength: 8 }).map((lines) => Buffer.from(lines.join("")));
const forms: readonly (readonly [name: string, format: number, body: fc.Arbitrary<Buffer>])[] = [
  ["text", BODY_TEXT, text(textLine)],
  ["OpenMetrics", BODY_OPEN_METRICS, text(textLine)],
  ["InfluxDB lines", BODY_INFLUX, text(influxLine)],
  ["Graphite lines", BODY_GRAPHITE, text(graphiteLine)],
  ["JSON lines", BODY_JSON_LINES, text(jsonLine)],
  ["JSON values", BODY_JSON_VALUES, text(jsonValue)],
  [
    "MessagePack",
    BODY_PACKED_VALUES,
    fc.array(packedValue, { maxLength: 8 }).map((all) => Buffer.concat(all)),
  ],
];
const change = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  byte: fc.nat(255),
  kind: fc.nat(5),
});

function changed(body: Buffer, { at, byte, kind }: { at: number; byte: number; kind: number }): Buffer {
  const place = Math.floor(at * body.length);
  if (kind > 2 || body.length === 0) return body;
  if (kind === 0) return body.subarray(0, place);
  const copy = Buffer.from(body);
  copy[place] = byte;
  return kind === 1 ? copy : Buffer.concat([body.subarray(0, place), copy.subarray(place + 1)]);
}

function stateOf(format: number, flag: boolean): ReadState {
  return format === BODY_JSON_VALUES ? { isInArray: flag } : { tellComments: flag };
}

describe("both body kernels", () => {
  it.each(forms)("read the same of %s, known or not, mutated or not", (_, format, body) => {
    const anyOptions = fc.record({
      sizeMax: fc.constantFrom(1000, 1000, 40),
      timeScale: fc.constantFrom(1, 1000, 1e-6),
      digitsCut: fc.constantFrom(0, 3, 6),
      flag: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(body, anyOptions, change), { maxLength: 5 }), (bodies) => {
        const [reference, wasm] = kernels.map(([, make]) => {
          const kernel = make();
          return bodies.flatMap(([original, { flag, ...options }, one]) =>
            [original, changed(original, one), original].map((each) => {
              const isWhole = format >= BODY_JSON_VALUES || each.length === 0 || each.at(-1) === 0x0a;
              const whole = isWhole ? each : Buffer.concat([each, Buffer.from("\n")]);
              return readBody(kernel, whole, { format, owner, ...options }, stateOf(format, flag));
            }),
          );
        });
        expect(wasm).toEqual(reference);
      }),
      { numRuns: 2 * runs },
    );
  });
});

describe.each(kernels)("the body kernel in %s", (_, make) => {
  const reading = { owner, sizeMax: 1000 };

  it("knows keys by owner and bytes", () => {
    const kernel = make();
    expect(kernel.add(owner, Buffer.from("value"), 1)).toBe(true);
    expect(kernel.add(owner + 1, Buffer.from("value"), 2)).toBe(true);
    expect(kernel.add(owner, Buffer.from(""), 3)).toBe(true);
    const find = (of: number, key: string) => kernel.find(of, Buffer.from(key));
    expect([find(owner, "value"), find(owner + 1, "value"), find(owner, "")]).toEqual([1, 2, 3]);
    expect([find(owner + 2, "value"), find(owner, "valu"), find(owner, "value ")]).toEqual([
      NO_KEY,
      NO_KEY,
      NO_KEY,
    ]);
    expect(kernel.add(owner, Buffer.alloc(BODY_KEY_SIZE_MAX + 1), 4)).toBe(false);
    expect(kernel.tableSizeBytes).toBeGreaterThan(0);
  });

  it("finds a hundred thousand keys, of as many owners with the same names", () => {
    const kernel = make();
    const key = Buffer.from("value");
    for (let i = 0; i < 100_000; i++) kernel.add(owner + i, key, i);
    let found = 0;
    for (let i = 0; i < 100_000; i++) found += Number(kernel.find(owner + i, key) === i);
    expect(found).toBe(100_000);
  });

  it("does not take the series of another kind, nor a shorter one", () => {
    const kernel = make();
    const lines = 'a 1\na{b="c"} 2\n# TYPE a histogram\na 3\n';
    const told = [0, 1].map(() => readBody(kernel, Buffer.from(lines), { ...reading, format: BODY_TEXT }));
    const numbers = told[1]!.rows.map((row) => row.split(" ")[0]);
    expect(new Set(numbers).size).toBe(3);
  });

  it("leaves a value alone that has a column twice: the last one counts", () => {
    const kernel = make();
    const body = '{"values":{"a":1,"b":2,"a":3}}';
    const { rows, stops } = readBody(kernel, Buffer.from(body), { ...reading, format: BODY_JSON_VALUES });
    expect(rows).toEqual([]);
    expect(stops.at(-1)).toContain("lines 0");
  });
});
