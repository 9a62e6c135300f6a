/**
 * `info(v, {...})`: labels of info series added to the series of v that have the same `instance` and `job`.
 *
 * At each step the info series whose sample is the newest counts, per info metric; two of the same age are a
 * conflict. Columns are looked at step by step here, as different info series may serve one base series.
 *
 * Source: Prometheus 3.14 `promql/info.go`.
 */

import { QueryError } from "../../../model/errors.js";
import { type Labels, METRIC_NAME } from "../../../model/labels.js";
import type { InfoNode } from "../../plan/plan.js";
import { LABEL_WORK } from "../budget.js";
import type { EvalContext } from "../context.js";
import { bracedText } from "../label-text.js";
import { selectorReader } from "../leaf/series-reader.js";
import { mergeSeries } from "../merge-series.js";
import { vectorSeries } from "../operands.js";
import type { Slices } from "../slices.js";
import { type Column, FLOAT, type Value, type VectorSeries, vector } from "../value.js";

const identifyingLabels: ReadonlySet<string> = new Set(["instance", "job"]);

/** What comparing the time of one info series at one step costs, in samples. */
const stepWork = 20;

interface InfoSeries {
  readonly labels: Labels;
  readonly name: string;
  /** Times of the samples, in seconds. */
  readonly times: Column;
}

export function* evaluateInfo(node: InfoNode, context: EvalContext): Slices<Value> {
  const base = vectorSeries(yield* context.evaluate(node.base));
  const bySignature = groupInfoSeries(yield* readInfoSeries(node, context));
  const isInfo = (labels: Labels): boolean =>
    node.nameMatchers.length > 0 &&
    node.nameMatchers.every((matcher) => matcher.matches(labels.get(METRIC_NAME)));
  const mustMatch = node.labelMatchers.some((matcher) => !matcher.matches(""));
  const wanted =
    node.labelMatchers.length === 0 ? undefined : new Set(node.labelMatchers.map(({ name }) => name));

  const enriched: VectorSeries[] = [];
  for (const series of base) {
    if (isInfo(series.labels)) {
      enriched.push(series);
      continue;
    }
    const candidates = bySignature.get(series.labels.keep(identifyingLabels).key()) ?? [];
    enriched.push(...(yield* enrich(series, { candidates, mustMatch, wanted }, context)));
  }
  return vector(yield* mergeSeries(enriched, context.budget));
}

function* readInfoSeries(node: InfoNode, context: EvalContext): Slices<readonly InfoSeries[]> {
  const { grid, span, source } = node;
  const selector = { kind: "selector", grid, span, source, output: "sample-time" } as const;
  const reader = yield* selectorReader(selector, context);
  const series: InfoSeries[] = [];
  const stored = source.select < 0 ? [] : context.loaded[source.select]!;
  for (const [index, { labels }] of stored.entries()) {
    if (labels.get("instance") === "" && labels.get("job") === "") continue;
    const times = context.budget.column(grid.count);
    const reading = reader.read(index, times);
    const count = typeof reading === "number" ? reading : yield* reading;
    if (context.budget.tick(grid.count + LABEL_WORK)) yield;
    if (count > 0) series.push({ labels, name: labels.get(METRIC_NAME), times });
  }
  return series;
}

function groupInfoSeries(series: readonly InfoSeries[]): ReadonlyMap<string, readonly InfoSeries[]> {
  const groups = new Map<string, InfoSeries[]>();
  for (const each of series) {
    const key = each.labels.keep(identifyingLabels).key();
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [each]);
    else group.push(each);
  }
  return groups;
}

interface Enrichment {
  readonly candidates: readonly InfoSeries[];
  /** Series without info series are left out: a matcher asks for a label. */
  readonly mustMatch: boolean;
  /** Labels to add; undefined for all. */
  readonly wanted: ReadonlySet<string> | undefined;
}

/** One series per set of info series that served it over the steps. */
function* enrich(
  series: VectorSeries,
  how: Enrichment,
  context: EvalContext,
): Slices<readonly VectorSeries[]> {
  const results = new Map<string, VectorSeries>();
  const { values, present } = series.column;
  for (let step = 0; step < values.length; step++) {
    if (context.budget.tick(stepWork * (1 + how.candidates.length))) yield;
    if (present[step] !== FLOAT) continue;
    const chosen = newestPerMetric(how.candidates, step);
    if (chosen.length === 0 && how.mustMatch) continue;
    const key = chosen.map((index) => index).join();
    let result = results.get(key);
    if (result === undefined) {
      const infos = chosen.map((index) => how.candidates[index]!);
      const column = context.budget.column(values.length);
      const labels = combine(series.labels, infos, how.wanted);
      context.budget.reserveLabels(0);
      result = { labels, dropName: series.dropName, column };
      results.set(key, result);
    }
    result.column.values[step] = values[step]!;
    result.column.present[step] = FLOAT;
  }
  return [...results.values()];
}

/** Indices of the newest info series of each metric name at a step. */
function newestPerMetric(candidates: readonly InfoSeries[], step: number): readonly number[] {
  const newest = new Map<string, number>();
  candidates.forEach(({ name, times, labels }, index) => {
    if (times.present[step] !== FLOAT) return;
    const known = newest.get(name);
    const time = times.values[step]!;
    const knownTime = known === undefined ? Number.NEGATIVE_INFINITY : candidates[known]!.times.values[step]!;
    if (known !== undefined && time === knownTime) {
      throw new QueryError(
        `found duplicate series for info metric: existing ${bracedText(candidates[known]!.labels)} @ ${knownTime * 1000}, ` +
          `new ${bracedText(labels)} @ ${time * 1000}`,
      );
    }
    if (time > knownTime) newest.set(name, index);
  });
  return [...newest.values()];
}

/** Labels of the base win; two info series that disagree on a label are an error. */
function combine(
  base: Labels,
  infos: readonly InfoSeries[],
  wanted: ReadonlySet<string> | undefined,
): Labels {
  const added: Record<string, string> = {};
  for (const { labels } of infos) {
    for (const [name, value] of labels) {
      if (name === METRIC_NAME || (wanted !== undefined && !wanted.has(name))) continue;
      if (added[name] !== undefined && added[name] !== value)
        throw new QueryError(`conflicting label: ${name}`);
      if (!base.has(name)) added[name] = value;
    }
  }
  return base.with(added);
}
