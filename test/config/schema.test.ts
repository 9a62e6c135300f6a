/**
 * The schema for editors and the reader judge the same files alike, as far as a schema can judge.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { YamlSection } from "../../src/config/yaml-section.js";
import { loadConfig, parseConfig } from "../../src/config.js";

const root = resolve(import.meta.dirname, "../..");
const schema = JSON.parse(readFileSync(join(root, "docs/schema/narthex.schema.json"), "utf8")) as Schema;
const validate = new Ajv2020({ strict: true, allowUnionTypes: true, strictRequired: false }).compile(schema);

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly $ref?: string;
  readonly required?: readonly string[];
  readonly items?: Schema;
}

function isValid(text: string): boolean {
  return validate(parse(text, { merge: true }) ?? null);
}

function problem(text: string): string | undefined {
  try {
    parseConfig(text, "f.yml");
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const files = readdirSync(join(root, "test/testdata/config")).filter((name) => name.endsWith(".yml"));

/** What documents show between fences. */
const examples = ["README.md", "docs/push.md", "docs/scraping.md"].flatMap((name) =>
  [...readFileSync(join(root, name), "utf8").matchAll(/^```yaml\n(.*?)^```$/gms)].map(
    ([, text = ""]) => text,
  ),
);

describe("the schema and the reader", () => {
  it.each(examples)("take the example %#", (text) => {
    expect(problem(text)).toBe(undefined);
    expect(isValid(text), JSON.stringify(validate.errors)).toBe(true);
  });

  it.each(files)("take %s", async (name) => {
    const file = join(root, "test/testdata/config", name);
    await loadConfig(file);
    expect(isValid(readFileSync(file, "utf8")), JSON.stringify(validate.errors)).toBe(true);
  });

  it.each([
    "",
    "{}",
    "push_configs:",
    "global: { scrape_interval: 1d12h }",
    "rule_files: &rules [a.yml, b.yml]",
    "storage: { tsdb: { retention: { time: 0 } } }",
    "scrape_configs: [{ job_name: 7, metric_relabel_configs: [{ regex: 5, action: labeldrop }] }]",
  ])("take %j", (text) => {
    expect(problem(text)).toBe(undefined);
    expect(isValid(text), JSON.stringify(validate.errors)).toBe(true);
  });

  it.each([
    "scrape_configz: []",
    "scrape_configs: {}",
    "scrape_configs: [{}]",
    "scrape_configs: [{ job_name: '' }]",
    "scrape_configs: [{ job_name: a, scheme: ftp }]",
    "scrape_configs: [{ job_name: a, scrape_interval: 15 }]",
    "scrape_configs: [{ job_name: a, scrape_intervall: 15s }]",
    "scrape_configs: [{ job_name: a, honor_labels: 'yes' }]",
    "scrape_configs: [{ job_name: a, sample_limit: -1 }]",
    "scrape_configs: [{ job_name: a, sample_limit: 1.5 }]",
    "scrape_configs: [{ job_name: a, body_size_limit: many }]",
    "scrape_configs: [{ job_name: a, static_configs: [{ targets: ['http://a/'] }] }]",
    "scrape_configs: [{ job_name: a, relabel_configs: [{ action: nothing }] }]",
    "scrape_configs: [{ job_name: a, relabel_configs: [{ actions: keep }] }]",
    "global: { scrape_interval: 1m1h }",
    "global: { metric_name_validation_scheme: ascii }",
    "storage: { tsdb: { retention: { time: soon } } }",
    "storage: { tsdb: { retention: { rules: [{ match: a }] } } }",
    "push_configs: [{ tokens: [{ token: t }] }]",
    "push_configs: [{ job_name: a }]",
    "push_configs: [{ job_name: a, tokens: [{}] }]",
    "push_configs: [{ job_name: a, tokens: [{ token: t, token_file: f }] }]",
    "push_configs: [{ job_name: a, tokens: [{ token: '' }] }]",
    "push_configs: [{ job_name: a, tokens: [{ token_sha256: abc }] }]",
    "push_configs: [{ job_name: a, tokens: [t] }]",
    "push_configs: [{ job_name: a, certificates: [{ labels: {} }] }]",
    "push_configs: [{ job_name: a, addresses: [{ name: x }] }]",
    "push_configs: [{ job_name: a, tokens: [{ token: t }], staleness: never }]",
    "push_configs: [{ job_name: a, tokens: [{ token: t }], staleness: 'hold:0s' }]",
    "push_configs: [{ job_name: a, tokens: [{ token: t }], interval: 0s }]",
    "push_configs: [{ job_name: a, tokens: [{ token: t }], limits: { series: 0 } }]",
    "push_configs: [{ job_name: a, tokens: [{ token: t }], limits: { serie: 1 } }]",
    "push_configs: [{ job_name: a, tokens: [{ token: t }], expected: gh-01 }]",
    "agent_configs: [{ name: a, jobs: [b] }]",
    "agent_configs: [{ name: a, token: t }]",
    "agent_configs: [{ name: a, token: t, jobs: [] }]",
    "agent_configs: [{ name: a, token: t, jobs: [b, b] }]",
    "agent_configs: [{ name: a, token: t, jobs: [b], target_limit: -1 }]",
    "agent_configs: [{ token: t, jobs: [b] }]",
    "push: { series: 5 }",
    "push: { limits: { sources: some } }",
    "graphite: { templates: name }",
    "graphite: { template: [name] }",
    "[]",
    "text",
  ])("refuse %j", (text) => {
    expect(problem(text)).not.toBe(undefined);
    expect(isValid(text)).toBe(false);
  });

  it("know the same keys", () => {
    const texts = [...textsOf(schema)];
    expect(texts.length).toBeGreaterThan(150);
    for (const text of texts) expect(problem(text) ?? "", text).not.toContain("unknown key");
  });
});

describe("the schema", () => {
  it("has every key that the reader asks for", async () => {
    const asked = new Set<string>();
    const reading = ["text", "flag", "count", "duration", "sizeBytes", "oneOf", "texts", "textList"] as const;
    const spies = [...reading, "section", "sections", "notYet", "notNeeded"].map((name) => {
      const spy = vi.spyOn(YamlSection.prototype, name as "text");
      return () => {
        for (const [keys] of spy.mock.calls) for (const key of [keys].flat()) asked.add(key);
        spy.mockRestore();
      };
    });
    for (const name of files) await loadConfig(join(root, "test/testdata/config", name));
    for (const stop of spies) stop();
    // Names of labels and of parameters, which are read as keys, too.
    const free = ["site", "zone", "instance", "__name__", "module", "x-tenant", "x-token", "b"];
    const known = new Set([...keysOf(schema), ...free]);
    const message = "add them to docs/schema/narthex.schema.json";
    expect(asked.size).toBeGreaterThan(100);
    expect(
      [...asked].filter((key) => !known.has(key)),
      message,
    ).toEqual([]);
  });
});

function keysOf(part: Schema): readonly string[] {
  const parts = [part.items, ...Object.values(part.properties ?? {}), ...Object.values(part.$defs ?? {})];
  return [
    ...Object.keys(part.properties ?? {}),
    ...parts.flatMap((inner) => (inner === undefined ? [] : keysOf(inner))),
  ];
}

/** For every key that the schema has a file with the key, and what its mapping cannot do without. */
function* textsOf(part: Schema): Generator<string> {
  if (part.$ref !== undefined) {
    const name = part.$ref.replace("#/$defs/", "");
    yield* textsOf(schema.$defs![name]!);
  }
  if (part.items !== undefined) for (const text of textsOf(part.items)) yield `[${text}]`;
  for (const [key, value] of Object.entries(part.properties ?? {})) {
    const others = (part.required ?? []).filter((name) => name !== key).map((name) => `${name}: 1s, `);
    yield `{ ${others.join("")}${key}: }`;
    for (const text of textsOf(value)) yield `{ ${others.join("")}${key}: ${text} }`;
  }
}
