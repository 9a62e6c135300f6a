import { expect, it } from "vitest";
import { definedOnly } from "../../src/model/defined-only.js";

it("leaves out what is undefined, and nothing else", () => {
  const object = { a: 1, b: undefined, c: null, d: false, e: "" };
  expect(Object.entries(definedOnly(object))).toEqual([
    ["a", 1],
    ["c", null],
    ["d", false],
    ["e", ""],
  ]);
});
