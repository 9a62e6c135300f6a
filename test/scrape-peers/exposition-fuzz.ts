/**
 * Random and mutated pages through our scrape and a real Prometheus': the same samples, markers and reports, or an error
 * in both. Each target serves several pages, so that what was seen before is met again. A page that differs is made small.
 */

import { Dice } from "../differential/dice.js";
import { type Difference, describeDifference } from "./aligned-scrapes.js";
import { asPrometheusReads, type Change } from "./as-prometheus.js";
import { type DifferencePlace, type Exception, explanationOf } from "./explained.js";
import { lines, numbers, times } from "./interesting.js";
import { mutatePage } from "./mutate-page.js";
import type { Page } from "./paged-targets.js";
import { contentTypes, type PageKind, PageWriter } from "./random-page.js";
import { type PeerPrograms, playRound, type TargetOutcome } from "./scrape-round.js";
import { linesOf, piecesOf, smallerForms } from "./shrink-pages.js";

export interface ExpositionFuzzOptions extends PeerPrograms {
  readonly seed: number;
  readonly targets: number;
  readonly pagesPerTarget: number;
  readonly intervalMs: number;
  /** Also serves each piece that is known to be read differently, as a page of its own. */
  readonly withFixed?: boolean;
  /** Pages that differ are made small, so many of them at most. Default none. */
  readonly shrunkMax?: number;
  readonly onDifference: (found: PageDifference) => void;
}

/** Pages of one target, in the order in which they must be served; what the last one makes different. */
export interface PageDifference {
  readonly pages: readonly FuzzedPage[];
  readonly differences: readonly string[];
}

export interface FuzzedPage {
  readonly kind: PageKind;
  readonly bytes: Buffer;
  readonly isMutated: boolean;
}

export interface ExpositionFuzzReport {
  readonly targets: number;
  readonly pages: number;
  readonly mutated: number;
  readonly spoiltTargets: number;
  readonly differences: number;
  /** How often each exception explained a difference. */
  readonly explained: ReadonlyMap<Exception, number>;
  /** In how many pages a Prometheus got other lines than we. */
  readonly rewritten: ReadonlyMap<Change, number>;
}

export async function fuzzExposition(options: ExpositionFuzzOptions): Promise<ExpositionFuzzReport> {
  const dice = new Dice(options.seed);
  const firstTime = Math.floor(Date.now() / 1000) * 1000 - 3_600_000;
  const scripts = [
    ...fixedScripts(options),
    ...Array.from({ length: options.targets }, () => randomScript(dice, options, firstTime)),
  ];
  const outcomes = await play(scripts, options);
  const explained = new Map<Exception, number>();
  const rewritten = new Map<Change, number>();
  const found: PageDifference[] = [];
  for (const { kind, bytes } of scripts.flat())
    for (const change of asPrometheusReads(kind, bytes).changes)
      rewritten.set(change, (rewritten.get(change) ?? 0) + 1);
  for (const [i, outcome] of outcomes.entries()) {
    for (const { upTo, exceptions, differences } of findings(scripts[i]!, outcome)) {
      for (const exception of exceptions) explained.set(exception, (explained.get(exception) ?? 0) + 1);
      const from = Math.max(0, upTo - 2);
      if (differences.length === 0) continue;
      found.push({ pages: scripts[i]!.slice(from, upTo + 1), differences });
      break;
    }
  }
  const spoiltTargets = outcomes.filter(({ isSpoilt }) => isSpoilt).length;
  const mutated = scripts.flat().filter(({ isMutated }) => isMutated).length;
  for (const difference of await shrink(found.slice(0, options.shrunkMax ?? 20), options))
    options.onDifference(difference);
  const pages = scripts.flat().length;
  return {
    targets: scripts.length,
    pages,
    mutated,
    spoiltTargets,
    differences: found.length,
    explained,
    rewritten,
  };
}

/** Interesting lines, and interesting numbers and times on lines of their own. */
function fixedScripts({ withFixed = false, pagesPerTarget }: ExpositionFuzzOptions): FuzzedPage[][] {
  if (!withFixed) return [];
  const tried = [...lines, ...numbers.map((text) => `a ${text}`), ...times.map((text) => `a 1 ${text}`)];
  const pages = (["text", "openmetrics"] as const).flatMap((kind) =>
    tried.map((line) => {
      const bytes = comparable(kind, Buffer.from(kind === "text" ? `${line}\n` : `${line}\n# EOF\n`));
      return { kind, bytes, isMutated: true };
    }),
  );
  const served = pages.filter(({ kind, bytes }) => !isDeadly(kind, bytes));
  const scripts: FuzzedPage[][] = [];
  for (let i = 0; i < served.length; i += pagesPerTarget) scripts.push(served.slice(i, i + pagesPerTarget));
  return scripts;
}

function randomScript(dice: Dice, options: ExpositionFuzzOptions, firstTime: number): FuzzedPage[] {
  const kind = dice.weighted({ text: 5, openmetrics: 4, protobuf: 2 });
  const writer = new PageWriter(kind, dice, firstTime);
  return Array.from({ length: options.pagesPerTarget }, () => {
    const whole = writer.write();
    const isMutated = dice.chance(0.5);
    const mutant = isMutated ? comparable(kind, mutatePage(whole, kind, dice)) : whole;
    return { kind, isMutated, bytes: isDeadly(kind, mutant) ? whole : mutant };
  });
}

/**
 * Whether it kills a Prometheus 3.5: a word alone in the braces, as `{a} 1`, is a metric name to it, of which
 * it cuts off two quotes that are not there.
 */
function isDeadly(kind: PageKind, page: Buffer): boolean {
  return kind !== "protobuf" && /[{,]\s*[a-zA-Z_]\s*[,}]/.test(page.toString("latin1"));
}

/**
 * Without a NUL byte, behind which a Prometheus reads no more of a page, and times that overflow there. A page of OpenMetrics
 * that is cut off ends with its last line: Prometheus does not count a sample without a line feed.
 */
function comparable(kind: PageKind, page: Buffer): Buffer {
  if (kind === "protobuf") return page;
  const isText = kind === "text";
  const text = page.toString("latin1").replaceAll("\0", "\x01");
  const isLong = isText ? / [+-]\d{19,}(?=\s)/g : / [+-]?(?:\d{16,}|[\d.]+[eE]\+?\d{2,})(?=[ \n])/g;
  const isCut = !isText && text !== "" && !/(?:\n|# EOF)$/.test(text);
  return Buffer.from(text.replace(isLong, " 1") + (isCut ? "\n" : ""), "latin1");
}

interface Found {
  /** The page that differs. */
  readonly upTo: number;
  readonly exceptions: ReadonlySet<Exception>;
  /** Those that nothing explains. */
  readonly differences: readonly string[];
}

function findings(script: readonly FuzzedPage[], { pages, elsewhere, scrapes }: TargetOutcome): Found[] {
  const found: Found[] = [];
  const add = (page: number, differences: readonly Difference[], hasPage: boolean) => {
    const upTo = Math.min(page, script.length - 1);
    const place: DifferencePlace = {
      ...{ pages: script.slice(0, upTo + 1), scrapes, beside: differences },
      page: hasPage ? page : undefined,
    };
    const exceptions = new Set<Exception>();
    const unexplained: string[] = [];
    for (const difference of differences) {
      const exception = explanationOf(difference, place);
      if (exception === undefined) unexplained.push(describeDifference(difference));
      else exceptions.add(exception);
    }
    found.push({ upTo, exceptions, differences: unexplained });
  };
  for (const [page, differences] of pages) add(page, differences, true);
  const isAlone = found.every(({ differences }) => differences.length === 0);
  if (elsewhere.length > 0 && isAlone) add(script.length - 1, elsewhere, false);
  return found;
}

function play(scripts: readonly (readonly FuzzedPage[])[], options: ExpositionFuzzOptions) {
  return playRound({ ...options, scripts: scripts.map((script) => script.map(pageOf)) });
}

function pageOf({ kind, bytes }: FuzzedPage): Page {
  return {
    name: kind,
    answer: (response, _, scraper) => {
      const body = scraper === "ours" ? bytes : asPrometheusReads(kind, bytes).bytes;
      response.setHeader("content-type", contentTypes[kind]).end(body);
    },
  };
}

const shrinkRounds = 8;
const candidatesMax = 500;

/** Makes all of them smaller together, as each try needs two servers. */
async function shrink(
  found: readonly PageDifference[],
  options: ExpositionFuzzOptions,
): Promise<PageDifference[]> {
  const cases = found.map((difference) => ({ ...difference, isDone: false }));
  for (let round = 0; round < shrinkRounds && cases.some(({ isDone }) => !isDone); round++) {
    const open = cases.filter(({ isDone }) => !isDone);
    const perCase = Math.ceil(candidatesMax / open.length);
    const tries = open.flatMap((one) =>
      [one.pages, ...smaller(one.pages).slice(0, perCase)].map((pages) => ({ one, pages })),
    );
    const outcomes = await play(
      tries.map(({ pages }) => pages),
      { ...options, intervalMs: 2 * options.intervalMs },
    );
    const best = new Map<(typeof cases)[number], FuzzedPage[]>();
    for (const [i, { one, pages }] of tries.entries()) {
      const [first] = findings(pages, outcomes[i]!).filter(({ differences }) => differences.length > 0);
      if (first === undefined) continue;
      const kept = best.get(one);
      if (kept !== undefined && sizeOf(kept) <= sizeOf(pages)) continue;
      best.set(one, [...pages]);
      one.differences = first.differences;
    }
    for (const one of open) {
      const smallest = best.get(one);
      if (smallest === undefined || sizeOf(smallest) === sizeOf(one.pages)) one.isDone = true;
      else one.pages = smallest;
    }
  }
  return cases;
}

function smaller(pages: readonly FuzzedPage[]): FuzzedPage[][] {
  const split = pages.map(({ kind, bytes }) => (kind === "protobuf" ? piecesOf(bytes) : linesOf(bytes)));
  const { kind } = pages[0]!;
  return smallerForms(split)
    .map((forms) => forms.map((pieces) => ({ kind, isMutated: true, bytes: Buffer.concat(pieces) })))
    .filter((form) => !form.some(({ bytes }) => isDeadly(kind, bytes)));
}

function sizeOf(pages: readonly FuzzedPage[]): number {
  return pages.reduce((size, { bytes }) => size + bytes.length + 1, 0);
}
