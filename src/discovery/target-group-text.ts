/**
 * parseJsonGroups, parseYamlGroups: target groups as files and servers write them.
 *
 *   [ { "targets": ["host:port", …], "labels": { "name": "value", … } }, … ]
 *
 * In YAML every scalar is text as it is written; in JSON only text is. Other keys are refused.
 *
 * Source: Prometheus `discovery/targetgroup/targetgroup.go`.
 */

import { parse } from "yaml";
import { MalformedInputError } from "../model/errors.js";
import { Labels } from "../model/labels.js";
import type { TargetGroup } from "./discovery.js";

/** `labels` are added to those of each group, and win. Throws MalformedInputError. */
export function parseJsonGroups(text: string, labels: Readonly<Record<string, string>>): TargetGroup[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new MalformedInputError(`no JSON: ${messageOf(cause)}`, {}, { cause });
  }
  return readGroups(value, labels);
}

/** As `parseJsonGroups`. */
export function parseYamlGroups(text: string, labels: Readonly<Record<string, string>>): TargetGroup[] {
  let value: unknown;
  try {
    value = parse(text, { schema: "failsafe", merge: true, prettyErrors: false, logLevel: "error" });
  } catch (cause) {
    // Errors of many classes, a bare Error for a merge of what is no mapping among them.
    throw new MalformedInputError(`no YAML: ${messageOf(cause)}`, {}, { cause });
  }
  return readGroups(value === "" ? null : value, labels);
}

function readGroups(value: unknown, labels: Readonly<Record<string, string>>): TargetGroup[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw new MalformedInputError("the whole must be a list of target groups");
  return value.map((group: unknown, i) => readGroup(group, i, labels));
}

function readGroup(value: unknown, index: number, added: Readonly<Record<string, string>>): TargetGroup {
  const place = `group ${index + 1}`;
  if (!isRecord(value)) throw new MalformedInputError(`${place} must have targets and labels`);
  for (const key of Object.keys(value)) {
    if (key !== "targets" && key !== "labels")
      throw new MalformedInputError(`${place} has the unknown key "${key}"`);
  }
  const targets = value.targets || [];
  if (!Array.isArray(targets)) throw new MalformedInputError(`the targets of ${place} must be a list`);
  return {
    targets: targets.map((address: unknown) => Labels.from({ __address__: textOf(address, place) })),
    labels: Labels.from({ ...readLabels(value.labels || {}, place), ...added }),
  };
}

function readLabels(value: unknown, place: string): Record<string, string> {
  if (!isRecord(value)) throw new MalformedInputError(`the labels of ${place} must be a mapping`);
  const pairs = Object.entries(value).map(([name, text]) => {
    if (name === "" || /\p{Surrogate}/u.test(name))
      throw new MalformedInputError(`${place} has a label without a valid name`);
    return [name, textOf(text, place)];
  });
  return Object.fromEntries(pairs);
}

function textOf(value: unknown, place: string): string {
  if (typeof value === "string") return value;
  throw new MalformedInputError(`targets and values of labels of ${place} must be text`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
