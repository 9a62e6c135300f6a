import { describe, expect, it } from "vitest";
import { readCsv } from "../../../src/ingest/csv/read-csv.js";
import { defaultIngestLimits } from "../../../src/ingest/limits.js";
import { MalformedRows, RowAppender } from "../../../src/ingest/row-appender.js";
import { InvalidArgumentError, LimitExceededError } from "../../../src/model/errors.js";
import type { CsvOptions } from "../../../src/model/importing.js";
import { RecordingAppendable, sourceOf } from "../recording-appender.js";

async function read(text: string, csv: CsvOptions = {}, limits = defaultIngestLimits) {
  const appendable = new RecordingAppendable();
  const appender = appendable.appender();
  const malformed = new MalformedRows();
  const rows = new RowAppender(appender, {});
  await readCsv(sourceOf(text, 11), { csv, rows, malformed, limits, head: Buffer.from(text) });
  await appender.commit();
  const lines = appendable.samples.map(({ series, time, value }) => {
    const iso = new Date(time).toISOString().replace("T00:00:00.000Z", "").replace(".000Z", "Z");
    return `${series} ${value} ${iso}`;
  });
  return { lines, malformed };
}

describe("rows", () => {
  it("makes labels of text and metrics of numbers", async () => {
    const { lines, malformed } = await read(
      "Date,City,Temp (°C),Rain\n2020-01-01,Berlin,-1.5,\n2020-01-02,,2,0.5\n",
    );
    expect(lines).toEqual([
      'temp_c{city="Berlin"} -1.5 2020-01-01',
      "temp_c 2 2020-01-02",
      "rain 0.5 2020-01-02",
    ]);
    expect(malformed.count).toBe(0);
  });

  it("skips cells that hold nothing, names the ones that are no number, keeps the rest of the row", async () => {
    const { lines, malformed } = await read(
      "time,a,b\n2020-01-01,1,2\n2020-01-02,NA,null\n2020-01-03,-,NaN\n2020-01-04,x7,4\n2020-01-05,5,6\n2020-01-06,7,8\n",
    );
    expect(lines.length).toBe(7);
    expect(lines).toContain("b 4 2020-01-04");
    expect(malformed.count).toBe(1);
    expect(malformed.first).toEqual([{ line: 5, reason: '"x7" in column "a" is no number' }]);
  });

  it("counts rows of another width and rows without a time; superfluous empty fields do not matter", async () => {
    const { lines, malformed } = await read(
      "time,a\n2020-01-01,1\n2020-01-02\n,5\nsoon,6\n2020-01-05,7,8\n2020-01-06,9,,\n",
      {
        timeFormat: "yyyy-MM-dd",
      },
    );
    expect(lines).toEqual(["a 1 2020-01-01", "a 9 2020-01-06"]);
    expect(malformed.first).toEqual([
      { line: 3, reason: "1 field where the first row has 2" },
      { line: 4, reason: 'the time in column "time" is empty' },
      { line: 5, reason: '"soon" in column "time" is no time as yyyy-MM-dd' },
      { line: 6, reason: "3 fields where the first row has 2" },
    ]);
  });

  it("reads quoted fields, byte order marks, CRLF and blank lines", async () => {
    const { lines, malformed } = await read(
      '\ufeff"time","the ""a""",note\r\n\r\n2020-01-01, 1 ,"x, y\r\nz"\r\n"2020-01-02","2",5" pipe\r\n',
    );
    expect(lines).toEqual(['the_a{note="x, y\\r\\nz"} 1 2020-01-01', 'the_a{note="5\\" pipe"} 2 2020-01-02']);
    expect(malformed.count).toBe(0);
  });

  it("skips rows of nothing but delimiters, and refuses a file without rows", async () => {
    expect((await read("time,a\n,\n2020-01-01,1\n , \n")).malformed.count).toBe(0);
    await expect(read("time,a\n,\n")).rejects.toThrow(/a header but no rows/);
    await expect(read("\n\n")).rejects.toThrow(/is empty/);
  });

  it("counts a quote that is never closed", async () => {
    const { lines, malformed } = await read('time,a\n2020-01-01,1\n2020-01-02,"2\n2020-01-03,3\n');
    expect(lines).toEqual(["a 1 2020-01-01"]);
    expect(malformed.first[0]?.reason).toMatch(/quote is opened and not closed/);
  });

  it("keeps to its limits", async () => {
    const limits = { ...defaultIngestLimits, lineSizeBytes: 100, columnsMax: 3, labelValueSizeBytes: 10 };
    await expect(read(`time,a\n2020-01-01,"${"x\n".repeat(200)}`, {}, limits)).rejects.toThrow(
      LimitExceededError,
    );
    await expect(read("time,a,b,c\n2020-01-01,1,2,3\n", {}, limits)).rejects.toThrow(/columnsMax of 3/);
    await expect(
      read("time,a,x,y\n2020-01-01,1,p,q\n", {}, { ...limits, columnsMax: 4, labelsMax: 2 }),
    ).rejects.toThrow(/labels of 2/);
    const { malformed } = await read("time,a,l\n2020-01-01,1,0123456789z\n", {}, limits);
    expect(malformed.first[0]?.reason).toMatch(/labelValueSizeBytes/);
  });
});

describe("dialects", () => {
  it.each([
    ["time;a;b\n2020-01-01;1,5;2.5\n2020-01-02;1;2\n", 1.5],
    ["time\ta\tb\n2020-01-01\t1.5\t2.5\n", 1.5],
    ["time|a|b\n2020-01-01|1.5|2.5\n", 1.5],
    ['time,a,b\n2020-01-01,1.5,2.5\n2020-01-01,"1;2;3",2.5\n', 1.5],
  ])("guesses the delimiter of %j", async (text, value) => {
    const { lines } = await read(text);
    expect(lines.map((line) => line.replace(/\{.*\}/, ""))).toContain(
      `${text.includes("1;2;3") ? "b 2.5" : `a ${value}`} 2020-01-01`,
    );
  });

  it("guesses whether there is a header, and can be told", async () => {
    expect((await read("2020-01-01,berlin,5\n2020-01-02,berlin,6\n")).lines[0]).toBe(
      'column_3{column_2="berlin"} 5 2020-01-01',
    );
    expect((await read("1577836800,5\n1577836860,6\n")).lines).toEqual([
      "column_2 5 2020-01-01",
      "column_2 6 2020-01-01T00:01:00Z",
    ]);
    expect((await read("time,1960,a\n2020-01-01,1,2\n")).lines[0]).toBe("_1960 1 2020-01-01");
    expect((await read("x,5\n2020-01-02,6\n", { hasHeader: false, timeFormat: "yyyy-MM-dd" })).lines).toEqual(
      ["column_2 6 2020-01-02"],
    );
  });

  it("refuses a delimiter that is none", async () => {
    await expect(read("a,b\n", { delimiter: ",," })).rejects.toThrow(/must be one character/);
  });
});

describe("roles", () => {
  const text = "when,site,id,a,b,note\n2020-01-01,x,17,1,2,hello\n";

  it("obeys the options; what they leave out is guessed", async () => {
    expect((await read(text, { valueColumns: { a: "volts" } })).lines).toEqual([
      'volts{note="hello", site="x"} 1 2020-01-01',
    ]);
    expect((await read(text, { labelColumns: { site: "place", id: "id" } })).lines).toEqual([
      'a{id="17", place="x"} 1 2020-01-01',
      'b{id="17", place="x"} 2 2020-01-01',
    ]);
  });

  it("tells names apart that become the same", async () => {
    expect((await read("time,a b,a_b,a,a\n2020-01-01,1,2,3,4\n")).lines).toEqual([
      "a_b 1 2020-01-01",
      "a_b_2 2 2020-01-01",
      "a 3 2020-01-01",
      "a_2 4 2020-01-01",
    ]);
  });

  it.each<[name: string, text: string, options: CsvOptions, reason: RegExp]>([
    ["no time column", "a,b\n1,2\n", {}, /no column holds times.*the columns are "a", "b".*--time/],
    ["an unknown column", text, { timeColumn: "date" }, /no column "date"; the columns are "when", "site"/],
    ["an unknown label column", text, { labelColumns: { x: "x" } }, /no column "x"/],
    [
      "a time column without times",
      text,
      { timeColumn: "note" },
      /as "hello"; give their format with --time-format/,
    ],
    ["two roles", text, { valueColumns: { a: "a" }, labelColumns: { a: "a" } }, /"a" is given two roles/],
    [
      "the time as a metric",
      text,
      { timeColumn: "when", valueColumns: { when: "a" } },
      /"when" is given two roles/,
    ],
    ["one name for two", text, { valueColumns: { a: "x", b: "x" } }, /two columns are given the name "x"/],
    ["an empty name", text, { valueColumns: { a: "" } }, /empty name/],
    ["no numbers", "time,a\n2020-01-01,x\n", {}, /no column with numbers/],
    ["an odd pattern", text, { timeFormat: "yyyy-QQ" }, /QQ means nothing/],
    ["an odd offset", text, { utcOffsetMinutes: Number.NaN }, /utcOffsetMinutes/],
  ])("refuses %s", async (_, csv, options, reason) => {
    await expect(read(csv, options)).rejects.toThrow(InvalidArgumentError);
    await expect(read(csv, options)).rejects.toThrow(reason);
  });
});

describe("times", () => {
  it.each<[cell: string, iso: string, options?: CsvOptions]>([
    ["2020-01-02T03:04:05Z", "2020-01-02T03:04:05Z"],
    ["2020-01-02T03:04:05.678901+02:00", "2020-01-02T01:04:05.678Z"],
    ["2020-01-02 03:04", "2020-01-02T03:04:00Z"],
    ["2020-01-02 03:04:05.5 UTC", "2020-01-02T03:04:05.500Z"],
    ["2020/1/2 3:04", "2020-01-02T03:04:00Z"],
    ["31.12.1999", "1999-12-31"],
    ["31.12.1999 23:59:58", "1999-12-31T23:59:58Z"],
    ["12/31/1999", "1999-12-31"],
    ["31/12/1999 11:30 PM", "1999-12-31T23:30:00Z"],
    ["12/31/1999 12:30:00 am", "1999-12-31T00:30:00Z"],
    ["Jan 1 2000", "2000-01-01"],
    ['"September 9, 2001"', "2001-09-09"],
    ["9 Sept. 2001", ""],
    ["31-Dec-1999", "1999-12-31"],
    ['"Mon, 02 Jan 2006 15:04:05 -0700"', "2006-01-02T22:04:05Z"],
    ["Feb 2020", "2020-02-01"],
    ["20200229", "2020-02-29"],
    ["20200229T1203Z", "2020-02-29T12:03:00Z"],
    ["2020-02", "2020-02-01"],
    ["1958", "1958-01-01"],
    ["1577836800", "2020-01-01"],
    ["1577836800.25", "2020-01-01T00:00:00.250Z"],
    ["1577836800123", "2020-01-01T00:00:00.123Z"],
    ["1577836800123456", "2020-01-01T00:00:00.123Z"],
    ["1577836800001000000", "2020-01-01T00:00:00.001Z"],
    ["2020-01-02 03:04", "2020-01-02T01:34:00Z", { utcOffsetMinutes: 90 }],
    ["2020-01-02T03:04Z", "2020-01-02T03:04:00Z", { utcOffsetMinutes: 90 }],
    ["1/2/2020", "2020-02-01", { timeFormat: "d/M/yyyy" }],
    ["02.01.99 5h", "1999-01-02T05:00:00Z", { timeFormat: "dd.MM.yy H'h'" }],
    ["1500", "1970-01-01T00:25:00Z", { timeFormat: "unix-s" }],
    ["-1500", "1969-12-31T23:59:58.500Z", { timeFormat: "unix-ms" }],
  ])("reads %s", async (cell, iso, options) => {
    const promise = read(`time,a\n${cell},1\n`, options);
    if (iso === "") await expect(promise).rejects.toThrow(/--time-format/);
    else expect((await promise).lines).toEqual([`a 1 ${iso}`]);
  });

  it("decides between day and month by evidence, over many rows", async () => {
    const rows = Array.from({ length: 13 * 24 }, (_, i) => `1/${Math.floor(i / 24) + 1}/2020 ${i % 24}:00,1`);
    const { lines } = await read(`time,a\n${rows.join("\n")}\n`);
    expect(lines.at(-1)).toBe("a 1 2020-01-13T23:00:00Z");
  });

  it("refuses what can be read in two ways", async () => {
    await expect(read("time,a\n1/2/2020,1\n3/4/2020,2\n")).rejects.toThrow(
      /"time", as 1\/2\/2020, can be read as M\/d\/yyyy or as d\/M\/yyyy; say which with --time-format "M\/d\/yyyy"/,
    );
    const { lines } = await read("time,a\n1/2/2020 9:30,1\n", { timeFormat: "M/d/yyyy H:mm[:ss]" });
    expect(lines).toEqual(["a 1 2020-01-02T09:30:00Z"]);
  });

  it("does not take days that do not exist", async () => {
    const { malformed } = await read("time,a\n2020-02-30,1\n2021-02-29,1\n2020-13-01,1\n", {
      timeColumn: "time",
      timeFormat: "yyyy-MM-dd",
    });
    expect(malformed.count).toBe(3);
  });

  it.each(["", "yyyy-MM-dd]", "[yyyy", "'T", "yyy", "ddd"])("refuses the pattern %j", async (timeFormat) => {
    await expect(read("time,a\n2020-01-01,1\n", { timeFormat })).rejects.toThrow(/is no pattern/);
  });
});
