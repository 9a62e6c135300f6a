import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, describe, expect, it } from "vitest";
import { CommandError } from "../../src/cli/failure.js";
import { addRelabelCommand } from "../../src/cli/relabel.js";

const directory = mkdtempSync(join(tmpdir(), "narthex-relabel-"));
const several = join(directory, "several.yml");
const one = join(directory, "one.yml");

writeFileSync(
  several,
  `
global: { scrape_interval: 30s }
scrape_configs:
  - job_name: node
    relabel_configs:
      - { source_labels: [__address__], regex: "(.+):\\\\d+", target_label: instance }
      - { source_labels: [__meta_skip], regex: "true", action: drop }
      - { target_label: job, replacement: nodes }
      - { action: labeldrop, regex: __meta_.* }
  - job_name: plain
`,
);
writeFileSync(
  one,
  `
scrape_configs:
  - job_name: app
    metric_relabel_configs:
      - { source_labels: [__name__, job], separator: /, regex: "go_.*", action: drop }
      - { source_labels: [id], modulus: 4, target_label: shard, action: hashmod }
    relabel_configs:
      - { target_label: __scrape_timeout__, replacement: 1h }
`,
);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function relabel(...words: string[]): Promise<string[]> {
  const lines: string[] = [];
  const terminal = {
    write: (text: string) => void lines.push(text),
    say: () => {},
    width: 80,
    hasColours: false,
    isInteractive: false,
  };
  const program = new Command();
  addRelabelCommand(program, terminal);
  await program.parseAsync(["relabel", ...words], { from: "user" });
  return lines;
}

describe("narthex relabel", () => {
  it("shows what each rule does to a target, and what is scraped", async () => {
    const labels = '{"__address__":"h:9100","__meta_zone":"z"}';
    expect(await relabel("--config", several, "--job", "node", labels)).toEqual([
      'found    {__address__="h:9100", __meta_zone="z", __metrics_path__="/metrics", __scheme__="http", ' +
        '__scrape_interval__="30s", __scrape_timeout__="10s", job="node"}',
      'rule 1   replace  source_labels: [__address__]  regex: "(.+):\\\\d+"  target_label: instance',
      '           + instance="h"',
      'rule 2   drop  source_labels: [__meta_skip]  regex: "true"',
      'rule 3   replace  target_label: job  replacement: "nodes"',
      '           + job="nodes"   (was "node")',
      'rule 4   labeldrop  regex: "__meta_.*"',
      '           - __meta_zone="z"',
      "target   http://h:9100/metrics  (every 30s, timeout 10s)",
      'labels   {instance="h", job="nodes"}',
    ]);
  });

  it("ends at the rule that drops", async () => {
    const lines = await relabel(
      "--config",
      several,
      "--job",
      "node",
      '{"__address__":"h:1","__meta_skip":"true"}',
    );
    expect(lines.slice(-2)).toEqual([
      'rule 2   drop  source_labels: [__meta_skip]  regex: "true"',
      "           dropped",
    ]);
  });

  it("says why a target cannot be scraped", async () => {
    expect((await relabel("--config", one, '{"__address__":"h:1"}')).at(-1)).toBe(
      'left out scrape timeout cannot be greater than scrape interval ("1h" > "1m")',
    );
  });

  it("relabels a series when asked", async () => {
    expect(await relabel("--config", one, "--metric", '{"__name__":"a","id":"7"}')).toEqual([
      'scraped  a{id="7"}',
      'rule 1   drop  source_labels: [__name__, job]  separator: "/"  regex: "go_.*"',
      "rule 2   hashmod  source_labels: [id]  modulus: 4  target_label: shard",
      '           + shard="3"',
      'series   a{id="7", shard="3"}',
    ]);
    expect((await relabel("--config", one, "--metric", '{"__name__":"go_x"}')).at(-1)).toBe(
      "           dropped",
    );
    expect(await relabel("--config", several, "--job", "plain", "--metric", '{"__name__":"a"}')).toEqual([
      "scraped  a",
      "series   a",
    ]);
  });

  it("takes labels as PromQL writes them", async () => {
    const written = async (...words: string[]) => (await relabel("--config", one, "--metric", ...words))[0];
    for (const text of [
      'a{id="7"}',
      '{"__name__":"a","id":"7"}',
      '{__name__="a", id="7"}',
      '{"a", "id"="7"}',
    ])
      expect([text, await written(text)]).toEqual([text, 'scraped  a{id="7"}']);
    expect(await written('{"a.b", x="\\"{,"}')).toBe('scraped  {__name__="a.b", x="\\"{,"}');
  });

  it.each([
    ['a{b=~"c"}', 'b=~"c" is no label but a condition; write b="VALUE"'],
    ['a{b="1", b="2"}', "the label b stands there twice"],
    ['a{b="1"', "error parsing labels at character 8: "],
    ['{"a":1}', 'error parsing labels: the value of "a" is no text'],
    ['{"a":"1"', "error parsing labels: SyntaxError"],
    ["", "error parsing labels at character 1: "],
  ])("refuses %s as labels", async (text, message) => {
    await expect(relabel("--config", one, "--metric", text)).rejects.toThrow(message);
  });

  it("shows the static targets of a job when no labels are given", async () => {
    const file = join(directory, "static.yml");
    const targets = '[{ targets: ["a:1", "b:2"], labels: { zone: z } }]';
    writeFileSync(file, `scrape_configs: [{ job_name: app, static_configs: ${targets} }]`);
    const lines = await relabel("--config", file);
    expect(lines.filter((line) => /^(?:target|labels|$)/.test(line))).toEqual([
      "target   http://a:1/metrics  (every 1m, timeout 10s)",
      'labels   {instance="a:1", job="app", zone="z"}',
      "",
      "target   http://b:2/metrics  (every 1m, timeout 10s)",
      'labels   {instance="b:2", job="app", zone="z"}',
    ]);
    await expect(relabel("--config", one)).rejects.toThrow(
      "give the labels of a target, as the job has no static ones",
    );
    await expect(relabel("--config", one, "--metric")).rejects.toThrow("give the labels of a series");
  });

  it("asks which job is meant", async () => {
    const failure = await relabel("--config", several, "{}").catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CommandError);
    expect(failure).toMatchObject({ message: "which job?", hint: "name one of them by --job: node, plain" });
    await expect(relabel("--config", several, "--job", "none", "{}")).rejects.toThrow('has no job "none"');
    await expect(relabel("--config", several, "[1]")).rejects.toThrow("error parsing labels");
  });
});
