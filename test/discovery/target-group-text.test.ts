import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { targetsOf } from "../../src/discovery/discovery.js";
import { parseJsonGroups, parseYamlGroups } from "../../src/discovery/target-group-text.js";
import { MalformedInputError } from "../../src/model/errors.js";

const fromJson = (text: string) => [...targetsOf(parseJsonGroups(text, { __meta_x: "y" }))].map(String);
const fromYaml = (text: string) => [...targetsOf(parseYamlGroups(text, { __meta_x: "y" }))].map(String);

describe("target groups", () => {
  it("are lists of targets with the labels of their group", () => {
    const groups = [{ targets: ["a:1", "b:2"], labels: { env: "test", __path: "/m" } }, { targets: [] }, {}];
    const targets = [
      '{__address__="a:1", __meta_x="y", __path="/m", env="test"}',
      '{__address__="b:2", __meta_x="y", __path="/m", env="test"}',
    ];
    expect(fromJson(JSON.stringify(groups))).toEqual(targets);
    expect(fromYaml(JSON.stringify(groups))).toEqual(targets);
    expect(
      fromYaml("- targets:\n  - a:1\n  - 'b:2'\n  labels: {env: test, __path: /m}\n- targets: []\n"),
    ).toEqual(targets);
  });

  it("may say nothing", () => {
    for (const text of ["[]", "null", "[{}]", '[{"targets": null, "labels": null}]'])
      expect(fromJson(text)).toEqual([]);
    for (const text of ["", "[]", "# nothing\n", "- targets:\n  labels:\n"])
      expect(fromYaml(text)).toEqual([]);
  });

  it("have scalars as they are written, in YAML", () => {
    expect(fromYaml("- targets: [a:1]\n  labels: {version: 1.10, on: yes, number: 0x10, none: }")).toEqual([
      '{__address__="a:1", __meta_x="y", number="0x10", on="yes", version="1.10"}',
    ]);
    const merged =
      "- &first\n  targets: [a:1]\n  labels: &labels {env: test}\n- targets: [b:1]\n  labels: {<<: *labels, x: z}";
    expect(fromYaml(merged)[1]).toBe('{__address__="b:1", __meta_x="y", env="test", x="z"}');
  });

  it.each([
    ["{}", "must be a list"],
    ['"x"', "must be a list"],
    ["[null]", "group 1 must have"],
    ['[{"targets": ["a"]}, {"target": ["b"]}]', 'group 2 has the unknown key "target"'],
    ['[{"targets": "a"}]', "targets of group 1 must be a list"],
    ['[{"targets": [["a"]]}]', "must be text"],
    ['[{"targets": ["a"], "labels": ["x"]}]', "labels of group 1 must be a mapping"],
    ['[{"targets": ["a"], "labels": {"": "x"}}]', "without a valid name"],
    ['[{"targets": ["a"], "labels": {"x": {"y": "z"}}}]', "must be text"],
    ['[{"targets": ["a"]', "no "],
  ])("are refused as a whole when malformed: %s", (text, reason) => {
    expect(() => fromJson(text)).toThrow(reason);
    expect(() => fromJson(text)).toThrow(MalformedInputError);
    expect(() => fromYaml(text)).toThrow(reason);
    expect(() => fromYaml(text)).toThrow(MalformedInputError);
  });

  it("have text alone, in JSON", () => {
    expect(() => fromJson('[{"targets": [1]}]')).toThrow("must be text");
    expect(() => fromJson('[{"targets": ["a"], "labels": {"x": 1}}]')).toThrow("must be text");
  });

  it("are refused when a merge has nothing to merge", () => {
    expect(() => fromYaml("<<:")).toThrow(/no YAML: Merge sources must be maps/);
  });

  it("are read or refused, whatever the text", () => {
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      fc
        .array(
          fc.constantFrom(
            "- ",
            "targets",
            ":",
            "\n",
            "  ",
            "[",
            "]",
            "{",
            "*a",
            "&a ",
            "<<",
            "!!x",
            '"',
            "a:1",
          ),
        )
        .map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        for (const read of [fromJson, fromYaml]) {
          try {
            read(text);
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedInputError);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});
