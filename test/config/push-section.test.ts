import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadConfig, parseConfig } from "../../src/config.js";

const root = mkdtempSync(join(tmpdir(), "narthex-push-section-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function load(text: string) {
  const file = join(root, "narthex.yml");
  writeFileSync(file, text);
  return loadConfig(file);
}

function problem(text: string): string {
  try {
    parseConfig(text, "f.yml");
  } catch (error) {
    return (error as Error).message;
  }
  return "none";
}

const inJob = (fields: string) =>
  `push_configs:\n  - job_name: g\n    tokens: [{ token: t }]\n    ${fields}\n`;
const inToken = (fields: string) => `push_configs:\n  - job_name: g\n    tokens: [{ ${fields} }]\n`;

describe("push_configs", () => {
  it("are read whole", async () => {
    writeFileSync(join(root, "greenhouse.token"), "  s3cret\n");
    const digest = "ab".repeat(32);
    const { pushConfigs, pushBudgets, warnings } = await load(`
push:
  limits: { series: 5000, samples_per_second: 0.5, pushes: 10, sources: 20 }
push_configs:
  - job_name: greenhouse
    interval: 60s
    tokens:
      - { token_file: greenhouse.token, labels: { site: berlin }, allow: { instance: "gh-.*", __name__: "gh_.*" } }
      - { token_sha256: ${digest}, name: spare }
      - token: "12345"
    certificates: [{ name: gh-01.example.org }, { names: [a, b], labels: { instance: a } }]
    addresses: [{ cidr: 10.0.0.0/8, labels: { instance: lan } }]
    expected: [gh-01, gh-02]
    staleness: hold:1h
    limits:
      { series: 1000, samples_per_second: 500, requests_per_second: 2, body_size: 1MiB, decoded_size: 4MB,
        labels: 32, label_name_length: 64, label_value_length: 256 }
    metric_relabel_configs: [{ action: labeldrop, regex: tmp_.* }]
    future_window: 1m
  - { job_name: relay, honor_labels: true, tokens: [{ token: other }] }
`);
    expect(warnings).toEqual([]);
    expect(pushBudgets).toEqual({ seriesMax: 5000, samplesPerSecond: 0.5, pushesMax: 10, sourcesMax: 20 });
    const [greenhouse, relay] = pushConfigs;
    expect(greenhouse).toMatchObject({
      jobName: "greenhouse",
      intervalMs: 60_000,
      tokens: [
        { token: "s3cret", labels: { site: "berlin" }, allow: { instance: "gh-.*", __name__: "gh_.*" } },
        { tokenSha256: Buffer.from(digest, "hex"), name: "spare" },
        { token: "12345" },
      ],
      certificates: [{ names: ["gh-01.example.org"] }, { names: ["a", "b"], labels: { instance: "a" } }],
      addresses: [{ cidr: "10.0.0.0/8" }],
      expected: ["gh-01", "gh-02"],
      staleness: { kind: "hold", durationMs: 3_600_000 },
      honorLabels: false,
      futureMaxMs: 60_000,
      limits: {
        seriesMax: 1000,
        samplesPerSecond: 500,
        requestsPerSecond: 2,
        bodySizeBytes: 1024 ** 2,
        decodedSizeBytes: 4 * 1024 ** 2,
        labelsMax: 32,
        labelNameSizeBytes: 64,
        labelValueSizeBytes: 256,
      },
    });
    expect(greenhouse!.metricRelabelConfigs).toHaveLength(1);
    expect(relay).toMatchObject({ jobName: "relay", honorLabels: true });
  });

  it.each([
    ["push_configs: [{ tokens: [{ token: t }] }]", "f.yml:1:16: push_configs[0].job_name must be given"],
    [
      `${inJob("")}  - { job_name: g, tokens: [{ token: u }] }`,
      'push_configs[1].job_name names the job "g", which the entry at f.yml:2:15 has',
    ],
    ["push_configs: [{ job_name: g }]", "nobody may push as this job"],
    [
      inJob("intervall: 60s"),
      'f.yml:4:5: unknown key "intervall" in push_configs[0]; did you mean "interval"?',
    ],
    [inJob("interval: 0s"), "f.yml:4:15: push_configs[0].interval must be more than zero"],
    [inJob("staleness: hold"), "staleness must be lease, forever or hold:DURATION"],
    [inJob("limits: { series: 0 }"), "limits.series must be a number more than zero"],
    [inJob("limits: { serie: 1 }"), 'did you mean "series"?'],
    [inJob("addresses: [{ cidr: 10.0.0.0/33 }]"), "f.yml:4:25: push_configs[0].addresses[0].cidr is wrong"],
    [inJob("certificates: [{ labels: {} }]"), "the names in the certificate must be given"],
    [inJob("metric_relabel_configs: [{ action: nothing }]"), "unknown relabel action"],
    [inToken("token: t, allow: { instance: '(' }"), "allow.instance is no regular expression"],
    [inToken("token_sha256: abc"), "must be 64 hexadecimal digits"],
    [inToken("labels: {}"), "one of token, token_file and token_sha256 must be given"],
    ["push: { limits: { sources: none } }", "push.limits.sources must be a number more than zero"],
  ])("%j is refused", (text, message) => {
    expect(problem(text)).toContain(message);
  });

  it.each([
    inToken("token: s3cret, token_file: s3cret.txt"),
    inToken("token: [s3cret]"),
    inToken("token: *s3cret"),
    inToken("token: @s3cret"),
    inToken('token: "s3cret'),
    inToken("token: s3cret: s3cret"),
    inToken("token: s3cret, unknown: s3cret"),
    "push_configs:\n  - job_name: g\n    tokens: [s3cret]",
    "push_configs:\n  - job_name: g\n    tokens: s3cret",
    inToken("token_sha256: s3cret"),
  ])("never tell a secret: %j", (text) => {
    const message = problem(text);
    expect(message).not.toBe("none");
    expect(message).not.toContain("s3cret");
  });

  it("name the place of a token file that cannot be read, or is empty", async () => {
    const text = inToken("token_file: absent.token");
    await expect(load(text)).rejects.toMatchObject({
      code: "config",
      line: 3,
      message: expect.stringMatching(
        /narthex\.yml:3:\d+: push_configs\[0\]\.tokens\[0\]\.token_file cannot be used/,
      ),
    });
    writeFileSync(join(root, "absent.token"), "\n");
    await expect(load(text)).rejects.toThrow("names a file that is empty");
  });

  it("may not give one token to two, and are told where both stand", async () => {
    const file = join(root, "narthex.yml");
    writeFileSync(join(root, "twin.token"), "s3cret\n");
    const digest = createHash("sha256").update("s3cret").digest("hex");
    for (const [first, second] of [
      ["token: s3cret", "token: s3cret"],
      ["token_file: twin.token", "token: s3cret"],
      ["token: s3cret", `token_sha256: ${digest}`],
    ] as const) {
      const text = `push_configs:
  - { job_name: a, tokens: [{ ${first} }] }
  - job_name: b
    tokens: [{ token: other }, { ${second} }]
`;
      const message = await load(text).catch((error: Error) => error.message);
      const lines = text.split("\n");
      const place = (line: number, written: string) =>
        `${file}:${line}:${lines[line - 1]!.lastIndexOf(written) + written.indexOf(": ") + 3}`;
      const key = second.split(":")[0];
      expect(message).toBe(
        `${place(4, second)}: push_configs[1].tokens[1].${key} is the same token as another one, at ` +
          `${place(2, first)}; give each its own, or remove one: nobody could tell whose push it is`,
      );
    }
  });

  it("may not give one certificate name, or job, to two", async () => {
    const text = `push_configs:
  - { job_name: a, certificates: [{ name: x }] }
  - { job_name: b, certificates: [{ names: [y, x] }] }
`;
    await expect(load(text)).rejects.toThrow(
      /narthex\.yml:3:44: push_configs\[1\]\.certificates\[0\]\.names has the certificate name "x", at .*narthex\.yml:2:43; two/,
    );
    expect(
      problem(
        "push_configs:\n- { job_name: a, tokens: [{ token: t }] }\n- { job_name: a, tokens: [{ token: u }] }",
      ),
    ).toBe('f.yml:3:15: push_configs[1].job_name names the job "a", which the entry at f.yml:2:15 has');
  });
});
