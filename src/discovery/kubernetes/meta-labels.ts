/**
 * The labels that every role gives: what an object is called, its labels and its annotations; and addresses.
 *
 * Source: Prometheus documentation, `<kubernetes_sd_config>`; `discovery/kubernetes` for what it does not say.
 */

import type { ObjectMeta } from "./kubernetes-objects.js";

/** By name, to be added to. Empty values are left out in the end. */
export type LabelValues = Record<string, string>;

export const prefix = "__meta_kubernetes_";
export const namespaceLabel = `${prefix}namespace`;

/** `kind` is that of the object: pod, service ... */
export function metaLabels(kind: string, { name, labels, annotations }: ObjectMeta): LabelValues {
  const values: LabelValues = { [`${prefix}${kind}_name`]: name };
  addPairs(values, `${prefix}${kind}_label`, labels);
  addPairs(values, `${prefix}${kind}_annotation`, annotations);
  return values;
}

/** Each pair as two labels, since a value may be empty: `…_NAME` and `…present_NAME`. */
function addPairs(values: LabelValues, start: string, pairs: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(pairs)) {
    const name = labelName(key);
    values[`${start}_${name}`] = value;
    values[`${start}present_${name}`] = "true";
  }
}

/** What may not stand in a label's name becomes an underscore. */
export function labelName(key: string): string {
  return key.replace(/[^a-zA-Z0-9_]/gu, "_");
}

/** With brackets around what has colons. */
export function joinHostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
