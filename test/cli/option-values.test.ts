import { describe, expect, it } from "vitest";
import * as values from "../../src/cli/option-values.js";

describe("option values", () => {
  it.each([
    ["127.0.0.1:9090", { host: "127.0.0.1", port: 9090 }],
    ["localhost:0", { host: "localhost", port: 0 }],
    [":9090", { host: "::", port: 9090 }],
    ["[::1]:80", { host: "::1", port: 80 }],
  ])("the address %s", (text, address) => expect(values.listenAddress(text)).toEqual(address));

  it.each(["9090", "a:b", "a:99999", "::1:80", ""])("no address: %j", (text) =>
    expect(() => values.listenAddress(text)).toThrow("Write HOST:PORT"),
  );

  it.each([
    ["2008-01-01", Date.UTC(2008, 0, 1)],
    ["2010-06-01T12:00:00+02:00", Date.UTC(2010, 5, 1, 10)],
    ["-1.5", -1500],
    ["1275350400", 1_275_350_400_000],
  ])("the time %s", (text, time) => expect(values.time(text)).toBe(time));

  it.each(["yesterday", "2010-02-30", "", "1e99"])("no time: %j", (text) =>
    expect(() => values.time(text)).toThrow("seconds since 1970"),
  );

  it("durations, numbers, minutes", () => {
    expect(values.durationMs("1h30m")).toBe(5_400_000);
    expect(values.durationMs("0.5")).toBe(500);
    expect(() => values.durationMs("0")).toThrow("Write a duration");
    expect(values.positiveInteger("50000000")).toBe(50_000_000);
    expect(() => values.positiveInteger("-1")).toThrow("whole number");
    expect(values.minutes("-480")).toBe(-480);
    expect(() => values.minutes("x")).toThrow("minutes");
  });

  it("lists and pairs, which a repeated flag extends", () => {
    expect(values.nameList("a, b", ["c"])).toEqual(["c", "a", "b"]);
    expect(values.labelPairs("site=home,room = attic", { x: "y" })).toEqual({
      x: "y",
      site: "home",
      room: "attic",
    });
    expect(() => values.labelPairs("site")).toThrow('"site" has no value: write site=VALUE.');
    expect(values.renames("city,temp=celsius")).toEqual({ city: "city", temp: "celsius" });
    expect(values.labelPairs("query=a=b")).toEqual({ query: "a=b" });
  });

  it("delimiters", () => {
    expect(values.delimiter("\\t")).toBe("\t");
    expect(values.delimiter("tab")).toBe("\t");
    expect(values.delimiter(";")).toBe(";");
    expect(() => values.delimiter(";;")).toThrow("one character");
  });
});
