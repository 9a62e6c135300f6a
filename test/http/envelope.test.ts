import { expect, it } from "vitest";
import { encodeError, encodeSuccess } from "../../src/http/envelope.js";

it("of success has annotations only where there are some", () => {
  expect([...encodeSuccess(["[", "]"])].join("")).toBe('{"status":"success","data":[]}');
  expect([...encodeSuccess(["[]"], { warnings: ["w"], infos: ["i"] })].join("")).toBe(
    '{"status":"success","data":[],"warnings":["w"],"infos":["i"]}',
  );
});

it("of failure is JSON whatever the message holds", () => {
  const error = 'a "quoted"\nline';
  expect(JSON.parse(encodeError("bad_data", error))).toEqual({
    status: "error",
    errorType: "bad_data",
    error,
  });
});
