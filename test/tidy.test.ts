/**
 * The style as a test: the import table of ARCHITECTURE.md, sizes, header comments, banned words and calls.
 * Each failure names the place and says what to do instead.
 */

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { codeLines, functionsOf, importsOf, readSources, type SourceFile } from "./support/source-tree.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const sources = readSources(root, "src");
const tests = readSources(root, "test");

/** What a folder (or a file directly under src) may import besides itself. */
const importTable: Readonly<Record<string, readonly string[]>> = {
  model: [],
  kernels: ["model"],
  storage: ["model", "kernels"],
  query: ["model", "kernels"],
  relabel: ["model"],
  ingest: ["model", "kernels", "relabel"],
  export: ["model"],
  client: ["model", "kernels", "api", "storage/fs"],
  "http-client": ["model"],
  discovery: ["model", "local-files", "http-client"],
  agent: ["model", "relabel", "http-client", "discovery", "scrape"],
  scrape: ["model", "kernels", "relabel", "ingest/exposition", "http-client", "discovery", "local-files"],
  api: ["model", "storage/fs", "ingest/push", "ingest/source", "ingest/pushgateway"],
  "local-files": ["model", "storage/fs"],
  database: ["model", "api", "storage", "query", "ingest", "export", "local-files"],
  index: ["model", "api", "database", "storage/fs", "ingest/push", "ingest/source", "relabel"],
  config: [
    ...["model", "api", "relabel", "query/parser", "ingest", "http-client", "discovery", "scrape"],
    ...["local-files", "agent"],
  ],
  listen: ["model", "ingest"],
  scraping: ["model", "api", "config", "scrape", "local-files"],
  samples: ["model", "api", "local-files"],
  http: ["model", "api", "agent/known-agent", "relabel", "query/parser", "ingest", "scrape/status"],
  server: [
    "model",
    "api",
    "agent",
    "database",
    "config",
    "discovery",
    "http",
    "listen",
    "scrape",
    "samples",
    "local-files",
  ],
  cli: [
    ...["model", "api", "database", "server", "config", "samples", "query/parser", "local-files"],
    ...["relabel", "scrape/target", "agent"],
  ],
};

/** Inside a folder: each row may import itself and the rows before it; rows joined by "|" are siblings. */
const layers: Readonly<Record<string, readonly string[]>> = {
  "src/storage": [
    "codec|fs",
    "chunk",
    "index|wal",
    "head|block|prometheus|journal",
    "compaction",
    "maintenance|tsdb-querier",
    "tsdb",
  ],
  "src/query": ["parser", "plan", "eval", "engine"],
};

/** Outside packages and the one door of each. */
const doors: Readonly<Record<string, readonly string[]>> = {
  chevrotain: ["src/query/parser/"],
  fastify: ["src/http/"],
  re2js: ["src/model/"],
  bcryptjs: ["src/http/"],
  ws: ["src/agent/"],
  commander: ["src/cli/"],
  "csv-parse": ["src/ingest/csv/"],
  yaml: ["src/config", "src/discovery/"],
  "node:fs": ["src/storage/fs/", "src/local-files.ts"],
  "node:fs/promises": ["src/storage/fs/", "src/local-files.ts"],
  "node:dns/promises": ["src/discovery/"],
  "node:http": [
    ...["src/client/http-receiver.ts", "src/http-client/", "src/scrape/fetch.ts", "src/http/"],
    "src/discovery/kubernetes/official-access.ts",
  ],
  "node:https": [
    ...["src/client/http-receiver.ts", "src/http-client/", "src/scrape/fetch.ts", "src/http/"],
    "src/discovery/kubernetes/official-access.ts",
  ],
  "@kubernetes/client-node": ["src/discovery/kubernetes/official-access.ts"],
};

/** Calls that reach for the world; it comes in through constructors instead. */
const bannedCalls: readonly [pattern: RegExp, allowed: readonly string[], remedy: string][] = [
  [/\bDate\.now\(/, ["src/model/clock.ts"], "take a Clock"],
  [/\bnew Date\(\)/, [], "take a Clock"],
  [/\bperformance\.now\(/, ["src/model/clock.ts"], "take a Clock"],
  [/\bsetTimeout\(|\bsetInterval\(/, ["src/model/clock.ts"], "take a Clock and schedule"],
  [/\bMath\.random\(/, [], "take a random source"],
  [/\bprocess\.env\b/, ["src/config.ts", "src/cli/"], "read it in the entry point and pass it on"],
  [/\bconsole\./, ["src/cli/"], "call onEvent or the logger"],
  [/\bnew Error\(|\bthrow ["'`]/, [], "throw a subclass of TsdbError, or assert"],
  [/:\s*any\b|<any>|\bas any\b/, [], "name the type"],
  [/@ts-(?:ignore|nocheck|expect-error)/, [], "make the types right"],
  [/^export default\b/, [], "use a named export"],
  [/\b(?:TODO|FIXME|XXX|HACK)\b/, [], "do it, or write an issue"],
];

const bannedWords = /(?:^|[^a-z])(util|helper|misc|common|data|info|manager)s?(?:[^a-z]|$)/;
/** Words of the field: a manager of scrapes, the PromQL function `info`. */
const allowedNames = new Set(["scrape-manager", "data-directory", "info"]);

describe("imports", () => {
  it("follow the table between folders", () => {
    expect(sources.flatMap(foreignImports)).toEqual([]);
  });

  it("follow the order of layers within storage and query", () => {
    expect(sources.flatMap(upwardImports)).toEqual([]);
  });

  it("take outside packages through one door each", () => {
    const wrong = sources.flatMap((file) =>
      importsOf(file)
        .filter(
          (name) => doors[name] !== undefined && !doors[name].some((door) => file.path.startsWith(door)),
        )
        .map((name) => `${file.path} imports ${name}: only ${doors[name]!.join(", ")} may`),
    );
    expect(wrong).toEqual([]);
  });

  it("leave no file that nothing imports", () => {
    const entries = new Set(["src/index", "src/client/index", "src/scraping/index", "src/cli/main"]);
    const imported = new Set(sources.flatMap(importsOf));
    const orphans = sources
      .map((file) => file.path.replace(/\.ts$/, ""))
      .filter((path) => !imported.has(path));
    expect(orphans.filter((path) => !entries.has(path))).toEqual([]);
  });
});

describe("sizes", () => {
  it("keep source files at 400 lines and test files at 600", () => {
    const long = [
      ...sources.map((file) => [file, 400] as const),
      ...tests.map((file) => [file, 600] as const),
    ]
      .filter(([file, most]) => file.lines.length > most)
      .map(
        ([file, most]) =>
          `${file.path} has ${file.lines.length} lines: split it by concept (at most ${most})`,
      );
    expect(long).toEqual([]);
  });

  it("keep functions at 70 lines", () => {
    const long = sources.flatMap((file) =>
      functionsOf(file)
        .filter((span) => span.length > 70)
        .map((span) => `${file.path}:${span.line} ${span.title} has ${span.length} lines`),
    );
    expect(long).toEqual([]);
  });
});

describe("text", () => {
  it("opens every source file with a comment that says what it is", () => {
    const opening = /^(?:#!.*\n)?\/\*\*\n \* \S/;
    expect(sources.filter((file) => !opening.test(file.text)).map((file) => file.path)).toEqual([]);
  });

  it("reaches for the world only where it may", () => {
    const wrong = sources.flatMap((file) =>
      codeLines(file).flatMap((line, i) =>
        bannedCalls
          .filter(
            ([pattern, allowed]) => pattern.test(line) && !allowed.some((path) => file.path.startsWith(path)),
          )
          .map(([, , remedy]) => `${file.path}:${i + 1} ${line.trim()}: ${remedy}`),
      ),
    );
    expect(wrong).toEqual([]);
  });

  it("names files with the glossary's words", () => {
    const wrong = sources
      .map((file) => file.path)
      .filter((path) => path.split("/").some((part) => isBannedName(part.replace(/\.ts$/, ""))));
    expect(wrong).toEqual([]);
  });

  it("has no commented-out code", () => {
    const code =
      /^\s*\/\/\s*(?:(?:const|let|return|if \(|for \(|import|export|await)\b.*[;{]|[\w.]+\(.*\);)\s*$/;
    const wrong = [...sources, ...tests].flatMap((file) =>
      file.lines.flatMap((line, i) => (code.test(line) ? [`${file.path}:${i + 1} ${line.trim()}`] : [])),
    );
    expect(wrong).toEqual([]);
  });

  it("keeps tests whole: none narrowed to one", () => {
    const wrong = tests.filter((file) => /\b(?:it|describe|test)\.only\(/.test(codeLines(file).join("\n")));
    expect(wrong.map((file) => file.path)).toEqual([]);
  });

  it("lets tests wait with one patience, and begin nothing whose failure nobody hears", () => {
    const rules: readonly [RegExp, string][] = [
      [/\bvi\.wait(?:For|Until)\(|\bexpect\.poll\(/, "wait with test/support/eventually.ts"],
      [
        /\bfor \(const (\w+) of \[[^\]]*\(.*\n?\s*await expect\(\1\)\.rejects\b/,
        "look at promises that reject together: Promise.all of their expectations",
      ],
    ];
    const wrong = tests.flatMap((file) =>
      rules
        .filter(([pattern]) => pattern.test(codeLines(file).join("\n")))
        .map(([, remedy]) => `${file.path}: ${remedy}`),
    );
    expect(wrong).toEqual([]);
  });

  it("mirrors src in test: a test names a file or folder that exists", () => {
    const free = [
      "test/support/",
      "test/simulation/",
      "test/peers/",
      "test/tidy",
      "test/readme",
      "test/kill",
      "test/package",
    ];
    const wrong = tests
      .map((file) => file.path)
      .filter((path) => path.endsWith(".test.ts") && !free.some((prefix) => path.startsWith(prefix)))
      .filter((path) => {
        const subject = path.replace(/^test/, "src").replace(/(?:\.[\w-]+)?\.test\.ts$/, "");
        return ![`${subject}.ts`, subject, dirname(subject)].some((candidate) =>
          existsSync(join(root, candidate)),
        );
      });
    expect(wrong).toEqual([]);
  });
});

function isBannedName(name: string): boolean {
  return !allowedNames.has(name) && bannedWords.test(name);
}

/** "storage" for src/storage/wal/wal.ts, "database" for src/database.ts. */
function areaOf(path: string): string {
  return path
    .replace(/^src\//, "")
    .replace(/\.ts$/, "")
    .split("/")[0]!;
}

function foreignImports(file: SourceFile): string[] {
  const area = areaOf(file.path);
  const allowed = importTable[area];
  if (allowed === undefined)
    return [`${file.path}: "${area}" is not in the import table of test/tidy.test.ts`];
  return importsOf(file)
    .filter((name) => name.startsWith("src/") && areaOf(name) !== area)
    .filter(
      (name) => !allowed.some((prefix) => name === `src/${prefix}` || name.startsWith(`src/${prefix}/`)),
    )
    .map(
      (name) => `${file.path} imports ${name}: ${area} may import ${allowed.join(", ") || "nothing of ours"}`,
    );
}

function upwardImports(file: SourceFile): string[] {
  const folder = Object.keys(layers).find((prefix) => file.path.startsWith(`${prefix}/`));
  if (folder === undefined) return [];
  const rows = layers[folder]!.map((row) => row.split("|"));
  const nameIn = (path: string) =>
    path
      .slice(folder.length + 1)
      .replace(/\.ts$/, "")
      .split("/")[0]!;
  const rowOf = (path: string) => rows.findIndex((row) => row.includes(nameIn(path)));
  const own = rowOf(file.path);
  if (own < 0) return [`${file.path}: "${nameIn(file.path)}" has no row in the layers of ${folder}`];
  return importsOf(file)
    .filter(
      (name) => name.startsWith(`${folder}/`) && nameIn(name) !== nameIn(file.path) && rowOf(name) >= own,
    )
    .map(
      (name) =>
        `${file.path} imports ${name}: it may only import from ${rows.slice(0, own).flat().join(", ")}`,
    );
}
