/**
 * Random PromQL expressions, well typed, over the series of random-series.ts: every function and operator, as often
 * as expression-weights.ts says. The same ones for the same seed.
 *
 * What may differ in its last bits (`approximate`) is rounded and bounded where more is computed from it, so that
 * the difference cannot grow into another answer.
 */

import { quoteText } from "../../src/model/labels.js";
import type { TimestampMs } from "../../src/model/sample.js";
import type { Dice } from "./dice.js";
import { weights } from "./expression-weights.js";
import { type Family, type FamilyName, families, histogram } from "./random-series.js";

export interface ExpressionOptions {
  /** Names of functions, operators and productions that are not to occur. */
  readonly omitted: ReadonlySet<string>;
  /** What is to be rounded where more is computed from it. */
  readonly approximate: ReadonlySet<string>;
  /** For `@`: around this time. */
  readonly around: TimestampMs;
}

export function randomExpression(dice: Dice, options: ExpressionOptions): string {
  const generator = new Generator(dice, options);
  const depth = 1 + dice.integer(4);
  return generator.root(depth);
}

/** Functions and operators that may occur. */
export function reachableNames(omitted: ReadonlySet<string>): readonly string[] {
  const { root: _, scalar: __, vector: ___, matrix: ____, ...named } = weights;
  const names = Object.values(named).flatMap((table) => Object.keys(table));
  const apart = ["time", "pi", "scalar", "vector", "absent", "info"];
  return [...names, ...apart].filter((name) => !omitted.has(name));
}

interface Place {
  /** Selectors are of this family, so that two such vectors join. */
  readonly family?: FamilyName | undefined;
  /** The value is the result: approximations need not be rounded. */
  readonly atTop?: boolean;
}

const familyNames = Object.keys(families) as FamilyName[];
const labelNames = [
  ...new Set([
    ...Object.values<Family>(families).flatMap(({ labels }) => Object.keys(labels)),
    "le",
    "nosuch",
  ]),
];
const numbers = [
  "0",
  "1",
  "2",
  "3",
  "-1",
  "0.5",
  "0.9",
  "10",
  "100",
  "1e3",
  "7",
  "0.1",
  "1e100",
  "NaN",
  "Inf",
  "-Inf",
];

class Generator {
  readonly #dice: Dice;
  readonly #options: ExpressionOptions;

  constructor(dice: Dice, options: ExpressionOptions) {
    this.#dice = dice;
    this.#options = options;
  }

  root(depth: number): string {
    switch (this.#allowed(weights.root)) {
      case "vector":
        return this.vector(depth, { atTop: true });
      case "scalar":
        return this.scalar(depth, true);
      case "matrix":
        return this.#matrix(depth, {});
      case "string":
        return this.#dice.pick(['"text"', "'größe'", "`\\n`"]);
    }
  }

  scalar(depth: number, atTop = false): string {
    const kind = depth <= 0 ? "number" : this.#dice.weighted(weights.scalar);
    switch (kind) {
      case "number":
        return this.#number();
      case "time":
        return "time()";
      case "pi":
        return "pi()";
      case "scalar()":
        return `scalar(${this.vector(depth - 1)})`;
      case "arithmetic":
        return this.#arithmetic(this.scalar(depth - 1), this.scalar(depth - 1), { atTop, type: "scalar" });
      case "comparison": {
        const operator = this.#dice.weighted(weights.comparison);
        return this.#infix(this.scalar(depth - 1), `${operator} bool`, this.scalar(depth - 1));
      }
      case "negation":
        return `-${this.scalar(0).replace(/^-/, "")}`;
    }
  }

  vector(depth: number, place: Place = {}): string {
    const below = { family: place.family };
    const kind = depth <= 0 ? "selector" : this.#allowed(weights.vector);
    switch (kind) {
      case "selector":
        return this.#selector(place.family);
      case "rangeFunction":
        return this.#rangeFunction(depth, place);
      case "vectorFunction":
        return this.#vectorFunction(depth, place);
      case "aggregation":
        return this.#aggregation(depth, place);
      case "vectorScalar":
        return this.#vectorScalar(depth, place);
      case "vectorVector":
        return this.#vectorVector(depth, place);
      case "joined":
        return this.#joined(depth);
      case "setOperator": {
        const operator = `${this.#dice.weighted(weights.setOperator)} ${this.#matching(0.4)}`;
        return this.#infix(this.vector(depth - 1, below), operator, this.vector(depth - 1, below));
      }
      case "histogram":
        return this.#histogramFunction(depth, place);
      case "label":
        return this.#labelFunction(depth, below);
      case "sorting":
        return this.#sortFunction(depth, place);
      case "date":
        return this.#dateFunction();
      case "absent":
        return `absent(${this.vector(this.#dice.integer(2), below)})`;
      case "vector()":
        return `vector(${this.scalar(depth - 1)})`;
      case "negation":
        return `-(${this.vector(depth - 1, below)})`;
      case "scalarPair":
        return this.#scalarFunction(depth);
      case "info":
        return this.#info(depth);
    }
  }

  #number(): string {
    return this.#dice.chance(0.7) ? this.#dice.pick(numbers) : String(this.#dice.integer(200) / 8);
  }

  #family(name: FamilyName | undefined): Family {
    return families[name ?? this.#dice.pick(familyNames)];
  }

  /** Prometheus 3.5 takes what stands behind `offset (1m)` for more of the duration: in parentheses it is none. */
  #selector(family?: FamilyName): string {
    const text = `${this.#bareSelector(family)}${this.#modifiers()}`;
    return text.includes("offset (") ? `(${text})` : text;
  }

  #bareSelector(name?: FamilyName): string {
    const dice = this.#dice;
    if (name === undefined && dice.chance(0.12)) return this.#histogramSelector();
    const family = this.#family(name);
    const metric = dice.pick(family.metrics);
    const matchers = dice.some(Object.keys(family.labels), 0.2).map((label) => this.#matcher(family, label));
    if (dice.chance(0.03)) {
      const pattern = dice.pick([`${metric}|nosuch`, family.metrics.join("|"), `${metric.slice(0, 3)}.+`]);
      return `{${[`__name__=~${quoteText(pattern)}`, ...matchers].join(",")}}`;
    }
    if (metric.includes(".")) return `{${[quoteText(metric), ...matchers].join(",")}}`;
    return matchers.length === 0 ? metric : `${metric}{${matchers.join(",")}}`;
  }

  #matcher({ labels }: Family, name: string): string {
    const dice = this.#dice;
    const values = labels[name]!;
    const value = dice.pick(values);
    const literal = value.replace(/[.]/g, "[.]");
    const condition = dice.pick([
      `=${quoteText(value)}`,
      `!=${quoteText(value)}`,
      `=~${quoteText(`${literal}|x`)}`,
      `!~${quoteText(`${literal}.*`)}`,
      `=~".*${literal.slice(-1)}"`,
      `!=""`,
      `=~".*"`,
    ]);
    return `${labelText(name)}${condition}`;
  }

  #histogramSelector(): string {
    const { name, labels } = histogram;
    const suffix = this.#dice.pick(["_bucket", "_bucket", "_bucket", "_sum", "_count"]);
    const [job] = this.#dice.some(labels.job, 0.2);
    return `${name}${suffix}${job === undefined ? "" : `{job=${quoteText(job)}}`}`;
  }

  /** Offset and `@`, seldom, in either order. */
  #modifiers(): string {
    const dice = this.#dice;
    const offset = dice.chance(0.12) ? ` offset ${this.#offset()}` : "";
    const at = dice.chance(0.07) ? ` @ ${this.#at()}` : "";
    return dice.chance(0.5) ? offset + at : at + offset;
  }

  #offset(): string {
    const dice = this.#dice;
    if (dice.chance(0.1)) return `(${dice.pick(["1m * 2", "5m - 30s", "30", "-1m + 1s", "2 ^ 5"])})`;
    const text = dice.pick(["1s", "30s", "1m", "4m59s", "10m", "1h", "250ms"]);
    return dice.chance(0.25) ? `-${text}` : text;
  }

  #at(): string {
    const dice = this.#dice;
    if (dice.chance(0.4)) return dice.pick(["start()", "end()"]);
    return ((this.#options.around + dice.integer(3_600_000)) / 1000).toFixed(dice.pick([0, 3]));
  }

  #range(): string {
    const dice = this.#dice;
    if (dice.chance(0.05)) return dice.pick(["1m + 30s", "2 * 1m", "(5m)", "90", "1h / 7", "10m % 7m"]);
    return dice.pick(["1s", "15s", "31s", "1m", "2m", "5m", "5m", "7m30s", "10m", "20m", "1h"]);
  }

  #matrix(depth: number, place: Place): string {
    if (depth <= 0 || this.#dice.weighted(weights.matrix) === "range") {
      return `${this.#bareSelector(place.family)}[${this.#range()}]${this.#modifiers()}`;
    }
    const dice = this.#dice;
    const range = dice.pick(["1m", "5m", "10m", "17m", "90s"]);
    const step = dice.pick(["", "", "1m", "15s", "7s", "2m", "30s", "11m"]);
    return `(${this.vector(depth - 1, place)})[${range}:${step}]${this.#modifiers()}`;
  }

  #rangeFunction(depth: number, { family, atTop }: Place): string {
    const name = this.#allowed(weights.rangeFunction);
    const window = this.#matrix(depth - 1, { family });
    const seconds = () => this.#dice.pick(["60", "3600", "-30", "0", "7m", this.scalar(depth - 1)]);
    const operands: Readonly<Partial<Record<typeof name, () => string>>> = {
      quantile_over_time: () => `${this.#quantile(depth)}, ${window}`,
      predict_linear: () => `${window}, ${seconds()}`,
      double_exponential_smoothing: () => `${window}, ${this.#factor(depth)}, ${this.#factor(depth)}`,
    };
    return this.#guarded(name, `${name}(${operands[name]?.() ?? window})`, atTop);
  }

  #quantile(depth: number): string {
    if (this.#dice.chance(0.1)) return this.scalar(depth - 1);
    return this.#dice.pick(["0", "0.25", "0.5", "0.9", "0.99", "1", "-1", "1.5", "NaN"]);
  }

  #factor(depth: number): string {
    return this.#dice.chance(0.05) ? this.scalar(depth - 1) : this.#dice.pick(["0.1", "0.5", "0.9"]);
  }

  #vectorFunction(depth: number, { family, atTop }: Place): string {
    const dice = this.#dice;
    const name = dice.weighted(weights.vectorFunction);
    const inner = this.vector(depth - 1, { family });
    const number = () => (dice.chance(0.2) ? this.scalar(depth - 1) : this.#number());
    switch (name) {
      case "clamp":
        return `${name}(${inner}, ${number()}, ${number()})`;
      case "clamp_min":
      case "clamp_max":
        return `${name}(${inner}, ${number()})`;
      case "round":
        return dice.chance(0.4)
          ? `${name}(${inner})`
          : `${name}(${inner}, ${dice.pick(["0.1", "5", number()])})`;
      case "timestamp":
        return `${name}(${dice.chance(0.5) ? this.#selector(family) : inner})`;
      default: {
        return this.#guarded(name, `${name}(${inner})`, atTop);
      }
    }
  }

  #aggregation(depth: number, { family, atTop }: Place): string {
    const dice = this.#dice;
    const place = { family };
    const operator = this.#allowed(weights.aggregation);
    const names = dice.some([...Object.keys(this.#family(place.family).labels), dice.pick(labelNames)], 0.4);
    const grouping = dice.chance(0.3)
      ? " "
      : ` ${dice.pick(["by", "without"])} (${names.map(labelText).join(", ")}) `;
    const parameter = this.#aggregationParameter(operator, depth);
    // Which of equal values, or which series at all, is taken depends on an order that others may not keep.
    const isChoice = operator === "limitk" || (["topk", "bottomk"].includes(operator) && dice.chance(0.9));
    const inner = isChoice ? this.#orderedVector(place) : this.vector(depth - 1, place);
    return this.#guarded(operator, `${operator}${grouping}(${parameter}${inner})`, atTop);
  }

  /** A vector whose series stand in the order of storage. */
  #orderedVector(place: Place): string {
    if (this.#dice.chance(0.5)) return this.#selector(place.family);
    return this.#rangeFunction(0, place);
  }

  #aggregationParameter(operator: keyof typeof weights.aggregation, depth: number): string {
    const dice = this.#dice;
    const unusual = dice.chance(0.1);
    switch (operator) {
      case "quantile":
        return `${this.#quantile(depth)}, `;
      case "topk":
      case "bottomk":
      case "limitk":
        return `${unusual ? this.scalar(depth - 1) : dice.pick(["1", "2", "3", "5", "0", "-1", "2.7"])}, `;
      case "limit_ratio":
        return `${unusual ? this.scalar(depth - 1) : dice.pick(["0.5", "-0.5", "0.1", "1", "0", "2", "-0.9"])}, `;
      case "count_values":
        return `${dice.pick(['"value"', '"job"', '"__name__"', '"site"', '"le"'])}, `;
      default:
        return "";
    }
  }

  #vectorScalar(depth: number, { family, atTop = false }: Place): string {
    const dice = this.#dice;
    const operands = [this.vector(depth - 1, { family }), this.scalar(depth - 1)];
    if (dice.chance(0.3)) operands.reverse();
    const [left, right] = operands as [string, string];
    return dice.chance(0.6)
      ? this.#arithmetic(left, right, { atTop, type: "vector" })
      : this.#infix(left, this.#comparison(), right);
  }

  /** Two vectors of one family, matched in some way: seldom without an error unless one to one. */
  #vectorVector(depth: number, { family, atTop = false }: Place): string {
    const dice = this.#dice;
    const shared = { family: family ?? dice.pick(familyNames) };
    const left = this.vector(depth - 1, shared);
    const right = this.vector(depth - 1, shared);
    const matching = this.#matching(0.25, true);
    return dice.chance(0.6)
      ? this.#arithmetic(left, right, { atTop, type: "vector", matching })
      : this.#infix(left, `${this.#comparison()} ${matching}`, right);
  }

  /** Many to one by label, as people join an info metric or a limit. */
  #joined(depth: number): string {
    const dice = this.#dice;
    const many = this.vector(depth - 1, { family: dice.pick(["requests", "requests", "target"] as const) });
    const isTarget = dice.chance(0.4);
    const one = isTarget ? this.#selector("target") : this.vector(dice.integer(2), { family: "perJob" });
    const on = isTarget ? "on (job, instance)" : "on (job)";
    const include = isTarget ? dice.pick(["()", '(version, "data.center")', "(version)"]) : "()";
    const right = dice.chance(0.3);
    const matching = `${on} ${right ? "group_right" : "group_left"} ${include}`;
    const operator = dice.chance(0.75) ? dice.pick(["*", "/", "+", "-"]) : this.#comparison();
    return this.#infix(right ? one : many, `${operator} ${matching}`, right ? many : one);
  }

  #matching(probability: number, canGroup = false): string {
    const dice = this.#dice;
    if (!dice.chance(probability)) return "";
    const names = dice.some(labelNames, 0.25).map(labelText);
    const group =
      canGroup && dice.chance(0.3)
        ? ` ${dice.pick(["group_left", "group_right"])} ${dice.pick(["()", "(version)", "(site)"])}`
        : "";
    return `${dice.pick(["on", "ignoring"])} (${names.join(", ")})${group}`;
  }

  #comparison(): string {
    const operator = this.#dice.weighted(weights.comparison);
    return this.#dice.chance(0.3) ? `${operator} bool` : operator;
  }

  #arithmetic(
    left: string,
    right: string,
    how: { readonly atTop: boolean; readonly type: "scalar" | "vector"; readonly matching?: string },
  ): string {
    const operator = this.#dice.weighted(weights.arithmetic);
    const text = this.#infix(left, `${operator} ${how.matching ?? ""}`, right);
    if (how.type === "vector") return this.#guarded(operator, text, how.atTop);
    const guarded = this.#guarded(operator, `vector(${text})`, how.atTop);
    return guarded.startsWith("vector") ? text : `scalar(${guarded})`;
  }

  /** In parentheses, mostly: without them it shows how strongly operators bind. */
  #infix(left: string, operator: string, right: string): string {
    const text = `${left} ${operator} ${right}`;
    return this.#dice.chance(0.03) ? text : `((${left}) ${operator} (${right}))`;
  }

  #histogramFunction(depth: number, { atTop }: Place): string {
    const dice = this.#dice;
    const name = this.#allowed(weights.histogramFunction);
    const buckets = `${histogram.name}_bucket`;
    const inner = dice.pick([
      buckets,
      `(${buckets}${this.#modifiers()})`,
      `rate(${buckets}[${this.#range()}])`,
      `sum by (job, le) (increase(${buckets}[${this.#range()}]))`,
      `sum by (le) (rate(${buckets}[10m]))`,
      `${buckets}{le!="+Inf"}`,
      `${buckets}{le!="1"} * ${this.#number()}`,
      this.vector(depth - 1),
    ]);
    const bounds = () => `${dice.pick(["0", "0.2", "-Inf", "NaN"])}, ${dice.pick(["1", "2", "+Inf", "0.3"])}`;
    const operands = {
      histogram_quantile: () => `${this.#quantile(depth)}, ${inner}`,
      histogram_fraction: () => `${bounds()}, ${inner}`,
      histogram_quantiles: () => `${inner}, "quantile", ${this.#quantile(0)}, 0.9`,
    };
    return this.#guarded(name, `${name}(${operands[name]()})`, atTop);
  }

  #labelFunction(depth: number, place: Place): string {
    const dice = this.#dice;
    const inner = this.vector(depth - 1, place);
    const target = quoteText(dice.pick([...labelNames, "new", "__name__"]));
    const source = quoteText(dice.pick([...labelNames, "__name__"]));
    if (dice.weighted(weights.labelFunction) === "label_join") {
      const second = dice.pick(labelNames);
      return `label_join(${inner}, ${target}, ${dice.pick(['"-"', '""'])}, ${source}, ${quoteText(second)})`;
    }
    const replacement = quoteText(dice.pick(["$1", "x-$1", `\${1}y`, "fixed", "", "$2", "$name"]));
    const pattern = quoteText(dice.pick(["(.*)", "(.)(.*)", "a.*", "", "(?P<name>[a-z]+):?.*", "nosuch"]));
    return `label_replace(${inner}, ${target}, ${replacement}, ${source}, ${pattern})`;
  }

  #sortFunction(depth: number, { family, atTop = false }: Place): string {
    const dice = this.#dice;
    const name = dice.weighted(weights.sortFunction);
    const inner = this.vector(depth - 1, { family, atTop });
    if (!name.startsWith("sort_by")) return `${name}(${inner})`;
    const names = dice.some([...Object.keys(this.#family(family).labels), "__name__"], 0.5);
    return `${name}(${[inner, ...(names.length === 0 ? ["job"] : names).map(quoteText)].join(", ")})`;
  }

  #dateFunction(): string {
    const name = this.#dice.weighted(weights.dateFunction);
    if (this.#dice.chance(0.3)) return `${name}()`;
    return `${name}(${this.#dice.pick(["seconds", "seconds * 2", "-seconds", "temperature * 1e6", "extreme", "vector(time())"])})`;
  }

  #scalarFunction(depth: number): string {
    const name = this.#allowed(weights.scalarFunction);
    const isPair = name === "min_of" || name === "max_of";
    return `vector(${name}(${isPair ? `${this.scalar(depth - 1)}, ${this.scalar(depth - 1)}` : ""}))`;
  }

  #info(depth: number): string {
    const selector = this.#dice.pick([
      "",
      ', {version=~".+"}',
      ', {__name__="build_info"}',
      ', {version="nosuch"}',
    ]);
    return `info(${this.vector(this.#dice.integer(Math.min(depth, 2)), { family: "requests" })}${selector})`;
  }

  /** Rounded to what is no likely sum or mean of the samples, so that no value lies where the rounding turns. */
  #guarded(name: string, vector: string, atTop = false): string {
    if (atTop || !this.#options.approximate.has(name)) return vector;
    return `clamp(round(${vector}, 0.00137), -1e9, 1e9)`;
  }

  #allowed<Name extends string>(table: Readonly<Record<Name, number>>): Name {
    for (;;) {
      const name = this.#dice.weighted(table);
      if (!this.#options.omitted.has(name)) return name;
    }
  }
}

function labelText(name: string): string {
  return /^[a-zA-Z_]\w*$/.test(name) ? name : quoteText(name);
}
