/**
 * LabelNames: a set of label names of which all may be in it but some: what can be known of the labels of series
 * that nobody has looked at.
 */

import { compareText } from "../../model/text-order.js";

export interface LabelNames {
  /** `names` are those that are not in the set. */
  readonly isComplement: boolean;
  readonly names: ReadonlySet<string>;
}

export function only(names: Iterable<string>): LabelNames {
  return { isComplement: false, names: new Set(names) };
}

export function allBut(names: Iterable<string>): LabelNames {
  return { isComplement: true, names: new Set(names) };
}

export const NO_LABELS = only([]);

export function intersect(a: LabelNames, b: LabelNames): LabelNames {
  if (a.isComplement && b.isComplement) return allBut([...a.names, ...b.names]);
  const [finite, other] = a.isComplement ? [b, a] : [a, b];
  return only([...finite.names].filter((name) => has(other, name)));
}

export function unite(a: LabelNames, b: LabelNames): LabelNames {
  return complement(intersect(complement(a), complement(b)));
}

export function subtract(a: LabelNames, b: LabelNames): LabelNames {
  return intersect(a, complement(b));
}

export function has({ isComplement, names }: LabelNames, name: string): boolean {
  return names.has(name) !== isComplement;
}

/** `job, team`, `all but __name__`, `none`, `all`. */
export function formatLabelNames({ isComplement, names }: LabelNames): string {
  const listed = [...names].sort(compareText).join(", ");
  if (!isComplement) return listed === "" ? "none" : listed;
  return listed === "" ? "all" : `all but ${listed}`;
}

function complement({ isComplement, names }: LabelNames): LabelNames {
  return { isComplement: !isComplement, names };
}
