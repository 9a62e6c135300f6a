/**
 * readRelabelConfigs: `relabel_configs`, `metric_relabel_configs` and their like, as rules that are ready to use.
 */

import { definedOnly } from "../model/defined-only.js";
import type { NameValidation } from "../relabel/name-validation.js";
import {
  parseRelabelAction,
  RelabelConfig,
  RelabelConfigError,
  type RelabelField,
} from "../relabel/relabel-config.js";
import type { YamlSection } from "./yaml-section.js";

/** The rules under `key`, none when it is absent. Throws ConfigError at the field that is wrong. */
export function readRelabelConfigs(
  section: YamlSection,
  key: string,
  nameValidation: NameValidation = "utf8",
): readonly RelabelConfig[] {
  return section.sections(key).map((rule) => readRelabelConfig(rule, nameValidation));
}

const keys = {
  sourceLabels: "source_labels",
  separator: "separator",
  regex: "regex",
  modulus: "modulus",
  targetLabel: "target_label",
  replacement: "replacement",
  action: "action",
} satisfies Record<RelabelField, string>;

function readRelabelConfig(rule: YamlSection, nameValidation: NameValidation): RelabelConfig {
  // A key without a value stands for the empty text, not for the default: `regex:` matches the empty value.
  const text = (key: string): string | undefined => rule.text(key) ?? (rule.has(key) ? "" : undefined);
  try {
    const action = text(keys.action);
    const fields = definedOnly({
      sourceLabels: rule.textList(keys.sourceLabels),
      separator: text(keys.separator),
      regex: text(keys.regex),
      modulus: rule.count(keys.modulus),
      targetLabel: text(keys.targetLabel),
      replacement: text(keys.replacement),
      action: action === undefined ? undefined : parseRelabelAction(action),
      nameValidation,
    });
    rule.finish();
    return new RelabelConfig(fields);
  } catch (error) {
    if (error instanceof RelabelConfigError) return rule.reject(keys[error.field], error.message);
    throw error;
  }
}
