/**
 * A plan as text: one line per node, children indented, leaves with what they load and when they look.
 *
 *   sum by (job)
 *     rate over 5m
 *       select #0 {__name__="http_requests_total"} (2026-01-01T00:00:00.000Z, 2026-01-01T01:00:00.000Z]
 */

import { unreachable } from "../../model/assert.js";
import { formatDuration } from "../../model/duration.js";
import { formatFloat } from "../../model/float-text.js";
import { quoteText } from "../../model/labels.js";
import type { TimeRange } from "../../model/sample.js";
import type { AggregationNode, BinaryNode, Plan, PlanNode, SelectorSource, Window } from "./plan.js";
import { childrenOf } from "./plan.js";

export function explainPlan(plan: Plan): string {
  return `${lines(plan.root, plan, 0).join("\n")}\n`;
}

function lines(node: PlanNode, plan: Plan, depth: number): readonly string[] {
  const indent = "  ".repeat(depth);
  const own = [`${indent}${describe(node)}`];
  const leaf = loadLine(node, plan);
  if (leaf !== undefined) own.push(`${indent}  ${leaf}`);
  return [...own, ...childrenOf(node).flatMap((child) => lines(child, plan, depth + 1))];
}

function describe(node: PlanNode): string {
  switch (node.kind) {
    case "number":
      return formatFloat(node.value);
    case "string":
      return quoteText(node.value);
    case "selector":
      return `${node.output === "value" ? "latest" : "time of latest"} within ${formatDuration(node.source.lookbackMs)}`;
    case "rollup":
      return `${node.function} over ${windowText(node.window)}`;
    case "matrix":
      return `samples over ${windowText(node.window)}`;
    case "call":
      return node.function;
    case "info":
      return "info";
    case "aggregation":
      return aggregationText(node);
    case "binary":
      return binaryText(node);
    case "negation":
      return "negate";
    case "repeat":
      return `repeat ${node.grid.count} times`;
  }
  return unreachable(node);
}

function windowText({ source, rangeMs }: Window): string {
  const range = formatDuration(rangeMs);
  if (source.kind === "selector")
    return source.selector.extension === null ? range : `${range} ${source.selector.extension}`;
  const { count, stepMs } = source.expression.grid;
  return `${range} of ${count} steps of ${formatDuration(stepMs)}`;
}

function aggregationText({ operator, grouping, without }: AggregationNode): string {
  if (grouping.length === 0 && !without) return operator;
  return `${operator} ${without ? "without" : "by"} (${grouping.join(", ")})`;
}

function binaryText({ operator, bool, matching }: BinaryNode): string {
  const words: string[] = [bool ? `${operator} bool` : operator];
  if (matching !== null) {
    words.push(matching.cardinality);
    if (matching.on || matching.labels.length > 0) {
      words.push(`${matching.on ? "on" : "ignoring"} (${matching.labels.join(", ")})`);
    }
  }
  return words.join(" ");
}

/** What a leaf loads. */
function loadLine(node: PlanNode, plan: Plan): string | undefined {
  const source = sourceOf(node);
  if (source === undefined || source.select < 0) return undefined;
  const { range } = plan.selects[source.select]!;
  return `select #${source.select} {${source.matchers.join(", ")}} ${rangeText(range)}`;
}

function sourceOf(node: PlanNode): SelectorSource | undefined {
  switch (node.kind) {
    case "selector":
    case "info":
      return node.source;
    case "rollup":
    case "matrix":
      return node.window.source.kind === "selector" ? node.window.source.selector : undefined;
    default:
      return undefined;
  }
}

function rangeText({ minTime, maxTime }: TimeRange): string {
  return `(${timeText(minTime - 1)}, ${timeText(maxTime)}]`;
}

function timeText(time: number): string {
  return new Date(time).toISOString();
}
