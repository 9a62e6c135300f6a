/**
 * MetadataTable: what metrics are, as pushes and scrapes tell it; the last word about a metric counts. MetadataJournal keeps
 * it over a restart.
 *
 * Invariant: of metrics, and of characters of their texts, no more than twice a generation's worth are held. Metrics
 * live in two generations; when the young one is full it takes the place of the old one. What is told again
 * moves to the young one, so that names nobody speaks of any more are those that go.
 */

import type { MetadataReader, MetadataSink, MetricMetadata } from "../model/metric-metadata.js";

export interface MetadataTableLimits {
  /** Of one generation. */
  readonly metricsMax: number;
  /** Of one generation, in UTF-16 units. */
  readonly textMax: number;
  /** Of one text: longer ones are cut. Metrics with a longer name are passed over. */
  readonly textLengthMax: number;
}

const defaultLimits: MetadataTableLimits = { metricsMax: 20_000, textMax: 4 * 2 ** 20, textLengthMax: 4096 };

const nothing: MetricMetadata = { type: "unknown", help: "", unit: "" };

export class MetadataTable implements MetadataSink, MetadataReader {
  readonly #limits: MetadataTableLimits;
  #young = new Map<string, MetricMetadata>();
  #youngText = 0;
  #old: ReadonlyMap<string, MetricMetadata> = new Map();
  /** Told of each metric of which something new is known. Must not throw. */
  onChange: (metricName: string) => void = () => {};

  constructor(limits: MetadataTableLimits = defaultLimits) {
    this.#limits = limits;
  }

  describeMetric(metricName: string, metadata: Partial<MetricMetadata>): void {
    const { textLengthMax } = this.#limits;
    if (metricName === "" || metricName.length > textLengthMax) return;
    const young = this.#young.get(metricName);
    const known = young ?? this.#old.get(metricName) ?? nothing;
    const { type = known.type, help = known.help, unit = known.unit } = metadata;
    const told: MetricMetadata = {
      type: cut(type, textLengthMax),
      help: cut(help, textLengthMax),
      unit: cut(unit, textLengthMax),
    };
    if (young !== undefined && isSame(young, told)) return;
    this.#youngText += textOf(told) - (young === undefined ? -metricName.length : textOf(young));
    this.#young.set(metricName, told);
    if (!isSame(known, told)) this.onChange(metricName);
    if (this.#young.size > this.#limits.metricsMax || this.#youngText > this.#limits.textMax) this.#age();
  }

  metadataOf(metricName: string): MetricMetadata | undefined {
    return this.#young.get(metricName) ?? this.#old.get(metricName);
  }

  /** Those of the old generation first: told in this order to another table they are as old there. */
  *entries(): Generator<readonly [metricName: string, MetricMetadata]> {
    for (const [name, metadata] of this.#old) if (!this.#young.has(name)) yield [name, metadata];
    yield* this.#young;
  }

  *metricNames(): Generator<string> {
    yield* this.#young.keys();
    for (const name of this.#old.keys()) if (!this.#young.has(name)) yield name;
  }

  #age(): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngText = 0;
  }
}

function isSame(a: MetricMetadata, b: MetricMetadata): boolean {
  return a.type === b.type && a.help === b.help && a.unit === b.unit;
}

function textOf({ type, help, unit }: MetricMetadata): number {
  return type.length + help.length + unit.length;
}

function cut(text: string, lengthMax: number): string {
  return text.length > lengthMax ? text.slice(0, lengthMax) : text;
}
