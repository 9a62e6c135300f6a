/**
 * LabelPolicy: from the labels that are pushed to those that are stored, or to the reason why nothing is.
 *
 *   pushed ── grouping set ── forced labels ── allow-list ── relabelling ── limits ──► stored
 *
 * A forced label that is absent is added; one that is there must be equal. Run once for each series of an origin.
 */

import type { AnchoredRegExp } from "../../model/anchored-regexp.js";
import { type Labels, METRIC_NAME, quoteText } from "../../model/labels.js";
import { relabel } from "../../relabel/relabel.js";
import type { RelabelConfig } from "../../relabel/relabel-config.js";
import { describeLimit, type IngestLimits } from "../limits.js";
import type { PushRefusal } from "../push/push.js";

export interface LabelPolicy {
  /** As refusals call the credential: `this token`. */
  readonly credential: string;
  readonly forced: ReadonlyMap<string, string>;
  readonly allow: ReadonlyMap<string, AnchoredRegExp>;
  /** Names of metrics that only the server writes. */
  readonly reserved: ReadonlySet<string>;
  readonly metricRelabelConfigs: readonly RelabelConfig[];
  readonly limits: IngestLimits;
}

/** What becomes of a label set that is pushed. */
export type LabelDecision =
  | { readonly kind: "stored"; readonly identified: Labels; readonly labels: Labels }
  | { readonly kind: "refused"; readonly labels: Labels; readonly refusal: PushRefusal };

/** `identified` are the labels before relabelling: they say of which source the series is. */
export function decideLabels(pushed: Labels, grouping: Labels, policy: LabelPolicy): LabelDecision {
  const grouped = grouping.size === 0 ? pushed : pushed.with(grouping.toObject());
  const refusal = forgery(grouped, policy) ?? reservedName(grouped, policy);
  if (refusal !== undefined) return { kind: "refused", labels: grouped, refusal };
  const identified = withForced(grouped, policy.forced);
  const notAllowed = forbiddenValue(identified, policy);
  if (notAllowed !== undefined) return { kind: "refused", labels: identified, refusal: notAllowed };
  const labels = relabel(identified, policy.metricRelabelConfigs);
  if (labels === undefined || labels.size === 0) {
    const message = "metric_relabel_configs drop it";
    return { kind: "refused", labels: identified, refusal: { reason: "relabel-dropped", message } };
  }
  const tooMuch = beyondLimit(labels, policy.limits);
  if (tooMuch === undefined) return { kind: "stored", identified, labels };
  return { kind: "refused", labels, refusal: { reason: "label-limit", message: tooMuch } };
}

/** A label with another value than the forced one. Also for labels that are only a part, as a grouping is. */
export function forgery(labels: Labels, { forced, credential }: LabelPolicy): PushRefusal | undefined {
  for (const [name, value] of forced) {
    const given = labels.get(name);
    if (given === "" || given === value) continue;
    const message = `the label ${name} is ${quoteText(value)} for ${credential}, not ${quoteText(given)}; leave it out`;
    return { reason: "forbidden-label", message };
  }
  return undefined;
}

function reservedName(labels: Labels, { reserved }: LabelPolicy): PushRefusal | undefined {
  const name = labels.get(METRIC_NAME);
  if (!reserved.has(name)) return undefined;
  return {
    reason: "forbidden-label",
    message: `the metric ${name} is written by the server; give yours another name`,
  };
}

function withForced(labels: Labels, forced: ReadonlyMap<string, string>): Labels {
  let missing: Record<string, string> | undefined;
  for (const [name, value] of forced) {
    if (labels.has(name)) continue;
    missing ??= {};
    missing[name] = value;
  }
  return missing === undefined ? labels : labels.with(missing);
}

function forbiddenValue(labels: Labels, { allow, credential }: LabelPolicy): PushRefusal | undefined {
  for (const [name, pattern] of allow) {
    const value = labels.get(name);
    if (pattern.matches(value)) continue;
    const what = name === METRIC_NAME ? "the metric name" : `the label ${name}`;
    const given = value === "" ? "is absent" : `is ${quoteText(value)}`;
    const message = `${what} ${given} and must match ${quoteText(pattern.source)} for ${credential}`;
    return { reason: "forbidden-label", message };
  }
  return undefined;
}

function beyondLimit(labels: Labels, limits: IngestLimits): string | undefined {
  if (labels.size > limits.labelsMax) return describeLimit("the series", labels.size, limits, "labelsMax");
  for (let i = 0; i < labels.size; i++) {
    const nameSize = sizeBeyond(labels.nameAt(i), limits.labelNameSizeBytes);
    if (nameSize > 0) return describeLimit("a label name", nameSize, limits, "labelNameSizeBytes");
    const valueSize = sizeBeyond(labels.valueAt(i), limits.labelValueSizeBytes);
    if (valueSize > 0) return describeLimit("a label value", valueSize, limits, "labelValueSizeBytes");
  }
  return undefined;
}

/** Bytes of a text that has more than `most`, else 0; measured only where it may have. */
function sizeBeyond(text: string, most: number): number {
  if (text.length * 3 <= most) return 0;
  const size = Buffer.byteLength(text);
  return size > most ? size : 0;
}
