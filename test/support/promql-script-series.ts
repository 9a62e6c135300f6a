/**
 * The series notation of PromQL test scripts: `metric{a="b"} 1+2x3 _ stale {{...}}`.
 *
 *   7          one value                 7x2        7 7 7
 *   1+2x3      1 3 5 7                   5-1x2      5 4 3
 *   _  _x3     nothing, three times      stale      the series ends here
 *   {{...}}    a native histogram; what stands within is not looked at
 *
 * Source: the README of Prometheus' promqltest, and `docs/configuration/unit_testing_rules.md`.
 */

import { parseFloatText } from "../../src/model/float-text.js";
import { Labels, METRIC_NAME } from "../../src/model/labels.js";
import type { Point } from "./memory-queryable.js";

/** A point per step; undefined where there is none. */
export interface SeriesLine {
  readonly labels: Labels;
  readonly points: readonly (Point | undefined)[];
  /** Of start timestamps (`metric{...}@st`), not of values. */
  readonly startTimes: boolean;
}

/** Undefined when the line does not begin as a series does. */
export function parseSeriesLine(line: string): SeriesLine | undefined {
  const parts =
    /^([a-zA-Z_:][\w:]*)?\s*(\{(?:[^"'`}]|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)*\})?(@st)?(?:\s+(.*))?$/.exec(
      line,
    );
  if (parts === null) return undefined;
  const [, name = "", braces = "", startTimes, values = ""] = parts;
  if (name === "" && braces === "") return undefined;
  return {
    labels: parseLabels(name, braces.slice(1, -1)),
    points: startTimes === undefined ? parsePoints(values) : [],
    startTimes: startTimes !== undefined,
  };
}

function parseLabels(name: string, braces: string): Labels {
  const pairs = new Map<string, string>();
  if (name !== "") pairs.set(METRIC_NAME, name);
  const text = "\"(?:\\\\.|[^\"\\\\])*\"|'(?:\\\\.|[^'\\\\])*'|`[^`]*`";
  const pattern = new RegExp(`\\s*(${text}|[\\w:]+)\\s*(?:=\\s*(${text})\\s*)?(?:,|$)`, "y");
  while (pattern.lastIndex < braces.trimEnd().length) {
    const match = pattern.exec(braces);
    if (match === null) throw new SyntaxError(`labels cannot be read: {${braces}}`);
    const [, key, value] = match;
    if (value === undefined) pairs.set(METRIC_NAME, unquote(key!));
    else pairs.set(unquote(key!), unquote(value));
  }
  return Labels.from(pairs);
}

/** A word stays as it is. */
export function unquote(text: string): string {
  if (text.startsWith("`")) return text.slice(1, -1);
  if (text.startsWith("'")) return JSON.parse(`"${text.slice(1, -1).replaceAll('"', '\\"')}"`) as string;
  return text.startsWith('"') ? (JSON.parse(text) as string) : text;
}

function parsePoints(text: string): readonly (Point | undefined)[] {
  const histogram = "\\{\\{.*?\\}\\}";
  const item = new RegExp(`\\s*(${histogram}(?:[+-]${histogram})?(?:x\\d+)?|\\S+)\\s*`, "y");
  const points: (Point | undefined)[] = [];
  while (item.lastIndex < text.length) {
    const match = item.exec(text);
    if (match === null) throw new SyntaxError(`values cannot be read: ${text.slice(item.lastIndex)}`);
    points.push(...expandItem(match[1]!));
  }
  return points;
}

function expandItem(item: string): readonly (Point | undefined)[] {
  const repeat = /^(.*)x(\d+)$/.exec(item);
  const base = repeat?.[1] ?? item;
  const times = repeat === null ? 0 : Number(repeat[2]);
  if (base === "_") return new Array<undefined>(repeat === null ? 1 : times).fill(undefined);
  if (base.startsWith("{{")) return new Array<Point>(times + 1).fill("histogram");
  if (base === "stale") return new Array<Point>(times + 1).fill("stale");
  const progression =
    /^([+-]?(?:\d[\d.]*(?:[eE][+-]?\d+)?|\.\d+|inf|nan))([+-](?:\d[\d.]*(?:[eE][+-]?\d+)?|\.\d+|inf|nan))?$/i.exec(
      base,
    );
  if (progression === null) throw new SyntaxError(`a value cannot be read: ${item}`);
  const start = number(progression[1]!);
  const step = progression[2] === undefined ? 0 : number(progression[2]);
  // Added up one by one, as the field's runner does: 0.1 three times is not 0.3.
  const points: Point[] = [];
  for (let i = 0, value = start; i <= times; i++, value += step) points.push(value);
  return points;
}

function number(text: string): number {
  const value = parseFloatText(text);
  if (value === undefined) throw new SyntaxError(`not a number: ${text}`);
  return value;
}
