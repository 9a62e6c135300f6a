/**
 * showConfig: the configuration in force as YAML that anyone who may read may see: what the file says, with aliases
 * followed and secrets masked, and what holds for jobs where it says nothing.
 *
 * A value is a secret by its key: whatever is called a password, a token, a key, in sections that are not acted on, too;
 * rather one too many than one too few. What files of secrets are called is none.
 *
 * Source: Prometheus `/api/v1/status/config`: `<secret>`, and `xxxxx` for the password of a URL.
 */

import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Scalar, stringify } from "yaml";
import { formatDuration } from "../model/duration.js";
import type { ScrapeConfig } from "../scrape/scrape-config.js";
import type { GlobalConfig, ScrapeDefaults } from "./global-section.js";
import { pairsOf, resolve } from "./yaml-nodes.js";

type Shown = string | number | boolean | null | readonly Shown[] | { readonly [key: string]: Shown };
type ShownMap = { readonly [key: string]: Shown };

const masked = "<secret>";
const secretWord =
  "passw(?:or)?d|passphrase|secret|token|credential|bearer|authorization|cookie|private[-_]?key|" +
  "(?:api|access|consumer)[-_]?key";
const secretKey = new RegExp(`(?:${secretWord})|^key$`, "i");
/** What is called after a secret and is none: where it is, or how it is asked for. */
const placeKey = /_(?:file|files|url|uri|path|ref|id|type)$/i;
/** Everything in these is secret. */
const secretSections = new Set(["proxy_connect_header", "secrets"]);
const secretParameter = new RegExp(`([?&][^=&#]*(?:${secretWord}|key)[^=&#]*=)[^&#]*`, "gi");

/** Aliases may stand for more than any memory holds. */
const nodesMax = 100_000;
const depthMax = 100;

export interface ReadConfig {
  readonly globals: GlobalConfig;
  /** Of the file, in its order. */
  readonly scrapeConfigs: readonly ScrapeConfig[];
}

/** `document` is what `config` was read of; undefined when there is no file. */
export function showConfig(document: Document | undefined, config: ReadConfig): string {
  const root = document?.contents;
  const written = document !== undefined && isMap(root) ? new Writing(document).map(root, false, 0) : {};
  const { global, scrape_configs: jobs = [], ...others } = written;
  const { globals, scrapeConfigs } = config;
  const shown = {
    global: withEffective(global, effectiveGlobals(globals)),
    ...others,
    ...(Array.isArray(jobs) && {
      scrape_configs: jobs.map((job: Shown, i) => withEffective(job, effectiveJob(scrapeConfigs[i]!))),
    }),
  };
  return stringify(shown, { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false });
}

class Writing {
  readonly #document: Document;
  /** Looking for an anchor takes as long as the file is large. */
  readonly #resolved = new Map<Node, Node>();
  #nodes = 0;

  constructor(document: Document) {
    this.#document = document;
  }

  map(node: Node, isSecret: boolean, depth: number): ShownMap {
    if (!isMap(node)) return {};
    const entries = [...pairsOf(node, this.#document)].map(([key, { value }]): [string, Shown] => {
      const isInner = isSecret || secretSections.has(key);
      const isValue = secretKey.test(key) && !placeKey.test(key);
      return [
        key,
        this.#value(value as Node | null, { isSecret: isInner, isValue: isInner || isValue }, depth + 1),
      ];
    });
    return Object.fromEntries(entries);
  }

  /** `isSecret`: all that is in it; `isValue`: it itself, or each of a list. */
  #value(
    node: Node | null | undefined,
    secret: { readonly isSecret: boolean; readonly isValue: boolean },
    depth: number,
  ): Shown {
    const value = this.#resolve(node ?? undefined);
    if (++this.#nodes > nodesMax || depth > depthMax) return "...";
    if (isMap(value)) return this.map(value, secret.isSecret, depth);
    if (isSeq(value)) return (value.items as Node[]).map((item) => this.#value(item, secret, depth + 1));
    if (!isScalar(value) || value.value === null) return null;
    return secret.isValue ? masked : shownScalar(value);
  }

  #resolve(node: Node | undefined): Node | undefined {
    if (!isAlias(node)) return node;
    const known = this.#resolved.get(node) ?? resolve(node, this.#document);
    this.#resolved.set(node, known);
    return known;
  }
}

/** As it is written, so that `1.10` stays what it is. */
function shownScalar({ value, source }: Scalar): Shown {
  if (typeof value === "string") return withoutSecrets(value);
  if (typeof value === "boolean") return value;
  return typeof value === "number" && String(value) === source ? value : (source ?? String(value));
}

function withoutSecrets(text: string): string {
  if (!text.includes("://")) return text;
  const end = URL.canParse(text) ? "[^/?#]*" : ".*";
  return text
    .replace(new RegExp(`(://[^/?#:@]*:)${end}@`, "s"), "$1xxxxx@")
    .replace(secretParameter, "$1xxxxx");
}

/** In the order of the file; what it leaves out follows. */
function withEffective(written: Shown | undefined, effective: ShownMap): Shown {
  const isMapping = typeof written === "object" && written !== null && !Array.isArray(written);
  return isMapping ? { ...(written as ShownMap), ...effective } : effective;
}

function effectiveGlobals(globals: GlobalConfig): ShownMap {
  const labels = globals.externalLabels.toObject();
  return {
    ...effectiveScraping(globals),
    ...(Object.keys(labels).length > 0 && { external_labels: labels }),
  };
}

function effectiveJob(config: ScrapeConfig): ShownMap {
  const { jobName, honorLabels, honorTimestamps, trackTimestampsStaleness, fallbackProtocol } = config;
  return {
    job_name: jobName,
    ...effectiveScraping(config),
    ...(fallbackProtocol && { fallback_scrape_protocol: fallbackProtocol }),
    honor_labels: honorLabels,
    honor_timestamps: honorTimestamps,
    track_timestamps_staleness: trackTimestampsStaleness,
    metrics_path: config.metricsPath,
    scheme: config.scheme,
    enable_compression: config.enableCompression,
    follow_redirects: config.http.followRedirects,
  };
}

function effectiveScraping(config: ScrapeDefaults): ShownMap {
  const limits = {
    body_size_limit: config.bodySizeMaxBytes <= 0 ? 0 : `${config.bodySizeMaxBytes}B`,
    sample_limit: config.samplesMax,
    label_limit: config.labelsMax,
    label_name_length_limit: config.labelNameSizeMaxBytes,
    label_value_length_limit: config.labelValueSizeMaxBytes,
    target_limit: config.targetsMax,
    keep_dropped_targets: config.droppedTargetsMax,
  };
  return {
    scrape_interval: formatDuration(config.intervalMs),
    scrape_timeout: formatDuration(config.timeoutMs),
    scrape_protocols: config.protocols,
    metric_name_validation_scheme: config.nameValidation,
    metric_name_escaping_scheme: config.nameEscaping,
    ...(config.extraScrapeMetrics && { extra_scrape_metrics: true }),
    ...Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit !== 0)),
  };
}
