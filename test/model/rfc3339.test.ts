import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatRfc3339, parseRfc3339, parseTime } from "../../src/model/rfc3339.js";

describe("times as text", () => {
  it.each([
    ["1970-01-01T00:00:00Z", 0],
    ["1958-03-29T00:00:00Z", Date.UTC(1958, 2, 29)],
    ["2010-06-01T12:00:00.2509Z", Date.UTC(2010, 5, 1, 12, 0, 0, 250)],
    ["2010-06-01T12:00:00+02:00", Date.UTC(2010, 5, 1, 10)],
    ["2000-02-29T00:00:00-00:30", Date.UTC(2000, 1, 29, 0, 30)],
  ])("%s", (text, time) => {
    expect(parseRfc3339(text)).toBe(time);
    expect(parseTime(text)).toBe(time);
  });

  it.each([
    "2010-02-30T00:00:00Z",
    "2010-01-01T24:00:00Z",
    "2010-01-01T00:00:00",
    "2010-1-1T00:00:00Z",
    "now",
    "",
  ])("refuses %j", (text) => expect(parseRfc3339(text)).toBeUndefined());

  it.each([
    ["2008-01-01", Date.UTC(2008, 0, 1)],
    ["2008-01-01 10:30", Date.UTC(2008, 0, 1, 10, 30)],
    ["2008-01-01T10:30:05.5", Date.UTC(2008, 0, 1, 10, 30, 5, 500)],
  ])("takes %s as UTC where a person wrote it", (text, time) => expect(parseTime(text)).toBe(time));

  it("reads what it writes", () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date("9999-12-31"), noInvalidDate: true }), (date) => {
        expect(parseRfc3339(formatRfc3339(date.getTime()))).toBe(date.getTime());
      }),
    );
  });
});
