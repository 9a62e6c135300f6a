/**
 * relabel: a label set through a list of rules, in order: how targets get their labels, and what is kept of what
 * they (or those who push) expose. And the same step by step, to see which rule did what.
 */

import { Labels } from "../model/labels.js";
import { LabelBuilder } from "./label-builder.js";
import type { RelabelConfig } from "./relabel-config.js";

/** The labels after all rules, the same object when none changed them; undefined when a rule dropped them. */
export function relabel(labels: Labels, configs: readonly RelabelConfig[]): Labels | undefined {
  if (configs.length === 0) return labels;
  const builder = new LabelBuilder(labels);
  for (const config of configs) if (!config.apply(builder)) return undefined;
  return builder.build();
}

/** What one rule did. After the rule that dropped, nothing is left for those that follow. */
export interface RelabelStep {
  readonly config: RelabelConfig;
  readonly before: Labels;
  /** Empty when not kept. */
  readonly after: Labels;
  readonly isKept: boolean;
}

export function relabelSteps(labels: Labels, configs: readonly RelabelConfig[]): readonly RelabelStep[] {
  const builder = new LabelBuilder(labels);
  let before = labels;
  let isKept = true;
  return configs.map((config) => {
    isKept &&= config.apply(builder);
    const after = isKept ? builder.build() : Labels.empty;
    const step = { config, before, after, isKept };
    before = after;
    return step;
  });
}
