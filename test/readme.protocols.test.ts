/**
 * The examples of docs/protocols.md, run as a reader would paste them, against a server over real sockets: shell,
 * Python (that of MicroPython with a stand-in for its HTTP module) and C. A block of text behind an example is what
 * it prints.
 *
 * What this machine has no interpreter or compiler for is skipped, and said to be.
 */

import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseConfig } from "../src/config.js";
import { type Server, startServer } from "../src/server.js";

const page = readFileSync(join(dirname(fileURLToPath(import.meta.url)), "../docs/protocols.md"), "utf8");
const directory = mkdtempSync(join(tmpdir(), "narthex-protocols-"));
const run = promisify(execFile);

interface Example {
  readonly title: string;
  readonly source: string;
  /** What it prints; undefined when the page does not say. */
  readonly output: string | undefined;
}

/** Fenced blocks of a language, each with the block of text that follows it at once. */
function examples(language: string): readonly Example[] {
  const pattern = new RegExp(
    `^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`\\n(?:\\n\`\`\`text\\n([\\s\\S]*?)^\`\`\`)?`,
    "gm",
  );
  return [...page.matchAll(pattern)].map((match) => ({
    title: [...page.slice(0, match.index).matchAll(/^## (.*)$/gm)].at(-1)?.[1] ?? "",
    source: match[1]!,
    output: match[2],
  }));
}

function isMissing(program: string): boolean {
  const missing = spawnSync(program, ["--version"]).status !== 0;
  if (missing)
    process.stderr.write(`\n!! ${program} is not installed: its examples in docs/protocols.md are SKIPPED\n`);
  return missing;
}

/** What MicroPython's module does, as far as the examples use it. */
const urequests = `
import json as _json, urllib.error, urllib.request

class _Reply:
    def __init__(self, reply):
        self.status_code, self.text = reply.status, reply.read().decode()
    def close(self): pass

def post(url, data=None, json=None, headers={}):
    body = data if json is None else _json.dumps(json).encode()
    headers = dict(headers, **({} if json is None else {"Content-Type": "application/json"}))
    return _Reply(urllib.request.urlopen(urllib.request.Request(url, body, headers)))
`;

describe("docs/protocols.md", () => {
  let server: Server;
  const here = ({ source }: Example) => source.replaceAll("9090", new URL(server.url).port);

  beforeAll(async () => {
    writeFileSync(join(directory, "urequests.py"), urequests);
    const database = { directory: join(directory, "data") };
    server = await startServer({ database, host: "127.0.0.1", port: 0, version: "test", onEvent: () => {} });
  });

  afterAll(async () => {
    await server?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function expectOutput(example: Example, command: string, args: readonly string[]): Promise<void> {
    const { stdout, stderr } = await run(command, args, { cwd: directory });
    expect(stderr).toBe("");
    // An empty text leaves a blank at the end of its line; bodies of replies end without a line's end.
    if (example.output !== undefined)
      expect(stdout.replace(/ +$/gm, "").trimEnd()).toBe(example.output.trimEnd());
  }

  describe.skipIf(isMissing("curl"))("in the shell", () => {
    it.each(examples("sh"))("$title", (example) => expectOutput(example, "/bin/sh", ["-ec", here(example)]));
  });

  describe.skipIf(isMissing("python3"))("in Python", () => {
    it.each(examples("python"))("$title", async (example) => {
      const file = join(directory, "example.py");
      writeFileSync(file, here(example));
      await expectOutput(example, "python3", [file]);
    });
  });

  describe.skipIf(isMissing("cc"))("in C", () => {
    it.each(examples("c"))("$title", async (example) => {
      const file = join(directory, "example.c");
      writeFileSync(file, here(example));
      const program = join(directory, "example");
      await run("cc", ["-Wall", "-Wextra", "-Werror", "-o", program, file]);
      await expectOutput(example, program, []);
    });
  });

  it("has configuration that is one", () => {
    for (const { source } of examples("yaml"))
      expect(() => parseConfig(source, "protocols.md")).not.toThrow();
  });

  it("has examples in every language that it promises", () => {
    const counts = ["sh", "python", "c", "yaml"].map((language) => examples(language).length);
    expect(counts).toEqual([10, 4, 1, 2]);
    expect(page.match(/^# MicroPython$/gm)).toHaveLength(1);
  });
});
