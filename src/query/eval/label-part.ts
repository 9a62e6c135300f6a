/**
 * LabelPart: the part of a label set that grouping and matching compare: the named labels (`by`, `on`), or all but
 * these and the metric name (`without`, `ignoring`).
 */

import { type Labels, METRIC_NAME } from "../../model/labels.js";

export class LabelPart {
  readonly #named: readonly string[];
  readonly #names: ReadonlySet<string>;
  readonly #without: boolean;

  constructor(named: readonly string[], { without }: { readonly without: boolean }) {
    this.#named = named;
    this.#names = new Set(without ? [METRIC_NAME, ...named] : named);
    this.#without = without;
  }

  /** A string that is equal exactly for equal parts, without making the part: there are more series than parts. */
  keyOf(labels: Labels): string {
    if (this.#without) return labels.keyWithout(this.#names);
    let key = "";
    for (let i = 0; i < this.#named.length; i++) {
      const value = labels.get(this.#named[i]!);
      key += `${value.length}:${value}`;
    }
    return key;
  }

  of(labels: Labels): Labels {
    return this.#without ? labels.drop(this.#names) : labels.keep(this.#names);
  }
}
