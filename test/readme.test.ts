/**
 * The README's examples, run: its JavaScript as a program, its shell commands against a server with the sample
 * data. What stands in `text` blocks needs files of the reader's own and is not run.
 */

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseConfig } from "../src/config.js";
import { openDatabase } from "../src/index.js";
import { loadSamples } from "../src/samples/load-samples.js";
import { builtCli, type RunningServer, startNarthex } from "./support/processes.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const readme = readFileSync(join(root, "README.md"), "utf8");
const directory = mkdtempSync(join(tmpdir(), "narthex-readme-"));
const run = promisify(execFile);

function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))].map(
    (match) => match[1]!,
  );
}

/** The library as built, where a program outside the package finds it. */
async function runProgram(source: string): Promise<string> {
  const file = join(directory, "program.mjs");
  const library = pathToFileURL(join(root, "dist/index.js")).href;
  writeFileSync(file, source.replaceAll('"narthex"', JSON.stringify(library)));
  return (await run(process.execPath, [file], { cwd: directory })).stdout;
}

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("the README", () => {
  it("has a library example that runs", async () => {
    const [example] = blocks("js");
    expect(await runProgram(example!)).toBe("attic 21.4\ncellar 11.5\n");
  });

  it("has configuration that is one", () => {
    for (const text of blocks("yaml")) expect(() => parseConfig(text, "README.md")).not.toThrow();
  });
});

describe("the examples folder", () => {
  it("has a greenhouse that runs", async () => {
    const output = await runProgram(readFileSync(join(root, "examples/greenhouse.mjs"), "utf8"));
    expect(output).toBe(
      "appended 2, rejected 0\nkitchen  21.25\nattic    20.00\ncellar   11.50\n24 hourly means\n",
    );
  });
});

describe("the README's commands", () => {
  let server: RunningServer;

  beforeAll(async () => {
    const database = await openDatabase({ directory: join(directory, "data") });
    await loadSamples((_, source, options) => database.import(source, options));
    await database.close();
    server = await startNarthex(join(directory, "data"));
  });

  afterAll(() => server?.stop());

  const commands = blocks("sh")
    .flatMap((block) => block.trim().split("\n"))
    .filter((line) => !line.startsWith("npm "));

  it.each(commands)("%s", async (line) => {
    const here = line
      .replaceAll("http://127.0.0.1:9090", server.url)
      .replace(/^npx narthex (\w+)/, `"${process.execPath}" "${builtCli}" $1 --url ${server.url}`);
    const { stdout, stderr } = await run("/bin/sh", ["-c", here]);
    expect(stderr).not.toMatch(/error/i);
    if (line.includes("/import/")) expect(stdout).toBe("");
    else expect(stdout).toMatch(/\d/);
  });
});
