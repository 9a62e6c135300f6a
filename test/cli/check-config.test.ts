import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { addCheckConfigCommand } from "../../src/cli/check-config.js";

const directory = mkdtempSync(join(tmpdir(), "narthex-check-config-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(() => {
  process.exitCode = undefined;
});

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

async function check(...words: string[]): Promise<string[]> {
  const lines: string[] = [];
  const terminal = {
    write: (text: string) => void lines.push(text.replaceAll(`${directory}/`, "")),
    ...{ say: () => {}, width: 80, hasColours: false, isInteractive: false },
  };
  const program = new Command();
  addCheckConfigCommand(program, terminal);
  await program.parseAsync(["check-config", ...words], { from: "user" });
  return lines;
}

describe("narthex check-config", () => {
  it("says what there is, and what is not acted on", async () => {
    file("sd.json", '[{"targets":["b:1","c:1"]}]');
    const path = file(
      "good.yml",
      `rule_files: [x.yml]
scrape_configs:
  - job_name: a
    static_configs: [{ targets: ["a:1"] }]
    file_sd_configs: [{ files: [sd.json, none-*.yml] }]
    http_sd_configs: [{ url: "http://h/" }]
    relabel_configs: [{ source_labels: [__address__], regex: "c:.*", action: drop }]
push_configs: [{ job_name: p, tokens: [{ token: t }] }]
agent_configs: [{ name: cellar, jobs: [a], token: s }]
`,
    );
    expect(await check(path)).toEqual([
      "warning: good.yml:1: rule_files is not acted on yet",
      'note: job "a": no file matches none-*.yml of file_sd_configs yet',
      "1 job, 2 targets, 1 discovery not asked, 1 push job, 1 agent",
    ]);
    expect(process.exitCode).toBeUndefined();
  });

  it("names files that are not there or of no use, and targets that cannot be scraped", async () => {
    mkdirSync(join(directory, "folder"), { recursive: true });
    file("empty", "\n");
    file("bad.json", '[{"targets":[1]}]');
    file("key.pem", "s3cr3t");
    const path = file(
      "bad.yml",
      `scrape_configs:
  - job_name: a
    basic_auth: { username: u, password_file: gone }
    http_headers: { X-A: { files: [empty] } }
    tls_config: { ca_file: folder }
    file_sd_configs: [{ files: ["bad*.json"] }]
    http_sd_configs: [{ url: "http://h/", authorization: { credentials_file: gone-too } }]
  - job_name: b
    tls_config: { cert_file: key.pem, key_file: key.pem }
    static_configs: [{ targets: ["b:1"] }]
    relabel_configs: [{ target_label: __address__, replacement: "" }]
textfile_configs: [{ job_name: t, directories: [nowhere] }]
`,
    );
    const lines = await check(path);
    expect(lines.map((line) => line.replace(/(tls_config are not usable): .*/, "$1"))).toEqual([
      'note: job "a": empty is empty',
      expect.stringMatching(/^problem: job "a": .*gone/),
      expect.stringMatching(/^problem: job "a": .*folder/),
      expect.stringMatching(/^problem: job "a": .*gone-too/),
      'problem: job "a": bad.json: targets and values of labels of group 1 must be text',
      'problem: job "b": the certificates or keys of tls_config are not usable',
      expect.stringMatching(/^problem: a target of job "b" is left out: no address; it is /),
      'problem: job "t": there is no directory nowhere',
      "3 jobs, 1 target, 1 discovery not asked",
    ]);
    expect(lines.join("")).not.toContain("s3cr3t");
    expect(process.exitCode).toBe(1);
  });

  it("refuses what no server would start with, and nothing", async () => {
    const path = file("wrong.yml", "scrape_config: []\n");
    await expect(check(path)).rejects.toThrow('unknown key "scrape_config" in the file');
    const web = file("web.yml", "basic_auth_users: { a: plain }\n");
    await expect(check("--web.config.file", web)).rejects.toThrow("must be a bcrypt hash");
    const two = file("two.yml", "http_server_config: {}\n---\nbasic_auth_users: {}\n");
    await expect(check("--web.config.file", two)).rejects.toThrow(
      "two.yml:2:1: a second document begins: join",
    );
    await expect(check()).rejects.toThrow("which file?");
  });
});
