/**
 * agent_configs as they are written: what they come to, and where errors are told.
 */

import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { agentJobs } from "../../src/agent/agent-config.js";
import { loadConfig } from "../../src/config.js";

const root = mkdtempSync(join(tmpdir(), "narthex-agent-section-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const jobs = `scrape_configs:
  - { job_name: node, honor_labels: true, sample_limit: 500, params: { a: [b] }, static_configs: [{ targets: [h:1] }] }
  - { job_name: app }
textfile_configs: [{ job_name: batch, directories: [d] }]
`;

function load(agents: string) {
  const path = join(root, "f.yml");
  writeFileSync(path, `${jobs}agent_configs:\n${agents}`);
  return loadConfig(path, {});
}

describe("agent_configs", () => {
  it("say who may be an agent, and what it may bring", async () => {
    writeFileSync(join(root, "t"), " s3cret\n");
    const { agentConfigs } = await load(
      `  - { name: cellar, token_file: t, jobs: [node, app], labels: { site: berlin }, allow: { instance: "c-.*" } }`,
    );
    expect(agentConfigs).toEqual([
      {
        name: "cellar",
        tokenSha256: createHash("sha256").update("s3cret").digest(),
        jobs: ["node", "app"],
        labels: { site: "berlin" },
        allow: { instance: "c-.*" },
        honorLabels: false,
        limits: { targetsMax: 100, bodySizeMaxBytes: 16 * 1024 * 1024, samplesMax: 10_000 },
      },
    ]);
    expect(JSON.stringify(agentConfigs)).not.toContain("s3cret");
  });

  it("make a job of their own of each of their jobs, with the smaller limits and no targets", async () => {
    const { agentConfigs, scrapeConfigs } = await load(
      `  - { name: a, token: t, jobs: [node, app], body_size_limit: 1MiB }
  - { name: b, token: u, jobs: [node], sample_limit: 70, honor_labels: true }`,
    );
    const made = agentJobs(agentConfigs, scrapeConfigs);
    const facts = made.map(({ jobName, agent, samplesMax, bodySizeMaxBytes, honorLabels }) => [
      ...[jobName, agent, samplesMax, bodySizeMaxBytes, honorLabels],
    ]);
    expect(facts).toEqual([
      ["a/node", "a", 500, 1024 * 1024, false],
      ["a/app", "a", 10_000, 1024 * 1024, false],
      ["b/node", "b", 70, 16 * 1024 * 1024, true],
    ]);
    for (const job of made) expect(job).toMatchObject({ params: {}, staticTargets: [], discoveries: [] });
  });

  it.each([
    ["- { token: t, jobs: [node] }", "6:5: agent_configs[0].name must be given and not empty"],
    ["- { name: a, token: t }", "6:5: agent_configs[0].jobs must name jobs of scrape_configs, at least one"],
    ["- { name: a, token: t, jobs: [nope] }", '6:32: agent_configs[0].jobs names "nope", which is no job'],
    ["- { name: a, token: t, jobs: [batch] }", 'names "batch", which is a job of textfile_configs'],
    ["- { name: a, jobs: [node] }", "one of token, token_file and token_sha256 must be given"],
    ["- { name: a, token_file: none, jobs: [node] }", "agent_configs[0].token_file cannot be used"],
    [
      "- { name: a, token: t, jobs: [node], allow: { instance: '(' } }",
      "agent_configs[0].allow.instance is no",
    ],
    [
      "- { name: a, token: t, jobs: [node], labels: { __address__: x } }",
      "must have names that are not empty",
    ],
    [
      "- { name: a, token: t, jobs: [node], label: { x: y } }",
      'unknown key "label" in agent_configs[0]; did you mean',
    ],
    [
      "- { name: a, token: t, jobs: [node] }\n  - { name: a, token: u, jobs: [node] }",
      '7:13: agent_configs[1].name "a" is the name of another agent too',
    ],
    [
      "- { name: a, token: t, jobs: [node] }\n  - { name: b, token: t, jobs: [node] }",
      '7:13: agent_configs[1].name "b" has the same token as "a"',
    ],
  ])("are refused: %s", async (text, message) => {
    await expect(load(`  ${text}`)).rejects.toThrow(message);
  });

  it.each([
    ["b", "node", 'agent_configs[0].name makes the pool "b/node", which is the name of a job too'],
    ["a/x", "node", 'agent_configs[1].name makes the pool "a/x/node", as the agent "a" does'],
  ])("are refused when two pools would have one name: agent %s, job %s", async (name, job, message) => {
    const path = join(root, "pools.yml");
    const agents = [
      ...(name === "b" ? [] : [{ name: "a", token: "t", jobs: ["x/node"] }]),
      { name, token: "u", jobs: [job] },
    ];
    const scrape_configs = ["node", "x/node", "b/node"].map((job_name) => ({ job_name }));
    writeFileSync(path, JSON.stringify({ scrape_configs, agent_configs: agents }));
    await expect(loadConfig(path, {})).rejects.toThrow(message);
  });
});
