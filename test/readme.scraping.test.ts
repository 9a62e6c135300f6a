/**
 * The program of docs/scraping.md, run as it stands there.
 */

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

it("docs/scraping.md has a program that runs", async () => {
  const text = readFileSync(join(root, "docs/scraping.md"), "utf8");
  const [, program = ""] = /^```js\n(.*?)^```$/ms.exec(text) ?? [];
  const directory = mkdtempSync(join(tmpdir(), "narthex-readme-scraping-"));
  const modules: Readonly<Record<string, string>> = {
    narthex: "dist/index.js",
    "narthex/scraping": "dist/scraping/index.js",
  };
  const local = program.replaceAll(/from "(narthex[^"]*)"/g, (_, name: string) => {
    return `from ${JSON.stringify(pathToFileURL(join(root, modules[name]!)).href)}`;
  });
  try {
    writeFileSync(join(directory, "program.mjs"), local);
    const { stdout } = await promisify(execFile)(process.execPath, ["program.mjs"], { cwd: directory });
    expect(stdout).toBe("app http://127.0.0.1:9100/metrics unknown\n");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
