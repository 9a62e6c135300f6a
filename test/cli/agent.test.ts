/**
 * `narthex agent` as users run it: processes of their own.
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.js";
import { HttpServers } from "../support/http-servers.js";
import { builtCli, query, type RunningServer, startNarthex } from "../support/processes.js";

const root = mkdtempSync(join(tmpdir(), "narthex-agent-cli-"));
const targets = new HttpServers();
const children: ChildProcess[] = [];

afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  targets.close();
  rmSync(root, { recursive: true, force: true });
});

interface RunningAgent {
  readonly child: ChildProcess;
  readonly lines: string[];
  readonly ended: Promise<number | null>;
}

function startAgent(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): RunningAgent {
  const env = { ...process.env, ...environment };
  const child = spawn(process.execPath, [builtCli, "agent", ...args], { cwd: root, env });
  children.push(child);
  const lines: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => lines.push(line));
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return { child, lines, ended };
}

function narthex(...args: string[]): Promise<{ code: number | null; err: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [builtCli, ...args], { cwd: root }, (_error, _out, err) =>
      resolve({ code: child.exitCode, err }),
    );
  });
}

async function startServer(name: string): Promise<RunningServer> {
  const file = join(root, `${name}.yml`);
  writeFileSync(
    file,
    `scrape_configs: [{ job_name: node, scrape_interval: 500ms }, { job_name: app, scrape_interval: 500ms }]
agent_configs: [{ name: cellar, token: s3cret, jobs: [node, app] }]
`,
  );
  const server = await startNarthex(join(root, name), ["--config", file]);
  children.push(server.process);
  return server;
}

const upOf = async (server: RunningServer, job: string) =>
  (await query(server, "query", { query: `up{job="${job}"}` }))[0]?.value?.[1];

describe("narthex agent", () => {
  it("is scraped by its flags or its file, reads the file again, survives its server, and ends when it is told to", async () => {
    const target = await targets.plain((_request, response) => {
      response.setHeader("content-type", "text/plain");
      response.end("a 1\n");
    });
    const server = await startServer("one");
    const address = target.replace("http://", "");
    writeFileSync(join(root, "agent.yml"), "scrape_configs: []\n");
    const { child, lines, ended } = startAgent(
      ["--server", server.url, "--target", address, "--job", "node", "--config", "agent.yml"],
      { NARTHEX_AGENT_TOKEN: "s3cret" },
    );
    await eventually(async () => expect(await upOf(server, "node")).toBe("1"));
    expect(await upOf(server, "app")).toBe(undefined);
    const app = `scrape_configs: [{ job_name: app, static_configs: [{ targets: ["${address}"] }] }]\n`;
    writeFileSync(join(root, "agent.yml"), app);
    child.kill("SIGHUP");
    await eventually(async () => expect(await upOf(server, "app")).toBe("1"));
    writeFileSync(join(root, "agent.yml"), "scrape_configs: [{}]\n");
    child.kill("SIGHUP");
    await eventually(() =>
      expect(lines.join("\n")).toContain("the configuration stays as it was: agent.yml:1:"),
    );
    await server.stop("SIGKILL");
    await eventually(() => expect(lines.join("\n")).toMatch(/the connection .*broke.*; trying again in/));
    expect(child.exitCode).toBe(null);
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(lines.join("\n")).not.toContain("s3cret");
  });

  it("keeps on when there is no server yet, and shows its token to nobody", async () => {
    const { child, lines } = startAgent([
      "--server",
      "http://127.0.0.1:1",
      "--token",
      "s3cret",
      "--target",
      "localhost:1",
    ]);
    await eventually(() => expect(lines.join("\n")).toContain("ECONNREFUSED 127.0.0.1:1; trying again in"));
    expect(child.exitCode).toBe(null);
    expect(lines.join("\n")).not.toContain("s3cret");
    if (process.platform === "linux")
      expect(readFileSync(`/proc/${child.pid}/cmdline`, "utf8")).not.toContain("s3cret");
    child.kill("SIGKILL");
  });

  it("warns of a token that goes unencrypted, and of what is not its affair", async () => {
    writeFileSync(join(root, "t"), "s3cret");
    // Of a server, whose secrets are not there: none of the agent's business.
    const more = "textfile_configs: [{ job_name: a, directories: [d] }]\n";
    const server = "push_configs: [{ job_name: a, tokens: [{ token_file: none }] }]\n";
    writeFileSync(join(root, "more.yml"), more + server);
    const { child, lines, ended } = startAgent([
      "--server",
      "http://192.0.2.1:9",
      "--token-file",
      "t",
      "--config",
      "more.yml",
    ]);
    await eventually(() => expect(lines.length).toBeGreaterThan(2));
    expect(lines[0]).toContain("textfile_configs are not acted on by an agent, scrape_configs are");
    expect(lines[1]).toContain("the token and all pages go to the server unencrypted: use https://");
    // It does not wait for an answer that never comes.
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
  });

  it.each([
    [["--server", "http://h"], "error: an agent needs a token"],
    [
      ["--server", "h:9090", "--token", "t", "--target", "h:1"],
      "error: the server's URL must begin with https",
    ],
    [
      ["--server", "http://u:p@h", "--token", "t", "--target", "h:1"],
      "error: the server's URL must have no user",
    ],
    [["--server", "http://h", "--token", "t"], "error: an agent without targets is of no use"],
    [["--server", "http://h", "--token", "t", "--config", "none.yml"], "none.yml"],
    [["--server", "http://h", "--token", "t", "--target", "ftp://h"], "error: --target ftp://h"],
    [
      ["--server", "https://h", "--token", "t", "--target", "h", "--tls.cert-file", "c"],
      "error: a certificate needs its key",
    ],
    [
      ["--server", "http://h", "--token", "t", "--target", "h", "--proxy-url", "http://p"],
      "error: through a proxy the server is reached by https:// only",
    ],
    [["--token", "t", "--target", "h:1"], "required option '--server <url>'"],
  ])("says what is wrong with %j", async (args, message) => {
    const { code, err } = await narthex("agent", ...args);
    expect(err).toContain(message);
    expect(code).toBe(message === "none.yml" ? 1 : 2);
  });
});
