/**
 * parseLabelsJson: a label set as JSON, `{"__address__":"localhost:9090","job":"node"}`: how a person asks what rules
 * would do.
 */

import { InvalidArgumentError } from "../model/errors.js";
import { Labels } from "../model/labels.js";

const remedy = 'write an object of texts, as {"job":"node"}';

/** Throws InvalidArgumentError. */
export function parseLabelsJson(text: string): Labels {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InvalidArgumentError(`error parsing labels: ${remedy}`);
  }
  const pairs = Object.entries(value).map(([name, of]): [string, string] => {
    if (typeof of === "string") return [name, of];
    throw new InvalidArgumentError(`error parsing labels: the value of "${name}" is no text`);
  });
  return Labels.from(pairs);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InvalidArgumentError(`error parsing labels: ${String(cause)}; ${remedy}`, { cause });
  }
}
