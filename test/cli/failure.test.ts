import { CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { CommandError, describeFailure } from "../../src/cli/failure.js";
import { ConfigError, StorageError } from "../../src/model/errors.js";
import { parse } from "../../src/query/parser/parse.js";

describe("a failure", () => {
  it("is one line, perhaps a hint, and an exit code", () => {
    expect(describeFailure(new StorageError("cannot read a\n  b"))).toEqual({
      text: "error: cannot read a b",
      exitCode: 1,
    });
    expect(describeFailure(new ConfigError("x.yml:1:2: no"))).toEqual({
      text: "error: x.yml:1:2: no",
      exitCode: 2,
    });
    expect(describeFailure(new CommandError("no", { hint: "do this", exitCode: 2 }))).toEqual({
      text: "error: no\nhint: do this",
      exitCode: 2,
    });
  });

  it("of an expression shows the place", () => {
    const failure = describeFailure(thrownBy(() => parse("sum(rate(up))")));
    expect(failure.exitCode).toBe(2);
    expect(failure.text.split("\n")).toEqual([
      'error: 1:10: parse error: expected type range vector in call to function "rate", got instant vector',
      "  sum(rate(up))",
      "           ^^",
    ]);
  });

  it("that is our bug says so without a stack", () => {
    const { text, exitCode } = describeFailure(new TypeError("x is not a function"));
    expect(text).toBe("error: this is a bug in narthex, please report it: TypeError: x is not a function");
    expect(exitCode).toBe(1);
    expect(describeFailure("thrown text").text).toContain("thrown text");
  });

  it("that Commander has printed is not printed again", () => {
    expect(describeFailure(new CommanderError(1, "commander.unknownOption", "x"))).toEqual({
      text: "",
      exitCode: 2,
    });
    expect(describeFailure(new CommanderError(0, "commander.helpDisplayed", "x"))).toEqual({
      text: "",
      exitCode: 0,
    });
  });
});

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
