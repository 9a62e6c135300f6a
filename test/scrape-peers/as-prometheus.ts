/**
 * Pages as a Prometheus 3.5 must get them, to make of them what we make of the originals: what is known to be read
 * differently is written otherwise, line by line, so that all else of such a page can be compared. A line that only we refuse
 * becomes one that nobody can read.
 */

import { isUtf8 } from "node:buffer";
import type { PageKind } from "./random-page.js";

/** In a sentence: what the two do. */
export type Change = string;

export interface ChangedPage {
  readonly bytes: Buffer;
  readonly changes: ReadonlySet<Change>;
}

const unreadable = "!";

interface Line {
  readonly text: string;
  readonly kind: PageKind;
}

interface Reading {
  readonly change: Change;
  /** The line as it is to be written, itself when it is as good as it is. */
  rewrite(line: Line): string;
}

const readings: readonly Reading[] = [
  {
    change: "a carriage return before a line feed is read over by us",
    rewrite: ({ text, kind }) => (kind === "text" || text.length > 1 ? text.replace(/\r$/, "") : text),
  },
  {
    change: "a quoted text may go on in the next line, in Prometheus",
    rewrite: ({ text }) => (hasOpenQuote(text) ? unreadable : text),
  },
  {
    change: "blanks before a metric name are part of it, in Prometheus",
    rewrite: ({ text, kind }) => (kind === "text" ? text.replace(/^[ \t]+(?=[^ \t#])/, "") : text),
  },
  {
    change: "behind a name in a comment any byte stands for a blank, in Prometheus",
    rewrite: ({ text }) =>
      /^[ \t]*#[ \t]+(?:HELP|TYPE|UNIT)[ \t]+(?:"(?:\\.|[^"\\])*"[^ \t]|[a-zA-Z_:][\w:]*[^ \t\w:])/.test(text)
        ? unreadable
        : text,
  },
  {
    change: "an empty name in a comment is read in Prometheus",
    rewrite: ({ text }) => (/^[ \t]*#[ \t]+(?:HELP|TYPE|UNIT)[ \t]+""/.test(text) ? unreadable : text),
  },
  {
    change: "blanks around a type are read over by us",
    rewrite: ({ text, kind }) => (kind === "text" ? text.replace(typePattern, "$1 $2") : text),
  },
  {
    change: "a type called unknown is read by us in the Prometheus format",
    rewrite: ({ text, kind }) =>
      kind === "text" && typePattern.test(text) ? text.replace(/([ \t])unknown$/, "$1untyped") : text,
  },
  {
    change: "times with a sign are read by us in the Prometheus format",
    rewrite: ({ text, kind }) => {
      const { series, rest } = splitSeries(text);
      return kind === "text"
        ? series + rest.replace(/^([ \t]*\S+[ \t]+)[+-](?=\d{1,18}[ \t]*$)/, "$1")
        : text;
    },
  },
  {
    change: "a metric name that is written as the label __name__ is read by us",
    rewrite: ({ text }) => {
      const { series, rest } = splitSeries(text);
      const isAlone = series.startsWith("{") && labelsOf(series).filter(isMetricName).length === 1;
      return isAlone ? series.replace(/(?<=[{,][ \t]*)"?__name__"?[ \t]*=[ \t]*(?=".)/, "") + rest : text;
    },
  },
  {
    change: "a label that is given twice, empty once, is not there in Prometheus",
    rewrite: ({ text }) => {
      const all = labelsOf(text);
      const isGiven = (name: string) => all.some((other) => other.name === name && other.value !== '""');
      const empty = all.filter(({ name, value }) => value === '""' && isGiven(name));
      const { series, rest } = splitSeries(text);
      const without = (left: string, name: string) =>
        left.replace(new RegExp(`(?<=[{,][ \\t]*)${name}[ \\t]*=[ \\t]*""[ \\t]*,?`), "");
      return empty.reduce((left, { name }) => without(left, name), series) + rest;
    },
  },
  {
    change: "labels without a comma between them are read in Prometheus",
    rewrite: ({ text }) => (labelsOf(text).some(({ end }) => end !== "," && end !== "}") ? unreadable : text),
  },
  {
    change: "a quoted name with an unknown escape is read in Prometheus",
    rewrite: ({ text }) =>
      labelsOf(text).some(({ name }) => /^"(?:[^\\]|\\[\\"n])*\\[^\\"n]/.test(name)) ? unreadable : text,
  },
  {
    change: "a sample is counted in Prometheus when its labels may not be",
    rewrite: ({ text }) => (hasBadNames(text) ? unreadable : text),
  },
  {
    change:
      "a sample of OpenMetrics is counted in Prometheus when there is a blank too much behind its value",
    rewrite: ({ text, kind }) =>
      kind === "openmetrics" && /^ [^ ]+ (?: |$)/.test(splitSeries(text).rest) ? unreadable : text,
  },
];

/** Which type stands before each sample's line. */
export function typesOf(page: Buffer): (readonly [series: string, type: string])[] {
  const found: [string, string][] = [];
  let type = "";
  for (const text of page.toString("latin1").split("\n")) {
    type = typePattern.exec(text)?.[2] ?? type;
    if (!isComment(text)) found.push([splitSeries(text.trimStart()).series, type]);
  }
  return found;
}

/** The page for a Prometheus, and what was changed. */
export function asPrometheusReads(kind: PageKind, page: Buffer): ChangedPage {
  const changes = new Set<Change>();
  if (kind === "protobuf") return { bytes: page, changes };
  const lines = page
    .toString("latin1")
    .split("\n")
    .map((written) => {
      let text = written;
      for (const { change, rewrite } of readings) {
        const rewritten = rewrite({ text, kind });
        if (rewritten !== text) changes.add(change);
        text = rewritten;
      }
      return text;
    });
  return { bytes: Buffer.from(lines.join("\n"), "latin1"), changes };
}

/** Of a line that says a type: what stands before, and the type. */
const typePattern = /^([ \t]*#[ \t]+TYPE[ \t]+(?:"(?:\\.|[^"\\])*"|[a-zA-Z_:][\w:]*))[ \t]+(\w+)[ \t]*$/;

function isComment(text: string): boolean {
  return /^[ \t]*#/.test(text);
}

function hasOpenQuote(text: string): boolean {
  return !isComment(text) && (text.replace(/\\./g, "").split('"').length - 1) % 2 === 1;
}

/** A sample's line in two: its series, and from the blank before its value on. */
function splitSeries(text: string): { readonly series: string; readonly rest: string } {
  if (isComment(text)) return { series: text, rest: "" };
  const series = /^[^{ \t]*[ \t]*\{(?:"(?:\\.|[^"\\])*"|[^"}])*\}|^[^{ \t]*/.exec(text)?.[0] ?? "";
  return { series, rest: text.slice(series.length) };
}

interface Label {
  /** As written, in quotes or not. */
  readonly name: string;
  readonly value: string | undefined;
  /** What follows. */
  readonly end: string;
}

/** Of a sample's line, as far as its braces can be read. */
function labelsOf(text: string): Label[] {
  const braces = /\{.*\}/s.exec(splitSeries(text).series)?.[0];
  if (braces === undefined) return [];
  const pattern = /([a-zA-Z_]\w*|"(?:\\.|[^"\\])*")[ \t]*(?:=[ \t]*("(?:\\.|[^"\\])*"))?[ \t]*(.)/gs;
  const found: Label[] = [];
  for (let at = 1; at < braces.length; ) {
    pattern.lastIndex = at + /^[ \t,]*/.exec(braces.slice(at))![0].length;
    const from = pattern.lastIndex;
    const match = pattern.exec(braces);
    if (match === null || match.index !== from) break;
    const [all, name = "", value, end = ""] = match;
    found.push({ name, value, end });
    at = from + all.length - (end === "," || end === "}" ? 0 : 1);
  }
  return found;
}

function isMetricName({ name, value }: Label): boolean {
  return value === undefined || unquoted(name) === "__name__";
}

/** Names that are given twice, empty or not UTF-8. */
function hasBadNames(text: string): boolean {
  const { series } = splitSeries(text);
  const all = labelsOf(text);
  const labels = all.filter((label) => !isMetricName(label) && label.value !== '""');
  const names = labels.map(({ name }) => unquoted(name));
  const metricNames = all.filter(isMetricName);
  const isNamedTwice = metricNames.length > (series.startsWith("{") ? 1 : 0);
  return (
    (isNamedTwice && metricNames.some(({ value }) => value !== undefined)) ||
    new Set(names).size < names.length ||
    [...metricNames, ...labels].some(({ name }) => name === '""' || !isUtf8(Buffer.from(name, "latin1")))
  );
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1) : name;
}
