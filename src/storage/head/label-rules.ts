/**
 * areStorableLabels: whether labels can be the identity of a series.
 *
 * At least one label; names sorted and unique, as `Labels` promises; no empty name or value; and no half of a
 * surrogate pair, which has no UTF-8 form: two such labels would be one on disk. Any other text is a valid
 * name, as in Prometheus 3, and the metric name may be absent.
 */

import type { Labels } from "../../model/labels.js";
import { compareText } from "../../model/text-order.js";

export function areStorableLabels(labels: Labels): boolean {
  for (let i = 0; i < labels.size; i++) {
    const name = labels.nameAt(i);
    const value = labels.valueAt(i);
    if (name === "" || value === "" || !name.isWellFormed() || !value.isWellFormed()) return false;
    if (i > 0 && compareText(labels.nameAt(i - 1), name) >= 0) return false;
  }
  return labels.size > 0;
}
