import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonLines, parseJsonObject } from "../../../src/discovery/kubernetes/watch-lines.js";
import { LimitExceededError, MalformedInputError } from "../../../src/model/errors.js";

async function* arriving(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces;
}

async function read(pieces: readonly Buffer[], lineSizeMaxBytes = 10_000): Promise<unknown[]> {
  const lines: unknown[] = [];
  for await (const line of jsonLines(arriving(pieces), lineSizeMaxBytes)) lines.push(line);
  return lines;
}

describe("the lines of a watch", () => {
  it("are the same however they arrive; what was cut off is none", async () => {
    const objects = fc.array(fc.dictionary(fc.string(), fc.string({ unit: "grapheme" })));
    const cuts = fc.array(fc.nat(400));
    await fc.assert(
      fc.asyncProperty(objects, cuts, fc.boolean(), async (sent, places, isCutOff) => {
        const text = sent.map((object) => `${JSON.stringify(object)}\n`).join("");
        const bytes = Buffer.from(isCutOff ? `${text}{"type":"ADD` : text);
        const ends = [...places.filter((place) => place < bytes.length), bytes.length].sort((a, b) => a - b);
        const pieces = ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end));
        expect(await read(pieces)).toEqual(sent.map((object) => JSON.parse(JSON.stringify(object))));
      }),
    );
  });

  it("may be empty, and not too long", async () => {
    expect(await read([Buffer.from('\n\n{"a":1}\n\n')])).toEqual([{ a: 1 }]);
    const long = Buffer.from(`{"a":"${"x".repeat(100)}`);
    expect(await read([long, Buffer.from('"}\n')], long.length)).toHaveLength(1);
    await expect(read([long, Buffer.from("y"), Buffer.from('"}\n')], long.length)).rejects.toThrow(
      LimitExceededError,
    );
  });

  it("must be JSON objects", async () => {
    for (const text of ["{]\n", "[]\n", "null\n", "1\n"])
      await expect(read([Buffer.from(text)])).rejects.toThrow(MalformedInputError);
    expect(() => parseJsonObject(Buffer.from("<html>"))).toThrow("the API server's answer is no JSON");
  });
});
