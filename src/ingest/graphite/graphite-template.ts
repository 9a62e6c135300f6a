/**
 * GraphiteTemplate: which nodes of a dotted path are the metric's name and which are labels.
 *
 *   [FILTER ]WORDS[ LABEL=VALUE,LABEL=VALUE]
 *   servers.*  .host.name*  env=prod            servers.web1.cpu.load -> cpu_load{env="prod",host="web1"}
 *
 * FILTER is the path's first nodes; `*` in it is any node. WORDS stand for the nodes from the first on: `name` is a
 * part of the name (several are joined by `_`), `name*` takes all nodes that are left, any other word is the label
 * that gets the node, and nothing between two dots passes a node over. Nodes behind the last word are passed over.
 *
 * The words are those of Telegraf and InfluxDB, where `measurement` and `field` say what `name` does.
 */

import { ConfigError } from "../../model/errors.js";
import { Labels, METRIC_NAME } from "../../model/labels.js";

export class GraphiteTemplate {
  readonly #filter: readonly string[];
  readonly #words: readonly string[];
  readonly #labels: readonly (readonly [string, string])[];

  /** Throws ConfigError. */
  constructor(text: string) {
    const parts = text.trim().split(/\s+/);
    const labels = (parts.length > 1 && parts.at(-1)!.includes("=") ? parts.pop()! : "")
      .split(",")
      .filter((pair) => pair !== "");
    const words = parts.pop() ?? "";
    if (words === "" || parts.length > 1)
      throw new ConfigError(`the template "${text}" is not [FILTER ]WORDS[ LABEL=VALUE,...]`);
    this.#words = words.split(".");
    this.#filter = parts[0]?.split(".") ?? [];
    this.#labels = labels.map((pair) => labelOf(pair, text));
    if (!this.#words.some(isNameWord))
      throw new ConfigError(`the template "${text}" has no word for the name; write name or name*`);
    const rest = this.#words.findIndex((word) => word.endsWith("*"));
    if (rest >= 0 && (rest < this.#words.length - 1 || !isNameWord(this.#words[rest]!)))
      throw new ConfigError(
        `in the template "${text}" only the last word may end in *, and it must be name*`,
      );
  }

  matches(nodes: readonly string[]): boolean {
    return (
      nodes.length >= this.#filter.length &&
      this.#filter.every((pattern, i) => pattern === "*" || pattern === nodes[i])
    );
  }

  /** Undefined when the path is too short to have a name. */
  labelsOf(nodes: readonly string[]): Labels | undefined {
    const name: string[] = [];
    const labels = new Map<string, string>(this.#labels);
    for (const [i, word] of this.#words.entries()) {
      const node = nodes[i];
      if (node === undefined) break;
      if (word.endsWith("*")) name.push(...nodes.slice(i));
      else if (isNameWord(word)) name.push(node);
      else if (word !== "") labels.set(word, node);
    }
    if (name.length === 0) return undefined;
    labels.set(METRIC_NAME, name.join("_"));
    return Labels.from(labels);
  }
}

function isNameWord(word: string): boolean {
  return /^(?:name|measurement|field)\*?$/.test(word);
}

function labelOf(pair: string, text: string): readonly [string, string] {
  const equals = pair.indexOf("=");
  if (equals > 0) return [pair.slice(0, equals), pair.slice(equals + 1)];
  throw new ConfigError(`in the template "${text}", "${pair}" is not LABEL=VALUE`);
}
