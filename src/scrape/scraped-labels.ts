/**
 * ScrapedLabels: the labels that a series of a target's page is stored with: the target's are added, the rules of
 * `metric_relabel_configs` applied, names and limits checked.
 */

import { MalformedInputError } from "../model/errors.js";
import { Labels, METRIC_NAME } from "../model/labels.js";
import { compareText } from "../model/text-order.js";
import { hasValidNames } from "../relabel/name-validation.js";
import { relabel } from "../relabel/relabel.js";
import type { ScrapeConfig } from "./scrape-config.js";
import { ScrapeLimitError } from "./scrape-limit-error.js";

export class ScrapedLabels {
  readonly #target: Labels;
  readonly #config: ScrapeConfig;

  /** `target` are the labels of every series of the page. */
  constructor(target: Labels, config: ScrapeConfig) {
    this.#target = target;
    this.#config = config;
  }

  /**
   * Undefined when relabelling drops the series. A label that the page gives without a value, as Pushgateways give
   * `instance`, takes the place of the target's where scraped labels win. Throws MalformedInputError and ScrapeLimitError.
   */
  of(scraped: Labels, emptyLabels: readonly string[] = []): Labels | undefined {
    const isKept = emptyLabels.length === 0 || !this.#config.honorLabels;
    const target = isKept ? this.#target : this.#target.drop(new Set(emptyLabels));
    const labels = relabel(this.#withTarget(scraped, target), this.#config.metricRelabelConfigs);
    if (labels === undefined || labels.size === 0) return undefined;
    if (!labels.has(METRIC_NAME)) throw new MalformedInputError(`missing metric name (${METRIC_NAME} label)`);
    if (!hasValidNames(labels, this.#config.nameValidation))
      throw new MalformedInputError(`invalid metric name or label names: ${labels}`);
    this.#checkLimits(labels);
    return labels;
  }

  #withTarget(scraped: Labels, target: Labels): Labels {
    return unitedLabels(scraped, target) ?? this.#withRenamed(scraped, target);
  }

  /** Where both have a label of one name. */
  #withRenamed(scraped: Labels, target: Labels): Labels {
    if (this.#config.honorLabels) return Labels.from(new Map([...target, ...scraped]));
    const merged = new Map([...scraped, ...target]);
    // Those with short names choose first, as in Prometheus.
    const conflicts = [...target].filter(([name]) => scraped.has(name));
    for (const [name] of conflicts.sort(([a], [b]) => Buffer.byteLength(a) - Buffer.byteLength(b))) {
      let renamed = `exported_${name}`;
      while (merged.has(renamed)) renamed = `exported_${renamed}`;
      merged.set(renamed, scraped.get(name));
    }
    return Labels.from(merged);
  }

  #checkLimits(labels: Labels): void {
    const { labelsMax, labelNameSizeMaxBytes, labelValueSizeMaxBytes } = this.#config;
    const metric = labels.get(METRIC_NAME).slice(0, 50);
    if (labelsMax > 0 && labels.size > labelsMax) {
      const reason = `${metric} has ${labels.size} labels, more than label_limit, ${labelsMax}`;
      throw new ScrapeLimitError("labels", reason);
    }
    if (labelNameSizeMaxBytes === 0 && labelValueSizeMaxBytes === 0) return;
    for (const [name, value] of labels) {
      const subject = `the label ${name.slice(0, 50)} of ${metric}`;
      check(
        Buffer.byteLength(name),
        labelNameSizeMaxBytes,
        `${subject} has a name longer than label_name_length_limit`,
      );
      check(
        Buffer.byteLength(value),
        labelValueSizeMaxBytes,
        `${subject} has a value longer than label_value_length_limit`,
      );
    }
  }
}

/**
 * The labels of both; undefined when they share a name. They seldom do, and at a start there are a million of them to be
 * made: this leaves less garbage than a map and a sort.
 */
function unitedLabels(a: Labels, b: Labels): Labels | undefined {
  const length = a.size + b.size;
  const names = new Array<string>(length);
  const values = new Array<string>(length);
  for (let i = 0, j = 0; i + j < length; ) {
    const order = i === a.size ? 1 : j === b.size ? -1 : compareText(a.nameAt(i), b.nameAt(j));
    if (order === 0) return undefined;
    const at = i + j;
    const from = order < 0 ? a : b;
    const index = order < 0 ? i++ : j++;
    names[at] = from.nameAt(index);
    values[at] = from.valueAt(index);
  }
  return Labels.fromSorted(names, values);
}

function check(sizeBytes: number, maxBytes: number, problem: string): void {
  if (maxBytes > 0 && sizeBytes > maxBytes)
    throw new ScrapeLimitError("labels", `${problem}, ${maxBytes} bytes: ${sizeBytes}`);
}
