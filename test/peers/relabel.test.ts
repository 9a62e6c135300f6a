// biome-ignore-all lint/suspicious/noTemplateCurlyInString: so templates of relabelling name groups.
/**
 * Relabelling beside a real Prometheus: the same rules refused by promtool and by us, and, from one configuration with
 * hundreds of random rules, the same targets (URL, discovered and final labels, dropped ones) and the same series.
 *
 * SEED=n replays a run.
 */

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { api, type RunningServer, startNarthex, startPrometheus } from "../support/processes.js";
import { seededRandom } from "../support/seeded-random.js";

const seed = Number(process.env.SEED ?? 20261120);
const isMissing = ["prometheus", "promtool"].map(isPeerMissing).includes(true);

type Rule = Readonly<Record<string, unknown>>;

const sources = ["a", "b", "__meta_x", "__tmp", "utf8.näme", "__name__", "none"];
const targets = ["a", "b", "c", "__tmp", "utf8.näme", "t_${1}", "$1", "pre$first", "$2"];
const templates = [
  ...["$1", "${1}", "$2-$1", "$0", "$$1", "x", "", "${rest}$first", "$1x", "${1}x", "$01"],
  ...["$", "${", "${}", "$é", "é$1", "$1$1", "${1é}", "$-1"],
];
const regexes = [
  ...["(.*)", ".*", "(.+)", ".+", "f(.*)", "(.*)-(.*)", "(foo|bar)", "foo|bar-baz", "([^:]+)(?::\\d+)?"],
  ...["(?i)FOO", "(?P<first>.)(?P<rest>.*)", "", "line1.line2", "\\w+", "^foo$", "[a-z]+", ".+;.*"],
  ...["(?:a|b|f|o)+;.*", "(a)|(f)oo", "(?-s)line.*", "\\pL+", "(?:foo)?(.*?)o*", "foo|", "(f)(oo)|bar(.*)"],
];
const actions = [
  ...["replace", "replace", "replace", "replace", "replace", "lowercase", "uppercase", "hashmod"],
  ...["labelmap", "labeldrop", "keep", "drop", "keepequal", "dropequal"],
];
const values = [
  "foo",
  "bar-baz",
  "x;y",
  "10.0.0.1:9100",
  "line1\nline2",
  "Straße İ ΑΣ ﬁ ᾳ ŉ ǅ",
  "A B",
  "foo;bar",
];

/** Rules that both accept. Those that map names keep names apart, for Go goes through them in any order. */
function randomRule(random: () => number): Rule {
  const one = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
  const source = { source_labels: Array.from({ length: Math.floor(random() * 3) }, () => one(sources)) };
  const plain = one(targets.filter((name) => !name.includes("$")));
  const action = one(actions);
  switch (action) {
    case "replace":
      return {
        ...source,
        target_label: one(targets),
        ...(random() < 0.8 ? { regex: one(regexes) } : {}),
        ...(random() < 0.7 ? { replacement: one(templates) } : {}),
        ...(random() < 0.3 ? { separator: one(["", "-", "|"]) } : {}),
      };
    case "lowercase":
    case "uppercase":
      return { action, ...source, target_label: plain };
    case "hashmod":
      return { action, ...source, target_label: plain, modulus: one([1, 7, 1000, 2 ** 32, 2 ** 53 - 1]) };
    case "labelmap":
      return {
        action,
        regex: one(["__meta_(.+)", "(utf8).*", "(a)"]),
        replacement: one(["m_$1", "${1}_m", "m.$1"]),
      };
    case "labeldrop":
      return { action, regex: one(["a", "t_.*", "(b|c)", "utf8.*", "__tmp"]) };
    case "keep":
      return { action, ...source, regex: one([".*", "(.*)", "(?s:.*)o?.*", "[^9]*"]) };
    case "drop":
      return { action, ...source, regex: one(["bar.*", "(x;y|A B)", ".*9100", "no"]) };
    default:
      return { action, source_labels: [one(sources)], target_label: one(["c", "none", "utf8.näme"]) };
  }
}

function randomRules(random: () => number, most: number): Rule[] {
  return Array.from({ length: 1 + Math.floor(random() * most) }, () => randomRule(random));
}

describe.skipIf(isMissing)("the same rules", () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-relabel-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const rules = [
    ...[
      "{}",
      "{ action: }",
      "{ action: KEEP }",
      "{ action: dorp }",
      "{ target_label: a }",
      "{ target_label: }",
    ],
    ...[
      "{ target_label: a.b }",
      '{ target_label: "" }',
      "{ target_label: a, regex: }",
      "{ target_label: 1 }",
    ],
    ...[
      "{ target_label: a, replacement: }",
      "{ target_label: a, separator: }",
      "{ target_label: a, modulus: 3 }",
    ],
    ...[
      "{ target_label: a, modulus: -1 }",
      "{ target_label: a, modulus: x }",
      "{ target_label: a, regexp: b }",
    ],
    ...["{ target_label: a, source_labels: b }", "{ target_label: a, source_labels: [b, c.d, 3] }"],
    ...['{ target_label: a, source_labels: [""] }', "{ target_label: a, source_labels: [] }"],
    ...[
      '{ target_label: a, regex: "(" }',
      '{ target_label: a, regex: "(?=x)" }',
      '{ target_label: a, regex: "a{1001}" }',
    ],
    ...[
      '{ target_label: a, regex: "\\\\pN+(?i)x" }',
      '{ target_label: a, regex: "[[:word:]]" }',
      '{ regex: "\\\\C" }',
    ],
    ...["{ action: hashmod, target_label: a }", "{ action: hashmod, modulus: 3 }"],
    ...[
      "{ action: hashmod, modulus: 3, target_label: a }",
      "{ action: hashmod, modulus: 0, target_label: a }",
    ],
    ...["{ action: lowercase }", "{ action: lowercase, target_label: a, replacement: b }"],
    ...[
      "{ action: uppercase, target_label: a, regex: b }",
      "{ action: keep }",
      "{ action: drop, replacement: x }",
    ],
    ...["{ action: keepequal, target_label: a }", "{ action: keepequal, source_labels: [b] }"],
    ...[
      '{ action: keepequal, target_label: a, regex: "(.*)" }',
      "{ action: dropequal, target_label: a, modulus: 1 }",
    ],
    ...[
      '{ action: dropequal, target_label: a, separator: ";" }',
      "{ action: dropequal, target_label: a, separator: }",
    ],
    ...[
      "{ action: dropequal, target_label: a, replacement: $1 }",
      "{ action: keepequal, target_label: a, replacement: b }",
    ],
    ...[
      "{ action: labelmap }",
      "{ action: labelmap, replacement: }",
      "{ action: labelmap, replacement: a.$1 }",
    ],
    ...[
      "{ action: labeldrop }",
      "{ action: labeldrop, regex: a }",
      "{ action: labeldrop, source_labels: [] }",
    ],
    ...[
      "{ action: labelkeep, target_label: a }",
      "{ action: labelkeep, separator: x }",
      "{ action: labelkeep, modulus: 0 }",
    ],
    ...["", "a", "[a]"],
  ];

  it("are refused, and the same are fine", async () => {
    const judge = async (rule: string, i: number): Promise<[string, ours: boolean, theirs: boolean]> => {
      const text = `scrape_configs:\n- job_name: j\n  relabel_configs:\n  - ${rule}\n`;
      const file = join(directory, `${i}.yml`);
      writeFileSync(file, text);
      const theirs = await new Promise<boolean>((resolve) => {
        execFile(findPeer("promtool")!, ["check", "config", "--syntax-only", file], (error) =>
          resolve(error === null),
        );
      });
      return [rule, isFine(text), theirs];
    };
    const judged = await Promise.all(rules.map(judge));
    expect(judged.filter(([, ours, theirs]) => ours !== theirs)).toEqual([]);
    expect(judged.filter(([, ours]) => ours).length).toBeGreaterThan(15);
  });
});

function isFine(text: string): boolean {
  try {
    parseConfig(text, "f.yml");
    return true;
  } catch {
    return false;
  }
}

interface Discovery {
  readonly activeTargets: readonly (Record<string, unknown> & { readonly lastScrape: string })[];
  readonly droppedTargets: readonly DroppedTarget[];
  readonly droppedTargetCounts: unknown;
}

interface DroppedTarget {
  readonly scrapePool: string;
}

describe.skipIf(isMissing)(`random rules of seed ${seed}`, () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-relabel-"));
  const random = seededRandom(seed);
  let exporter: Server;
  let narthex: RunningServer;
  let prometheus: RunningServer;

  const page = values
    .map((value, i) => {
      const text = value.replaceAll("\n", "\\n");
      return `m${i}{a="${text}",b="${values[(i + 3) % values.length]!.replaceAll("\n", "\\n")}"} ${i}\n`;
    })
    .join("");

  function configuration(address: string): unknown {
    // Nobody answers there: these are looked at, not scraped.
    const found = values.map((value, i) => ({
      targets: ["127.0.0.1:1"],
      labels: {
        a: value,
        b: values[(i + 1) % values.length],
        __meta_x: values[(i + 2) % values.length],
        id: String(i),
      },
    }));
    const jobs = Array.from({ length: 60 }, (_, i) => ({
      job_name: `targets${i}`,
      scrape_interval: "1h",
      keep_dropped_targets: i % 5,
      params: { q: ["x y", "*"], r: ["1"] },
      relabel_configs: randomRules(random, 7),
      static_configs: found,
    }));
    const scraped = Array.from({ length: 60 }, (_, i) => ({
      job_name: `series${i}`,
      metric_relabel_configs: randomRules(random, 5),
      static_configs: [{ targets: [address], labels: { b: "target" } }],
    }));
    return { global: { scrape_interval: "1s" }, scrape_configs: [prober, ...jobs, ...scraped] };
  }

  const prober = {
    job_name: "probe",
    scrape_interval: "1h",
    metrics_path: "probe/a b?c",
    params: { module: ["http_2xx", "tcp"] },
    static_configs: [{ targets: ["a.example", "b.example:443"], labels: { __param_module: "own" } }],
    relabel_configs: [
      { source_labels: ["__address__"], target_label: "__param_target" },
      { source_labels: ["__param_target"], target_label: "instance" },
      { target_label: "__address__", replacement: "127.0.0.1:1" },
      { source_labels: ["instance"], regex: "b.*", target_label: "__scheme__", replacement: "https" },
    ],
  };

  beforeAll(async () => {
    exporter = createServer((_, response) => {
      response.setHeader("content-type", "text/plain; version=0.0.4").end(page);
    });
    await new Promise<void>((listening) => exporter.listen(0, "127.0.0.1", listening));
    const { port } = exporter.address() as AddressInfo;
    const configFile = join(directory, "prometheus.yml");
    writeFileSync(configFile, JSON.stringify(configuration(`127.0.0.1:${port}`), undefined, 1));
    mkdirSync(join(directory, "theirs"));
    narthex = await startNarthex(join(directory, "ours"), ["--config", configFile]);
    prometheus = await startPrometheus(findPeer("prometheus")!, {
      directory: join(directory, "theirs"),
      configFile,
    });
    await Promise.all([narthex, prometheus].map(allScraped));
  });

  afterAll(async () => {
    await Promise.all([narthex?.stop(), prometheus?.stop()]);
    exporter?.closeAllConnections();
    exporter?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const discovery = (server: RunningServer, parameters = {}) => api<Discovery>(server, "targets", parameters);

  async function allScraped(server: RunningServer): Promise<void> {
    for (;;) {
      const { activeTargets } = await discovery(server, { state: "active" });
      const due = activeTargets.filter(({ scrapePool }) => String(scrapePool).startsWith("series"));
      if (due.length === 60 && due.every(({ lastScrape }) => !lastScrape.startsWith("0001"))) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  it("give the same targets", async () => {
    const seen = async (server: RunningServer) => {
      const { activeTargets, droppedTargetCounts } = await discovery(server);
      const fields = [
        "discoveredLabels",
        "labels",
        "scrapePool",
        "scrapeUrl",
        "scrapeInterval",
        "scrapeTimeout",
      ];
      return {
        active: activeTargets.map((target) => textOf(fields.map((field) => target[field]))).sort(),
        droppedTargetCounts,
      };
    };
    const [ours, theirs] = await Promise.all([narthex, prometheus].map(seen));
    expect(ours!.active.length).toBeGreaterThan(200);
    expect(ours).toEqual(theirs);
  });

  it("drop the same targets, and remember as many", async () => {
    // Where the number is limited, which ones a Prometheus remembers is up to the order of its maps.
    const seen = async (server: RunningServer) => {
      const { droppedTargets } = await discovery(server, { state: "dropped" });
      const isLimited = ({ scrapePool }: DroppedTarget) => Number(scrapePool.replace("targets", "")) % 5 > 0;
      const limited = droppedTargets.filter(isLimited).map(({ scrapePool }) => scrapePool);
      return {
        all: droppedTargets
          .filter((target) => !isLimited(target))
          .map(textOf)
          .sort(),
        limited: limited.sort(),
      };
    };
    const [ours, theirs] = await Promise.all([narthex, prometheus].map(seen));
    expect(Math.min(ours!.all.length, ours!.limited.length)).toBeGreaterThan(0);
    expect(ours).toEqual(theirs);
    const parameters = { state: "active", scrapePool: "probe" };
    const [a, b] = await Promise.all([narthex, prometheus].map((server) => discovery(server, parameters)));
    expect([a!.droppedTargets, a!.droppedTargetCounts]).toEqual([b!.droppedTargets, b!.droppedTargetCounts]);
  });

  it("give the same series, and fail the same scrapes", async () => {
    const [ours, theirs] = await Promise.all(
      [narthex, prometheus].map(async (server) =>
        (await api<unknown[]>(server, "series", { "match[]": '{__name__=~".+",__name__!~"up|scrape_.*"}' }))
          .map(textOf)
          .sort(),
      ),
    );
    expect(ours!.length).toBeGreaterThan(150);
    expect(ours).toEqual(theirs);
    const [kept, theirKept] = await Promise.all(
      [narthex, prometheus].map(async (server) => {
        const { result } = await api<{ result: { metric: unknown; value: [number, string] }[] }>(
          server,
          "query",
          {
            query: 'last_over_time({__name__=~"up|scrape_samples_.*",job=~"series.*"}[1m])',
          },
        );
        return result.map(({ metric, value }) => `${textOf(metric)} ${value[1]}`).sort();
      }),
    );
    expect(kept).toEqual(theirKept);
  });
});

/** JSON with sorted keys. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort())
      : part,
  );
}
