/**
 * compileAction: one relabelling rule as a function that changes a label set and tells whether it is kept.
 *
 * Regular expressions are of RE2 and match the whole value. The engine that fills groups is asked only where a
 * template names one; most rules are answered by literals, prefixes and plain copies.
 *
 * Source: Prometheus `model/relabel/relabel.go`.
 */

import { createHash } from "node:crypto";
import { AnchoredRegExp } from "../model/anchored-regexp.js";
import { CapturingRegExp } from "../model/capturing-regexp.js";
import type { LabelBuilder } from "./label-builder.js";
import { toLowerCase, toUpperCase } from "./letter-case.js";
import { isValidLabelName } from "./name-validation.js";
import type { RelabelConfig } from "./relabel-config.js";

/** Changes the labels; false when they are to be dropped, and then what became of them does not matter. */
export type CompiledAction = (labels: LabelBuilder) => boolean;

/** Throws InvalidArgumentError when the regular expression is none. */
export function compileAction(config: RelabelConfig): CompiledAction {
  const { action, targetLabel } = config;
  const matches = compileMatch(config.regex);
  switch (action) {
    case "replace":
      return replace(config, matches);
    case "keep":
      return (labels) => matches(sourceValue(labels, config));
    case "drop":
      return (labels) => !matches(sourceValue(labels, config));
    case "keepequal":
      return (labels) => labels.get(targetLabel) === sourceValue(labels, config);
    case "dropequal":
      return (labels) => labels.get(targetLabel) !== sourceValue(labels, config);
    case "lowercase":
      return setTarget(config, toLowerCase);
    case "uppercase":
      return setTarget(config, toUpperCase);
    case "hashmod":
      return setTarget(config, (value) => hashModulo(value, config.modulus));
    case "labelmap":
      return mapNames(config, matches);
    case "labeldrop":
      return deleteNames(matches);
    case "labelkeep":
      return deleteNames((name) => !matches(name));
  }
}

type Match = (value: string) => boolean;

/** A group around everything changes nothing about what matches, and would hide literals from the shortcuts. */
function compileMatch(regex: string): Match {
  const inside = /^\(([^()?\\]*)\)$/.exec(regex)?.[1];
  const regexp = new AnchoredRegExp(inside ?? regex);
  const { prefix } = regexp;
  return (value) => value.startsWith(prefix) && regexp.matches(value);
}

/** The values of the source labels, joined. */
function sourceValue(labels: LabelBuilder, { sourceLabels, separator }: RelabelConfig): string {
  if (sourceLabels.length === 0) return "";
  let value = labels.get(sourceLabels[0]!);
  for (let i = 1; i < sourceLabels.length; i++) value += separator + labels.get(sourceLabels[i]!);
  return value;
}

function replace(config: RelabelConfig, matches: Match): CompiledAction {
  const { targetLabel, nameValidation } = config;
  const fillTarget = compileTemplate(config.regex, targetLabel, matches);
  const fillReplacement = compileTemplate(config.regex, config.replacement, matches);
  return (labels) => {
    const value = sourceValue(labels, config);
    const replacement = fillReplacement(value);
    if (replacement === undefined) return true;
    const name = fillTarget(value)!;
    // A name made of what the value happened to hold may be none: then the rule does nothing.
    if (name === targetLabel || isValidLabelName(name, nameValidation)) labels.set(name, replacement);
    return true;
  };
}

function mapNames({ regex, replacement }: RelabelConfig, matches: Match): CompiledAction {
  const rename = compileTemplate(regex, replacement, matches);
  return (labels) => {
    for (const [name, value] of labels.entries()) {
      const renamed = rename(name);
      if (renamed !== undefined) labels.set(renamed, value);
    }
    return true;
  };
}

function deleteNames(isUnwanted: Match): CompiledAction {
  return (labels) => {
    for (const [name] of labels.entries()) if (isUnwanted(name)) labels.delete(name);
    return true;
  };
}

function setTarget(config: RelabelConfig, map: (value: string) => string): CompiledAction {
  return (labels) => {
    labels.set(config.targetLabel, map(sourceValue(labels, config)));
    return true;
  };
}

/** Fills the template from the groups of a value; undefined when the value does not match. */
function compileTemplate(
  regex: string,
  template: string,
  matches: Match,
): (value: string) => string | undefined {
  if (!template.includes("$")) return (value) => (matches(value) ? template : undefined);
  const takesWhole = /^\(\.[*+]\)$/.test(regex) && /^\$(?:1|\{1\})$/.test(template);
  if (takesWhole) return (value) => (matches(value) ? value : undefined);
  const { prefix } = new AnchoredRegExp(regex);
  const regexp = new CapturingRegExp(regex);
  return (value) => (value.startsWith(prefix) ? regexp.expand(value, template) : undefined);
}

/** The last 64 bits of the MD5 digest, as a big-endian number, modulo: shards stay where Prometheus had them. */
function hashModulo(value: string, modulus: number): string {
  const digest = createHash("md5").update(value, "utf8").digest();
  return String(digest.readBigUInt64BE(8) % BigInt(modulus));
}
