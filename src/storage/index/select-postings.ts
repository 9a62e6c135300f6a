/**
 * selectPostings: matchers to the refs of the series that all of them accept.
 *
 * A label that a series does not have counts as the empty string, so a matcher that accepts the empty string
 * accepts series without the label, which no postings list names. Such a matcher is turned around: the series
 * of the values that it rejects are taken away.
 *
 *   matcher          accepts ""   keeps the series of     or takes away the series of
 *   job="api"        no           api
 *   job!="api"       yes                                  api
 *   job=""           yes                                  every value
 *   job!=""          no           every value
 *   job=~"api|"      yes                                  every value but api
 *   job!~"api|"      no           every value but api
 *
 * Where few series are left, and the values that a matcher would have to try are many, the series are tried instead.
 *
 * Source: Prometheus documentation, "Time series selectors"; `tsdb/querier.go`.
 */

import type { Labels } from "../../model/labels.js";
import type { Matcher } from "../../model/matcher.js";
import { intersect, NO_POSTINGS, type Postings, subtract, union } from "./postings.js";
import { indexOfTextFrom } from "./sorted-texts.js";

/** An inverted index. Lists and arrays are borrowed: the caller does not change them. */
export interface PostingsSource {
  /** Every series. */
  all(): Postings;
  /** The series that have this label with this value; the empty list when there are none. */
  postings(name: string, value: string): Postings;
  /** Values of a label, sorted by bytes. */
  labelValues(name: string): readonly string[];
  /** Names of labels, sorted by bytes. */
  labelNames(): readonly string[];
  /** How many values a label has. */
  labelValueCount(name: string): number;
  /** The labels of a series, where the index knows them. */
  readonly labels?: ((ref: number) => Labels) | undefined;
}

/** To read the labels of a series takes about as long as to try this many values of a label. */
const valuesPerSeries = 4;

export function selectPostings(source: PostingsSource, matchers: readonly Matcher[]): Postings {
  let selected: Postings | undefined;
  for (const matcher of cheapestFirst(matchers.filter((each) => !each.matches("")))) {
    if (selected !== undefined && isShorterTried(source, matcher, selected)) {
      selected = tried(source, matcher, selected);
      continue;
    }
    const kept = seriesOfValues(source, matcher.name, valuesWhere(source, matcher, true));
    selected = selected === undefined ? kept : intersect(selected, kept);
    if (selected.length === 0) return NO_POSTINGS;
  }
  selected ??= source.all();
  for (const matcher of cheapestFirst(matchers.filter((each) => each.matches("")))) {
    if (selected.length === 0) break;
    selected = isShorterTried(source, matcher, selected)
      ? tried(source, matcher, selected)
      : subtract(selected, seriesOfValues(source, matcher.name, valuesWhere(source, matcher, false)));
  }
  return selected;
}

/** Matchers whose values are listed come before those that must try the values of a label one by one. */
function cheapestFirst(matchers: readonly Matcher[]): readonly Matcher[] {
  const cost = (matcher: Matcher) => (listsValues(matcher) ? 0 : matcher.regexp?.prefix ? 1 : 2);
  return matchers.toSorted((a, b) => cost(a) - cost(b));
}

/** Whether the values that the index is asked for are those that the matcher's text names. */
function listsValues(matcher: Matcher): boolean {
  const isPositive = matcher.operator === "=" || matcher.operator === "=~";
  if (matcher.regexp !== undefined && matcher.regexp.literals === undefined) return false;
  return isPositive !== matcher.matches("");
}

/** Whether few series are left, compared with the values of the label that would have to be tried. */
function isShorterTried(source: PostingsSource, matcher: Matcher, selected: Postings): boolean {
  if (source.labels === undefined || listsValues(matcher)) return false;
  return selected.length * valuesPerSeries < source.labelValueCount(matcher.name);
}

/** The selected series that the matcher accepts, one by one. */
function tried(source: PostingsSource, matcher: Matcher, selected: Postings): Postings {
  const known = new Map<string, boolean>();
  return selected.filter((ref) => {
    const value = source.labels!(ref).get(matcher.name);
    const accepted = known.get(value) ?? matcher.matches(value);
    known.set(value, accepted);
    return accepted;
  });
}

/** Values of the matcher's label that it accepts (or rejects, as `accepted` says). */
function valuesWhere(source: PostingsSource, matcher: Matcher, accepted: boolean): readonly string[] {
  const isPositive = matcher.operator === "=" || matcher.operator === "=~";
  if (isPositive === accepted) return namedValues(source, matcher, accepted);
  return source.labelValues(matcher.name).filter((value) => matcher.matches(value) === accepted);
}

/** The values that the matcher's text names: looked up where the text lists them or tells how they begin. */
function namedValues(source: PostingsSource, matcher: Matcher, accepted: boolean): readonly string[] {
  if (matcher.regexp === undefined) return [matcher.value];
  if (matcher.regexp.literals !== undefined) return matcher.regexp.literals;
  return valuesWithPrefix(source.labelValues(matcher.name), matcher.regexp.prefix).filter(
    (value) => matcher.matches(value) === accepted,
  );
}

function valuesWithPrefix(values: readonly string[], prefix: string): readonly string[] {
  if (prefix === "") return values;
  const low = indexOfTextFrom(values, prefix);
  let end = low;
  while (end < values.length && values[end]!.startsWith(prefix)) end++;
  return values.slice(low, end);
}

function seriesOfValues(source: PostingsSource, name: string, values: readonly string[]): Postings {
  const lists: Postings[] = [];
  for (const value of values) {
    const postings = value === "" ? NO_POSTINGS : source.postings(name, value);
    if (postings.length > 0) lists.push(postings);
  }
  return union(lists);
}
