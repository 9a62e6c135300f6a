/**
 * The command as users run it: the built program in processes of its own.
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, describe, expect, it } from "vitest";
import { builtCli } from "../support/processes.js";

const root = mkdtempSync(join(tmpdir(), "narthex-cli-"));
const children: ChildProcess[] = [];

afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(root, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function narthex(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [builtCli, ...args], { cwd: root }, (_error, out, err) =>
      resolve({ code: child.exitCode, out, err }),
    );
  });
}

interface Serving {
  readonly child: ChildProcess;
  readonly url: string;
  /** All lines until now. */
  readonly lines: string[];
  readonly ended: Promise<number | null>;
}

/** Resolves when a line matches `ready`. */
function serve(args: string[], ready = / listens on /): Promise<Serving> {
  const address = ["--web.listen-address", "127.0.0.1:0"];
  const child = spawn(process.execPath, [builtCli, "serve", ...address, ...args], { cwd: root });
  children.push(child);
  const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  const lines: string[] = [];
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      lines.push(line);
      const url = / listens on (\S+)/.exec(lines.join("\n"))?.[1] ?? "";
      if (ready.test(line)) resolve({ child, url, lines, ended });
    });
    void ended.then((code) => reject(new Error(`ended with ${code}: ${lines.join("\n")}`)));
  });
}

describe("narthex serve", () => {
  it("loads the sample data once, and suggests commands that work", async () => {
    const first = await serve(["--data", "samples", "--sample-data"], /--step 2h/);
    expect(first.lines.filter((line) => / samples in /.test(line))).toHaveLength(4);
    const [curl, table, plot] = first.lines.filter((line) => /^ {2}(?:curl|npx) /.test(line));
    const path = /'(.*)'/.exec(curl!)![1]!;
    const answer = (await (await fetch(path)).json()) as { data: { result: { values: unknown[] }[] } };
    expect(answer.data.result[0]!.values).toHaveLength(8);
    const prices = await narthex(...argumentsOf(table!));
    expect(prices.out).toMatch(/^AAPL +2008-01-01T00:00:00Z +135\.36$/m);
    expect((await narthex(...argumentsOf(plot!))).out).toMatch(/[⠁-⣿]/);
    const wrong = await narthex("query", "rate(up)", "--url", first.url);
    expect(wrong.err).toMatch(/^error: 1:6: parse error: .*\n {2}rate\(up\)\n {7}\^\^\n$/);
    first.child.kill("SIGTERM");
    expect(await first.ended).toBe(0);

    const second = await serve(["--data", "samples", "--sample-data"], /--step 2h/);
    expect(second.lines.join("\n")).not.toContain(" samples in ");
    second.child.kill("SIGINT");
    expect(await second.ended).toBe(0);
  });

  it("starts as a Prometheus does: its flags, its order, data in ./data", async () => {
    writeFileSync(join(root, "empty.yml"), "scrape_configs: []\n");
    const byDefault = await serve(["--config", "empty.yml"]);
    expect(byDefault.lines.join("\n")).toContain("(data in ./data; ");
    byDefault.child.kill("SIGTERM");
    const named = await serve(["--config.file=empty.yml", "--storage.tsdb.path=named"]);
    expect(named.lines.join("\n")).toContain("(data in named; ");
    named.child.kill("SIGTERM");
    expect([await byDefault.ended, await named.ended]).toEqual([0, 0]);
    const noFile = await narthex("serve", "--config.file=no.yml");
    expect(noFile.err).toBe("error: cannot read no.yml: no such file or directory\n");
  });

  it("names the port or the process that is in its way, and ends at once on a second signal", async () => {
    const server = await serve(["--data", "busy"]);
    const address = new URL(server.url).host;
    const samePort = await narthex("serve", "--data", "other", "--web.listen-address", address);
    expect(samePort).toEqual({
      code: 1,
      out: "",
      err: expect.stringMatching(
        new RegExp(`^error: cannot listen on ${address}: the port is in use\nhint: .*--web.listen-address`),
      ),
    });
    const sameDirectory = await narthex("serve", "--data", "busy", "--web.listen-address", "127.0.0.1:0");
    expect(sameDirectory.code).toBe(1);
    expect(sameDirectory.err).toContain(`in use by process ${server.child.pid}`);

    const push = request(`${server.url}/api/v1/import/prometheus`, { method: "POST" });
    push.on("error", () => {});
    await new Promise((written) => push.write("a 1\n", written));
    await fetch(`${server.url}/-/healthy`);
    const closing = nextLine(server.child, /closing/);
    // At once: two seconds later the stalled upload is given up, and then the end is an orderly one.
    for (const signal of ["SIGTERM", "SIGINT"] as const) server.child.kill(signal);
    await closing;
    expect(await server.ended).toBe(1);
  });
});

describe("narthex import and query", () => {
  it("say what of a data directory is damaged, and answer with the rest", async () => {
    const serving = await serve(["--data", "damaged"]);
    for (const value of [1, 2, 3]) {
      const body = `gauge{n="${value}"} ${value} 1000`;
      await fetch(`${serving.url}/api/v1/import/prometheus`, { method: "POST", body });
    }
    serving.child.kill("SIGKILL");
    await serving.ended;
    const segment = join(root, "damaged", "wal", "00000001");
    const bytes = readFileSync(segment);
    bytes[bytes.length >> 1]! ^= 0xff;
    writeFileSync(segment, bytes);
    const { code, out, err } = await narthex("query", "sum(gauge)", "--time", "1", "--data", "damaged");
    expect(err).toMatch(/^error: .*00000001 at byte \d+: .*could not be read$/m);
    expect(out).toMatch(/ 4$/m);
    expect(code).toBe(0);
  });

  it("on a data directory", async () => {
    const csv = [
      "date,temp_max,city",
      "2012-01-01,12.8,Seattle",
      "2012-01-02,x,Seattle",
      "2012-01-03,11.7,Seattle",
    ];
    writeFileSync(join(root, "weather.csv"), csv.join("\n"));
    const flags = ["--time", "date", "--labels", "site=home", "--metric-prefix", "home_", "--data", "local"];
    const imported = await narthex("import", "weather.csv", ...flags);
    expect(imported).toEqual({
      code: 0,
      out: "weather.csv: 2 samples in 1 series from 2012-01-01T00:00:00Z to 2012-01-03T00:00:00Z: home_temp_max\n",
      err: expect.stringContaining("1 row could not be read; line 3:"),
    });
    const [table, json] = await Promise.all([
      narthex("query", "home_temp_max[1d]", "--time", "2012-01-01T12:00:00Z", "--data", "local"),
      narthex("promql", "fmt", "sum(rate(x[5m]))by(job)"),
    ]);
    expect(table.out).toContain("2012-01-01T00:00:00Z");
    expect(json.out).toBe("sum by (job) (rate(x[5m]))\n");
    const range = ["--start", "2012-01-01", "--end", "2012-01-03", "--step", "1d", "--data", "local"];
    const csvResult = await narthex("query", "home_temp_max", ...range, "--format", "csv");
    expect(csvResult.out.split("\n")[1]).toBe("home_temp_max,Seattle,home,2012-01-01T00:00:00Z,12.8");
  });
});

describe("narthex import --storage.tsdb.block-encoding", () => {
  it("writes dense chunks unless it says gorilla", async () => {
    const lines = Array.from({ length: 200 }, (_, i) => `room_celsius ${(i % 7) / 10} ${i * 1000}`);
    writeFileSync(join(root, "rooms.prom"), `${lines.join("\n")}\n`);
    for (const [data, flags] of [
      ["dense", []],
      ["xor", ["--storage.tsdb.block-encoding", "gorilla"]],
    ] as const) {
      const { code, err } = await narthex("import", "rooms.prom", "--data", data, ...flags);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      const ulid = readdirSync(join(root, data)).find((name) => /^[0-9A-Z]{26}$/.test(name))!;
      const meta = readFileSync(join(root, data, ulid, "meta.json"), "utf8");
      expect(meta.includes("numDenseChunks")).toBe(data === "dense");
    }
  });
});

describe.concurrent("wrong usage", () => {
  it.each([
    [["--bogus"], 2, "error: unknown option '--bogus'"],
    [["quer", "up"], 2, "error: unknown command 'quer'\n(Did you mean query?)"],
    [["serve", "--confg", "x.yml"], 2, "error: unknown option '--confg'\n(Did you mean --config?)"],
    [
      ["serve", "--data", "x", "--config", "no.yml"],
      1,
      "error: cannot read no.yml: no such file or directory\n",
    ],
    [["import", "no.csv"], 1, "error: cannot read no.csv: no such file or directory\n"],
    [["import", "no.csv", "--labels", "a"], 2, '"a" has no value: write a=VALUE.'],
    [["query", "up", "--data", "nowhere"], 1, "error: there is no data directory nowhere\n"],
    [["query", "up", "--data", "x", "--url", "http://x"], 2, "error: --url and --data exclude each other\n"],
    [["query", "up", "--format", "plot"], 2, "error: a plot needs a range\nhint: add --start TIME"],
    [
      ["query", "up", "--time", "tomorrow"],
      2,
      "Write 2010-06-01, 2010-06-01T12:00:00Z, or seconds since 1970.",
    ],
    [["promql", "fmt", "sum("], 2, "error: 1:5: parse error: "],
  ] as const)("%j ends with %d", async (args, code, text) => {
    const ended = await narthex(...args);
    expect(ended.code).toBe(code);
    expect(ended.err).toContain(text);
    expect(ended.err).not.toMatch(/^\s+at /m);
  });

  it("is none when help or the version is asked for", async () => {
    const [help, version] = await Promise.all([narthex("import", "--help"), narthex("--version")]);
    expect([help.code, version.code, version.out]).toEqual([
      0,
      0,
      expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    ]);
    expect(help.out).toContain("Examples:");
  });
});

/** Of `  npx narthex query 'a b' --time x`: what comes after the program, as a shell would split it. */
function argumentsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!).slice(2);
}

function nextLine(child: ChildProcess, pattern: RegExp): Promise<void> {
  return new Promise((resolve) => {
    createInterface({ input: child.stderr! }).on("line", (line) => {
      if (pattern.test(line)) resolve();
    });
  });
}
