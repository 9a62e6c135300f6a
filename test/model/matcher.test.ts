import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AnchoredRegExp } from "../../src/model/anchored-regexp.js";
import { Labels } from "../../src/model/labels.js";
import { Matcher } from "../../src/model/matcher.js";

describe("Matcher", () => {
  it("takes an absent label for the empty string", () => {
    const labels = Labels.from({ job: "api" });
    expect(new Matcher("zone", "=", "").matchesLabels(labels)).toBe(true);
    expect(new Matcher("zone", "!=", "a").matchesLabels(labels)).toBe(true);
    expect(new Matcher("zone", "=~", ".+").matchesLabels(labels)).toBe(false);
    expect(new Matcher("zone", "!~", "a|").matchesLabels(labels)).toBe(false);
    expect(new Matcher("job", "=~", "a.*").toString()).toBe('job=~"a.*"');
  });

  it("says what is wrong with an expression", () => {
    expect(() => new Matcher("a", "=~", "a(")).toThrow(/missing closing \)/);
    expect(() => new Matcher("a", "=~", "(?=x)")).toThrow();
  });
});

describe("AnchoredRegExp", () => {
  it.each([
    ["api", "api", true],
    ["api", "xapi", false],
    ["a|b|", "", true],
    ["a|b", "ab", false],
    ["api-.*", "api-\n", true],
    ["api-.+", "api-", false],
    [".*-api", "x-api", true],
    [".+x", "x", false],
    [".*mid.*", "amidb", true],
    [".+", "", false],
    [".*", "", true],
    ["(?i)ABC", "abc", true],
    ["a.c", "a\u{1f600}c", true],
    ["ab*", "a", true],
    ["a{2}", "aa", true],
    ["x|y.*", "yes", true],
  ])("%s on %j: %s", (source, value, matches) => {
    expect(new AnchoredRegExp(source).matches(value)).toBe(matches);
  });

  it("names only a prefix that every match has", () => {
    const part = fc.constantFrom(
      "a",
      "b",
      ".",
      "*",
      "+",
      "?",
      "|",
      "(",
      ")",
      "(?:",
      "\\.",
      "\\|",
      "\\(",
      "\\\\",
      "\\_",
    );
    const source = fc.array(part, { maxLength: 7 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(source, fc.stringMatching(/^[ab.|(\\_]{0,5}$/), (text, value) => {
        let regexp: AnchoredRegExp;
        let expected: boolean;
        try {
          regexp = new AnchoredRegExp(text);
          expected = new RegExp(`^(?:${text})$`, "s").test(value);
        } catch {
          return; // No expression, in one dialect or the other.
        }
        expect(regexp.matches(value)).toBe(expected);
        if (expected) expect(value.startsWith(regexp.prefix)).toBe(true);
        if (regexp.literals !== undefined) expect(regexp.literals.includes(value)).toBe(expected);
      }),
      { numRuns: 4000 },
    );
  });

  it("lists alternatives of literals, also escaped and in brackets", () => {
    const literals = (source: string) => new AnchoredRegExp(source).literals;
    expect(literals("a|b|a")).toEqual(["a", "b"]);
    expect(literals("(10\\.0\\.0\\.1:9100|web-1)")).toEqual(["10.0.0.1:9100", "web-1"]);
    expect(literals("(?:a\\\\|b\\-c|)")).toEqual(["a\\", "b-c", ""]);
    for (const source of ["10.0", "a\\|b", "\\d|a", "(a)(b)", "(?i)", "(a|b)+", "(a|(b))"])
      expect(literals(source)).toBeUndefined();
  });

  it("answers evil expressions in linear time", () => {
    expect(new AnchoredRegExp("(a*)*b").matches("a".repeat(20_000))).toBe(false);
    expect(new AnchoredRegExp("(x+x+)+y").matches("x".repeat(20_000))).toBe(false);
  });
});
