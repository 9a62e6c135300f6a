/**
 * TargetMetadata: what one target's pages say of its metrics: type, help, unit. Bounded; the targets of a job share what
 * they say alike, so that a thousand of them cost little more than one.
 *
 * What a page has said once stays as long as the target does.
 */

import type { MetadataReader, MetadataSink, MetricMetadata } from "../model/metric-metadata.js";

/** Of one target, and of what the targets of a job share. */
const metricsMax = 10_000;
/** Of one target, in UTF-16 units. */
const textMax = 2 ** 20;
/** What targets of one job may say differently of one metric and still share. */
const variantsMax = 8;

const nothing: MetricMetadata = { type: "unknown", help: "", unit: "" };

interface Shared {
  readonly name: string;
  readonly metadata: MetricMetadata;
}

/** What the targets of a job say. */
export class SharedMetadata {
  readonly #variants = new Map<string, Shared[]>();

  /** The same text and the same object for all who ask for the same. */
  share(name: string, metadata: MetricMetadata): Shared {
    const known = this.#variants.get(name);
    const same = known?.find((other) => isSame(other.metadata, metadata));
    if (same !== undefined) return same;
    const shared = { name: known?.[0]?.name ?? name, metadata };
    if (known === undefined) {
      if (this.#variants.size < metricsMax) this.#variants.set(name, [shared]);
    } else if (known.length < variantsMax) known.push(shared);
    return shared;
  }
}

export class TargetMetadata implements MetadataSink, MetadataReader {
  readonly #shared: SharedMetadata;
  readonly #onward: MetadataSink | undefined;
  readonly #byName = new Map<string, MetricMetadata>();
  #text = 0;

  /** `onward` is told all the same. */
  constructor(shared: SharedMetadata, onward: MetadataSink | undefined) {
    this.#shared = shared;
    this.#onward = onward;
  }

  describeMetric(name: string, said: Partial<MetricMetadata>): void {
    this.#onward?.describeMetric(name, said);
    const known = this.#byName.get(name);
    const { type, help, unit } = known ?? nothing;
    const metadata = { type: said.type ?? type, help: said.help ?? help, unit: said.unit ?? unit };
    if (known !== undefined && isSame(known, metadata)) return;
    const text = this.#text + textOf(metadata) + (known === undefined ? name.length : -textOf(known));
    if (text > textMax || (known === undefined && this.#byName.size >= metricsMax)) return;
    this.#text = text;
    const shared = this.#shared.share(name, metadata);
    this.#byName.set(shared.name, shared.metadata);
  }

  /** Of metrics that something is known of. */
  get count(): number {
    return this.#byName.size;
  }

  metadataOf(metricName: string): MetricMetadata | undefined {
    return this.#byName.get(metricName);
  }

  metricNames(): Iterable<string> {
    return this.#byName.keys();
  }
}

function isSame(a: MetricMetadata, b: MetricMetadata): boolean {
  return a.type === b.type && a.help === b.help && a.unit === b.unit;
}

function textOf({ type, help, unit }: MetricMetadata): number {
  return type.length + help.length + unit.length;
}
