import { describe, expect, it } from "vitest";
import { PageBuffer, PageBuffers } from "../../src/scrape/page-buffers.js";

describe("PageBuffers", () => {
  it("gives the memory of a page to the next one that has bytes", () => {
    const buffers = new PageBuffers();
    const waiting = buffers.take();
    const first = buffers.take();
    first.append(Buffer.from("a 1\n"));
    const { buffer: memory } = first.bytes;
    buffers.give(first);
    expect([first.sizeBytes, first.bytes.length]).toEqual([0, 0]);
    // One that waits for its reply holds none.
    buffers.give(waiting);
    const second = buffers.take();
    second.append(Buffer.from("b"));
    const third = buffers.take();
    third.append(Buffer.from("c"));
    expect(second.bytes.buffer).toBe(memory);
    expect(third.bytes.buffer).not.toBe(memory);
    expect([second.bytes.toString(), third.bytes.toString()]).toEqual(["b", "c"]);
  });
});

describe("PageBuffer", () => {
  it("has all pieces, also when they are more than it had room for", () => {
    const buffer = new PageBuffer();
    const pieces = Array.from({ length: 50 }, (_, i) => Buffer.alloc(10_000, i));
    for (const piece of pieces) buffer.append(piece);
    expect(buffer.bytes.equals(Buffer.concat(pieces))).toBe(true);
    buffer.clear();
    buffer.append(Buffer.from("x"));
    expect(buffer.bytes.toString()).toBe("x");
  });
});
