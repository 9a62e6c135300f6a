import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type InfluxOptions, pushInflux } from "../../../src/ingest/influx/push-influx.js";
import { RowMemory } from "../../../src/ingest/push/row-memory.js";
import { RecordingPush } from "../../support/recording-push.js";

const origin = { name: "test" };

async function push(
  body: string | Uint8Array,
  options: InfluxOptions = {},
  { pieceSize = Infinity, lineSizeBytes = 1024 * 1024 } = {},
): Promise<RecordingPush> {
  const target = new RecordingPush({ origin, limits: { lineSizeBytes } });
  await pushInflux(pieces(Buffer.from(body as string), pieceSize), target, options);
  return target;
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  if (size === Infinity) yield bytes;
  else for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe("a body in the Influx line protocol", () => {
  it("has a series per field, with the tags as labels", async () => {
    const { lines, lost } = await push(
      "weather,room=attic,floor=3 celsius=21.4,windows=2i,doors=1u,open=t,shut=FALSE 1700000000123456789\n",
    );
    expect(lost).toEqual([]);
    const labels = '{floor="3", room="attic"}';
    expect(lines).toEqual([
      `weather_celsius${labels} 21.4 @1700000000123`,
      `weather_windows${labels} 2 @1700000000123`,
      `weather_doors${labels} 1 @1700000000123`,
      `weather_open${labels} 1 @1700000000123`,
      `weather_shut${labels} 0 @1700000000123`,
    ]);
  });

  it("counts text and stores no zero for it", async () => {
    const { lines, lost, unstored } = await push('m state="a, b = \\"c\\" d",n=1\nm only="x"');
    expect(lines).toEqual(["m_n 1"]);
    expect(lost).toEqual([]);
    expect(unstored.get("non-numeric-field")).toBe(2);
  });

  it("has escapes in names, and line ends in quoted text", async () => {
    const { lines, lost } = await push(
      'we\\ ather\\,x,ro\\=om=at\\ tic,b=c\\\\d tem\\ p=1,s="two\nlines, and more",q=2 1000000\nnext f=3\r\n',
    );
    expect(lost).toEqual([]);
    expect(lines).toEqual([
      '{__name__="we ather,x_tem p", b="c\\\\d", "ro=om"="at tic"} 1 @1',
      '{__name__="we ather,x_q", b="c\\\\d", "ro=om"="at tic"} 2 @1',
      "next_f 3",
    ]);
  });

  it("cuts any time to the millisecond at or before, to the digit", async () => {
    const units = { ns: 1_000_000n, us: 1000n, ms: 1n } as const;
    const time = fc.bigInt({ min: -(10n ** 16n), max: 10n ** 19n - 1n });
    await fc.assert(
      fc.asyncProperty(time, fc.constantFrom("ns", "us", "ms"), async (at, precision) => {
        const unit = units[precision];
        const ms = Number((at - (((at % unit) + unit) % unit)) / unit);
        const { lines, lost } = await push(`m f=1 ${at}`, { precision });
        expect([lines, lost]).toEqual([[`m_f 1 @${ms}`], []]);
      }),
      { numRuns: 500 },
    );
  });

  it("finds the series of earlier bodies by their bytes, in each database its own", async () => {
    const memory = new RowMemory();
    const body = "m,a=1 f=1,g=2 5\nm,a=1 g=3,f=4 6\nm f=5 7\n";
    for (const database of ["x", undefined, "y", "x", undefined]) {
      const expected = (await push(body, { database, precision: "ms" })).lines;
      const { lines, lost } = await push(body, { database, precision: "ms", memory });
      expect([lines, lost]).toEqual([expected, []]);
      expect(lines[0]).toBe(`m_f{a="1"${database === undefined ? "" : `, db="${database}"`}} 1 @5`);
    }
  });

  it("counts time in the precision of the request, cut to the millisecond", async () => {
    const of = async (time: string, precision?: InfluxOptions["precision"]) =>
      (await push(`m f=1 ${time}`, { precision })).lines;
    expect(await of("1700000000001000000")).toEqual(["m_f 1 @1700000000001"]);
    expect(await of("1700000000000999999")).toEqual(["m_f 1 @1700000000000"]);
    expect(await of("1700000000001999", "us")).toEqual(["m_f 1 @1700000000001"]);
    expect(await of("1700000000001", "ms")).toEqual(["m_f 1 @1700000000001"]);
    expect(await of("1700000000", "s")).toEqual(["m_f 1 @1700000000000"]);
    expect(await of("2", "h")).toEqual(["m_f 1 @7200000"]);
    expect(await of("-1")).toEqual(["m_f 1 @-1"]);
    expect(await of("-1000000")).toEqual(["m_f 1 @-1"]);
    expect(await of("12")).toEqual(["m_f 1 @0"]);
  });

  it("has the database as a label, unless a tag has the name", async () => {
    const { lines } = await push("a f=1\na,db=own f=2", { database: "home" });
    expect(lines).toEqual(['a_f{db="home"} 1', 'a_f{db="own"} 2']);
  });

  it("passes over comments, blanks, and tags without a value", async () => {
    const { lines, lost } = await push("# comment\n\n   \n  a,t= f=1  \n");
    expect(lost).toEqual([]);
    expect(lines).toEqual(["a_f 1"]);
  });

  it("keeps what can be read and counts the rest with its line", async () => {
    const { lines, lost } = await push(
      [
        "good f=1",
        "nofields",
        ",t=1 f=1",
        "m f=,g=2",
        "m f=1,g=2 later",
        "m,t f=1",
        "m,t=1,t=2 f=1",
        "m f=abc,g=5",
        "m,__name__=x f=1",
        'm f="x"y',
        "m f=0x10",
        "m f=NaN",
        'last g=1,s="open',
      ].join("\n"),
    );
    expect(lines).toEqual(["good_f 1", "m_g 2", "m_g 5"]);
    expect(lost).toEqual([
      "2: it has no fields (1)",
      "3: it has no measurement (1)",
      '4: "" is no value; text must be quoted (1)',
      '5: "later" is no timestamp (2)',
      '6: "t" is no tag; a tag is NAME=VALUE (1)',
      "7: a tag is given twice (1)",
      '8: "abc" is no value; text must be quoted (1)',
      "9: a tag may not be named __name__ (1)",
      "10: a quoted value must be followed by a comma or a blank (1)",
      '11: "0x10" is no value; text must be quoted (1)',
      '12: "NaN" is no value; text must be quoted (1)',
      "13: the closing quote of a value is missing (1)",
    ]);
  });

  it("refuses names that are not UTF-8, and lines that are too long", async () => {
    const bytes = Buffer.concat([Buffer.from("m,t="), Buffer.from([0xff]), Buffer.from(" f=1\nm f=2\n")]);
    expect((await push(bytes)).lines).toEqual(["m_f 2"]);
    const { lines, lost } = await push(`m,t=${"x".repeat(200)} f=1\nm f=2`, {}, { lineSizeBytes: 100 });
    expect(lines).toEqual(["m_f 2"]);
    expect(lost).toEqual(["1: it is longer than 100 bytes (1)"]);
    const quoted = await push(`m s="${"\nx".repeat(100)}"\nm f=2`, {}, { lineSizeBytes: 20 });
    expect(quoted.lines.at(-1)).toBe("m_f 2");
  });

  it("reads alike however it is cut", async () => {
    const body = 'a,b=c d=1,e="x\ny" 5000000\n\nf g=2i\n';
    const whole = await push(body);
    expect(whole.lines).toHaveLength(2);
    for (let pieceSize = 1; pieceSize < 9; pieceSize++)
      expect((await push(body, {}, { pieceSize })).lines).toEqual(whole.lines);
  });

  it("never throws on hostile bytes, nor stores more than one sample per field", async () => {
    const alphabet = fc.constantFrom(...'ab,= \\"\n\r#1.eitf-0'.split(""), "\u00ff", "é");
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: alphabet, maxLength: 60 }), async (text) => {
        const { lines, lostSamples, unstored } = await push(text, {}, { lineSizeBytes: 40 });
        const equals = [...text].filter((character) => character === "=").length;
        expect(lines.length + (unstored.get("non-numeric-field") ?? 0)).toBeLessThanOrEqual(equals);
        expect(lostSamples).toBeLessThanOrEqual(equals + text.split("\n").length);
      }),
      { numRuns: 3000 },
    );
  });
});

describe("lines of the Influx protocol", () => {
  const head = fc.constantFrom("m", "m,a=b", "m\\ n,a=b\\ c", "m,a=b,a=c", "#m", "", "m,__name__=x", " m");
  const value = fc.constantFrom(
    "1",
    "1.5",
    "-2i",
    "3u",
    "t",
    "FALSE",
    '"x"',
    '"a, b=',
    "1e400",
    "0.1e-3",
    "x",
    "",
  );
  const line = fc
    .tuple(
      head,
      fc.array(fc.tuple(fc.constantFrom("f", "g\\=", "h"), value), { minLength: 1, maxLength: 3 }),
      fc.constantFrom("", " 1700000000123456789", " 5", "  1700000000123", " -7", " x"),
      fc.constantFrom("\n", "\r\n"),
    )
    .map(([before, all, time, end]) => `${before} ${all.map((pair) => pair.join("=")).join()}${time}${end}`);

  it("mean the same known or not, in any precision and database", async () => {
    const bodies = fc.array(
      fc.array(line, { maxLength: 5 }).map((lines) => lines.join("")),
      { maxLength: 3 },
    );
    const options = fc.record(
      { precision: fc.constantFrom("ns", "us", "ms", "s", "h"), database: fc.constantFrom("", "home") },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(bodies, options, fc.integer({ min: 1, max: 100 }), async (all, chosen, pieceSize) => {
        const memory = new RowMemory();
        for (const body of [...all, ...all]) {
          const known = await push(body, { ...(chosen as InfluxOptions), memory }, { pieceSize });
          const unknown = await push(body, chosen as InfluxOptions);
          expect([known.lines, known.lost]).toEqual([unknown.lines, unknown.lost]);
        }
      }),
      { numRuns: 200 },
    );
  });
});
