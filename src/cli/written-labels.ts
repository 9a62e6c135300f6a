/**
 * parseWrittenLabels: a label set as a person writes it: JSON, `{"__address__":"h:9100"}`, or a selector of PromQL,
 * `up{job="node"}`, whose matchers are all equalities.
 */

import { InvalidArgumentError, ParseError } from "../model/errors.js";
import { Labels } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import { parseSelector } from "../query/parser/parse.js";
import { parseLabelsJson } from "../relabel/labels-json.js";

const remedy = `write JSON, as '{"job":"node"}', or a selector, as 'up{job="node"}'`;
/** A selector may have quoted names, too, but none before a colon. */
const isJson = /^\s*\{\s*(?:"(?:[^"\\]|\\.)*"\s*:|\}\s*$)/;

/** Throws InvalidArgumentError. */
export function parseWrittenLabels(text: string): Labels {
  if (isJson.test(text)) return parseLabelsJson(text);
  const labels = new Map<string, string>();
  for (const matcher of readMatchers(text)) {
    const { name, value } = matcher;
    if (matcher.operator !== "=")
      throw new InvalidArgumentError(`${matcher} is no label but a condition; write ${name}="VALUE"`);
    if (labels.has(name)) throw new InvalidArgumentError(`the label ${name} stands there twice`);
    labels.set(name, value);
  }
  return Labels.from(labels);
}

function readMatchers(text: string): readonly Matcher[] {
  try {
    return parseSelector(text);
  } catch (cause) {
    if (!(cause instanceof ParseError)) throw cause;
    const place = cause.position.start + 1;
    throw new InvalidArgumentError(
      `error parsing labels at character ${place}: ${cause.message}; ${remedy}`,
      {
        cause,
      },
    );
  }
}
