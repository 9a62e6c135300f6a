import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Labels } from "../../src/model/labels.js";
import { RelabelConfig, type RelabelFields } from "../../src/relabel/relabel-config.js";
import type { ScrapeConfig } from "../../src/scrape/scrape-config.js";
import { selectTargets, type TargetSelection } from "../../src/scrape/select-targets.js";
import { scrapeConfig } from "../support/scrape-config.js";

type Pairs = Readonly<Record<string, string>>;

function select(
  found: readonly Pairs[],
  rules: readonly RelabelFields[] = [],
  changes: Partial<ScrapeConfig> = {},
) {
  const relabelConfigs = rules.map((fields) => new RelabelConfig(fields));
  return selectTargets(
    scrapeConfig({ relabelConfigs, ...changes }),
    found.map((labels) => Labels.from(labels)),
  );
}

function seen({ active }: TargetSelection): unknown[] {
  return active.map(({ url, labels }) => [url, labels.toObject()]);
}

const here = { __address__: "h:1" };

describe("a target", () => {
  it("is discovered with what the configuration says, unless it says so itself", () => {
    const params = { module: ["http", "tcp"], none: [], q: ["a"] };
    const found = { ...here, __metrics_path__: "/own", __param_q: "own", zone: "a" };
    const [target] = select([found], [], { params }).active;
    expect(target!.discoveredLabels.toObject()).toEqual({
      __address__: "h:1",
      __metrics_path__: "/own",
      __param_module: "http",
      __param_q: "own",
      __scheme__: "http",
      __scrape_interval__: "15s",
      __scrape_timeout__: "10s",
      job: "app",
      zone: "a",
    });
    expect(target!.labels.toObject()).toEqual({ instance: "h:1", job: "app", zone: "a" });
    expect(target!.url).toBe("http://h:1/own?module=http&module=tcp&q=own");
  });

  it("is what relabelling makes of it", () => {
    const rules: RelabelFields[] = [
      { sourceLabels: ["__address__"], targetLabel: "__param_target" },
      { sourceLabels: ["__param_target"], targetLabel: "instance" },
      { targetLabel: "__address__", replacement: "prober:9115" },
      { targetLabel: "__scheme__", replacement: "https" },
      { targetLabel: "__metrics_path__", replacement: "probe" },
      { targetLabel: "__scrape_interval__", replacement: "1m30s" },
      { targetLabel: "__scrape_timeout__", replacement: "90s" },
      { action: "labelmap", regex: "__meta_(.+)" },
    ];
    const { active, problems } = select([{ ...here, __meta_zone: "z" }], rules);
    expect(problems).toEqual([]);
    expect(active[0]).toMatchObject({
      url: "https://prober:9115/probe?target=h%3A1",
      intervalMs: 90_000,
      timeoutMs: 90_000,
    });
    expect(active[0]!.labels.toObject()).toEqual({ instance: "h:1", job: "app", zone: "z" });
  });

  it.each([
    ["/a b/%2F?x#é", "http://h:1/a%20b/%252F%3Fx%23%C3%A9"],
    ["/$&+,/:;=@-_.~", "http://h:1/$&+,/:;=@-_.~"],
    ["/!*'()[]", "http://h:1/%21%2A%27%28%29%5B%5D"],
  ])("has the path %s as Go writes it", (path, url) => {
    expect(select([{ ...here, __metrics_path__: path }]).active[0]!.url).toBe(url);
  });

  it("has parameters as Go writes them", () => {
    const [target] = select([here], [], { params: { b: ["x y", "*~'"], a: ["1&2"] } }).active;
    expect(target!.url).toBe("http://h:1/metrics?a=1%262&b=x+y&b=%2A~%27");
  });

  it("is scraped once, however often it was found", () => {
    const found = [here, { ...here, __meta_id: "2" }, { ...here, zone: "b" }, { ...here, __tmp: "x" }];
    expect(seen(select(found))).toEqual([
      ["http://h:1/metrics", { instance: "h:1", job: "app" }],
      ["http://h:1/metrics", { instance: "h:1", job: "app", zone: "b" }],
      ["http://h:1/metrics", { instance: "h:1", job: "app" }],
    ]);
  });
});

describe("what is not scraped", () => {
  it("is remembered when a rule dropped it, up to a limit", () => {
    const found = ["h:1", "h:2", "h:3"].map((address) => ({ __address__: address }));
    const rules: RelabelFields[] = [{ action: "keep", sourceLabels: ["__address__"], regex: "h:1" }];
    const { active, dropped, droppedCount } = select(found, rules);
    expect([active.length, dropped.length, droppedCount]).toEqual([1, 2, 2]);
    expect(dropped[0]!.get("__address__")).toBe("h:2");
    expect(dropped[0]!.get("job")).toBe("app");
    const limited = select(found, rules, { droppedTargetsMax: 1 });
    expect([limited.dropped.length, limited.droppedCount]).toEqual([1, 2]);
  });

  it.each<[RelabelFields, reason: string]>([
    [{ targetLabel: "__address__", replacement: "" }, "no address"],
    [{ targetLabel: "__address__", replacement: "http://h" }, '"http://h" is not a valid hostname'],
    [
      { targetLabel: "__scrape_interval__", replacement: "soon" },
      'error parsing scrape interval: not a valid duration string: "soon"',
    ],
    [{ targetLabel: "__scrape_interval__", replacement: "0s" }, "scrape interval cannot be 0"],
    [
      { action: "labeldrop", regex: "__scrape_timeout__" },
      "error parsing scrape timeout: empty duration string",
    ],
    [{ targetLabel: "__scrape_timeout__", replacement: "0" }, "scrape timeout cannot be 0"],
    [
      { targetLabel: "__scrape_timeout__", replacement: "1m" },
      'scrape timeout cannot be greater than scrape interval ("1m" > "15s")',
    ],
    [{ action: "labelmap", regex: "job", replacement: "$2" }, 'invalid label names: {""="app"'],
  ])("is told of when %j makes it impossible", (rule, reason) => {
    const { active, dropped, problems } = select([here], [rule]);
    expect([active, dropped]).toEqual([[], []]);
    expect(problems).toEqual([expect.stringContaining(`a target of job "app" is left out: ${reason}`)]);
  });
});

describe("anything that was discovered", () => {
  it("is scraped, dropped or told of, and its URL never throws", () => {
    const name = fc.constantFrom(
      "__address__",
      "__scheme__",
      "__metrics_path__",
      "__param_x",
      "__param_",
      "a",
    );
    const found = fc.dictionary(name, fc.string({ unit: "binary", minLength: 1 }));
    fc.assert(
      fc.property(found, (pairs) => {
        const { active, problems } = select([{ ...here, ...pairs }]);
        expect(active.length + problems.length).toBe(1);
        expect(active[0]?.labels.has("instance")).not.toBe(false);
      }),
    );
    expect(select([{ ...here, __metrics_path__: "\ud800" }]).problems).toEqual([
      expect.stringContaining('invalid label value for "__metrics_path__"'),
    ]);
  });
});
