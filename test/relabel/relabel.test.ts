// biome-ignore-all lint/suspicious/noTemplateCurlyInString: so templates of relabelling name groups.

import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvalidArgumentError } from "../../src/model/errors.js";
import { Labels } from "../../src/model/labels.js";
import { relabel, relabelSteps } from "../../src/relabel/relabel.js";
import { RelabelConfig, type RelabelFields, relabelActions } from "../../src/relabel/relabel-config.js";

type Pairs = Readonly<Record<string, string>>;

function after(labels: Pairs, ...rules: RelabelFields[]): Pairs | undefined {
  const configs = rules.map((fields) => new RelabelConfig(fields));
  return relabel(Labels.from(labels), configs)?.toObject();
}

const abc = { a: "foo", b: "bar", c: "baz" };

describe("replace", () => {
  it.each<[what: string, labels: Pairs, rule: RelabelFields, expected: Pairs]>([
    ["copies by default", { a: "x" }, { sourceLabels: ["a"], targetLabel: "b" }, { a: "x", b: "x" }],
    ["deletes when it copies nothing", { b: "x" }, { sourceLabels: ["a"], targetLabel: "b" }, {}],
    ["sets a constant", { a: "x" }, { targetLabel: "b", replacement: "y" }, { a: "x", b: "y" }],
    ["deletes by an empty constant", abc, { targetLabel: "b", replacement: "" }, { a: "foo", c: "baz" }],
    [
      "fills groups",
      abc,
      { sourceLabels: ["a"], regex: "f(.*)", targetLabel: "d", replacement: "ch${1}-ch$1" },
      { ...abc, d: "choo-choo" },
    ],
    [
      "joins sources",
      abc,
      { sourceLabels: ["a", "none", "b"], separator: "/", targetLabel: "d" },
      { ...abc, d: "foo//bar" },
    ],
    [
      "fills named groups",
      { a: "k=v" },
      { sourceLabels: ["a"], regex: "(?P<key>.+)=(?<val>.+)", targetLabel: "$key", replacement: "<${val}>" },
      { a: "k=v", k: "<v>" },
    ],
    ["matches the whole value", abc, { sourceLabels: ["a"], regex: "o+", targetLabel: "d" }, abc],
    [
      "lets the dot match a line break",
      { a: "1\n2" },
      { sourceLabels: ["a"], regex: "1.2", targetLabel: "b", replacement: "yes" },
      { a: "1\n2", b: "yes" },
    ],
    [
      "takes an empty expression for the empty value",
      { a: "x" },
      { regex: "", targetLabel: "b", replacement: "y" },
      { a: "x", b: "y" },
    ],
    [
      "writes dollars by doubling them",
      { a: "x" },
      { sourceLabels: ["a"], targetLabel: "b", replacement: "$$1 $" },
      { a: "x", b: "$1 $" },
    ],
    [
      "fills missing groups with nothing",
      { a: "x", b: "y" },
      { sourceLabels: ["a"], targetLabel: "b", replacement: "$2$x${01}$1x" },
      { a: "x" },
    ],
    [
      "skips a target that is no name",
      { a: "x" },
      { sourceLabels: ["a"], regex: "x(y?)", targetLabel: "$1", replacement: "z" },
      { a: "x" },
    ],
    [
      "makes any name by UTF-8",
      { a: "é.ü" },
      { sourceLabels: ["a"], targetLabel: "my.$1", replacement: "z" },
      { a: "é.ü", "my.é.ü": "z" },
    ],
    [
      "skips a target that is no legacy name",
      { a: "é" },
      { sourceLabels: ["a"], targetLabel: "my$1", replacement: "z", nameValidation: "legacy" },
      { a: "é" },
    ],
    [
      "takes names of JavaScript's objects for what they are",
      { a: "x" },
      { sourceLabels: ["a"], targetLabel: "__proto__", replacement: "$constructor$1" },
      { a: "x", ["__proto__"]: "x" },
    ],
  ])("%s", (_, labels, rule, expected) => {
    expect(after(labels, rule)).toEqual(expected);
  });
});

describe("the other actions", () => {
  it.each<[action: string, labels: Pairs, rule: RelabelFields, expected: Pairs | undefined]>([
    ["keep", abc, { action: "keep", sourceLabels: ["a"], regex: "f.*" }, abc],
    ["keep", abc, { action: "keep", sourceLabels: ["a"], regex: "f" }, undefined],
    ["keep", abc, { action: "keep", sourceLabels: ["a", "b"], regex: "(foo;bar|x)" }, abc],
    ["drop", abc, { action: "drop", sourceLabels: ["a"], regex: "(foo|x)" }, undefined],
    ["drop", abc, { action: "drop", sourceLabels: ["a"], regex: "f|o" }, abc],
    ["drop", abc, { action: "drop" }, undefined],
    [
      "keepequal",
      { a: "x;y", b: "x" },
      { action: "keepequal", sourceLabels: ["b"], targetLabel: "a" },
      undefined,
    ],
    ["keepequal", {}, { action: "keepequal", sourceLabels: ["b"], targetLabel: "a" }, {}],
    [
      "dropequal",
      { a: "x", b: "x" },
      { action: "dropequal", sourceLabels: ["b"], targetLabel: "a" },
      undefined,
    ],
    ["dropequal", abc, { action: "dropequal", sourceLabels: ["b"], targetLabel: "a" }, abc],
    [
      "hashmod",
      abc,
      { action: "hashmod", sourceLabels: ["c"], targetLabel: "d", modulus: 1000 },
      { ...abc, d: "976" },
    ],
    [
      "hashmod",
      { a: "foo\nbar" },
      { action: "hashmod", sourceLabels: ["a"], targetLabel: "a", modulus: 1000 },
      { a: "734" },
    ],
    ["hashmod", {}, { action: "hashmod", targetLabel: "a", modulus: 1 }, { a: "0" }],
    [
      "lowercase",
      { a: "bAr123 ÄΣΑΣ İẞ" },
      { action: "lowercase", sourceLabels: ["a"], targetLabel: "a" },
      { a: "bar123 äσασ iß" },
    ],
    [
      "uppercase",
      { a: "bAr ß äς ﬁ ᾳᾀ ŉ" },
      { action: "uppercase", sourceLabels: ["a"], targetLabel: "b" },
      { a: "bAr ß äς ﬁ ᾳᾀ ŉ", b: "BAR ß ÄΣ ﬁ ᾼᾈ ŉ" },
    ],
    ["uppercase", { b: "x" }, { action: "uppercase", sourceLabels: ["a"], targetLabel: "b" }, {}],
    [
      "labelmap",
      { __meta_my_a: "1", __meta_my_b: "2", __meta_c: "3" },
      { action: "labelmap", regex: "__meta_(my.*)" },
      { __meta_my_a: "1", __meta_my_b: "2", __meta_c: "3", my_a: "1", my_b: "2" },
    ],
    [
      "labelmap",
      { a1: "1", a2: "2", z: "0" },
      { action: "labelmap", regex: "a.", replacement: "z" },
      { a1: "1", a2: "2", z: "2" },
    ],
    ["labeldrop", { a: "1", b1: "2", b2: "3" }, { action: "labeldrop", regex: "b.*" }, { a: "1" }],
    [
      "labelkeep",
      { a: "1", b1: "2", b2: "3" },
      { action: "labelkeep", regex: "(b.*)" },
      { b1: "2", b2: "3" },
    ],
    ["labelkeep", { a: "1" }, { action: "labelkeep", regex: "b" }, {}],
  ])("%s of %j", (_, labels, rule, expected) => {
    expect(after(labels, rule)).toEqual(expected);
  });
});

describe("relabel", () => {
  it("sees in each rule what the ones before it did", () => {
    const rules: RelabelFields[] = [
      { sourceLabels: ["__meta_tags"], regex: "(?:.+,|^)path:(/[^,]+).*", targetLabel: "__metrics_path__" },
      {
        sourceLabels: ["__meta_tags"],
        regex: "(?:.+,|^)label:([^=]+)=([^,]+).*",
        replacement: "${2}",
        targetLabel: "${1}",
      },
      { sourceLabels: ["foo"], targetLabel: "__tmp" },
      { action: "labeldrop", regex: "foo" },
      { sourceLabels: ["foo", "__tmp"], targetLabel: "both" },
      { action: "labeldrop", regex: "__tmp|__meta_.*" },
    ];
    expect(after({ __meta_tags: "path:/secret,job:some-job,label:foo=bar" }, ...rules)).toEqual({
      __metrics_path__: "/secret",
      both: ";bar",
    });
  });

  it("gives the same object when nothing is different in the end", () => {
    const labels = Labels.from(abc);
    const unchanging: RelabelFields[] = [
      { sourceLabels: ["a"], regex: "no", targetLabel: "b" },
      { sourceLabels: ["a"], targetLabel: "a" },
      { action: "labeldrop", regex: "none" },
      { action: "labelkeep", regex: "a|b|c" },
      { targetLabel: "none", replacement: "" },
      { targetLabel: "b", replacement: "" },
      { targetLabel: "b", replacement: "bar" },
    ];
    const configs = unchanging.map((fields) => new RelabelConfig(fields));
    expect(relabel(labels, configs)).toBe(labels);
    expect(relabel(labels, [])).toBe(labels);
  });
});

describe("relabelSteps", () => {
  const configs = [
    new RelabelConfig({ targetLabel: "a", replacement: "1" }),
    new RelabelConfig({ action: "drop", sourceLabels: ["a"], regex: "1" }),
    new RelabelConfig({ targetLabel: "b", replacement: "2" }),
  ];

  it("tells what each rule did, and nothing after the one that dropped", () => {
    const x = Labels.from({ x: "y" });
    const a = Labels.from({ a: "1", x: "y" });
    expect(relabelSteps(x, configs)).toEqual([
      { config: configs[0], before: x, after: a, isKept: true },
      { config: configs[1], before: a, after: Labels.empty, isKept: false },
      { config: configs[2], before: Labels.empty, after: Labels.empty, isKept: false },
    ]);
    expect(relabelSteps(x, [])).toEqual([]);
  });
});

describe("with anything", () => {
  const pieces = [
    "a",
    "b",
    "é",
    "\u{1f600}",
    ".*",
    "(",
    ")",
    "|",
    "?",
    "+",
    "$1",
    "${x}",
    "$$",
    "[",
    "]",
    "\\",
    "{9}",
  ];
  const hostile = fc.oneof(
    fc.array(fc.constantFrom(...pieces), { maxLength: 8 }).map((parts) => parts.join("")),
    fc.string({ unit: "binary", maxLength: 10 }),
  );
  const labelSet = fc.dictionary(fc.oneof(fc.constantFrom("a", "b", "ab"), hostile), hostile, { maxKeys: 5 });
  const fields = fc.record(
    {
      sourceLabels: fc.array(fc.oneof(fc.constantFrom("a", "b"), hostile), { maxLength: 3 }),
      separator: hostile,
      regex: hostile,
      modulus: fc.oneof(fc.nat(), fc.double()),
      targetLabel: fc.oneof(fc.constantFrom("a", "c"), hostile),
      replacement: hostile,
      action: fc.constantFrom(...relabelActions),
      nameValidation: fc.constantFrom("utf8" as const, "legacy" as const),
    },
    { requiredKeys: [] },
  );

  function compiled(rules: RelabelFields[]): RelabelConfig[] {
    return rules.flatMap((rule) => {
      try {
        return [new RelabelConfig(rule)];
      } catch (error) {
        if (error instanceof InvalidArgumentError) return [];
        throw error;
      }
    });
  }

  it("throws nothing but its own error, and steps end where rules at once end", () => {
    fc.assert(
      fc.property(labelSet, fc.array(fields, { maxLength: 6 }), (pairs, rules) => {
        const configs = compiled(rules);
        const labels = Labels.from(pairs);
        const result = relabel(labels, configs);
        const last = relabelSteps(labels, configs).at(-1);
        expect(last === undefined || last.isKept).toBe(result !== undefined);
        if (last !== undefined) expect(last.after.toObject()).toEqual((result ?? Labels.empty).toObject());
        for (const [name, value] of result ?? [])
          expect([typeof name, value === ""]).toEqual(["string", false]);
      }),
      { numRuns: 2000 },
    );
  });

  it("spreads as the last eight bytes of the digest say", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme" }),
        fc.integer({ min: 1, max: 2 ** 53 - 1 }),
        (value, modulus) => {
          const digest = createHash("md5").update(value).digest("hex");
          const expected = BigInt(`0x${digest.slice(16)}`) % BigInt(modulus);
          const rule: RelabelFields = { action: "hashmod", sourceLabels: ["a"], targetLabel: "b", modulus };
          expect(after({ a: value }, rule)!.b).toBe(String(expected));
        },
      ),
    );
  });
});
