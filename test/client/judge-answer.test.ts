import { describe, expect, it } from "vitest";
import { judgeAnswer, retryDelayMs } from "../../src/client/judge-answer.js";

const answer = { retryAfter: "", contentType: "", text: "" };
const now = Date.parse("2026-06-01T00:00:00Z");

describe("judgeAnswer", () => {
  it.each([
    [200, "stored"],
    [204, "stored"],
    [302, "later"],
    [400, "refused"],
    [401, "later"],
    [403, "later"],
    [404, "later"],
    [407, "later"],
    [410, "refused"],
    [408, "later"],
    [413, "too-large"],
    [415, "refused"],
    [429, "later"],
    [500, "later"],
    [503, "later"],
  ])("%d is %s", (status, kind) => {
    expect(judgeAnswer({ ...answer, status }, now).kind).toBe(kind);
  });

  it.each([
    ["7", 7000],
    [" 0 ", 0],
    ["Mon, 01 Jun 2026 00:01:30 GMT", 90_000],
    ["Mon, 01 Jun 2026 00:00:00 GMT", 0],
    ["Sun, 31 May 2026 00:00:00 GMT", 0],
    ["999999999", 86_400_000],
    ["soon", undefined],
    ["", undefined],
  ])("waits as the header %j asks", (retryAfter, afterMs) => {
    expect(judgeAnswer({ ...answer, status: 429, retryAfter }, now)).toEqual({
      kind: "later",
      reason: "HTTP 429",
      ...(afterMs === undefined ? {} : { afterMs }),
    });
  });
});

it("waits twice as long each time, up to a limit, and up to a half less by chance", () => {
  const delays = { delayMinMs: 1000, delayMaxMs: 60_000 };
  expect([0, 1, 2, 5, 6, 1000].map((attempt) => retryDelayMs(attempt, delays, 1))).toEqual([
    1000, 2000, 4000, 32_000, 60_000, 60_000,
  ]);
  expect(retryDelayMs(2, delays, 0)).toBe(2000);
});
