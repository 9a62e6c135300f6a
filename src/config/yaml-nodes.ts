/**
 * pairsOf, resolve: YAML as it is meant, not as it is written: aliases followed, `<<` merged, as in Prometheus' YAML 1.1.
 */

import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from "yaml";

/** By key; those of `<<` where the mapping does not have the key itself. */
export function pairsOf(
  map: YAMLMap,
  document: Document,
  around: readonly YAMLMap[] = [],
): ReadonlyMap<string, Pair> {
  const pairs = new Map(
    map.items.map((pair) => [String(isScalar(pair.key) ? pair.key.value : pair.key), pair]),
  );
  const merged = resolve(pairs.get("<<")?.value as Node | undefined, document);
  const parents = (isSeq(merged) ? (merged.items as readonly Node[]) : [merged]).map((node) =>
    resolve(node, document),
  );
  if (!parents.every(isMap) || parents.some((parent) => parent === map || around.includes(parent)))
    return pairs;
  pairs.delete("<<");
  for (const parent of parents) {
    for (const [key, pair] of pairsOf(parent, document, [...around, map]))
      if (!pairs.has(key)) pairs.set(key, pair);
  }
  return pairs;
}

/** What an alias stands for; one whose anchor does not exist stays an alias, which nothing takes for a value. */
export function resolve<T extends Node | undefined>(node: T, document: Document): T | Node {
  return isAlias(node) ? (node.resolve(document) ?? node) : node;
}
