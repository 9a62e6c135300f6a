// biome-ignore-all lint/suspicious/noTemplateCurlyInString: so templates of relabelling name groups.

import { describe, expect, it } from "vitest";
import { RelabelConfig, RelabelConfigError, type RelabelFields } from "../../src/relabel/relabel-config.js";

function problem(fields: RelabelFields): [field: string, message: string] | undefined {
  try {
    new RelabelConfig(fields);
  } catch (error) {
    if (error instanceof RelabelConfigError) return [error.field, error.message];
    throw error;
  }
  return undefined;
}

describe("a rule", () => {
  it("has Prometheus' defaults", () => {
    expect(new RelabelConfig({ targetLabel: "a" })).toMatchObject({
      action: "replace",
      sourceLabels: [],
      separator: ";",
      regex: "(.*)",
      replacement: "$1",
      modulus: 0,
      nameValidation: "utf8",
    });
  });

  it.each<[RelabelFields, field: string, message: string]>([
    [{}, "targetLabel", "relabel configuration for replace action requires 'target_label' value"],
    [
      { action: "hashmod", targetLabel: "a" },
      "modulus",
      "relabel configuration for hashmod requires non-zero modulus",
    ],
    [{ action: "hashmod", modulus: 8 }, "targetLabel", "hashmod action requires 'target_label' value"],
    [{ action: "hashmod", modulus: 1.5, targetLabel: "a" }, "modulus", "whole number below 2^53"],
    [{ action: "lowercase" }, "targetLabel", "lowercase action requires 'target_label' value"],
    [{ action: "keepequal" }, "targetLabel", "keepequal action requires 'target_label' value"],
    [{ targetLabel: "a", sourceLabels: ["b", ""] }, "sourceLabels", '"" is not a valid label name'],
    [{ targetLabel: "a", regex: "a(" }, "regex", "missing closing )"],
    [{ action: "keep", regex: "(?=x)" }, "regex", "invalid"],
    [
      { targetLabel: "a.b", nameValidation: "legacy" },
      "targetLabel",
      "\"a.b\" is invalid 'target_label' for replace action",
    ],
    [
      { targetLabel: "0${3}", nameValidation: "legacy" },
      "targetLabel",
      "\"0${3}\" is invalid 'target_label'",
    ],
    [
      { action: "uppercase", targetLabel: "$1", nameValidation: "legacy" },
      "targetLabel",
      "\"$1\" is invalid 'target_label' for uppercase action",
    ],
    [
      { action: "uppercase", targetLabel: "a", replacement: "b" },
      "replacement",
      "'replacement' can not be set for uppercase action",
    ],
    [
      { action: "labelmap", replacement: "" },
      "replacement",
      "\"\" is invalid 'replacement' for labelmap action",
    ],
    [
      { action: "labelmap", replacement: "${", nameValidation: "legacy" },
      "replacement",
      "\"${\" is invalid 'replacement' for labelmap action",
    ],
    [
      { action: "dropequal", targetLabel: "a", regex: "(.*)" },
      "regex",
      "dropequal action requires only 'source_labels' and `target_label`, and no other fields",
    ],
    [{ action: "keepequal", targetLabel: "a", modulus: 8 }, "modulus", "and no other fields"],
    [{ action: "keepequal", targetLabel: "a", separator: "/" }, "separator", "and no other fields"],
    [
      { action: "keepequal", targetLabel: "a", replacement: "/" },
      "replacement",
      "'replacement' can not be set",
    ],
    [
      { action: "labeldrop", regex: "a", sourceLabels: [] },
      "sourceLabels",
      "labeldrop action requires only 'regex', and no other fields",
    ],
    [{ action: "labelkeep", targetLabel: "a" }, "targetLabel", "labelkeep action requires only 'regex'"],
    [{ action: "labelkeep", separator: "" }, "separator", "labelkeep action requires only 'regex'"],
  ])("is refused: %j", (fields, field, message) => {
    expect(problem(fields)).toEqual([field, expect.stringContaining(message)]);
  });

  it.each<RelabelFields>([
    { targetLabel: "a", sourceLabels: ["b.c"], separator: "", regex: "", replacement: "" },
    { targetLabel: "a.b" },
    { targetLabel: "-${3}" },
    { action: "lowercase", targetLabel: "${3}", replacement: "$1" },
    { action: "keepequal", targetLabel: "a", separator: ";", replacement: "$1" },
    { action: "hashmod", modulus: 2 ** 53 - 1, targetLabel: "a" },
    { action: "labelmap", regex: "__meta_(.+)", replacement: "${1}", nameValidation: "legacy" },
    { action: "labeldrop", regex: "a" },
    { action: "drop" },
  ])("is fine: %j", (fields) => {
    expect(problem(fields)).toBeUndefined();
  });

  it.each<[template: string, isValid: boolean]>([
    ["-label", false],
    ["label", true],
    ["label${1}", true],
    ["${1}label", true],
    ["${", false],
    ["$", false],
    ["${}", false],
    ["foo${", false],
    ["$1", true],
    ["asd$2asd", true],
    ["-foo${1}bar-", false],
    ["bar.foo${1}bar", false],
    ["_${1}_", true],
    ["foo${bar}foo", true],
    [`${"a$b".repeat(2000)}-`, false],
  ])("judges the legacy template %s", (template, isValid) => {
    const fields: RelabelFields = { action: "labelmap", replacement: template, nameValidation: "legacy" };
    expect(problem(fields) === undefined).toBe(isValid);
  });

  it("is shown in the words of Prometheus' API", () => {
    const fields: RelabelFields = { action: "keep", sourceLabels: ["a"], separator: "", regex: "" };
    expect(JSON.stringify(new RelabelConfig({ targetLabel: "a", replacement: "x" }))).toBe(
      '{"separator":";","regex":"(.*)","targetLabel":"a","replacement":"x","action":"replace"}',
    );
    expect(JSON.stringify(new RelabelConfig(fields))).toBe(
      '{"sourceLabels":["a"],"regex":"","replacement":"$1","action":"keep"}',
    );
  });
});
