/**
 * Where Prometheus 3.5, which is compared with, answers in another way than 3.14, whose answers are ours.
 * Whole functions that changed are left out of the comparison: see `changedSince35`.
 */

import { type Answer, differenceOf } from "./answer.js";
import type { FuzzQuery } from "./peers.js";

interface KnownChange {
  readonly name: string;
  readonly explains: (query: FuzzQuery, ours: Answer, theirs: Answer) => boolean;
}

const changes: readonly KnownChange[] = [
  {
    name: "a second match is an error even where the comparison is false",
    explains: ({ expression }, ours, theirs) =>
      isError(ours, "multiple matches for labels") &&
      theirs.kind === "result" &&
      /[<>=!]=|[<>]/.test(expression),
  },
  {
    name: "label functions and negation merge series that come to bear the same labels at different steps",
    explains: ({ expression }, ours, theirs) =>
      isError(theirs, "same labelset") && ours.kind === "result" && /label_|-/.test(expression),
  },
  {
    name: "a parameter that is NaN or too large is an error even when there is nothing to aggregate",
    explains: (_, ours, theirs) =>
      ["value is NaN", "overflows int64", "underflows int64"].some((part) => isError(ours, part)) &&
      theirs.kind === "result",
  },
  {
    name: "mad_over_time of a window with NaN is NaN",
    // The samples of these metrics, and computed ones (of a subquery), may be NaN.
    explains: ({ expression }, ours, theirs) =>
      /mad_over_time/.test(expression) &&
      /extreme|single|air|:\w*\]/.test(expression) &&
      ours.kind === theirs.kind,
  },
  {
    name: "not a change: Go on amd64 takes wrong logarithms of subnormal numbers",
    explains: ({ expression }, ours, theirs) =>
      /\b(?:ln|log2|log10)\(/.test(expression) && differsOnlyBelow(-307, ours, theirs),
  },
  {
    name: "not a change: series without the label that they are sorted by stay wherever Go's sort leaves them",
    explains: ({ expression }, ours, theirs) =>
      ours.kind === "result" && theirs.kind === "result" && lacksSortLabel(expression, ours, theirs),
  },
];

/** The name of the change that explains the difference; undefined when none does. */
export function knownChange(query: FuzzQuery, ours: Answer, theirs: Answer): string | undefined {
  return changes.find(({ explains }) => explains(query, ours, theirs))?.name;
}

type Result = Extract<Answer, { kind: "result" }>;

/** Whether every value that differs is below `bound` on both sides. */
function differsOnlyBelow(bound: number, ours: Answer, theirs: Answer): boolean {
  if (ours.kind === "error" || theirs.kind === "error") return false;
  const clipped = ({ series, ...answer }: Result): Result => ({
    ...answer,
    series: series.map((each) => ({
      ...each,
      values: Array.from(each.values, (value) => (value < bound && value > 4 * bound ? bound : value)),
    })),
  });
  return differenceOf(clipped(ours), clipped(theirs), false) === undefined;
}

/** Prometheus' natural order says of the empty value and any other that both come behind the other. */
function lacksSortLabel(expression: string, ours: Result, theirs: Result): boolean {
  const call = /^sort_by_label(?:_desc)?\(.*?((?:, "[^"]*")+)\)$/s.exec(expression);
  const names = [...(call?.[1] ?? "").matchAll(/"([^"]*)"/g)].map(([, name]) => name!);
  return (
    ours.series.some(({ key }) => names.some((name) => !key.includes(`${name}=`))) &&
    differenceOf(ours, theirs, false) === undefined
  );
}

function isError(answer: Answer, part: string): boolean {
  return answer.kind === "error" && answer.message.includes(part);
}
