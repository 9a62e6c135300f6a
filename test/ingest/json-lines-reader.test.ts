import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { importStream } from "../../src/ingest/import.js";
import { guessImportFormat, importFormatOfName } from "../../src/ingest/import-format.js";
import { RecordingAppendable } from "./recording-appender.js";

async function read(...pieces: (string | Uint8Array)[]) {
  const appendable = new RecordingAppendable();
  async function* source() {
    for (const piece of pieces) yield Buffer.from(piece as string);
  }
  const result = await importStream(source(), { format: "jsonl", appender: appendable.appender(), now: 0 });
  return { lines: appendable.lines, malformed: result.malformed };
}

describe("JsonLinesReader", () => {
  it("reads lines of VictoriaMetrics, the last one without its end", async () => {
    const { lines, malformed } = await read(
      '{"metric":{"__name__":"up","job":"x"},"values":[1,null,0.5],"timestamps":[1000,2000,3000]}\n\n{"metric":',
      '{"__name__":"y"},"values":["NaN","Infinity","-Infinity",-0],"timestamps":[1,2,3,-4]}',
    );
    expect(lines).toEqual([
      'up{job="x"} 1@1000',
      'up{job="x"} stale@2000',
      'up{job="x"} 0.5@3000',
      "y NaN@1",
      "y Infinity@2",
      "y -Infinity@3",
      "y 0@-4",
    ]);
    expect(malformed.count).toBe(0);
  });

  it.each([
    ["{", /no JSON/],
    ["[]", /no JSON object/],
    ['{"metric":[],"values":[],"timestamps":[]}', /metric must be an object/],
    ['{"metric":{"__name__":1},"values":[],"timestamps":[]}', /label is no text/],
    ['{"metric":{"__name__":"x"},"values":[1]}', /arrays of one length/],
    ['{"metric":{"__name__":"x"},"values":[1],"timestamps":[1,2]}', /arrays of one length/],
    ['{"metric":{"__name__":"x"},"values":["1"],"timestamps":[1]}', /"1" is no value/],
    ['{"metric":{"__name__":"x"},"values":[1],"timestamps":["1"]}', /timestamp is no number/],
  ])("keeps the rest when a line is %s", async (line, reason) => {
    const good = '{"metric":{"__name__":"x"},"values":[1],"timestamps":[7]}';
    const { lines, malformed } = await read(`${good}\n${line}\n${good.replace("7", "8")}\n`);
    expect(lines).toEqual(["x 1@7", "x 1@8"]);
    expect(malformed.first).toEqual([{ line: 2, reason: expect.stringMatching(reason) }]);
  });

  it("answers any bytes with rows or malformed rows", async () => {
    const fragment = fc.constantFrom(
      '{"metric":{"a":"b"}',
      ',"values":[1',
      "]",
      ',"timestamps":[1',
      "}",
      "\n",
      "null",
    );
    const piece = fc.oneof(fc.uint8Array({ maxLength: 20 }), fragment);
    await fc.assert(fc.asyncProperty(fc.array(piece), async (pieces) => void (await read(...pieces))));
  });

  it("is told by its name and by its first bytes", () => {
    expect(importFormatOfName("dump.jsonl.gz")).toBe("jsonl");
    expect(guessImportFormat(Buffer.from('{"metric":{"__name__":"x"},"values":[1],'))).toBe("jsonl");
    expect(guessImportFormat(Buffer.from('{"disk.used","a"="b"} 1\n'))).not.toBe("jsonl");
  });
});
