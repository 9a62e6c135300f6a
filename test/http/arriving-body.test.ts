import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { ArrivingBody, takeBody } from "../../src/http/arriving-body.js";

function arriving(sizeMaxBytes = 1000) {
  const payload = new PassThrough();
  return { payload, body: new ArrivingBody(payload, sizeMaxBytes) };
}

async function lengthsOf(body: AsyncIterable<Uint8Array>): Promise<number[]> {
  const lengths: number[] = [];
  for await (const piece of body) lengths.push(piece.length);
  return lengths;
}

describe("a body that arrives", () => {
  it("is read to its end, whether its reader waits for it or comes late", async () => {
    const early = arriving();
    const reading = lengthsOf(early.body);
    early.payload.write(Buffer.alloc(3));
    await new Promise(setImmediate);
    early.payload.end(Buffer.alloc(4));
    expect(await reading).toEqual([3, 4]);

    const late = arriving();
    late.payload.write(Buffer.alloc(3));
    late.payload.end(Buffer.alloc(4));
    await new Promise(setImmediate);
    expect(await lengthsOf(late.body)).toEqual([3, 4]);
    expect(await late.body.next()).toMatchObject({ done: true });
  });

  it("waits for a reader that is slow", async () => {
    const { payload, body } = arriving(1e9);
    for (let i = 0; i < 100; i++) payload.write(Buffer.alloc(64 * 1024));
    payload.end();
    await new Promise(setImmediate);
    expect(payload.isPaused()).toBe(true);
    expect(payload.readableLength).toBeGreaterThan(0);
    expect(await lengthsOf(body)).toHaveLength(100);
  });

  it("fails behind what is within the limit, and is not destroyed", async () => {
    const { payload, body } = arriving(5);
    payload.write(Buffer.alloc(3));
    payload.write(Buffer.alloc(3));
    await new Promise(setImmediate);
    expect((await body.next()).value).toHaveLength(3);
    await expect(body.next()).rejects.toThrow("the body has 6 bytes or more; the limit is 5");
    expect([payload.destroyed, payload.isPaused()]).toEqual([false, true]);
  });

  it("flows no more when its reader has left it", async () => {
    const { payload, body } = arriving();
    payload.write(Buffer.alloc(3));
    for await (const _piece of body) break;
    payload.write(Buffer.alloc(4));
    await new Promise(setImmediate);
    expect([payload.destroyed, payload.isPaused()]).toEqual([false, true]);
    expect(await body.next()).toMatchObject({ done: true });
  });

  it("tells that its connection broke, before or after somebody asked for it", async () => {
    const { payload, body } = arriving();
    const next = body.next();
    payload.destroy();
    await expect(next).rejects.toThrow("the connection closed before the body was complete");
    await expect(body.next()).rejects.toThrow("the connection closed");
    const gone = new ArrivingBody(payload, 1000);
    await expect(gone.next()).rejects.toThrow("the connection closed");
  });

  it("tells why it was ended, and nothing of a close behind its end", async () => {
    const told: unknown[] = [];
    const tell = (payload: PassThrough) =>
      takeBody(payload, 1000, {
        take: ({ length }) => void told.push(length),
        end: () => void told.push("end"),
        fail: (reason) => void told.push(String(reason)),
      });
    const late = new PassThrough();
    tell(late);
    late.destroy(new Error("too slow"));
    await new Promise(setImmediate);
    const whole = new PassThrough();
    tell(whole);
    whole.end(Buffer.alloc(2));
    await new Promise((closed) => whole.once("close", closed));
    expect(told).toEqual(["Error: too slow", 2, "end"]);
  });

  it("is given up when its pieces are not taken", async () => {
    const payload = new PassThrough();
    const reason = new Promise((fail) =>
      takeBody(payload, 1000, {
        take() {
          throw new Error("no room");
        },
        end: () => fail("end"),
        fail,
      }),
    );
    payload.end(Buffer.alloc(2));
    expect(String(await reason)).toBe("Error: no room");
  });
});
