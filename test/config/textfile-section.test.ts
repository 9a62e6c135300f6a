import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config.js";
import { Labels } from "../../src/model/labels.js";
import { selectTargets } from "../../src/scrape/select-targets.js";

function read(keys: string, before = "") {
  const text = `${before}global: { scrape_interval: 30s, sample_limit: 9 }\ntextfile_configs: [{ job_name: a, ${keys} }]`;
  return parseConfig(text, "/etc/narthex.yml").scrapeConfigs.at(-1)!;
}

describe("folders of text files", () => {
  it("are jobs with one target each, named after this machine", () => {
    const config = read("directories: [/srv/x, y], scrape_interval: 1m, labels: { zone: z }");
    expect(config).toMatchObject({
      jobName: "a",
      intervalMs: 60_000,
      samplesMax: 9,
      textfileDirectories: ["/srv/x", "/etc/y"],
    });
    const found = config.staticTargets.map(({ address, labels }) =>
      Labels.from({ ...labels, __address__: address }),
    );
    const { active } = selectTargets(config, found);
    expect(active.map(({ url, labels }) => [url, labels.toObject()])).toEqual([
      [`file://${hostname()}/srv/x,/etc/y`, { instance: hostname(), job: "a", zone: "z" }],
    ]);
  });

  it("may be named otherwise", () => {
    const [target] = read("directories: [x], labels: { instance: db-1 }").staticTargets;
    expect(target?.labels.instance).toBe("db-1");
  });

  it.each([
    ["", "directories must name at least one directory"],
    ["directories: [x], relabel_configs: []", 'unknown key "relabel_configs"'],
    ["directories: [x], labels: { '': x }", "names that are not empty"],
    ["directories: [x], scrape_interval: 1s, scrape_timeout: 2s", "must not be longer than scrape_interval"],
  ])("are refused when wrong: %s", (keys, reason) => {
    expect(() => read(keys)).toThrow(reason);
  });

  it("are not named as another job is", () => {
    expect(() => read("directories: [x]", "scrape_configs: [{ job_name: a }]\n")).toThrow(
      "the name of another job too",
    );
  });
});
