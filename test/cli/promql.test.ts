import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { addPromqlCommand } from "../../src/cli/promql.js";
import { ParseError } from "../../src/model/errors.js";

async function promql(...words: string[]): Promise<string> {
  const lines: string[] = [];
  const terminal = {
    write: (text: string) => void lines.push(text),
    say: () => {},
    width: 80,
    hasColours: false,
    isInteractive: false,
  };
  const program = new Command();
  addPromqlCommand(program, terminal);
  await program.parseAsync(["promql", ...words], { from: "user" });
  return lines.join("\n");
}

const perJob = "sum by (job) (rate(x_total[5m])) > bool 2";

describe("narthex promql", () => {
  it("lays an expression out", async () => {
    expect(await promql("fmt", "sum(x)by(job)")).toBe("sum by (job) (x)");
  });

  it("prints the tree with types", async () => {
    expect(
      (await promql("parse", perJob)).split("\n").map((line) => line.replace(/ {2,}(\S+)$/, " : $1")),
    ).toEqual([
      "binary > bool : vector",
      "  aggregation sum by (job) : vector",
      "    call rate : vector",
      "      x_total[5m] : matrix",
      "  2 : scalar",
    ]);
  });

  it("prints the tree as JSON", async () => {
    expect(JSON.parse(await promql("parse", "--format", "json", "--", "-x"))).toMatchObject({
      type: "unaryExpr",
      expr: { type: "vectorSelector", name: "x" },
    });
  });

  it("explains an instant query and a range", async () => {
    expect(await promql("explain", "x", "--time", "1970-01-01T01:00:00Z")).toBe(
      'latest within 5m\n  select #0 {__name__="x"} (1970-01-01T00:55:00.000Z, 1970-01-01T01:00:00.000Z]',
    );
    const range = ["--start", "0", "--end", "3600", "--step", "10m"];
    expect(await promql("explain", "1 + scalar(x @ end())", ...range)).toContain("repeat 7 times");
  });

  it("tells labels", async () => {
    expect(await promql("labels", 'sum by (job) (rate(x_total{env="prod"}[5m]))')).toBe(
      "result  job\nreads   __name__, env, job",
    );
  });

  it("asks for the feature of what is experimental", async () => {
    await expect(promql("fmt", "limitk(1,x)")).rejects.toThrow(ParseError);
    const feature = ["--enable-feature", "promql-experimental-functions"];
    expect(await promql("fmt", "limitk(1,x)", ...feature)).toBe("limitk(1, x)");
    expect(await promql("explain", "limitk(1, x)", "--time", "0", ...feature)).toContain("limitk");
  });
});
