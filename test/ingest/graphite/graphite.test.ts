import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GraphiteReader } from "../../../src/ingest/graphite/graphite-reader.js";
import { GraphiteTemplate } from "../../../src/ingest/graphite/graphite-template.js";
import { RowMemory } from "../../../src/ingest/push/row-memory.js";
import { RecordingPush } from "../../support/recording-push.js";

function read(
  text: string | Uint8Array,
  templates: readonly string[] = [],
  lineSizeBytes = 1000,
): RecordingPush {
  const push = new RecordingPush();
  const reader = new GraphiteReader(
    templates.map((template) => new GraphiteTemplate(template)),
    lineSizeBytes,
  );
  reader.write(Buffer.from(text as string), push);
  if (reader.holdsLine) reader.end(push);
  return push;
}

describe("lines of Graphite", () => {
  it("have a path, a value, and a time in seconds or none", () => {
    const { lines, lost } = read(
      "room_celsius 21.4 1700000000\nroom_celsius 21.5 1700000000.25\r\nroom_celsius\t-3e2\nx nan -1\nx 1 N",
    );
    expect(lost).toEqual([]);
    expect(lines).toEqual([
      "room_celsius 21.4 @1700000000000",
      "room_celsius 21.5 @1700000000250",
      "room_celsius -300",
      "x NaN",
      "x 1",
    ]);
  });

  it("keep their path as the name, and have tags", () => {
    expect(read("servers.web1.cpu.load;env=prod;dc=a 0.25").lines).toEqual([
      '{__name__="servers.web1.cpu.load", dc="a", env="prod"} 0.25',
    ]);
  });

  it("become a name and labels by the first template that matches", () => {
    const templates = [
      "servers.*.disk .host.name.device.name",
      "servers.* .host.name* env=prod",
      "region.name*",
    ];
    const { lines } = read(
      "servers.web1.disk.sda.free 1\nservers.web1.cpu.load 2\neu.shop.orders 3",
      templates,
    );
    expect(lines).toEqual([
      'disk_free{device="sda", host="web1"} 1',
      'cpu_load{env="prod", host="web1"} 2',
      'shop_orders{region="eu"} 3',
    ]);
  });

  it("are counted when they cannot be read, and the rest is kept", () => {
    const { lines, lost } = read(
      "a 1\nb\nc x\nd 1 later\ne 1 2 3\n;t=1 5\nf;t 1\nf;__name__=g 1\n# comment\n\nz 26\n",
      [],
    );
    expect(lines).toEqual(["a 1", "z 26"]);
    expect(lost).toEqual([
      "2: it is not PATH VALUE [TIME] (1)",
      '3: "x" is no number (1)',
      '4: "later" is no time in seconds (1)',
      "5: it is not PATH VALUE [TIME] (1)",
      "6: it has no path (1)",
      '7: "t" is no tag; a tag is NAME=VALUE (1)',
      "8: a tag may not be named __name__ (1)",
    ]);
    expect(read("servers.web1 1", ["servers.* .host.name"]).lost).toEqual([
      "1: the path is too short for its template (1)",
    ]);
    expect(read(`${"x".repeat(100)} 1\ny 2`, [], 50).lost).toEqual(["1: it is longer than 50 bytes (1)"]);
    expect(read(Buffer.from([0xff, 0x20, 0x31, 0x0a])).lost).toEqual(["1: the path is not valid UTF-8 (1)"]);
  });

  it("mean the same known or not, in pieces of any size", () => {
    const origin = { name: "test" };
    const templates = [new GraphiteTemplate("a.* name.host")];
    const written = (body: Buffer, size: number, memory?: RowMemory) => {
      const push = new RecordingPush({ origin });
      const reader = new GraphiteReader(templates, 60, memory);
      for (let at = 0; at < body.length; at += size) reader.write(body.subarray(at, at + size), push);
      if (reader.holdsLine) reader.end(push);
      return [push.lines, push.lost];
    };
    const line = fc
      .tuple(
        fc.constantFrom("a.web", "a.b.c", "x;host=a", "x;host", "\xa0y", " z", "#", "ü", "a"),
        fc.constantFrom(" ", "\t", "  "),
        fc.constantFrom("1", "-2.5e3", "0.30000000000000004", "nan", "x", ""),
        fc.constantFrom("", " 1700000000", " 1700000000.25", " -1", " N", " 5 6", " "),
        fc.constantFrom("\n", "\r\n"),
      )
      .map((parts) => parts.join(""));
    const bodies = fc.array(
      fc.array(line, { maxLength: 5 }).map((lines) => Buffer.from(lines.join(""), "latin1")),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(bodies, fc.integer({ min: 1, max: 100 }), (all, size) => {
        const memory = new RowMemory();
        for (const body of [...all, ...all])
          expect(written(body, size, memory)).toEqual(written(body, 1 << 20));
      }),
      { numRuns: 200 },
    );
  });

  it("never throw on hostile bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        read(bytes, ["*.b a.name*"], 40);
      }),
      { numRuns: 3000 },
    );
  });
});

describe("a template", () => {
  it.each([
    ["", /is not \[FILTER \]WORDS/],
    ["a b c d", /is not \[FILTER \]WORDS/],
    ["host.device", /no word for the name/],
    ["name*.host", /only the last word may end in \*/],
    ["host*.name", /only the last word/],
    ["name env=prod,x", /"x" is not LABEL=VALUE/],
  ])("%j is refused", (text, message) => {
    expect(() => new GraphiteTemplate(text)).toThrow(message);
  });
});
