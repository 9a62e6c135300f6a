/**
 * PageWriter: the pages of one imagined target, as it would serve them one after another: values change, series vanish
 * and return, lines swap, the same series are written with other blanks.
 */

import type { Dice } from "../differential/dice.js";
import {
  protobufOf,
  protobufType,
  type SentFamily,
  type SentMetric,
} from "../support/client-model-bodies.js";
import { numbers, quoted } from "./interesting.js";

export type PageKind = "text" | "openmetrics" | "protobuf";

export const contentTypes: Readonly<Record<PageKind, string>> = {
  text: "text/plain; version=1.0.0; escaping=allow-utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  protobuf: protobufType,
};

interface WrittenSeries {
  readonly name: string;
  /** Pairs as they stand in the braces, escaped. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  value: string;
  isPresent: boolean;
  hasTime: boolean;
}

interface WrittenFamily {
  readonly name: string;
  readonly type: string;
  readonly series: WrittenSeries[];
  hasType: boolean;
  hasHelp: boolean;
}

const types: Readonly<Record<PageKind, readonly string[]>> = {
  text: ["counter", "gauge", "histogram", "summary", "untyped"],
  openmetrics: [
    ...["counter", "gauge", "histogram", "summary"],
    ...["unknown", "gaugehistogram", "stateset", "info"],
  ],
  protobuf: ["counter", "gauge", "histogram", "summary", "untyped"],
};

/** Numbers that both read, and read the same. */
const plainNumbers = numbers.filter((text) =>
  /^[+-]?(?:\d{1,15}(?:\.\d{1,6})?(?:e[+-]?\d{1,2})?|Inf|NaN)$/.test(text),
);
const plainNames = ["a", "b_total", "c:d", "_x", "http_request_duration_seconds", "with.dot", "日本", "A9"];
const plainLabels = ["a", "b", "code", "le", "quantile", "job", "instance", "with.dot", "é"];
const bounds = ["0.5", "1", "1.0", "1e3", "10", "0.005", "+Inf", "Inf", "1e-7", "2.50"];

export class PageWriter {
  readonly kind: PageKind;
  readonly #dice: Dice;
  readonly #families: WrittenFamily[];
  /** Explicit times, in milliseconds; grows page by page. */
  #time: number;

  constructor(kind: PageKind, dice: Dice, firstTime: number) {
    this.kind = kind;
    this.#dice = dice;
    this.#time = firstTime;
    const chosen = dice.some(plainNames, 0.25);
    this.#families = chosen.map((name) => randomFamily(name, kind, dice));
  }

  /** The next page. */
  write(): Buffer {
    this.#change();
    this.#time += 1000;
    if (this.kind === "protobuf") return protobufOf(this.#families.map((family) => this.#sentFamily(family)));
    const lines = this.#families.flatMap((family) => this.#linesOf(family));
    if (this.kind === "openmetrics") lines.push("# EOF");
    return Buffer.from(lines.map((line) => `${line}\n`).join(""));
  }

  #change(): void {
    const dice = this.#dice;
    for (const family of this.#families) {
      if (!hasBounds(family.type) && dice.chance(0.03)) family.hasType = !family.hasType;
      if (dice.chance(0.05)) family.hasHelp = !family.hasHelp;
      for (const series of family.series) {
        if (dice.chance(0.6)) series.value = randomValue(dice);
        if (dice.chance(series.isPresent ? 0.06 : 0.4)) series.isPresent = !series.isPresent;
        if (dice.chance(0.02)) series.hasTime = !series.hasTime;
      }
      if (dice.chance(0.1)) swapTwo(family.series, dice);
    }
    if (dice.chance(0.1)) swapTwo(this.#families, dice);
  }

  #linesOf({ name, type, series, hasType, hasHelp }: WrittenFamily): string[] {
    const text = isLegacy(name) ? name : `"${name}"`;
    const help = hasHelp ? [`# HELP ${text} About \\\\ ${name}.`] : [];
    const present = series.filter(({ isPresent }) => isPresent);
    return [
      ...help,
      ...(hasType ? [`# TYPE ${text} ${type}`] : []),
      ...present.map((one) => this.#lineOf(one)),
    ];
  }

  #lineOf({ name, labels, value, hasTime }: WrittenSeries): string {
    const dice = this.#dice;
    const isStrict = this.kind === "openmetrics";
    const blank = () => (!isStrict && dice.chance(0.02) ? dice.pick([" ", "\t", "  "]) : "");
    const isInside = !isLegacy(name);
    const entries = labels.map(
      ([label, text]) => `${isLegacy(label) ? label : `"${label}"`}${blank()}=${blank()}"${text}"`,
    );
    if (isInside) entries.unshift(`"${name}"`);
    const end = dice.chance(0.02) && entries.length > 0 ? "," : "";
    const braces =
      entries.length === 0 && dice.chance(0.97)
        ? ""
        : `{${blank()}${entries.join(`${blank()},${blank()}`)}${end}${blank()}}`;
    const time = isStrict ? formatSeconds(this.#time) : `${this.#time}`;
    const exemplar = isStrict && dice.chance(0.05) ? ` # {trace_id="${dice.integer(1000)}"} 0.5` : "";
    const series = `${isInside ? "" : name}${braces}`;
    return `${series}${blank()} ${value}${hasTime ? ` ${time}` : ""}${blank()}${exemplar}`;
  }

  #sentFamily({ name, type, series, hasHelp }: WrittenFamily): SentFamily {
    const isDistribution = hasBounds(type);
    const metrics = series
      .filter(({ isPresent }) => isPresent)
      .map(({ labels, value, hasTime }): SentMetric => {
        const number = value === "NaN" ? Number.NaN : Number(value.replace("Inf", "Infinity"));
        const count = Math.abs(Math.trunc(number)) % 1000 || 0;
        const points = [0.5, 1, 2.5, 1e6].map((bound, i) => [bound, count * (i + 1)] as const);
        const shown = Object.fromEntries(labels.map(([label, text]) => [label, text.replaceAll("\\", "")]));
        return {
          labels: shown,
          value: number,
          ...(isDistribution && { points, sum: number, count: count * 5 }),
          ...(hasTime && { time: this.#time }),
        };
      });
    const help = hasHelp ? { help: `About ${name}.` } : {};
    return { name, type: type as SentFamily["type"], ...help, metrics };
  }
}

function randomFamily(name: string, kind: PageKind, dice: Dice): WrittenFamily {
  const type = dice.pick(types[kind]);
  const count = 1 + dice.integer(2);
  const series: WrittenSeries[] = [];
  for (let i = 0; i < count; i++) {
    const labels = dice
      .some(plainLabels, 0.25)
      .map((label) => [label, dice.pick(label === "le" || label === "quantile" ? bounds : quoted)] as const)
      .filter(([label]) => label !== "code");
    const own = [...labels, ["code", `${i}`] as const];
    const add = (suffix: string, bound: readonly (readonly [string, string])[] = []) =>
      series.push({
        name: name + suffix,
        labels: bound.length === 0 ? own : [...own.filter(([label]) => label !== bound[0]![0]), ...bound],
        value: randomValue(dice),
        isPresent: dice.chance(0.9),
        hasTime: dice.chance(0.03),
      });
    if (kind === "protobuf") add("");
    else if (type === "histogram") {
      for (const bound of dice.some(bounds, 0.25)) add("_bucket", [["le", bound]]);
      add("_sum");
      add("_count");
    } else if (type === "summary") {
      for (const bound of dice.some(bounds, 0.25)) add("", [["quantile", bound]]);
      add("_sum");
      add("_count");
    } else add("");
  }
  return { name, type, series, hasType: dice.chance(0.8), hasHelp: dice.chance(0.3) };
}

function randomValue(dice: Dice): string {
  if (dice.chance(0.2)) return dice.pick(plainNumbers);
  const magnitude = 10 ** dice.integer(9);
  return dice.chance(0.5)
    ? String(dice.integer(magnitude))
    : String(Math.round(dice.fraction() * magnitude * 1000) / 1000);
}

function swapTwo<T>(items: T[], dice: Dice): void {
  if (items.length < 2) return;
  const [a, b] = [dice.integer(items.length), dice.integer(items.length)];
  [items[a], items[b]] = [items[b]!, items[a]!];
}

/** Of which bounds are written as OpenMetrics writes floats. */
function hasBounds(type: string): boolean {
  return type === "histogram" || type === "summary";
}

function isLegacy(name: string): boolean {
  return /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name);
}

function formatSeconds(ms: number): string {
  return `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, "0")}`;
}
