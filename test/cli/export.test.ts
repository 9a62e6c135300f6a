/**
 * `narthex export` and `narthex import DIR`, as users run them.
 */

import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase } from "../../src/index.js";
import { builtCli, startNarthex } from "../support/processes.js";

const root = mkdtempSync(join(tmpdir(), "narthex-export-"));
const line = '{"metric":{"__name__":"x","host":"a"},"values":[1,null,2.5],"timestamps":[1000,2000,3000]}\n';

afterAll(() => rmSync(root, { recursive: true, force: true }));

function narthex(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [builtCli, ...args], { cwd: root }, (_error, out, err) =>
      resolve({ code: child.exitCode, out, err }),
    );
  });
}

beforeAll(async () => {
  writeFileSync(
    join(root, "x.jsonl"),
    `${line}{"metric":{"__name__":"y"},"values":[7],"timestamps":[3000]}\n`,
  );
  expect((await narthex("import", "x.jsonl", "--data", "data")).out).toMatch(
    /^x.jsonl: 4 samples in 2 series/,
  );
});

describe("narthex export", () => {
  it("writes text to the standard output, or to a file, compressed by its name", async () => {
    const { out } = await narthex("export", "--data", "data", "--format", "jsonl", "--match", "x");
    expect(out).toBe(line);
    await narthex("export", "--data", "data", "--format", "csv", "--start", "3", "--output", "out.csv.gz");
    expect(gunzipSync(readFileSync(join(root, "out.csv.gz"))).toString()).toBe(
      "time,__name__,host,value\n1970-01-01T00:00:03Z,x,a,2.5\n1970-01-01T00:00:03Z,y,,7\n",
    );
    const text = await narthex("export", "--data", "data", "--format", "openmetrics", "--end", "2.5");
    expect(text.out).toBe('x{host="a"} 1 1\n# EOF\n');
  });

  it("writes blocks, which import again, as does the directory itself", async () => {
    const { err } = await narthex(
      "export",
      "--data",
      "data",
      "--format",
      "prometheus-blocks",
      "--output",
      "blocks",
    );
    expect(err).toBe("blocks: 4 samples in 1 block\n");
    expect(readdirSync(join(root, "blocks"))).toEqual([expect.stringMatching(/^[0-9A-Z]{26}$/)]);
    for (const source of ["blocks", "data"]) {
      const imported = await narthex("import", source, "--data", `from-${source}`);
      expect(imported.out).toBe(`${source}: 4 samples in 1 block, 0 samples that were not in blocks yet\n`);
      const { out } = await narthex(
        "export",
        "--data",
        `from-${source}`,
        "--format",
        "jsonl",
        "--match",
        "x",
      );
      expect(out).toBe(line);
    }
  });

  it.each([
    [["--data", "data"], 2, /required option '--format/],
    [
      ["--data", "data", "--format", "xml"],
      2,
      /Allowed choices are prometheus-blocks, openmetrics, csv, jsonl/,
    ],
    [["--data", "absent", "--format", "csv"], 1, /there is no data directory absent/],
    [["--data", "data", "--format", "prometheus-blocks"], 2, /hint: add --output DIR/],
    [["--data", "data", "--format", "csv", "--match", "x{"], 2, /unexpected end of input inside braces/],
    [["--data", "data", "--format", "csv", "--output", "no/such/file"], 1, /cannot write no\/such\/file/],
  ])("refuses %j", async (args, code, reason) => {
    const { code: ended, err } = await narthex("export", ...args);
    expect([ended, err]).toEqual([code, expect.stringMatching(reason)]);
  });

  it("refuses a directory that a server has, of which there can be a snapshot", async () => {
    const server = await startNarthex(join(root, "data"), ["--web.enable-admin-api"]);
    const { err } = await narthex("export", "--data", "data", "--format", "jsonl");
    expect(err).toMatch(/in use by process/);
    const response = await fetch(`${server.url}/api/v1/admin/tsdb/snapshot`, { method: "POST" });
    const { data } = (await response.json()) as { data: { name: string } };
    const snapshot = join("data", "snapshots", data.name);
    const { out } = await narthex("export", "--data", snapshot, "--format", "jsonl", "--match", "x");
    expect(out).toBe(line);
    await server.stop();
  });
});

describe("narthex import DIR", () => {
  it("needs a data directory, and something to import", async () => {
    const toServer = await narthex("import", "data");
    expect([toServer.code, toServer.err]).toEqual([2, expect.stringMatching(/hint: add --data DIR/)]);
    const opened = await openDatabase({ directory: join(root, "empty") });
    await opened.close();
    const nothing = await narthex("import", "empty", "--data", "other");
    expect([nothing.code, nothing.err]).toEqual([
      2,
      expect.stringMatching(/neither blocks nor a log of samples/),
    ]);
  });

  it("imports what it can of a block that is broken, tells the rest, and ends with 1", async () => {
    await narthex("export", "--data", "data", "--format", "prometheus-blocks", "--output", "broken");
    const [block] = readdirSync(join(root, "broken"));
    const file = join(root, "broken", block!, "chunks", "000001");
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.with(12, bytes[12]! ^ 1));
    const { code, out, err } = await narthex("import", "broken", "x.jsonl", "--data", "from-broken");
    expect(code).toBe(1);
    expect(err).toMatch(/^warning: broken\/\w+: x\{host="a"\} from .* was left out: the checksum of a chunk/);
    expect(out).toMatch(
      /^broken: 0 samples in 0 blocks, 1 sample of broken blocks, 0 samples .*\nx.jsonl: 4 samples/,
    );
  });
});
