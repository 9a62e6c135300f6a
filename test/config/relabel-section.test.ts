import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config.js";
import type { RelabelConfig } from "../../src/relabel/relabel-config.js";

function rules(yaml: string, more = ""): readonly RelabelConfig[] {
  const text = `scrape_configs:\n- job_name: a\n  ${more}\n  metric_relabel_configs:\n${yaml}`;
  return parseConfig(text, "f.yml").scrapeConfigs[0]!.metricRelabelConfigs;
}

function problem(yaml: string, more?: string): string {
  try {
    rules(yaml, more);
  } catch (error) {
    return (error as Error).message;
  }
  return "none";
}

describe("relabel configs", () => {
  it("are read with their defaults", () => {
    const yaml = `
    - { source_labels: [__name__, 3], separator: "", regex: "a|b", action: DROP }
    - { target_label: version, replacement: 1.10 }
    - { action: hashmod, source_labels: [a], modulus: 8, target_label: shard }`;
    expect(rules(yaml)).toMatchObject([
      { sourceLabels: ["__name__", "3"], separator: "", regex: "a|b", action: "drop", replacement: "$1" },
      { action: "replace", targetLabel: "version", replacement: "1.10", separator: ";", regex: "(.*)" },
      { action: "hashmod", modulus: 8, targetLabel: "shard" },
    ]);
    expect(rules("    []")).toEqual([]);
  });

  it("take a key without a value for the empty text", () => {
    expect(rules("    - { regex: , separator: , replacement: , target_label: a }")).toMatchObject([
      { regex: "", separator: "", replacement: "", action: "replace" },
    ]);
  });

  it("follow the validation of names that the job or the file asks for", () => {
    const yaml = "    - { target_label: a.b }";
    expect(problem(yaml)).toBe("none");
    const message = "\"a.b\" is invalid 'target_label' for replace action";
    expect(problem(yaml, "metric_name_validation_scheme: legacy")).toContain(message);
    const legacy = "global: { metric_name_validation_scheme: legacy }\n";
    const job = `scrape_configs: [{ job_name: a, relabel_configs: [{ target_label: a.b }] }]`;
    expect(() => parseConfig(legacy + job, "f.yml")).toThrow(message);
  });

  it.each([
    ["    - { target_label: a }\n    - { action: keep,\n        regex: 'a(' }", /^f\.yml:7:16: /],
    ["    - { action: hashmod, target_label: a, modulus: 0 }", /:5:52: .*requires non-zero modulus/],
    [
      "    - { source_labels: [a] }",
      /^f\.yml:5:7: scrape_configs\[0\]\.metric_relabel_configs\[0\]: relabel configuration for replace action requires 'target_label' value$/,
    ],
    ["    - { action: dorp }", /:5:17: .*: unknown relabel action "dorp"; there are replace, .*labelmap/],
    ["    - { action: }", /relabel action cannot be empty/],
    ["    - { regex: a, action: labeldrop, separator: x }", /labeldrop action requires only 'regex'/],
    ["    - { targetlabel: a }", /unknown key "targetlabel".*did you mean "target_label"/],
    ["    - { source_labels: a, target_label: b }", /source_labels must be a list/],
    ["    - { target_label: b, modulus: -1 }", /modulus must be a whole number/],
    ["    -", /metric_relabel_configs\[0\] must be a mapping/],
    ["    a: b", /metric_relabel_configs must be a list/],
  ])("are refused at their place: %s", (yaml, message) => {
    expect(problem(yaml)).toMatch(message);
  });
});
