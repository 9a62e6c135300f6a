/**
 * readTextFamilies: a body in the Prometheus text format as metric families, all of it or nothing.
 *
 * Source: Prometheus common/expfmt, text_parse.go: what is a series of a histogram or summary, and what is an error.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { MalformedInputError } from "../../model/errors.js";
import { parseFloatText } from "../../model/float-text.js";
import { type Labels, METRIC_NAME, quoteText } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";
import type { ExpositionVisitor, MetricType, SeriesText } from "../exposition/exposition-visitor.js";
import { ExpositionStream } from "../exposition/parse-exposition.js";
import type { IngestLimits } from "../limits.js";
import { FamilyAllowance } from "./family-allowance.js";
import {
  boundLabelOf,
  type FamilyType,
  isHistogram,
  type Metric,
  type MetricFamily,
} from "./metric-family.js";

/** By name. Rejects with MalformedInputError, LimitExceededError. */
export async function readTextFamilies(
  body: AsyncIterable<Uint8Array>,
  limits: IngestLimits,
  allowance = new FamilyAllowance(limits),
): Promise<ReadonlyMap<string, MetricFamily>> {
  const visitor = new FamilyVisitor(allowance);
  const stream = new ExpositionStream({ format: "prometheus", limits }, visitor);
  for await (const piece of body) {
    for (let start = 0; start < piece.length; start += sliceSizeBytes) {
      if (start > 0) await nextTurn();
      stream.write(piece.subarray(start, start + sliceSizeBytes));
    }
  }
  stream.end();
  return visitor.families();
}

/** Read in one turn of the event loop: half a millisecond for the shortest lines, and sixty bodies may be under way. */
const sliceSizeBytes = 1024;

const typeNames: Readonly<Partial<Record<MetricType, FamilyType>>> = {
  counter: "counter",
  gauge: "gauge",
  histogram: "histogram",
  summary: "summary",
  untyped: "untyped",
  unknown: "untyped",
};

class FamilyVisitor implements ExpositionVisitor {
  readonly #allowance: FamilyAllowance;
  readonly #families = new Map<string, FamilyDraft>();

  constructor(allowance: FamilyAllowance) {
    this.#allowance = allowance;
  }

  families(): ReadonlyMap<string, MetricFamily> {
    const families = new Map<string, MetricFamily>();
    for (const [name, draft] of this.#families) if (draft.size > 0) families.set(name, draft.family());
    return families;
  }

  sample(text: SeriesText, value: number, time: TimestampMs | undefined): void {
    const labels = text.labels();
    this.#allowance.sample(labels.size);
    const name = labels.get(METRIC_NAME);
    this.#familyOf(name).add(name, labels, { value, time });
  }

  type(metricName: string, type: MetricType): void {
    const family = this.#familyOf(metricName);
    if (family.type !== undefined)
      throw new MalformedInputError(
        `second TYPE line for metric name ${quoteText(metricName)}, or TYPE reported after samples`,
      );
    family.type = typeNames[type] ?? "untyped";
  }

  help(metricName: string, help: string): void {
    const family = this.#familyOf(metricName);
    if (family.help !== undefined)
      throw new MalformedInputError(`second HELP line for metric name ${quoteText(metricName)}`);
    family.help = help;
  }

  /** A series of a histogram or summary that was declared before, or a family of its own. */
  #familyOf(name: string): FamilyDraft {
    const known = this.#families.get(name) ?? this.#distributionOf(name);
    if (known !== undefined) return known;
    this.#allowance.family();
    const draft = new FamilyDraft(name);
    this.#families.set(name, draft);
    return draft;
  }

  #distributionOf(name: string): FamilyDraft | undefined {
    const suffix = /_(?:count|sum|bucket)$/.exec(name)?.[0];
    const family = suffix && this.#families.get(name.slice(0, -suffix.length));
    if (!family || family.type === undefined) return undefined;
    if (isHistogram(family.type)) return family;
    return family.type === "summary" && suffix !== "_bucket" ? family : undefined;
  }
}

interface DistributionDraft {
  readonly kind: "distribution";
  readonly labels: Labels;
  time: TimestampMs | undefined;
  readonly points: [number, number][];
  sum: number;
  count: number;
}

class FamilyDraft {
  readonly name: string;
  type: FamilyType | undefined;
  help: string | undefined;
  readonly #metrics: Metric[] = [];
  readonly #distributions = new Map<string, DistributionDraft>();

  constructor(name: string) {
    this.name = name;
  }

  get size(): number {
    return this.#metrics.length;
  }

  family(): MetricFamily {
    return { name: this.name, type: this.type ?? "untyped", help: this.help ?? "", metrics: this.#metrics };
  }

  add(
    seriesName: string,
    labels: Labels,
    { value, time }: { readonly value: number; readonly time: TimestampMs | undefined },
  ): void {
    this.type ??= "untyped";
    const boundLabel = boundLabelOf(this.type);
    if (boundLabel === undefined) {
      this.#metrics.push({ kind: "simple", labels: labels.drop(nameOnly), value, time });
      return;
    }
    const distribution = this.#distribution(labels.drop(new Set([METRIC_NAME, boundLabel])));
    distribution.time = time ?? distribution.time;
    if (seriesName === `${this.name}_sum`) distribution.sum = value;
    else if (seriesName === `${this.name}_count`) distribution.count = value;
    else distribution.points.push([this.#boundOf(labels, boundLabel), value]);
  }

  #distribution(labels: Labels): DistributionDraft {
    const key = labels.key();
    const known = this.#distributions.get(key);
    if (known !== undefined) return known;
    const draft: DistributionDraft = {
      kind: "distribution",
      labels,
      time: undefined,
      points: [],
      sum: 0,
      count: 0,
    };
    this.#distributions.set(key, draft);
    this.#metrics.push(draft);
    return draft;
  }

  #boundOf(labels: Labels, boundLabel: string): number {
    const text = labels.get(boundLabel);
    const bound = text === "" ? undefined : parseFloatText(text);
    if (bound !== undefined) return bound;
    throw new MalformedInputError(
      `expected float as value for '${boundLabel}' label of ${this.type} ${quoteText(this.name)}, got ${quoteText(text)}`,
    );
  }
}

const nameOnly = new Set([METRIC_NAME]);
