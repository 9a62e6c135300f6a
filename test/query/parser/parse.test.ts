import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ParseError } from "../../../src/model/errors.js";
import { TOKENS_MAX } from "../../../src/query/parser/lex.js";
import { DEPTH_MAX, ParseCache, parse, parseSelector } from "../../../src/query/parser/parse.js";
import { caretText, formatParseError } from "../../../src/query/parser/parse-error.js";
import { everyFeature as features } from "./features.js";

function errorOf(action: () => unknown): ParseError {
  try {
    action();
  } catch (error) {
    if (error instanceof ParseError) return error;
    throw error;
  }
  throw new TypeError("no error was thrown");
}

/** Whatever the text, the outcome is a tree or a ParseError that points into it. */
function expectOutcome(text: string): void {
  try {
    parse(text, { features });
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const { start, end, line, column } = error.position;
    expect(start <= end && end <= text.length && line >= 1 && column >= 1, text).toBe(true);
    expect(formatParseError(error)).toContain(error.message);
    expect(caretText(error)).toContain("^");
  }
}

describe("hostile text", () => {
  it("is a tree or a ParseError: characters", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 40 }), expectOutcome), { numRuns: 300 });
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff })), (units) =>
        expectOutcome(String.fromCharCode(...units)),
      ),
    );
  });

  it("is a tree or a ParseError: soup of tokens", () => {
    const words =
      'a sum by ( ) ( ) { } [ ] , + - * ^ == =~ != "x" `y` 5m 1e3 0x offset @ start end () on group_left ' +
      'bool and fill ( step() min_of(1,2) [5m] [1h:] {a="b"} rate( anchored : # \\ \' inf';
    const soup = fc.array(fc.constantFrom(...words.split(" "), "\n"), { maxLength: 14 });
    fc.assert(
      fc.property(soup, fc.constantFrom("", " "), (tokens, separator) =>
        expectOutcome(tokens.join(separator)),
      ),
      { numRuns: 3000 },
    );
  });
});

describe("depth", () => {
  it("of parentheses is limited with a clear error", () => {
    const error = errorOf(() => parse(`${"(".repeat(100_000)}1${")".repeat(100_000)}`));
    expect(error.message).toBe("parentheses are nested deeper than 128");
    expect(error.position.start).toBe(128);
    expect(parse(`${"abs(".repeat(128)}a${")".repeat(128)}`).kind).toBe("call");
  });

  it.each([
    ["operators", `1${"+1".repeat(20_000)}`],
    ["powers", `2${"^2".repeat(20_000)}`],
    ["signs", `${"-".repeat(20_000)}a`],
    ["durations", `a[1${"+1".repeat(20_000)}]`],
  ])("of a chain of %s is limited with a clear error", (_, text) => {
    expect(errorOf(() => parse(text)).message).toBe(`expression is nested deeper than ${DEPTH_MAX} levels`);
  });

  it("of chains may be as great as the limit", () => {
    expect(parse(`a${" or a".repeat(DEPTH_MAX - 1)}`).kind).toBe("binary");
    expect(errorOf(() => parse("a + b + c", { depthMax: 2 })).message).toContain("deeper than 2 levels");
  });

  it("limits the length of what is parsed, where it goes on", () => {
    const error = errorOf(() => parse(`sum by (${"a,".repeat(30_000)}a) (x)`));
    expect(error.message).toBe(`an expression has at most ${TOKENS_MAX} words and signs`);
    expect(error.position.start).toBeGreaterThan(TOKENS_MAX);
    expect(() => parse(`up{job=~"${"a|".repeat(500_000)}b"}`)).not.toThrow();
  });
});

describe("positions", () => {
  it("count lines, and columns in bytes in Prometheus' text", () => {
    const error = errorOf(() => parse('up\n+ {a="é"} + é'));
    expect(error.position).toMatchObject({ start: 15, end: 16, line: 2, column: 13 });
    expect(formatParseError(error)).toBe("2:14: parse error: unexpected character: 'é'");
    expect(caretText(error)).toBe('+ {a="é"} + é\n            ^');
    expect(errorOf(() => parse("\n")).position).toMatchObject({ start: 0, line: 1, column: 1 });
  });

  it("keep tabs above the caret", () => {
    expect(caretText(errorOf(() => parse("\ta b")))).toBe("\ta b\n\t  ^");
  });
});

describe("parseSelector", () => {
  it("gives the matchers", () => {
    expect(parseSelector('up{job="x"}').map(String)).toEqual(['__name__="up"', 'job="x"']);
    expect(parseSelector("{}")).toEqual([]);
  });

  it.each([
    ["", "unexpected end of input"],
    ["up + 1", "unexpected <op:+>"],
    ["sum(up)", 'unexpected "("'],
    ["up[5m]", 'unexpected "["'],
    ['up{a=~"("}', "error parsing regexp: missing closing ): `(`"],
  ])("refuses %j: %s", (text, message) => expect(errorOf(() => parseSelector(text)).message).toBe(message));
});

describe("ParseCache", () => {
  it("keeps what was used last", () => {
    const cache = new ParseCache(2);
    const a = cache.parse("a");
    cache.parse("b");
    expect(cache.parse("a")).toBe(a);
    cache.parse("c");
    expect(cache.parse("a")).toBe(a);
  });

  it("forgets what was used first, and keeps no errors", () => {
    const cache = new ParseCache(1);
    const a = cache.parse("a");
    cache.parse("b");
    expect(cache.parse("a")).not.toBe(a);
    expect(() => cache.parse("(")).toThrow(ParseError);
  });
});
