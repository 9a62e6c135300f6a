/**
 * Differences between our scrape and a Prometheus 3.5's that are meant, by name. Those of lines that are read differently are
 * not among them: see as-prometheus.ts.
 */

import type { Difference, ScrapeTrace } from "./aligned-scrapes.js";
import { typesOf } from "./as-prometheus.js";

/** What is meant to be different, in a sentence. */
export type Exception = string;

/** What the two made of a target, scrape by scrape. */
export interface ComparedScrapes {
  readonly ours: readonly ScrapeTrace[];
  readonly theirs: readonly ScrapeTrace[];
}

/** Where a difference stands. */
export interface DifferencePlace {
  /** What was served, up to the page that differs, where pages are random. */
  readonly pages: readonly { readonly kind: string; readonly bytes: Buffer; readonly isMutated: boolean }[];
  /** Where they are not: what the page does. */
  readonly behaviour?: string;
  /** What the job is configured with. */
  readonly keys?: string;
  readonly scrapes: ComparedScrapes;
  /** Undefined for samples with times of their own. */
  readonly page: number | undefined;
  /** All that differs there. */
  readonly beside: readonly Difference[];
}

interface Rule {
  readonly name: Exception;
  explains(difference: Difference, place: DifferencePlace): boolean;
}

const rules: readonly Rule[] = [
  {
    name: "a series of which nothing is stored ends, in Prometheus 3.5",
    explains: ({ series, ours, theirs }, { scrapes, page }) =>
      ours === undefined &&
      theirs === "stale" &&
      page !== undefined &&
      [scrapes.ours, scrapes.theirs].every((of) => !isOpen(of.slice(0, page), series)),
  },
  {
    name: "a series that a failed page has by other labels, which relabelling makes the same, ends, in Prometheus 3.5",
    explains: ({ ours, theirs }, { keys, scrapes, page = -1 }) =>
      ours === undefined &&
      theirs === "stale" &&
      keys?.includes("metric_relabel_configs") === true &&
      [scrapes.ours, scrapes.theirs].every((of) => hasFailed(of[page])),
  },
  {
    name: "a series keeps the bounds of the first page that had it, whatever types later pages say, in Prometheus",
    explains: ({ series, ours, theirs }, { pages, scrapes, page, beside }) => {
      const changed = retyped(pages.map(({ bytes }) => bytes));
      if (page === undefined) {
        const isTwin = (other: Difference) =>
          plain(other.series) === plain(series) && other.ours === theirs && other.theirs === ours;
        // Or two lines are one series to us, of which the first one counts.
        return changed > 0 && hasBound(series) && (ours === undefined || beside.some(isTwin));
      }
      if (series.startsWith("scrape_series_added{"))
        return Number(ours) > Number(theirs) && Number(ours) <= Number(theirs) + changed;
      if (changed === 0 || !hasBound(series)) return false;
      // An end then belongs to a series that was met with other bounds before.
      if (hasFailed(scrapes.theirs[page])) return [ours, theirs].includes("stale");
      const [some, all] = [scrapes.ours, scrapes.theirs]
        .map((of) => boundsOf(series, of[page] ?? new Map()))
        .sort((a, b) => a.size - b.size);
      // The samples of two lines are one series where the bounds are the same.
      return some!.size > 0
        ? [...some!].every((value) => all!.has(value))
        : [...all!].every((value) => value === "stale");
    },
  },
  {
    name: "times before 1970 are not stored in Prometheus",
    explains: ({ series, ours, theirs }, { pages }) => {
      if (/ @-\d+$/.test(series)) return theirs === undefined;
      // Where Prometheus cannot read the sign it has got the time without.
      const [, time] = / @(\d+)$/.exec(series) ?? [];
      return (
        ours === undefined &&
        time !== undefined &&
        pages.some(({ kind, bytes }) => kind === "text" && bytes.includes(`-${time}`))
      );
    },
  },
  {
    name: "a series is not new with a sample that is not stored, as its time has another value, in Prometheus",
    explains: ({ series, ours, theirs }, { behaviour }) =>
      series.startsWith("scrape_series_added{") &&
      behaviour === "a time that has another value" &&
      Number(ours) === Number(theirs) + 1,
  },
  {
    name: "what a spoilt protobuf page has beside the spoilt place",
    explains: (_, { pages, scrapes, page }) => {
      const isSpoilt = pages.slice(page === undefined ? 0 : -2).some(({ isMutated }) => isMutated);
      const hasFailedAt = (at: number) => [scrapes.ours, scrapes.theirs].some((of) => hasFailed(of[at]));
      const hasFailedHere = page === undefined || hasFailedAt(page) || hasFailedAt(page - 1);
      return pages.at(-1)?.kind === "protobuf" && isSpoilt && hasFailedHere;
    },
  },
  {
    name: "fractions of seconds are cut by digits, not after a multiplication, which Prometheus does",
    explains: ({ series, ours, theirs }, { pages, beside }) => {
      const [, name, time] = /^(.*) @(\d+)$/.exec(series) ?? [];
      const twin = ours === undefined ? Number(time) + 1 : Number(time) - 1;
      return (
        pages.at(-1)?.kind === "openmetrics" &&
        beside.some(
          (other) => other.series === `${name} @${twin}` && other.ours === theirs && other.theirs === ours,
        )
      );
    },
  },
];

/** Whether the series has a sample, and no end behind it. */
function isOpen(scrapes: readonly ScrapeTrace[], series: string): boolean {
  const last = scrapes.findLast((scrape) => scrape.has(series))?.get(series);
  return last !== undefined && last !== "stale";
}

function hasFailed(scrape: ScrapeTrace | undefined): boolean {
  return [...(scrape ?? [])].some(([series, value]) => series.startsWith("up{") && value === "0");
}

/** How many lines of series stand behind one type on one of the pages and behind another one on another. */
function retyped(pages: readonly Buffer[]): number {
  const types = new Map<string, Set<string>>();
  for (const page of pages)
    for (const [series, type] of typesOf(page)) types.set(series, (types.get(series) ?? new Set()).add(type));
  return [...types.values()].filter((of) => of.size > 1).length;
}

const boundPattern = /(?<=[{,](?:le|quantile)=)"((?:\\.|[^"\\])*)"/g;

function hasBound(series: string): boolean {
  return series.search(boundPattern) >= 0;
}

/** A series, however its bounds are written. */
function plain(series: string): string {
  return series.replace(boundPattern, (_, bound: string) => {
    const value = Number(bound.replace("Inf", "Infinity"));
    return Number.isNaN(value) ? bound : String(value);
  });
}

/** What a scrape has of a series however its bounds are written; an end counts only where there is nothing else. */
function boundsOf(series: string, scrape: ScrapeTrace): ReadonlySet<string> {
  const values = [...scrape].filter(([other]) => plain(other) === plain(series)).map(([, value]) => value);
  const real = values.filter((value) => value !== "stale");
  return new Set(real.length > 0 ? real : values);
}

/** Why there may be this difference; undefined when there may not. */
export function explanationOf(difference: Difference, place: DifferencePlace): Exception | undefined {
  return rules.find((rule) => rule.explains(difference, place))?.name;
}
