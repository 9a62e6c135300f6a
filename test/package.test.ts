/**
 * The package as a user gets it: packed, installed into an empty project without running any install script,
 * then used as a library, with its types, and as a command.
 */

import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const project = mkdtempSync(join(tmpdir(), "narthex-package-"));
const run = async (command: string, args: readonly string[], cwd = project) =>
  (await promisify(execFile)(command, args, { cwd })).stdout;

const program = `import { openDatabase, type QueryResult } from "narthex";

const db = await openDatabase({ directory: "./data" });
await db.append([{ labels: { __name__: "a", b: "c" }, samples: [{ time: 1000, value: 2 }] }]);
const result: QueryResult = await db.query("a * 2", { time: 1000 });
if (result.type === "vector") console.log(JSON.stringify(result.series.map(({ labels, value }) => [labels, value])));
await db.close();
`;

const clientProgram = `import { type PushClient, type PushClientStatus, openPushClient } from "narthex/client";

const client: PushClient = await openPushClient({ url: "http://127.0.0.1:1/api/v1/write", queue: { directory: "./queue" } });
client.series({ __name__: "a" }).append(1);
client.append([{ labels: { __name__: "b" }, samples: [{ value: 2 }] }]);
const { isDurable } = await client.flush();
const status: PushClientStatus = client.status();
console.log(isDurable, status.addresses[0]?.waiting.samples);
await client.close();
`;

const scrapingProgram = `import { openDatabase } from "narthex";
import { type JobStatus, type Scraping, startScraping } from "narthex/scraping";

const db = await openDatabase({ directory: "./scraped" });
const scraping: Scraping = await startScraping(db, { config: { scrape_configs: [{ job_name: "app" }] } });
scraping.addTargets("app", [{ targets: ["127.0.0.1:1"], labels: { zone: "cellar" } }]);
const jobs: readonly JobStatus[] = scraping.status();
console.log(jobs[0]?.targets[0]?.url);
await scraping.close();
await db.close();
`;

describe("the package", () => {
  beforeAll(async () => {
    await run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", project], root);
    const tarball = readdirSync(project).find((name) => name.endsWith(".tgz"))!;
    writeFileSync(join(project, "package.json"), '{ "name": "empty", "type": "module", "private": true }\n');
    const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--silent"];
    await run("npm", ["install", ...quiet, `./${tarball}`]);
  });

  afterAll(() => rmSync(project, { recursive: true, force: true }));

  it("works as a library", async () => {
    writeFileSync(
      join(project, "main.mjs"),
      program.replace(", type QueryResult", "").replace(": QueryResult", ""),
    );
    expect(await run(process.execPath, ["main.mjs"])).toBe('[[{"b":"c"},4]]\n');
  });

  it("works as a push client", async () => {
    const types = /type PushClient, type PushClientStatus, |: PushClient(?:Status)?(?= =)/g;
    writeFileSync(join(project, "client.mjs"), clientProgram.replaceAll(types, ""));
    expect(await run(process.execPath, ["client.mjs"])).toBe("true 2\n");
  });

  it("works as a scraper", async () => {
    const types = /type JobStatus, type Scraping, |: (?:Scraping|readonly JobStatus\[\])(?= =)/g;
    writeFileSync(join(project, "scraping.mjs"), scrapingProgram.replaceAll(types, ""));
    expect(await run(process.execPath, ["scraping.mjs"])).toBe("http://127.0.0.1:1/metrics\n");
  });

  it("has types that a strict program compiles against", async () => {
    writeFileSync(join(project, "main.ts"), program);
    writeFileSync(join(project, "client.ts"), clientProgram);
    writeFileSync(join(project, "scraping.ts"), scrapingProgram);
    const flags = [
      "--strict",
      "--noEmit",
      "--module",
      "nodenext",
      "--target",
      "es2022",
      "--lib",
      "es2022,esnext.disposable,dom",
    ];
    const tsc = join(root, "node_modules/.bin/tsc");
    await expect(run(tsc, [...flags, "--types", "", "main.ts", "client.ts", "scraping.ts"])).resolves.toBe(
      "",
    );
  });

  it("has a command", async () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    expect((await run("npx", ["--no-install", "narthex", "--version"])).trim()).toBe(version);
    const table = await run("npx", [
      "--no-install",
      "narthex",
      "query",
      "1 + 1",
      "--data",
      "./data",
      "--format",
      "json",
    ]);
    expect(table).toContain('"2"');
  });

  it("holds the library, its licence and its documents, and nothing else", () => {
    const installed = join(project, "node_modules/narthex");
    expect(readdirSync(installed).sort()).toEqual([
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "dist",
      "docs",
      "package.json",
    ]);
    expect(readdirSync(join(installed, "docs"))).toEqual(["schema"]);
  });
});
