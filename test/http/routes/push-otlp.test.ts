import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { testApp } from "../test-app.js";

const path = "/api/v1/otlp/v1/metrics";
const json = { "content-type": "application/json", "content-encoding": "gzip" };

describe("OTLP", () => {
  it("is refused when a small body becomes a large one", async () => {
    const { post } = testApp();
    const ofSize = (sizeBytes: number) => gzipSync(`{"resourceMetrics":[]}${" ".repeat(sizeBytes - 22)}`);
    expect((await post(path, ofSize(8 * 1024 * 1024), json)).status).toBe(200);
    const answer = await post(path, ofSize(8 * 1024 * 1024 + 1), json);
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.text)).toEqual({
      message: "the body has 8388609 bytes or more; the limit is 8388608",
    });
  });
});
