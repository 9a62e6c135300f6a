/**
 * Binary operators of the naive evaluator.
 */

import { type Labels, METRIC_NAME } from "../../src/model/labels.js";
import type { BinaryExpression, BinaryOperator, VectorMatching } from "../../src/query/parser/ast.js";
import {
  type Element,
  elementsOf,
  NaiveError,
  type NaiveValue,
  numberOf,
  unnamed,
  vectorOf,
} from "./naive-evaluator.js";

export function operate(node: BinaryExpression, left: NaiveValue, right: NaiveValue): NaiveValue {
  if (left.kind === "scalar" && right.kind === "scalar") {
    return { kind: "scalar", value: compute(node.operator, left.value, right.value) };
  }
  if (left.kind === "scalar" || right.kind === "scalar") return withScalar(node, left, right);
  const [a, b] = [elementsOf(left), elementsOf(right)];
  const signature = signatureOf(node.matching!);
  const among = (elements: readonly Element[]) =>
    new Set(elements.map(({ labels }) => signature(labels).toString()));
  const isIn = (signatures: ReadonlySet<string>) => (element: Element) =>
    signatures.has(signature(element.labels).toString());
  const isNotIn = (signatures: ReadonlySet<string>) => (element: Element) => !isIn(signatures)(element);
  switch (node.operator) {
    case "and":
      return vectorOf(a.filter(isIn(among(b))));
    case "unless":
      return vectorOf(a.filter(isNotIn(among(b))));
    case "or":
      return vectorOf([...a, ...b.filter(isNotIn(among(a)))]);
    default:
      return match(node, a, b);
  }
}

/** Arithmetic, or 1 and 0 for a comparison. */
function compute(operator: BinaryOperator, left: number, right: number): number {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
    case "%":
      return left % right;
    case "^":
      return left === 1 || (left === -1 && Math.abs(right) === Infinity) ? 1 : left ** right;
    case "atan2":
      return Math.atan2(left, right);
    case "==":
      return Number(left === right);
    case "!=":
      return Number(left !== right);
    case ">":
      return Number(left > right);
    case "<":
      return Number(left < right);
    case ">=":
      return Number(left >= right);
    case "<=":
      return Number(left <= right);
    default:
      throw new TypeError(`no naive form of ${operator}`);
  }
}

function isComparison(operator: BinaryOperator): boolean {
  return ["==", "!=", ">", "<", ">=", "<="].includes(operator);
}

function withScalar({ operator, bool }: BinaryExpression, left: NaiveValue, right: NaiveValue): NaiveValue {
  const isFilter = isComparison(operator) && !bool;
  const elements = elementsOf(left.kind === "scalar" ? right : left);
  const results = elements.map(({ labels, value }) => {
    const [a, b] = left.kind === "scalar" ? [left.value, value] : [value, numberOf(right)];
    return { labels, value, result: compute(operator, a, b) };
  });
  if (isFilter)
    return vectorOf(
      results.filter(({ result }) => result === 1).map(({ labels, value }) => ({ labels, value })),
    );
  return vectorOf(results.map(({ labels, result }) => unnamed({ labels, value: result })));
}

function signatureOf({ on, labels: names }: VectorMatching): (labels: Labels) => Labels {
  return (labels) => (on ? labels.keep(new Set(names)) : labels.drop(new Set([METRIC_NAME, ...names])));
}

function match(node: BinaryExpression, left: readonly Element[], right: readonly Element[]): NaiveValue {
  if (left.length === 0 || right.length === 0) return vectorOf([]);
  const matching = node.matching!;
  const isSwapped = matching.cardinality === "one-to-many";
  const signature = signatureOf(matching);
  const [manySide, oneSide] = isSwapped ? [right, left] : [left, right];
  const ones = new Map<string, Element>();
  for (const one of oneSide) {
    const key = signature(one.labels).toString();
    if (ones.has(key)) throw new NaiveError("found duplicate series for the match group");
    ones.set(key, one);
  }
  const matched = new Set<string>();
  const results: Element[] = [];
  for (const many of manySide) {
    const key = signature(many.labels).toString();
    const one = ones.get(key);
    if (one === undefined) continue;
    const labels = resultLabels(node, many.labels, one.labels);
    const identity = matching.cardinality === "one-to-one" ? key : `${key} ${labels}`;
    if (matched.has(identity)) throw new NaiveError("multiple matches for labels");
    matched.add(identity);
    const [a, b] = isSwapped ? [one.value, many.value] : [many.value, one.value];
    const result = compute(node.operator, a, b);
    if (isComparison(node.operator) && !node.bool) {
      if (result === 1) results.push({ labels, value: a });
    } else {
      results.push(unnamed({ labels, value: result }));
    }
  }
  return vectorOf(results);
}

/** Those of the many side, with the included ones of the one side; one to one, only those matched on. */
function resultLabels({ operator, matching }: BinaryExpression, many: Labels, one: Labels): Labels {
  const { cardinality, on, labels: names, include } = matching!;
  let labels = isComparison(operator) ? many : many.with({ [METRIC_NAME]: "" });
  if (cardinality === "one-to-one") labels = on ? labels.keep(new Set(names)) : labels.drop(new Set(names));
  return labels.with(Object.fromEntries(include.map((name) => [name, one.get(name)])));
}
