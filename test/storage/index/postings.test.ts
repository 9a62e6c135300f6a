import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { includes, intersect, type Postings, subtract, union } from "../../../src/storage/index/postings.js";

const postings = (max: number, maxLength: number) =>
  fc.uniqueArray(fc.integer({ min: 1, max }), { maxLength }).map((refs) => Uint32Array.from(refs).sort());

/** Lists of like and of very different lengths, so that stepping and galloping both happen. */
const pair = fc.oneof(
  fc.tuple(postings(60, 30), postings(60, 30)),
  fc.tuple(postings(2000, 5), postings(2000, 600)),
  fc.tuple(postings(2000, 600), postings(2000, 5)),
);

const naive = (refs: Iterable<number>) => [...new Set(refs)].sort((a, b) => a - b);

describe("postings", () => {
  it("intersects, unites and subtracts as sets do", () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const inB = new Set(b);
        expect([...intersect(a, b)]).toEqual([...a].filter((ref) => inB.has(ref)));
        expect([...subtract(a, b)]).toEqual([...a].filter((ref) => !inB.has(ref)));
        expect([...union([a, b])]).toEqual(naive([...a, ...b]));
      }),
    );
  });

  it("unites many lists, dense and sparse, up to the highest ref", () => {
    const far = postings(2 ** 32 - 1, 40);
    const many = fc.oneof(fc.array(postings(500, 40), { maxLength: 20 }), fc.array(far, { maxLength: 20 }));
    fc.assert(
      fc.property(many, fc.boolean(), (given: Postings[], isHigh) => {
        const lists = isHigh ? given.map((list) => list.map((ref) => 2 ** 32 - ref).reverse()) : given;
        expect([...union(lists)]).toEqual(naive(lists.flatMap((list) => [...list])));
      }),
    );
  });

  it("leaves its arguments alone", () => {
    const a = Uint32Array.of(1, 2, 3, 2 ** 32 - 1);
    const b = Uint32Array.of(2, 2 ** 32 - 1);
    expect([...intersect(a, b)]).toEqual([2, 2 ** 32 - 1]);
    expect([...subtract(a, b)]).toEqual([1, 3]);
    union([b, a]);
    expect([...a, ...b]).toEqual([1, 2, 3, 2 ** 32 - 1, 2, 2 ** 32 - 1]);
  });

  it("tells whether a ref is included", () => {
    fc.assert(
      fc.property(postings(50, 30), fc.integer({ min: 1, max: 50 }), (list, ref) => {
        expect(includes(list, ref)).toBe([...list].includes(ref));
      }),
    );
  });
});
