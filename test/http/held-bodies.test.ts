import { describe, expect, it } from "vitest";
import { HeldBodies } from "../../src/http/held-bodies.js";

async function* body(...sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const size of sizes) yield new Uint8Array(size);
}

const length = async (bytes: Uint8Array) => bytes.length;

describe("bodies that are held whole", () => {
  const limits = { freeBytesEach: 10, heldBytesMax: 100 };

  it("have room together, and small ones always", async () => {
    const bodies = new HeldBodies(limits);
    let release = () => {};
    const large = bodies.hold(body(60, 50), 1000, () => new Promise<void>((resolve) => (release = resolve)));
    await expect(bodies.hold(body(10, 1), 1000, length)).rejects.toMatchObject({
      code: "too-many-requests",
      message: "large bodies hold 100 bytes already; send smaller ones, or come again in 1 s",
    });
    expect(await bodies.hold(body(4, 6), 1000, length)).toBe(10);
    release();
    await large;
    expect(await bodies.hold(body(60, 50), 1000, length)).toBe(110);
  });

  it("have room for what is read of them", async () => {
    const bodies = new HeldBodies(limits);
    const takes = (bytes: number) => bodies.share(async ({ take }) => take(bytes));
    await bodies.share(async ({ take }) => {
      take(60);
      take(50);
      await expect(takes(11)).rejects.toThrow("come again");
      await takes(10);
    });
    await takes(110);
  });

  it("give their room back however they end", async () => {
    const bodies = new HeldBodies(limits);
    await expect(bodies.hold(body(110, 1), 1000, length)).rejects.toThrow("come again");
    await expect(bodies.hold(body(100, 5), 104, length)).rejects.toThrow(
      "the body has 105 bytes or more; the limit is 104",
    );
    const failing = bodies.hold(body(110), 1000, async () => {
      throw new Error("no metrics");
    });
    await expect(failing).rejects.toThrow("no metrics");
    expect(await bodies.hold(body(110), 1000, length)).toBe(110);
  });
});
