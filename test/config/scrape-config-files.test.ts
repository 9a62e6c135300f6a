import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config.js";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "narthex-config-"));
  mkdirSync(join(directory, "jobs"));
});

afterEach(() => rmSync(directory, { recursive: true }));

function write(files: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return join(directory, "main.yml");
}

describe("scrape_config_files", () => {
  it("are read in order, with the defaults of the main file and paths relative to their own", async () => {
    const main = write({
      "main.yml":
        "global: { scrape_interval: 7s }\nscrape_config_files: [jobs/*.yml, none/*.yml]\nscrape_configs: [{ job_name: m }]",
      "jobs/b.yml": "scrape_configs: [{ job_name: b, bearer_token_file: t }]",
      "jobs/a.yml": "scrape_configs: [{ job_name: a, scrape_failure_log_file: x }]",
      "jobs/c.yml": "",
      "jobs/other": "nonsense",
    });
    const { scrapeConfigs, warnings } = await loadConfig(main);
    expect(scrapeConfigs.map(({ jobName }) => jobName)).toEqual(["m", "a", "b"]);
    expect(scrapeConfigs[2]).toMatchObject({
      intervalMs: 7000,
      http: { authorization: { credentials: { file: join(directory, "jobs/t") } } },
    });
    expect(warnings).toEqual([
      `${join(directory, "jobs/a.yml")}:1: scrape_configs[0].scrape_failure_log_file is not acted on yet`,
    ]);
  });

  it("may match nothing, and may name a file that is not there: that is told", async () => {
    const main = write({ "main.yml": "scrape_config_files: [no/*.yml, 'no?.yml', jobs/typo.yml]" });
    const { warnings } = await loadConfig(main);
    expect(warnings).toEqual([
      `scrape_config_files names ${join(directory, "jobs/typo.yml")}, which is not there`,
    ]);
  });

  it.each([
    ["scrape_configs: [{ job_name: m }]", /jobs\/a\.yml: "m" is the name of another job too$/],
    ["scrape_configs: [{ job_name: a, x: 1 }]", /jobs\/a\.yml:1:33: unknown key "x"/],
    ["global: {}", /jobs\/a\.yml:1:1: unknown key "global"/],
  ])("are refused when one says %s", async (text, message) => {
    const main = write({
      "main.yml": "scrape_config_files: ['jobs/?.yml']\nscrape_configs: [{ job_name: m }]",
      "jobs/a.yml": text,
    });
    await expect(loadConfig(main)).rejects.toThrow(message);
  });
});
