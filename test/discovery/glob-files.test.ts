import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { globFiles, matchesPattern } from "../../src/discovery/glob-files.js";

describe("matchesPattern", () => {
  it.each([
    ["*.yml", "a.yml", true],
    ["*.yml", ".yml", true],
    ["*.yml", "a.yaml", false],
    ["a*b*c", "a-b-b-c", true],
    ["a*b*c", "a-b-b", false],
    ["*", "", true],
    ["**a", "aa", true],
    ["?", "é", true],
    ["?", "𝒳", true],
    ["?", "", false],
    ["[a-c]x", "bx", true],
    ["[^a-c]x", "bx", false],
    ["[a\\-c]", "b", false],
    ["[a\\-c]", "-", true],
    ["[a-]", "a", false],
    ["[-a]", "-", false],
    ["[]a]", "]", false],
    ["[\\]a]", "]", true],
    ["[a", "a", false],
    ["[a", "[a", false],
    ["[]", "[]", false],
    ["a\\", "a", false],
    ["\\*", "*", true],
    ["\\*", "a", false],
    ["a", "ab", false],
    ["ab", "a", false],
  ])("%s and %s: %s", (pattern, name, matches) => {
    expect(matchesPattern(pattern, name)).toBe(matches);
  });

  it("takes no long time over many stars", () => {
    expect(matchesPattern(`${"*a".repeat(50)}b`, "a".repeat(1000))).toBe(false);
  });
});

describe("globFiles", () => {
  it("goes into directories that match, and finds nothing elsewhere", async () => {
    const directory = mkdtempSync(join(tmpdir(), "narthex-glob-"));
    for (const name of ["a1", "a2", "b1"]) mkdirSync(join(directory, name));
    for (const name of ["a1/x.yml", "a1/y.json", "a2/x.yml", "b1/x.yml", "a3"])
      writeFileSync(join(directory, name), "");
    const found = async (pattern: string) =>
      (await globFiles(join(directory, pattern))).map((path) => path.slice(directory.length + 1));
    try {
      expect(await found("a?/*.yml")).toEqual(["a1/x.yml", "a2/x.yml"]);
      expect(await found("[ab]1/x.*")).toEqual(["a1/x.yml", "b1/x.yml"]);
      expect(await found("a1/x.yml")).toEqual(["a1/x.yml"]);
      expect(await found("none/*")).toEqual([]);
      expect(await found("a1/[")).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
