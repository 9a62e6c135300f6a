import { expect, it } from "vitest";
import { encodeError, encodeSuccess } from "../../src/http/envelope.js";

it("of success has annotations only where there are some", () => {
  expect([...encodeSuccess(["[", "]"])].join("")).toBe('{"status":"success","data":[]}');
  expect([...encodeSuccess(["[]"], { warnings: ["w"], infos: ["i"] })].join("")).toBe(
    '{"status":"success","data":[],"warnings":["w"],"infos":["i"]}',
  );
});

it("of success tells ten annotations of each kind, and how many more there are", () => {
  const many = Array.from({ length: 12 }, (_, i) => `a${i}`);
  const ten = many.slice(0, 10);
  const text = [...encodeSuccess(["[]"], { warnings: many, infos: ten })].join("");
  expect(JSON.parse(text)).toMatchObject({
    warnings: [...ten, "2 more warning annotations omitted"],
    infos: ten,
  });
});

it("of failure is JSON whatever the message holds", () => {
  const error = 'a "quoted"\nline';
  expect(JSON.parse(encodeError("bad_data", error))).toEqual({
    status: "error",
    errorType: "bad_data",
    error,
  });
});
