import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config.js";
import { ConfigError } from "../../src/model/errors.js";

const read = (text: string) => parseConfig(text, "narthex.yml");
const day = 24 * 3_600_000;

function problem(text: string): string {
  try {
    read(text);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  return "none";
}

const withRule = (...lines: string[]) =>
  ["storage:", "  tsdb:", "    retention:", "      rules:", ...lines.map((line) => `        ${line}`)].join(
    "\n",
  );

describe("the storage section", () => {
  it("says how long what is kept", () => {
    const text = `
storage:
  tsdb:
    retention:
      time: 2y
      size: 50GB
      rules:
        - match: '{job="debug", env!~"prod.*"}'
          time: 7d
        - { match: billing_total, time: 0s }
`;
    expect(read(text).storage).toEqual({
      retentionMs: 2 * 365 * day,
      retentionSizeBytes: 50 * 2 ** 30,
      retentionRules: [
        { match: '{job="debug", env!~"prod.*"}', retentionMs: 7 * day },
        { match: "billing_total", retentionMs: 0 },
      ],
    });
    expect(read(text).warnings).toEqual([]);
  });

  it("is understood as the README shows it", () => {
    const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");
    const [, example = ""] = /```yaml\n(storage:[^`]*)```/.exec(readme) ?? [];
    expect(read(example).storage).toMatchObject({
      retentionMs: 2 * 365 * day,
      retentionRules: [{ match: '{job="debug"}' }, { match: "billing_total", retentionMs: 0 }],
    });
  });

  it("says nothing where it says nothing", () => {
    for (const text of ["", "storage:", "storage: {}", "storage: { tsdb: { retention: {} } }"])
      expect(read(text).storage).toEqual({});
    expect(read("storage: { tsdb: { retention: { rules: [] } } }").storage).toEqual({ retentionRules: [] });
  });

  it("warns of what Prometheus has there and we do not need, or not yet", () => {
    const text = `storage:
  tsdb:
    out_of_order_time_window: 30m
    retention: { percentage: 80 }
  exemplars: { max_exemplars: 10 }`;
    expect(read(text).warnings).toEqual([
      "narthex.yml:3: storage.tsdb.out_of_order_time_window is not needed: samples of any age are taken in any order",
      "narthex.yml:4: storage.tsdb.retention.percentage is not acted on yet",
      "narthex.yml:5: storage.exemplars.max_exemplars is not acted on yet",
    ]);
  });

  it("names the line, the column and what is wrong with a selector", () => {
    expect(problem(withRule(`- match: '{job="x"'`, "  time: 7d"))).toBe(
      'narthex.yml:5:18: storage.tsdb.retention.rules[0].match must be a selector such as {job="x"}: ' +
        'unexpected end of input inside braces, at character 9 of {job="x"',
    );
    expect(problem(withRule(`- { match: 'rate(up[5m])', time: 7d }`))).toContain(
      'unexpected "(", at character 5',
    );
    expect(problem(withRule(`- { match: '{job=~"("}', time: 7d }`))).toContain("missing closing )");
  });

  it("names the line and what is wrong with anything else", () => {
    const place = "narthex.yml:5:11: storage.tsdb.retention.rules[0]";
    expect(problem(withRule("- time: 7d"))).toBe(`${place}.match must be given`);
    expect(problem(withRule("- match: up"))).toBe(`${place}.time must be given; 0s keeps for ever`);
    expect(problem(withRule("- { match: up, time: 7 }"))).toContain(
      'must be a duration such as 15s or 1m30s, not "7"',
    );
    expect(problem(withRule("- { match: up, tine: 7d }"))).toContain("time must be given");
    expect(problem(withRule("- { match: up, time: 7d, for: 1h }"))).toContain(
      'unknown key "for" in storage.tsdb.retention.rules[0]',
    );
    expect(problem("storage: { tsdb: { retentions: {} } }")).toContain('did you mean "retention"?');
    expect(problem("storage: { tsdb: { retention: { size: much } } }")).toContain(
      "must be a size such as 10MB",
    );
  });
});
