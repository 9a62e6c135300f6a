/**
 * NodePath: what stands around the points that are read: nodes, each found by its bytes within the one before it. So a
 * point is known by the bytes of its attributes alone, and long names are remembered once.
 *
 *   options > resource > scope > schema URL > name > unit > description (and type)
 *
 * A node that is not known is learnt when a series within it is taken: names that are refused cost no memory.
 */

import { NO_NUMBER } from "../push/byte-keys.js";
import type { PushRows } from "../push/push-rows.js";

export const RESOURCE = 1;
export const SCOPE = 2;
export const SCHEMA_URL = 3;
export const NAME = 4;
export const UNIT = 5;
export const METRIC = 6;
const depth = 7;

/** Variants of keys that are series, behind those of a metric's type. */
export const NUMBER_POINT = 4;
export const HISTOGRAM_POINT = 5;
export const HISTOGRAM_POINT_WITHOUT_SUM = 6;
export const TARGET_INFO = 7;

const variants = 8;
/** No other key has it. */
const ROOT_OWNER = -(2 ** 31);

export class NodePath {
  readonly #rows: PushRows;
  readonly #bytes: DataView;
  readonly #root: DataView;
  readonly #numbers = new Int32Array(depth).fill(NO_NUMBER);
  readonly #starts = new Float64Array(depth);
  readonly #ends = new Float64Array(depth);
  readonly #variants = new Uint8Array(depth);

  /** Below `rootText`, which says how all that follows is understood. */
  constructor(rows: PushRows, bytes: DataView, rootText: string) {
    this.#rows = rows;
    this.#bytes = bytes;
    const root = new TextEncoder().encode(rootText);
    this.#root = new DataView(root.buffer, root.byteOffset, root.byteLength);
    this.#numbers[0] = rows.find(ROOT_OWNER, this.#root, 0, root.length);
  }

  /** The node of this level is `bytes[start, end)`, of the variant. Those below are to be set anew. */
  enter(level: number, start: number, end: number, variant = 0): void {
    this.#starts[level] = start;
    this.#ends[level] = end;
    this.#variants[level] = variant;
    const owner = this.owner(level - 1, variant);
    this.#numbers[level] = owner === undefined ? NO_NUMBER : this.#rows.find(owner, this.#bytes, start, end);
  }

  isKnown(level: number): boolean {
    return this.#numbers[level] !== NO_NUMBER;
  }

  /** What was learnt with it. */
  node(level: number): unknown {
    return this.#rows.node(this.#numbers[level]!);
  }

  /** Of keys in the node of this level; undefined as long as it is not known. */
  owner(level: number, variant: number): number | undefined {
    const number = this.#numbers[level]!;
    return number === NO_NUMBER ? undefined : -2 - (number * variants + variant);
  }

  /** Remembers all nodes that are not known, each with what `nodeOf` has for its level. */
  learn(nodeOf: (level: number) => unknown): void {
    const rows = this.#rows;
    if (!this.isKnown(0))
      this.#numbers[0] = rows.addNode(ROOT_OWNER, this.#root, 0, this.#root.byteLength, undefined);
    for (let level = 1; level < depth; level++) {
      if (this.isKnown(level)) continue;
      const owner = this.owner(level - 1, this.#variants[level]!)!;
      const [start, end] = [this.#starts[level]!, this.#ends[level]!];
      this.#numbers[level] = rows.addNode(owner, this.#bytes, start, end, nodeOf(level));
    }
  }
}
