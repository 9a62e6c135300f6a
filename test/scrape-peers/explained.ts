/**
 * Differences between our scrape and a Prometheus 3.5's that are meant, by name.
 */

import type { Difference, ScrapeTrace } from "./aligned-scrapes.js";

/** What is meant to be different, in a sentence. */
export type Exception = string;

/** Where a difference stands. */
export interface DifferencePlace {
  /** What was served, up to the page that differs, where pages are random. */
  readonly pages: readonly { readonly kind: string; readonly bytes: Buffer; readonly isMutated: boolean }[];
  /** Where they are not: what the page does. */
  readonly behaviour?: string;
  /** Ours of that page; undefined for samples with times of their own. */
  readonly scrape: ScrapeTrace | undefined;
  readonly scrapeBefore: ScrapeTrace | undefined;
}

interface Rule {
  readonly name: Exception;
  explains(difference: Difference, place: DifferencePlace): boolean;
}

const rules: readonly Rule[] = [
  {
    name: "what stands before a malformed line does not end with its page, but one page later, in Prometheus",
    explains: ({ series, ours, theirs }, { scrape, scrapeBefore }) => {
      if (hasFailed(scrape) && ours === "stale" && theirs === undefined) return true;
      // An empty page changes nothing about what is known.
      if (series.startsWith("scrape_series_added{") && (hasFailed(scrapeBefore) || isEmpty(scrapeBefore)))
        return Number(ours) > Number(theirs);
      if (!hasFailed(scrapeBefore)) return false;
      return ours === undefined && theirs === "stale";
    },
  },
  {
    name: "blanks before a metric name are part of it in Prometheus",
    explains: (_, { pages }) =>
      pages.some(({ kind, bytes }) => kind === "text" && /^[ \t]+[^\s#]/m.test(bytes.toString("latin1"))),
  },
  {
    name: "a series keeps the bounds of the first page that had it, whatever types later pages say, in Prometheus",
    explains: ({ series }, { pages }) =>
      /[{,](?:le|quantile)=|^scrape_series_added/.test(series) &&
      new Set(pages.map(({ bytes }) => typeLines(bytes))).size > 1,
  },
  {
    name: "a sample that can be read is counted in Prometheus when its labels or what follows it may not be",
    explains: ({ series, ours, theirs }, { scrape }) =>
      hasFailed(scrape) && isCount(series) && Number(ours) + 1 === Number(theirs),
  },
  {
    name: "a metric name that is written as the label __name__ is read by us",
    explains: (_, { pages }) => pages.some(({ bytes }) => bytes.includes('__name__="')),
  },
  {
    name: "a carriage return before a line feed, and blanks after a type, are read over by us",
    explains: (_, { pages }) =>
      pages.some(({ bytes }) => /\r\n|\r$|^#[ \t]+TYPE.*[ \t]$/m.test(bytes.toString("latin1"))),
  },
  {
    name: "times with a sign, and times of a type called unknown, are read by us in the Prometheus format",
    explains: (_, { pages }) =>
      pages.some(
        ({ kind, bytes }) =>
          kind === "text" && /[ \t][+-]\d+[ \t]*$|^#[ \t]+TYPE.*\bunknown$/m.test(bytes.toString("latin1")),
      ),
  },
  {
    name: "a NUL byte ends a page, and a quoted text may have a line feed in it, in Prometheus",
    explains: (_, { pages }) => pages.some(({ bytes }) => bytes.includes(0) || hasOpenQuote(bytes)),
  },
  {
    name: "a quoted name with an unknown escape is refused by us",
    explains: (_, { pages }) =>
      pages.some(({ bytes }) => /"[^"\n]*\\[^\\"n][^"\n]*"[ \t]*[=,}]/.test(bytes.toString("latin1"))),
  },
  {
    name: "times before 1970 are not stored, and none beyond 64 bits is read, in Prometheus",
    explains: ({ series }, { pages }) =>
      / @-\d+$/.test(series) ||
      pages.some(({ bytes }) => /[ \t][+-]?\d{16,}\s*$/m.test(bytes.toString("latin1"))),
  },
  {
    name: "a series whose first sample is too far in the future is new with the next one that is not, in Prometheus",
    explains: ({ series }, { pages }) =>
      series.startsWith("scrape_series_added{") &&
      pages.some(({ bytes }) => /[ \t][+-]?\d{12,}\s*$/m.test(bytes.toString("latin1"))),
  },
  {
    name: "a series is not new with a sample that is not stored, as its time has another value, in Prometheus",
    explains: ({ series, ours, theirs }, { behaviour }) =>
      series.startsWith("scrape_series_added{") &&
      behaviour === "a time that has another value" &&
      Number(ours) === Number(theirs) + 1,
  },
  {
    name: "labels without a comma between them are read in Prometheus",
    explains: (_, { pages }) =>
      pages.some(
        ({ kind, bytes }) => kind === "text" && /"[ \t]*[a-zA-Z_"][^"\n]*="/.test(bytes.toString("latin1")),
      ),
  },
  {
    name: "fractions of seconds are cut by digits, not after a multiplication, which Prometheus does",
    explains: ({ series }, { pages }) => / @\d+$/.test(series) && pages.at(-1)?.kind === "openmetrics",
  },
  {
    name: "a protobuf page that is malformed is counted up to its bad family, and types of content are not checked, in Prometheus",
    explains: (_, { pages, scrape }) => {
      const page = pages.at(-1);
      return page?.kind === "protobuf" && page.isMutated && hasFailed(scrape);
    },
  },
];

function hasOpenQuote(page: Buffer): boolean {
  const lines = page.toString("latin1").split("\n");
  return lines.some(
    (line) => !line.startsWith("#") && (line.replace(/\\./g, "").split('"').length - 1) % 2 === 1,
  );
}

function typeLines(page: Buffer): string {
  return (page.toString("latin1").match(/^#[ \t]+TYPE.*$/gm) ?? []).sort().join("\n");
}

/** Why there may be this difference; undefined when there may not. */
export function explanationOf(difference: Difference, place: DifferencePlace): Exception | undefined {
  return rules.find((rule) => rule.explains(difference, place))?.name;
}

/** A report of how many samples or series a page had. */
function isCount(series: string): boolean {
  return /^scrape_(?:series_added|samples_\w+)\{/.test(series);
}

function hasFailed(scrape: ScrapeTrace | undefined): boolean {
  return reported(scrape, "up") === "0";
}

function isEmpty(scrape: ScrapeTrace | undefined): boolean {
  return reported(scrape, "scrape_samples_scraped") === "0";
}

function reported(scrape: ScrapeTrace | undefined, report: string): string | undefined {
  for (const [series, value] of scrape ?? []) if (series.startsWith(`${report}{`)) return value;
  return undefined;
}
