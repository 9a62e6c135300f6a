/**
 * PushJob: an entry of `push_configs`, checked and compiled; and its credentials, each with what it may push.
 */

import { AnchoredRegExp } from "../../model/anchored-regexp.js";
import { InvalidArgumentError } from "../../model/errors.js";
import { tokenDigest } from "../../model/token-digest.js";
import { defaultIngestLimits, type IngestLimits } from "../limits.js";
import type { StalenessPolicy } from "../push/push.js";
import { AddressRange } from "./ip-address.js";
import type { LabelPolicy } from "./label-policy.js";
import {
  defaultFutureMaxMs,
  defaultPushLimits,
  type PushConfig,
  type PushLimits,
  type PushRights,
  type PushToken,
  relayPushLimits,
} from "./push-config.js";
import { reservedNames } from "./report-names.js";

export interface PushJob {
  readonly name: string;
  readonly intervalMs: number | undefined;
  /** Undefined when each push may say it. */
  readonly staleness: StalenessPolicy | undefined;
  readonly honorLabels: boolean;
  readonly limits: PushLimits;
  readonly futureMaxMs: number;
  readonly expected: ReadonlySet<string>;
  readonly credentials: readonly Credential[];
  /** Labels that all credentials force: what the series about a source have besides job and instance. */
  readonly commonLabels: ReadonlyMap<string, string>;
}

/** Someone who may push, and what. Never holds a secret: the digest of a token is what is compared. */
export interface Credential {
  /** Unlike that of any other. */
  readonly id: string;
  readonly name: string;
  readonly job: PushJob;
  readonly policy: LabelPolicy;
  readonly proof: CredentialProof;
}

export type CredentialProof =
  | { readonly kind: "token"; readonly digest: Uint8Array }
  | { readonly kind: "certificate"; readonly names: readonly string[] }
  | { readonly kind: "address"; readonly range: AddressRange };

/** Throws InvalidArgumentError, which names the job and what is wrong with it. */
export function compilePushJob(config: PushConfig): PushJob {
  try {
    return compile(config);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new InvalidArgumentError(`push_configs, job ${JSON.stringify(config.jobName)}: ${error.message}`, {
      cause: error,
    });
  }
}

function compile(config: PushConfig): PushJob {
  const { jobName, honorLabels = false, staleness, intervalMs } = config;
  if (jobName === "") throw new InvalidArgumentError("the job needs a name");
  checkPositive("the interval", intervalMs);
  if (staleness?.kind === "hold") checkPositive("the duration of hold", staleness.durationMs);
  const limits = { ...(honorLabels ? relayPushLimits : defaultPushLimits), ...config.limits };
  for (const [name, limit] of Object.entries(limits)) checkPositive(`the limit ${name}`, limit);
  const credentials: Credential[] = [];
  const proofs = proofsOf(config);
  const job: PushJob = {
    name: jobName,
    intervalMs,
    staleness,
    honorLabels,
    limits,
    futureMaxMs: config.futureMaxMs ?? defaultFutureMaxMs,
    expected: new Set(config.expected),
    credentials,
    commonLabels: commonLabels(proofs.map(({ rights }) => rights.labels ?? {})),
  };
  const ingestLimits = ingestLimitsOf(limits);
  for (const [i, { rights, proof }] of proofs.entries()) {
    const id = `${jobName}/${proof.kind}-${i + 1}`;
    const name = rights.name ?? id;
    credentials.push({
      id,
      name,
      job,
      proof,
      policy: policyOf(config, { rights, proof, limits: ingestLimits }),
    });
  }
  return job;
}

interface RightsOf {
  readonly rights: PushRights;
  readonly proof: CredentialProof;
}

function proofsOf({ tokens = [], certificates = [], addresses = [] }: PushConfig): readonly RightsOf[] {
  return [
    ...tokens.map((token) => ({ rights: token, proof: { kind: "token", digest: digestOf(token) } }) as const),
    ...certificates.map(
      (rights) => ({ rights, proof: { kind: "certificate", names: rights.names } }) as const,
    ),
    ...addresses.map(
      (rights) => ({ rights, proof: { kind: "address", range: new AddressRange(rights.cidr) } }) as const,
    ),
  ];
}

function digestOf(token: PushToken): Uint8Array {
  if ("token" in token) {
    if (token.token.length === 0) throw new InvalidArgumentError("a token must not be empty");
    return tokenDigest(token.token);
  }
  if (token.tokenSha256.length !== 32) throw new InvalidArgumentError("the SHA-256 of a token has 32 bytes");
  return token.tokenSha256;
}

function policyOf(
  { jobName, honorLabels = false, metricRelabelConfigs = [] }: PushConfig,
  { rights, proof, limits }: RightsOf & { readonly limits: IngestLimits },
): LabelPolicy {
  const labels = Object.entries(rights.labels ?? {});
  if (rights.labels?.job !== undefined && rights.labels.job !== jobName)
    throw new InvalidArgumentError("the label job is the job's name; it cannot be forced to another one");
  return {
    credential: proof.kind === "address" ? `addresses in ${proof.range.text}` : `this ${proof.kind}`,
    forced: new Map(honorLabels ? labels : [...labels, ["job", jobName]]),
    allow: new Map(Object.entries(rights.allow ?? {}).map(([name, text]) => [name, patternOf(name, text)])),
    reserved: honorLabels ? noNames : reservedNames,
    metricRelabelConfigs,
    limits,
  };
}

const noNames: ReadonlySet<string> = new Set();

function patternOf(name: string, text: string): AnchoredRegExp {
  try {
    return new AnchoredRegExp(text);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new InvalidArgumentError(`allow ${name}: ${error.message}`, { cause: error });
  }
}

function ingestLimitsOf(limits: PushLimits): IngestLimits {
  const { bodySizeBytes, decodedSizeBytes, labelsMax, labelNameSizeBytes, labelValueSizeBytes } = limits;
  return {
    ...defaultIngestLimits,
    ...(decodedSizeBytes !== undefined && {
      bodySizeBytes: decodedSizeBytes,
      streamSizeBytes: decodedSizeBytes,
    }),
    arrivingSizeBytes: bodySizeBytes,
    labelsMax,
    labelNameSizeBytes,
    labelValueSizeBytes,
  };
}

function commonLabels(records: readonly Readonly<Record<string, string>>[]): ReadonlyMap<string, string> {
  const [first = {}, ...others] = records;
  const common = Object.entries(first).filter(
    ([name, value]) =>
      name !== "job" && name !== "instance" && others.every((other) => other[name] === value),
  );
  return new Map(common);
}

function checkPositive(what: string, value: number | undefined): void {
  if (value !== undefined && !(value > 0)) throw new InvalidArgumentError(`${what} must be more than zero`);
}
