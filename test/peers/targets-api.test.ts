/**
 * What can be seen of scraping, beside a real Prometheus with the same configuration: targets, dropped targets, pools,
 * and what targets say of their metrics.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { eventually } from "../support/eventually.js";
import { HttpServers } from "../support/http-servers.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { freePort, type RunningServer, startNarthex, startPrometheus } from "../support/processes.js";

const first = `# HELP requests_total Requests, by \\"code\\".
# TYPE requests_total counter
requests_total{code="200"} 1
# TYPE heat gauge
heat 2
# HELP nameless Without a type.
nameless 3
# TYPE h histogram
h_bucket{le="+Inf"} 1
h_sum 1
h_count 1
bare 1
`;
const second = `# HELP requests Requests, otherwise said.
# TYPE requests counter
# UNIT wait_seconds seconds
# TYPE wait_seconds gauge
# HELP heat How warm.
# TYPE heat gauge
requests_total 1
wait_seconds 1
heat 1
# EOF
`;

/** Not the same in two servers that are asked at different times, or worded otherwise. */
const varying = new Set(["lastScrape", "lastScrapeDuration", "lastError"]);

describe.skipIf(isPeerMissing("prometheus"))("the API of targets", () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-targets-api-"));
  const servers = new HttpServers();
  let narthex: RunningServer;
  let prometheus: RunningServer;

  beforeAll(async () => {
    const serve = async (type: string, text: string) => {
      const url = await servers.plain((_, response) => response.setHeader("content-type", type).end(text));
      return url.replace("http://", "");
    };
    const text = await serve("text/plain; version=0.0.4", first);
    const open = await serve("application/openmetrics-text; version=1.0.0", second);
    const nobody = `127.0.0.1:${await freePort()}`;
    const config = {
      global: { scrape_interval: "1s" },
      scrape_configs: [
        { job_name: "pages", static_configs: [{ targets: [text, open], labels: { zone: "b" } }] },
        {
          job_name: "one of them",
          metrics_path: "/x",
          params: { a: ["b c", "d"] },
          static_configs: [{ targets: [text, "dropped:1", "dropped:2"] }, { targets: [nobody] }],
          keep_dropped_targets: 1,
          relabel_configs: [{ source_labels: ["__address__"], regex: "dropped.*", action: "drop" }],
        },
        { job_name: "empty", scrape_interval: "90s", scrape_timeout: "1500ms" },
      ],
    };
    const configFile = join(directory, "prometheus.yml");
    writeFileSync(configFile, JSON.stringify(config));
    mkdirSync(join(directory, "theirs"));
    narthex = await startNarthex(join(directory, "ours"), ["--config", configFile]);
    prometheus = await startPrometheus(findPeer("prometheus")!, {
      directory: join(directory, "theirs"),
      configFile,
    });
    for (const server of [narthex, prometheus]) await allScraped(server);
  });

  afterAll(async () => {
    await Promise.all([narthex?.stop(), prometheus?.stop()]);
    servers.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function answer(server: RunningServer, path: string): Promise<{ status: number; body: Body }> {
    const response = await fetch(`${server.url}/api/v1/${path}`);
    return { status: response.status, body: (await response.json()) as Body };
  }

  interface Body {
    readonly data?: unknown;
    readonly errorType?: string;
  }

  async function allScraped(server: RunningServer): Promise<void> {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
      const { data } = (await answer(server, "targets")).body as {
        data: { activeTargets: { health: string }[] };
      };
      if (data.activeTargets.length === 4 && data.activeTargets.every(({ health }) => health !== "unknown"))
        return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`${server.url} has not scraped all its targets`);
  }

  it.each([
    ...[
      "targets",
      "targets?state=active",
      "targets?state=dropped",
      "targets?state=ANY&scrapePool=one%20of%20them",
    ],
    ...["targets?scrapePool=none", "targets?scrapePool=", "targets?state=lost", "scrape_pools"],
    ...["targets/metadata", "targets/metadata?metric=heat", 'targets/metadata?match_target={zone="b"}'],
    ...[
      "targets/metadata?metric=none",
      "targets/metadata?limit=x",
      "targets/metadata?match_target={",
      "metadata",
    ],
    ...["targets/metadata?limit=0", "metadata?metric=heat", "metadata?metric=none", "metadata?limit=0"],
    ...["metadata?limit=x", "metadata?limit_per_metric=x", "targets/metadata?match_target=&metric=bare"],
  ])("answers alike to %s", async (path) => {
    const [ours, theirs] = await Promise.all([narthex, prometheus].map((server) => answer(server, path)));
    expect(ours!.status).toBe(theirs!.status);
    expect(ours!.body.errorType).toBe(theirs!.body.errorType);
    expect(comparable(ours!.body.data)).toEqual(comparable(theirs!.body.data));
  });

  it("tells the configuration in force in the same words", async () => {
    const [ours, theirs] = await Promise.all(
      [narthex, prometheus].map(async (server) => {
        const { yaml } = (await answer(server, "status/config")).body.data as { yaml: string };
        return parse(yaml) as { global: object; scrape_configs: object[] };
      }),
    );
    expect(theirs!.global).toMatchObject(told(ours!.global));
    expect(theirs!.scrape_configs).toMatchObject(ours!.scrape_configs.map(told));
  });

  it("tells of the process what a program in Go does not have alone", async () => {
    const [ours, theirs] = await Promise.all(
      [narthex, prometheus].map(async (server) => (await answer(server, "status/runtimeinfo")).body.data),
    );
    const ofGo = ["goroutineCount", "GOMAXPROCS", "GOMEMLIMIT", "GOGC", "GODEBUG"];
    const expected = Object.keys(theirs as object).filter((name) => !ofGo.includes(name));
    expect(Object.keys(ours as object)).toEqual(expected);
    const same = ["CWD", "hostname", "reloadConfigSuccess", "corruptionCount"];
    for (const name of same)
      expect([name, (ours as Record<string, unknown>)[name]]).toEqual([
        name,
        (theirs as Record<string, unknown>)[name],
      ]);
  });

  it("has its own metrics under Prometheus' names, with its types and labels", async () => {
    // Some have samples only after the second scrape of a target.
    const [ours, theirs] = await eventually(async () => {
      const both = await Promise.all([narthex, prometheus].map(families));
      for (const found of both) expect(found.has("prometheus_target_interval_length_seconds")).toBe(true);
      return both;
    });
    const shared = [...ours!].filter(([name, { samples }]) => name.startsWith("prometheus_") && samples > 0);
    expect(shared.length).toBeGreaterThan(20);
    for (const [name, family] of shared) {
      const known = theirs!.get(name);
      expect([name, known?.type]).toEqual([name, family.type]);
      for (const label of family.labels) expect([name, ...known!.labels]).toContain(label);
    }
  });

  interface Family {
    readonly type: string;
    readonly labels: Set<string>;
    samples: number;
  }

  async function families(server: RunningServer): Promise<ReadonlyMap<string, Family>> {
    const page = await (await fetch(`${server.url}/metrics`)).text();
    const found = new Map<string, Family>();
    for (const line of page.split("\n")) {
      const [, named, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
      if (named !== undefined) found.set(named, { type: type!, labels: new Set(), samples: 0 });
      const [, name = "", labels = ""] = /^(\w+)(?:\{(.*)\})? /.exec(line) ?? [];
      const family = found.get(name) ?? found.get(name.replace(/_(?:sum|count)$/, ""));
      if (family === undefined) continue;
      family.samples++;
      for (const [, label] of labels.matchAll(/(\w+)="/g)) family.labels.add(label!);
    }
    return found;
  }

  it("has nothing to notify of, and has replayed its log", async () => {
    for (const path of ["notifications", "status/walreplay"])
      expect((await answer(narthex, path)).body).toEqual((await answer(prometheus, path)).body);
  });

  it("answers so many as were asked for", async () => {
    const count = async (server: RunningServer, path: string) =>
      Object.keys((await answer(server, path)).body.data as object).length;
    for (const path of ["metadata?limit=2", "targets/metadata?metric=heat&limit=2"])
      expect([await count(narthex, path), await count(prometheus, path)]).toEqual([2, 2]);
  });
});

/** Without what Prometheus 3.5 does not say: labels that do not win, names where it has a default. */
function told(section: object): object {
  const names = new Set(["honor_labels", "metric_name_validation_scheme", "metric_name_escaping_scheme"]);
  return Object.fromEntries(Object.entries(section).filter(([name]) => !names.has(name)));
}

/** Lists in an order of their own, without what varies. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) {
    const texts = value.map((item) => JSON.stringify(comparable(item)));
    return texts.sort();
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([name]) => !varying.has(name));
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, inner]) => [name, comparable(inner)]),
  );
}
