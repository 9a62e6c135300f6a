/**
 * Which names a label may have: any text (`utf8`, Prometheus 3), or letters, digits and underscores (`legacy`).
 */

import { type Labels, METRIC_NAME } from "../model/labels.js";

export const nameValidations = ["utf8", "legacy"] as const;

export type NameValidation = (typeof nameValidations)[number];

export function isValidLabelName(name: string, validation: NameValidation): boolean {
  return validation === "legacy" ? /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) : isText(name);
}

export function isValidMetricName(name: string, validation: NameValidation): boolean {
  return validation === "legacy" ? /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name) : isText(name);
}

/** A label name in which `$1`, `${1}`, `$name` and `${name}` may stand for parts that are not known yet. */
export function isValidNameTemplate(template: string, validation: NameValidation): boolean {
  // The dollar and the braces are characters like any other in a UTF-8 name.
  if (validation === "utf8") return isText(template);
  return /^(?:[a-zA-Z_]|\$(?:\{\w+\}|\w))(?:\w|\$(?:\{\w+\}|\w))*$/.test(template);
}

/** Whether every name is valid, the metric name included; a missing metric name is none of its business. */
export function hasValidNames(labels: Labels, validation: NameValidation): boolean {
  for (let i = 0; i < labels.size; i++) {
    const name = labels.nameAt(i);
    if (name === METRIC_NAME && !isValidMetricName(labels.valueAt(i), validation)) return false;
    if (!isValidLabelName(name, validation)) return false;
  }
  return true;
}

/** Whether UTF-8 can say it: there is no half of a surrogate pair. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

function isText(name: string): boolean {
  return name !== "" && isWellFormed(name);
}
