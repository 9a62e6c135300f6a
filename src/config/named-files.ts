/**
 * checkNamedFiles: what a configuration names besides itself, as far as that can be looked at without asking anybody:
 * files of secrets and certificates, files of targets, and what relabelling makes of the targets that are known.
 */

import { createSecureContext } from "node:tls";
import { targetsOf } from "../discovery/discovery.js";
import type { DiscoveryConfig, FileDiscoveryConfig } from "../discovery/discovery-config.js";
import { globFiles } from "../discovery/glob-files.js";
import { parseJsonGroups, parseYamlGroups } from "../discovery/target-group-text.js";
import type { HttpClientConfig, Secret, TlsClientConfig } from "../http-client/http-client-config.js";
import { fileExists, readTextFile } from "../local-files.js";
import { TsdbError } from "../model/errors.js";
import { Labels } from "../model/labels.js";
import type { ScrapeConfig } from "../scrape/scrape-config.js";
import { selectTargets } from "../scrape/select-targets.js";

export interface NamedFilesReport {
  /** What would fail, in sentences. */
  readonly problems: readonly string[];
  /** What may be meant so. */
  readonly notes: readonly string[];
  /** Those that would be scraped, of files and of the configuration itself. */
  readonly targets: number;
}

/** Rejects only with what is our fault. */
export async function checkNamedFiles(configs: readonly ScrapeConfig[]): Promise<NamedFilesReport> {
  const report = { problems: [] as string[], notes: [] as string[], targets: 0 };
  for (const config of configs) {
    const found: Findings = { problems: [], notes: [] };
    const clients = [config.http, ...config.discoveries.flatMap(clientsOf)];
    for (const client of clients) await checkClient(client, found);
    for (const directory of config.textfileDirectories)
      if (!(await fileExists(directory))) found.problems.push(`there is no directory ${directory}`);
    const fixed = config.staticTargets.map(({ address, labels }) =>
      Labels.from({ ...labels, __address__: address }),
    );
    const inFiles = await Promise.all(config.discoveries.map((discovery) => readTargets(discovery, found)));
    const { active, problems } = selectTargets(config, [...fixed, ...inFiles.flat()]);
    const named = (text: string) => `job "${config.jobName}": ${text}`;
    report.problems.push(...found.problems.map(named), ...problems);
    report.notes.push(...found.notes.map(named));
    report.targets += active.length;
  }
  return report;
}

interface Findings {
  readonly problems: string[];
  readonly notes: string[];
}

function clientsOf(discovery: DiscoveryConfig): readonly HttpClientConfig[] {
  if (discovery.kind === "http") return [discovery.client];
  return discovery.kind === "kubernetes" && discovery.server.kind === "url" ? [discovery.server.client] : [];
}

async function checkClient(client: HttpClientConfig, found: Findings): Promise<void> {
  const { authorization, tls, headers, proxy } = client;
  const headerSecrets = [headers, proxy?.connectHeaders ?? {}].flatMap((all) => Object.values(all).flat());
  for (const secret of [...secretsOf(authorization), ...headerSecrets]) await readSecret(secret, found);
  await checkTls(tls, found);
  if (authorization?.kind === "oauth2") await checkClient(authorization.client, found);
}

function secretsOf(authorization: HttpClientConfig["authorization"]): readonly Secret[] {
  switch (authorization?.kind) {
    case "basic":
      return [authorization.username, authorization.password];
    case "token":
      return [authorization.credentials];
    case "oauth2":
      return [authorization.clientSecret];
    case undefined:
      return [];
  }
}

async function checkTls({ ca, cert, key }: TlsClientConfig, found: Findings): Promise<void> {
  const before = found.problems.length;
  const [caText, certText, keyText] = [
    await readSecret(ca, found),
    await readSecret(cert, found),
    await readSecret(key, found),
  ];
  if (found.problems.length > before) return;
  try {
    createSecureContext({
      ...(caText !== undefined && { ca: caText }),
      ...(certText !== undefined && { cert: certText }),
      ...(keyText !== undefined && { key: keyText }),
    });
  } catch (error) {
    found.problems.push(`the certificates or keys of tls_config are not usable: ${messageOf(error)}`);
  }
}

/** Nothing of what is in it is told. */
async function readSecret(secret: Secret | undefined, found: Findings): Promise<string | undefined> {
  if (secret === undefined) return undefined;
  if ("text" in secret) return secret.text;
  try {
    const text = await readTextFile(secret.file);
    if (text.trim() === "") found.notes.push(`${secret.file} is empty`);
    return text;
  } catch (error) {
    if (!(error instanceof TsdbError)) throw error;
    found.problems.push(error.message);
    return undefined;
  }
}

/** Of files; other discoveries are not asked. */
async function readTargets(discovery: DiscoveryConfig, found: Findings): Promise<readonly Labels[]> {
  if (discovery.kind !== "file") return [];
  const paths = await matchingFiles(discovery, found);
  const targets = await Promise.all(
    paths.map(async (path) => {
      try {
        const parse = path.toLowerCase().endsWith(".json") ? parseJsonGroups : parseYamlGroups;
        return [...targetsOf(parse(await readTextFile(path), { __meta_filepath: path }))];
      } catch (error) {
        if (!(error instanceof TsdbError)) throw error;
        found.problems.push(error.message.includes(path) ? error.message : `${path}: ${error.message}`);
        return [];
      }
    }),
  );
  return targets.flat();
}

async function matchingFiles({ files }: FileDiscoveryConfig, found: Findings): Promise<readonly string[]> {
  const paths = new Set<string>();
  for (const pattern of files) {
    const matching = await globFiles(pattern);
    if (matching.length === 0) found.notes.push(`no file matches ${pattern} of file_sd_configs yet`);
    for (const path of matching) paths.add(path);
  }
  return [...paths].sort();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
