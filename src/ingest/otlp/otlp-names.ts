/**
 * OtlpNames: names of metrics and labels from names of OpenTelemetry, by one of Prometheus' four strategies.
 *
 *                                      http.server.duration, s, histogram     http.method
 *   UnderscoreEscapingWithSuffixes     http_server_duration_seconds           http_method     the default
 *   UnderscoreEscapingWithoutSuffixes  http_server_duration                   http_method
 *   NoUTF8EscapingWithSuffixes         http.server.duration_seconds           http.method
 *   NoTranslation                      http.server.duration                   http.method
 *
 * Suffixes are the unit, `total` for monotonic sums and `ratio` for gauges of the unit 1; one that the name has
 * already is not repeated.
 *
 * Source: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility"; Prometheus configuration, `<otlp>`;
 * behaviour of prometheus/otlptranslator.
 */

import { MalformedInputError } from "../../model/errors.js";

export const translationStrategies = [
  "UnderscoreEscapingWithSuffixes",
  "UnderscoreEscapingWithoutSuffixes",
  "NoUTF8EscapingWithSuffixes",
  "NoTranslation",
] as const;
export type TranslationStrategy = (typeof translationStrategies)[number];

export interface NamedMetric {
  readonly name: string;
  readonly unit: string;
  readonly type: "counter" | "gauge" | "histogram" | "summary";
}

export class OtlpNames {
  readonly #isEscaped: boolean;
  readonly #hasSuffixes: boolean;

  constructor(strategy: TranslationStrategy) {
    this.#isEscaped = strategy.startsWith("Underscore");
    this.#hasSuffixes = strategy.endsWith("WithSuffixes");
  }

  /** Throws MalformedInputError when nothing is left of the name. */
  metricName(metric: NamedMetric): string {
    const name = this.#translate(metric);
    if (name === "" || (name !== metric.name && /^_*$/.test(name)))
      throw new MalformedInputError(`nothing is left of the metric's name ${JSON.stringify(metric.name)}`);
    return name;
  }

  /** As `metricName`. */
  labelName(key: string): string {
    if (!this.#isEscaped) {
      if (key !== "") return key;
      throw new MalformedInputError("an attribute has an empty key");
    }
    const name = key.replace(/[^a-zA-Z0-9_]/gu, "_");
    if (name === "" || (name !== key && /^_*$/.test(name)))
      throw new MalformedInputError(`nothing is left of the attribute's key ${JSON.stringify(key)}`);
    if (/^\d/.test(name)) return `key_${name}`;
    return /^_(?!_)/.test(name) ? `key${name}` : name;
  }

  #translate(metric: NamedMetric): string {
    if (!this.#isEscaped) return this.#hasSuffixes ? withPlainSuffixes(metric) : metric.name;
    const tokens = metric.name
      .split(this.#hasSuffixes ? /[^a-zA-Z0-9:]+/ : /[^a-zA-Z0-9:_]+/)
      .filter((token) => token !== "");
    const name = (this.#hasSuffixes ? withSuffixTokens(tokens, metric) : tokens).join("_");
    return /^\d/.test(name) ? `_${name}` : name;
  }
}

function withSuffixTokens(tokens: readonly string[], { unit, type }: NamedMetric): readonly string[] {
  const [main, per] = unitSuffixes(unit).map(cleanUnit) as [string, string];
  let all = [...tokens];
  const perToken = per === "per_" ? "" : per.replace(/_$/, "");
  const hasPer = perToken !== "" && !all.includes(perToken);
  const mainToken = hasPer ? main.replace(/_$/, "") : main;
  if (mainToken !== "" && !all.includes(main)) all.push(mainToken);
  if (hasPer) all.push(perToken);
  if (type === "counter") all = [...all.filter((token) => token !== "total"), "total"];
  if (type === "gauge" && unit === "1") all = [...all.filter((token) => token !== "ratio"), "ratio"];
  return all;
}

function withPlainSuffixes({ name: given, unit, type }: NamedMetric): string {
  let name = given;
  const behind: string[] = [];
  const moveBehind = (suffix: string) => {
    if (name.endsWith(suffix) && name.length > suffix.length + 1) name = name.slice(0, -suffix.length - 1);
    behind.unshift(`_${suffix}`);
  };
  if (type === "gauge" && unit === "1") moveBehind("ratio");
  if (type === "counter") moveBehind("total");
  const [main, per] = unitSuffixes(unit);
  if (per !== "") moveBehind(per);
  if (main !== "" && !name.endsWith(main)) name += `_${main}`;
  return name + behind.join("");
}

/** Of `By/s`: `bytes` and `per_second`. Annotations in braces are no units. */
function unitSuffixes(unit: string): [main: string, per: string] {
  const slash = unit.indexOf("/");
  const main = (slash < 0 ? unit : unit.slice(0, slash)).trim();
  const per = slash < 0 ? "" : unit.slice(slash + 1).trim();
  const isUnit = (text: string) => text !== "" && !/[{}]/.test(text);
  return [
    isUnit(main) ? (units.get(main) ?? main) : "",
    isUnit(per) ? `per_${perUnits.get(per) ?? per}` : "",
  ];
}

function cleanUnit(unit: string): string {
  return unit
    .replace(/[^a-zA-Z0-9:]/gu, "_")
    .replace(/__+/g, "_")
    .replace(/^_/, "");
}

const units: ReadonlyMap<string, string> = new Map([
  ["d", "days"],
  ["h", "hours"],
  ["min", "minutes"],
  ["s", "seconds"],
  ["ms", "milliseconds"],
  ["us", "microseconds"],
  ["ns", "nanoseconds"],
  ["By", "bytes"],
  ["KiBy", "kibibytes"],
  ["MiBy", "mebibytes"],
  ["GiBy", "gibibytes"],
  ["TiBy", "tibibytes"],
  ["KBy", "kilobytes"],
  ["MBy", "megabytes"],
  ["GBy", "gigabytes"],
  ["TBy", "terabytes"],
  ["m", "meters"],
  ["V", "volts"],
  ["A", "amperes"],
  ["J", "joules"],
  ["W", "watts"],
  ["g", "grams"],
  ["Cel", "celsius"],
  ["Hz", "hertz"],
  ["1", ""],
  ["%", "percent"],
]);

const perUnits: ReadonlyMap<string, string> = new Map([
  ["s", "second"],
  ["m", "minute"],
  ["h", "hour"],
  ["d", "day"],
  ["w", "week"],
  ["mo", "month"],
  ["y", "year"],
]);
