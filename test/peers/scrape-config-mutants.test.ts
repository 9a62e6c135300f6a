/**
 * A configuration with a slip of the keyboard or two, a thousand times: what `promtool check config` takes we take, what
 * it refuses we refuse, except where `explained` says why. SEED=n tries others.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { seededRandom } from "../support/seeded-random.js";

const original = `global:
  scrape_interval: 15s
  scrape_timeout: 10s
  external_labels: { site: "a b", zone: 'c' }
  body_size_limit: 10MB
rule_files:
  - a.yml
scrape_configs:
  # a comment
  - job_name: node
    scrape_interval: 30s
    honor_labels: true
    params:
      module: [http_2xx]
      target:
        - x
        - "y"
    basic_auth:
      username: u
      password: "p"
    static_configs:
      - targets: ["h:1", h:2]
        labels:
          env: prod
          "x y": z
    relabel_configs:
      - source_labels: [__address__, job]
        separator: ;
        regex: (.*):\\d+;(.*)
        target_label: instance
        replacement: $1-$2
      - action: labeldrop
        regex: tmp_.*
  - job_name: &name files
    scheme: https
    tls_config: { insecure_skip_verify: true, server_name: x }
    file_sd_configs:
      - files: [a/*.json, b.yml]
        refresh_interval: 5m
    metric_relabel_configs: &drop
      - { source_labels: [__name__], regex: "go_.*|process_.*", action: drop }
  - job_name: "third"
    metrics_path: /x?y
    sample_limit: 1000
    metric_relabel_configs: *drop
    dns_sd_configs:
      - names: [a.example.org]
        type: A
        port: 9100
    http_sd_configs:
      - url: http://h:80/x
        authorization:
          credentials: abc
`;

/** By what they say of it (empty when they take it), and what we say. */
const explained: readonly (readonly [theirs: RegExp, ours: RegExp, reason: string])[] = [
  [/^$/, /scheme must be one of http, https/, "no scrape could come of it"],
  [/^$/, /must be a URL of http or https with a host/, "nobody could be asked"],
  [
    /^$/,
    /Unexpected scalar at node end/,
    "what follows a mapping that stands deeper than it is passed over there",
  ],
  [
    /^$/,
    /Flow sequence in block|Missing closing "quote/,
    "text that goes on in the first column is taken there",
  ],
  [/^$/, /Comments must be separated/, "text may go on in a comment's place there"],
  [
    /^$/,
    /targets must be a list of text/,
    "a colon at the end of text in brackets makes it a mapping, in YAML",
  ],
  [
    /yaml: line \d+: did not find|cannot start any token/,
    /^$/,
    "their YAML is stricter in brackets and on tabs",
  ],
  [
    /instance \d+ in group \d+: no address/,
    /^$/,
    "promtool looks at what relabelling leaves of targets, too",
  ],
];

const characters = [...":{}[]\"'#&*!|>%@`,- \t.\\$?~=<0a\n"];

function mutate(random: () => number): string {
  const below = (count: number) => Math.floor(random() * count);
  const lines = original.split("\n");
  for (let slips = 1 + below(2); slips > 0; slips--) {
    const i = below(lines.length - 1);
    const j = below(lines.length - 1);
    const line = lines[i]!;
    const at = below(line.length + 1);
    const slip = [
      () => lines.splice(i, 1),
      () => lines.splice(i, 0, lines[j]!),
      () => lines.splice(i, 1, ` ${line}`),
      () => lines.splice(i, 1, line.replace(/^ /, "")),
      () => lines.splice(i, 1, ...lines.splice(j, 1, line)),
      () => lines.splice(i, 1, line.slice(0, at) + characters[below(characters.length)] + line.slice(at)),
      () => lines.splice(i, 1, line.slice(0, at) + line.slice(at + 1)),
      () => lines.splice(i, 1, line.replace(/: .*/, ":")),
      () =>
        lines.splice(
          i,
          1,
          line.replace(/: .*/, () => /: .*/.exec(lines[j]!)?.[0] ?? ":"),
        ),
    ];
    slip[below(slip.length)]!();
  }
  return lines.join("\n");
}

describe.skipIf(isPeerMissing("promtool"))("slips of the keyboard", () => {
  it("are judged as promtool judges them", async () => {
    const random = seededRandom(Number(process.env.SEED ?? 5));
    const directory = mkdtempSync(join(tmpdir(), "narthex-slips-"));
    const paths = Array.from({ length: 1000 }, (_, i) => join(directory, `${i}.yml`));
    const texts = paths.map(() => mutate(random));
    for (const [i, path] of paths.entries()) writeFileSync(path, texts[i]!);
    const args = ["check", "config", "--syntax-only", ...paths];
    const { stdout } = spawnSync(findPeer("promtool")!, args, { encoding: "utf8", maxBuffer: 1 << 26 });
    const taken = new Set([...stdout.matchAll(/SUCCESS: (\S+) is valid/g)].map(([, path]) => path));
    const verdicts = await Promise.all(paths.map(problemOf));
    const disagreements: string[] = [];
    for (const [i, path] of paths.entries()) {
      if (taken.has(path) === (verdicts[i] === "")) continue;
      const theirs = taken.has(path) ? "" : refusalOf(path);
      if (!explained.some(([a, b]) => a.test(theirs) && b.test(verdicts[i]!)))
        disagreements.push(`they: ${theirs}\nwe: ${verdicts[i]}\n${texts[i]}`);
    }
    rmSync(directory, { recursive: true });
    expect(disagreements).toEqual([]);
    expect(taken.size).toBeGreaterThan(100);
    expect(taken.size).toBeLessThan(500);
  });
});

/** Empty when the file is good. */
async function problemOf(path: string): Promise<string> {
  try {
    await loadConfig(path, {});
    return "";
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    expect(code).toBe("config");
    return message;
  }
}

/** What promtool says of one file alone: among others some of its failures do not name it. */
function refusalOf(path: string): string {
  const args = ["check", "config", "--syntax-only", path];
  const { stdout, stderr } = spawnSync(findPeer("promtool")!, args, { encoding: "utf8" });
  return stdout + stderr;
}
