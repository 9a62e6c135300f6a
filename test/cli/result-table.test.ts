import { describe, expect, it } from "vitest";
import type { QueryResult } from "../../src/api.js";
import { formatCsv } from "../../src/cli/result-csv.js";
import { formatTable } from "../../src/cli/result-table.js";
import { Labels } from "../../src/model/labels.js";

const none = { warnings: [], infos: [] };
const newYear = Date.UTC(2008, 0, 1);
const stocks: QueryResult = {
  type: "vector",
  series: [
    { labels: Labels.from({ symbol: "AAPL" }), time: newYear, value: 135.36 },
    { labels: Labels.from({ symbol: "IBM" }), time: newYear, value: 105.1 },
    { labels: Labels.from({ exchange: 'a,"b"', symbol: "GOOG" }), time: newYear, value: 564 },
  ],
  ...none,
};
const steps: QueryResult = {
  type: "matrix",
  series: [
    { labels: Labels.from({ a: "1" }), times: Float64Array.of(0, 1500), values: Float64Array.of(1, 2.25) },
    { labels: Labels.from({ a: "2" }), times: Float64Array.of(1500), values: Float64Array.of(-30.5) },
  ],
  ...none,
};

describe("a table", () => {
  it("has a column per label and numbers that align", () => {
    expect(formatTable(stocks)).toBe(
      [
        "exchange  symbol  time                   value",
        "          AAPL    2008-01-01T00:00:00Z  135.36",
        "          IBM     2008-01-01T00:00:00Z  105.1",
        'a,"b"     GOOG    2008-01-01T00:00:00Z  564',
      ].join("\n"),
    );
  });

  it("of a range has a column per series", () => {
    expect(formatTable(steps)).toBe(
      [
        'time                      {a="1"}  {a="2"}',
        "1970-01-01T00:00:00Z         1",
        "1970-01-01T00:00:01.500Z     2.25    -30.5",
      ].join("\n"),
    );
  });

  it("names series with many labels in one column", () => {
    const labels = Labels.from(Object.fromEntries([..."abcdefg"].map((name) => [name, "x"])));
    const table = formatTable({ type: "vector", series: [{ labels, time: 0, value: 1 }], ...none });
    expect(table.split("\n")[1]).toContain(labels.toString());
  });

  it("of a scalar, a text and nothing", () => {
    expect(formatTable({ type: "scalar", time: 0, value: -Infinity, ...none })).toBe(
      "time                  value\n1970-01-01T00:00:00Z   -Inf",
    );
    expect(formatTable({ type: "string", time: 0, value: "abc", ...none })).toContain("abc");
    expect(formatTable({ type: "vector", series: [], ...none })).toBe("no result");
    expect(formatTable({ type: "matrix", series: [], ...none })).toBe("no result");
  });
});

describe("CSV", () => {
  it("has labels, time and value, quoted where needed", () => {
    expect(formatCsv(stocks)).toBe(
      [
        "exchange,symbol,time,value",
        ",AAPL,2008-01-01T00:00:00Z,135.36",
        ",IBM,2008-01-01T00:00:00Z,105.1",
        '"a,""b""",GOOG,2008-01-01T00:00:00Z,564',
      ].join("\n"),
    );
    expect(formatCsv(steps).split("\n")).toHaveLength(4);
  });
});
