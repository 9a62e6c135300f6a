/**
 * readPushConfigs, readPushBudgets: `push_configs`, who may push as which job; `push`, what all of them may together.
 *
 *   push:
 *     limits: { series: 2000000, samples_per_second: 500000, pushes: 512, sources: 100000 }
 *   push_configs:
 *     - job_name: greenhouse
 *       interval: 60s
 *       tokens: [{ token_file: greenhouse.token, labels: { site: berlin }, allow: { instance: "gh-.*" } }]
 *       expected: [gh-01, gh-02]
 *       staleness: hold:1h
 *       limits: { series: 1000, body_size: 1MiB }
 *
 * No message has a secret in it.
 */

import { dirname } from "node:path";
import type { ReadFile } from "../http-client/secret-values.js";
import { parseStaleness } from "../ingest/push/staleness-policy.js";
import { Identities } from "../ingest/source/identities.js";
import { AddressRange } from "../ingest/source/ip-address.js";
import type {
  PushAddress,
  PushBudgets,
  PushCertificate,
  PushConfig,
  PushLimits,
  PushRights,
  PushToken,
} from "../ingest/source/push-config.js";
import { compilePushJob } from "../ingest/source/push-job.js";
import { AnchoredRegExp } from "../model/anchored-regexp.js";
import { definedOnly } from "../model/defined-only.js";
import { ConfigError, InvalidArgumentError } from "../model/errors.js";
import { digestKey, tokenDigest } from "../model/token-digest.js";
import { readRelabelConfigs } from "./relabel-section.js";
import { readToken } from "./token-section.js";
import type { YamlSection } from "./yaml-section.js";

/** An entry of `push_configs` as it is written: its token files are not read yet. */
export interface WrittenPushConfig {
  readonly jobName: string;
  /** Notes its credentials in `proofs`. Rejects with ConfigError. */
  load(readFile: ReadFile, proofs: Proofs): Promise<PushConfig>;
}

/** Where each thing that proves who somebody is stands, by what it is. Its text is no secret. */
type Proofs = Map<string, string>;

/** Paths are relative to `file`. Throws ConfigError at the field that is wrong. */
export function readPushConfigs(root: YamlSection, file: string): readonly WrittenPushConfig[] {
  const seen = new Map<string, string>();
  return root.sections("push_configs").map((section) => {
    const config = readPushConfig(section, dirname(file));
    const { jobName } = config;
    const other = seen.get(jobName);
    if (other !== undefined)
      section.fail("job_name", `names the job "${jobName}", which the entry at ${other} has`);
    seen.set(jobName, section.placeOf("job_name"));
    return config;
  });
}

/** With their tokens. Rejects with ConfigError, also when two credentials could not be told apart. */
export async function loadPushConfigs(
  written: readonly WrittenPushConfig[],
  { file, readFile }: { readonly file: string; readonly readFile: ReadFile },
): Promise<readonly PushConfig[]> {
  const configs: PushConfig[] = [];
  const proofs: Proofs = new Map();
  for (const config of written) configs.push(await config.load(readFile, proofs));
  try {
    void new Identities(configs.map(compilePushJob));
  } catch (cause) {
    if (!(cause instanceof InvalidArgumentError)) throw cause;
    throw new ConfigError(`${file}: ${cause.message}`, {}, { cause });
  }
  return configs;
}

export function readPushBudgets(section: YamlSection | undefined): Partial<PushBudgets> {
  const limits = section?.section("limits");
  const budgets = definedOnly({
    seriesMax: limits && numberOf(limits, "series"),
    samplesPerSecond: limits && numberOf(limits, "samples_per_second"),
    pushesMax: limits && numberOf(limits, "pushes"),
    sourcesMax: limits && numberOf(limits, "sources"),
  });
  limits?.finish();
  section?.finish();
  return budgets;
}

function readPushConfig(section: YamlSection, directory: string): WrittenPushConfig {
  const jobName = section.text("job_name") ?? "";
  if (jobName === "") section.fail("job_name", "must be given and not empty");
  const tokens = section.sections("tokens").map((token) => readPushToken(token, directory));
  const certificates = section.sections("certificates").map(readCertificate);
  const config = {
    jobName,
    certificates: certificates.map(({ certificate }) => certificate),
    addresses: section.sections("addresses").map(readAddress),
    expected: section.textList("expected") ?? [],
    honorLabels: section.flag("honor_labels") ?? false,
    metricRelabelConfigs: readRelabelConfigs(section, "metric_relabel_configs"),
    ...definedOnly({
      intervalMs: positiveDuration(section, "interval"),
      staleness: readStaleness(section),
      limits: readLimits(section.section("limits")),
      futureMaxMs: positiveDuration(section, "future_window"),
    }),
  };
  section.finish();
  if (tokens.length + certificates.length + config.addresses.length === 0)
    section.fail("job_name", "has no tokens, certificates or addresses: nobody may push as this job");
  return {
    jobName,
    load: async (readFile, proofs) => {
      const read: PushToken[] = [];
      for (const load of tokens) read.push(await load(readFile, proofs));
      for (const { section, names } of certificates)
        for (const name of names)
          noteProof(proofs, section, {
            ...{ key: section.has("names") ? "names" : "name", proof: `certificate ${name}` },
            problem: `has the certificate name "${name}"`,
            remedy: "two credentials cannot be told apart by one name",
          });
      return { ...config, tokens: read };
    },
  };
}

function readPushToken(
  section: YamlSection,
  directory: string,
): (readFile: ReadFile, proofs: Proofs) => Promise<PushToken> {
  const load = readToken(section, directory);
  const rights = readRights(section);
  section.finish();
  const key = ["token", "token_file", "token_sha256"].find((one) => section.has(one))!;
  return async (readFile, proofs) => {
    const token = await load(readFile);
    const digest = "token" in token ? tokenDigest(token.token) : token.tokenSha256;
    noteProof(proofs, section, {
      ...{ key, proof: `token ${digestKey(digest)}` },
      problem: "is the same token as another one",
      remedy: "give each its own, or remove one: nobody could tell whose push it is",
    });
    return { ...rights, ...token };
  };
}

/** Throws ConfigError when it was noted before. */
function noteProof(
  proofs: Proofs,
  section: YamlSection,
  noted: {
    readonly key: string;
    readonly proof: string;
    readonly problem: string;
    readonly remedy: string;
  },
): void {
  const { key, proof, problem, remedy } = noted;
  const other = proofs.get(proof);
  if (other !== undefined) section.fail(key, `${problem}, at ${other}; ${remedy}`);
  proofs.set(proof, section.placeOf(key));
}

interface WrittenCertificate {
  readonly section: YamlSection;
  readonly names: readonly string[];
  readonly certificate: PushCertificate;
}

function readCertificate(section: YamlSection): WrittenCertificate {
  const rights = readRights(section);
  const names = section.textList("names") ?? (rights.name === undefined ? [] : [rights.name]);
  section.finish();
  if (names.length === 0)
    section.reject(
      "names",
      "the names in the certificate must be given, its common name or a subject alternative name",
    );
  return { section, names, certificate: { ...rights, names } };
}

function readAddress(section: YamlSection): PushAddress {
  const rights = readRights(section);
  const cidr = section.text("cidr") ?? section.fail("cidr", "must be given, as 10.0.0.0/8 or one address");
  section.finish();
  try {
    void new AddressRange(cidr);
  } catch (error) {
    if (error instanceof InvalidArgumentError) section.fail("cidr", `is wrong: ${error.message}`);
    throw error;
  }
  return { ...rights, cidr };
}

function readRights(section: YamlSection): PushRights {
  const allow = section.section("allow");
  for (const label of allow?.keys() ?? []) {
    try {
      void new AnchoredRegExp(allow!.text(label) ?? "");
    } catch (error) {
      if (error instanceof InvalidArgumentError)
        allow!.fail(label, `is no regular expression: ${error.message}`);
      throw error;
    }
  }
  return definedOnly({
    name: section.text("name"),
    labels: section.texts("labels"),
    allow: section.texts("allow"),
  });
}

function readStaleness(section: YamlSection): PushConfig["staleness"] {
  const text = section.text("staleness");
  if (text === undefined) return undefined;
  return (
    parseStaleness(text) ??
    section.fail("staleness", `must be lease, forever or hold:DURATION, as hold:1h, not "${text}"`)
  );
}

function readLimits(section: YamlSection | undefined): Partial<PushLimits> | undefined {
  if (section === undefined) return undefined;
  const limits = definedOnly({
    seriesMax: numberOf(section, "series"),
    samplesPerSecond: numberOf(section, "samples_per_second"),
    requestsPerSecond: numberOf(section, "requests_per_second"),
    bodySizeBytes: sizeOf(section, "body_size"),
    decodedSizeBytes: sizeOf(section, "decoded_size"),
    labelsMax: numberOf(section, "labels"),
    labelNameSizeBytes: numberOf(section, "label_name_length"),
    labelValueSizeBytes: numberOf(section, "label_value_length"),
  });
  section.finish();
  return limits;
}

function positiveDuration(section: YamlSection, key: string): number | undefined {
  const durationMs = section.duration(key);
  if (durationMs === 0) section.fail(key, "must be more than zero");
  return durationMs;
}

function sizeOf(section: YamlSection, key: string): number | undefined {
  const sizeBytes = section.sizeBytes(key);
  if (sizeBytes === 0) section.fail(key, "must be more than zero");
  return sizeBytes;
}

function numberOf(section: YamlSection, key: string): number | undefined {
  const text = section.text(key);
  if (text === undefined) return undefined;
  const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : 0;
  return value > 0 ? value : section.fail(key, `must be a number more than zero, not "${text}"`);
}
