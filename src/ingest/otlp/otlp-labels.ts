/**
 * OtlpLabels: the labels of series from the attributes of resource, scope and point.
 *
 *   job          service.namespace/service.name, or service.name
 *   instance     service.instance.id
 *   others       the point's attributes, promoted ones of the resource, and with promoted scopes those of the scope
 *
 * What is left of a resource goes to the series `target_info`, with job and instance to join it by. Keys that become
 * the same name share a label, their values joined by semicolons; job and instance come before everything else.
 *
 * Source: Prometheus configuration, `<otlp>`; OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility".
 */

import { MalformedInputError } from "../../model/errors.js";
import { Labels, METRIC_NAME } from "../../model/labels.js";
import type { Attributes, ScopeMetrics } from "./otlp-message.js";
import type { OtlpNames, TranslationStrategy } from "./otlp-names.js";

/** In Prometheus' words, see its configuration of `otlp`. */
export interface OtlpOptions {
  readonly translationStrategy: TranslationStrategy;
  /** Attributes of the resource that become labels of its series. */
  readonly promoteResourceAttributes: readonly string[];
  /** All of them do, but for those to be ignored. */
  readonly promoteAllResourceAttributes: boolean;
  readonly ignoreResourceAttributes: readonly string[];
  /** Keep service.name and its like on target_info, besides job and instance. */
  readonly keepIdentifyingResourceAttributes: boolean;
  /** Labels otel_scope_name, otel_scope_version, otel_scope_schema_url and otel_scope_ATTRIBUTE. */
  readonly promoteScopeMetadata: boolean;
}

export const defaultOtlpOptions: OtlpOptions = {
  translationStrategy: "UnderscoreEscapingWithSuffixes",
  promoteResourceAttributes: [],
  promoteAllResourceAttributes: false,
  ignoreResourceAttributes: [],
  keepIdentifyingResourceAttributes: false,
  promoteScopeMetadata: false,
};

const identifying: ReadonlySet<string> = new Set([
  "service.namespace",
  "service.name",
  "service.instance.id",
]);

export type NamedScope = Omit<ScopeMetrics, "metrics">;

export class OtlpLabels {
  /** Different for options that may make other labels of the same attributes. */
  readonly text: string;
  readonly #names: OtlpNames;
  readonly #options: OtlpOptions;
  readonly #labelNames = new Map<string, string>();

  constructor(names: OtlpNames, options: OtlpOptions) {
    this.text = JSON.stringify(options);
    this.#names = names;
    this.#options = options;
  }

  /** What all series of a resource, by its attributes, and a scope share. Throws MalformedInputError for a key that is no name. */
  base(attributes: Attributes, scope: NamedScope): OtlpLabelSet {
    const promoted = attributes.filter(([key]) => this.#isPromoted(key));
    const labels = this.#joined(
      this.#options.promoteScopeMetadata ? this.#scopeLabels(scope) : new Map(),
      [],
    );
    return new OtlpLabelSet(this, labels, promoted, identityOf(attributes));
  }

  /** Undefined when a resource with these attributes has nothing to tell, or nobody to tell it of. */
  targetInfo(attributes: Attributes): Labels | undefined {
    const identity = identityOf(attributes);
    const others = attributes.filter(([key]) => !identifying.has(key));
    if (identity.size === 0 || others.length === 0) return undefined;
    const kept = this.#options.keepIdentifyingResourceAttributes ? attributes : others;
    const labels = this.#joined(new Map(), kept);
    for (const [name, value] of identity) labels.set(name, value);
    labels.set(METRIC_NAME, "target_info");
    return Labels.from(labels);
  }

  /** Sets labels, in place of those that are there; keys that become one name are joined. */
  joinInto(labels: Map<string, string>, attributes: Attributes): void {
    const joined = new Map<string, string>();
    for (const [key, value] of attributes) {
      const name = this.#labelName(key);
      const before = joined.get(name);
      joined.set(name, before === undefined ? value : `${before};${value}`);
    }
    for (const [name, value] of joined) labels.set(name, value);
  }

  #joined(labels: Map<string, string>, attributes: Attributes): Map<string, string> {
    this.joinInto(labels, attributes);
    return labels;
  }

  #scopeLabels({ name, version, schemaUrl, attributes }: NamedScope): Map<string, string> {
    const labels = new Map<string, string>();
    for (const [key, value] of attributes) labels.set(this.#labelName(`otel_scope_${key}`), value);
    labels.set("otel_scope_name", name);
    labels.set("otel_scope_version", version);
    labels.set("otel_scope_schema_url", schemaUrl);
    return labels;
  }

  #isPromoted(key: string): boolean {
    const { promoteAllResourceAttributes, ignoreResourceAttributes, promoteResourceAttributes } =
      this.#options;
    return promoteAllResourceAttributes
      ? !ignoreResourceAttributes.includes(key)
      : promoteResourceAttributes.includes(key);
  }

  #labelName(key: string): string {
    const known = this.#labelNames.get(key);
    if (known !== undefined) return known;
    const name = this.#names.labelName(key);
    if (name === METRIC_NAME) throw new MalformedInputError(`an attribute may not be named ${METRIC_NAME}`);
    this.#labelNames.set(key, name);
    return name;
  }
}

/** The labels that the series of one resource and scope share. */
export class OtlpLabelSet {
  /** Different for other labels. */
  readonly text: string;
  readonly #labels: OtlpLabels;
  readonly #shared: ReadonlyMap<string, string>;
  readonly #promoted: Attributes;
  readonly #identity: ReadonlyMap<string, string>;

  constructor(
    labels: OtlpLabels,
    shared: ReadonlyMap<string, string>,
    promoted: Attributes,
    identity: ReadonlyMap<string, string>,
  ) {
    this.text = [shared, promoted, identity].map(pairsText).concat(labels.text).join("|");
    this.#labels = labels;
    this.#shared = shared;
    this.#promoted = promoted;
    this.#identity = identity;
  }

  /** Of a point; `extra` are labels that no attribute may have: the name, `le`, `quantile`. */
  of(attributes: Attributes): ReadonlyMap<string, string> {
    const labels = new Map(this.#shared);
    this.#labels.joinInto(labels, this.#promoted);
    this.#labels.joinInto(labels, attributes);
    for (const [name, value] of this.#identity) labels.set(name, value);
    return labels;
  }
}

/** Different for different pairs: lengths say where texts end. */
export function pairsText(pairs: Iterable<readonly [string, string]>): string {
  let text = "";
  for (const [name, value] of pairs) text += `${name.length} ${name}${value.length} ${value}`;
  return text;
}

function identityOf(attributes: Attributes): ReadonlyMap<string, string> {
  const of = new Map(attributes);
  const [namespace, name, instance] = [...identifying].map((key) => of.get(key) ?? "");
  const identity = new Map<string, string>();
  if (name !== "") identity.set("job", namespace === "" ? name! : `${namespace}/${name}`);
  if (instance !== "") identity.set("instance", instance!);
  return identity;
}
