import { describe, expect, it } from "vitest";
import { RequestFingerprint } from "../../../src/ingest/sums/request-fingerprint.js";
import { Labels } from "../../../src/model/labels.js";

function fingerprint(...increments: readonly (readonly [Readonly<Record<string, string>>, number])[]) {
  const made = new RequestFingerprint();
  for (const [labels, amount] of increments) made.add(Labels.from(labels), amount);
  return made.value;
}

describe("the fingerprint of a request", () => {
  it("is what docs/format/sums.md says, in every version of Narthex: journals have it", () => {
    const shop = [{ __name__: "orders_total", job: "shop" }, 2] as const;
    const kitchen = [{ __name__: "orders_total", job: "кухня 🍲" }, 0.1] as const;
    expect(fingerprint()).toBe(0x811c9dc5);
    expect(fingerprint(shop, kitchen)).toBe(1636770026);
    expect(fingerprint(kitchen, shop)).not.toBe(1636770026);
  });

  it("tells labels and amounts apart", () => {
    const all = [
      fingerprint([{ a: "bc" }, 1]),
      fingerprint([{ ab: "c" }, 1]),
      fingerprint([{ a: "bc" }, 2]),
      fingerprint([{ a: "bc" }, 1], [{ a: "bc" }, 1]),
    ];
    expect(new Set(all).size).toBe(all.length);
  });
});
