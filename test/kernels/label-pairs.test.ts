import { describe, expect, it } from "vitest";
import { ReferenceRemoteWriteKernel } from "../../src/kernels/reference-remote-write-kernel.js";
import type { RemoteWriteKernel } from "../../src/kernels/remote-write-kernel.js";
import { encodeSnappy } from "../../src/kernels/snappy.js";
import { remoteWriteModule, WasmRemoteWriteKernel } from "../../src/kernels/wasm-remote-write-kernel.js";
import { bytesField, label, sample } from "../support/remote-write-bodies.js";

const one = sample({ time: 1, value: 1 });

function decode(kernel: RemoteWriteKernel, series: readonly (readonly Uint8Array[])[]) {
  const body = encodeSnappy(Buffer.concat(series.map((labels) => bytesField(1, ...labels, one))));
  kernel.input(body.length).set(body);
  kernel.decode(body.length, { version: 1, owner: 1, decodedSizeMax: 2 ** 24, labelBytesMax: 2 ** 24 });
}

/** Pairs of the only series of a body; undefined when it is not split. */
function pairsOf(kernel: RemoteWriteKernel, labels: readonly Uint8Array[], textSizeMax = 1000) {
  decode(kernel, [labels]);
  const { length, pairs } = kernel.split(textSizeMax, 1000);
  return length === 0 ? undefined : Array.from(pairs, (pair) => Object.values(kernel.pair(pair)).join("="));
}

describe.each<[name: string, make: () => RemoteWriteKernel]>([
  ["TypeScript", () => new ReferenceRemoteWriteKernel()],
  ["WebAssembly", () => new WasmRemoteWriteKernel(remoteWriteModule()!, 2 ** 26)],
])("label pairs in %s", (_, make) => {
  it("are names with values, in order", () => {
    const kernel = make();
    const labels = [label("__name__", "up"), label("instance", "i".repeat(124)), label("job", "x")];
    const pairs = ["__name__=up", `instance=${"i".repeat(124)}`, "job=x"];
    expect(pairsOf(kernel, labels)).toEqual(pairs);
    expect(pairsOf(kernel, labels)).toEqual(pairs);
    expect(pairsOf(kernel, labels, 100)).toBeUndefined();
  });

  it("have the same number in all series, also when there are many of them", () => {
    const kernel = make();
    const seriesOf = (i: number) => [label("__name__", "up"), label("pod", `pod-${i}`)];
    const numbers = new Map<string, number>();
    for (let round = 0; round < 2; round++) {
      for (let from = 0; from < 20_000; from += 5000) {
        decode(
          kernel,
          Array.from({ length: 5000 }, (_, i) => seriesOf(from + i)),
        );
        const { length, pairs, names, jobs } = kernel.split(1000, 1000);
        expect(length).toBe(5000);
        for (const [i, pair] of pairs.entries()) {
          const text = i % 2 === 0 ? "up" : `pod-${from + (i - 1) / 2}`;
          if (round === 0 && i % 499 === 0) expect(kernel.pair(pair).value).toBe(text);
          expect(numbers.get(text) ?? pair).toBe(pair);
          numbers.set(text, pair);
        }
        expect(new Set([...names, ...jobs])).toEqual(new Set([numbers.get("up"), 0]));
      }
    }
    expect(new Set(numbers.values()).size).toBe(20_001);
  });

  it("are left to whoever can say what is wrong with them", () => {
    const kernel = make();
    const name = label("__name__", "up");
    const others = [
      [label("b", "1"), label("a", "1")],
      [label("a", "1"), label("a", "2")],
      [label("ab", "1"), label("a", "1")],
      [label("a", "")],
      [label("", "a")],
      [label("a", "\u00e9")],
      [label("a", "x".repeat(125))],
      [bytesField(1, bytesField(2, Buffer.from("value")), bytesField(1, Buffer.from("name")))],
      [bytesField(1, bytesField(1, Buffer.from("name")))],
      [bytesField(1)],
    ];
    for (const labels of others) expect(pairsOf(kernel, [name, ...labels])).toBeUndefined();
    expect(pairsOf(kernel, [label("name", "up")])).toBeUndefined();
    const many = Array.from({ length: 64 }, (_, i) => label(`l${String(i).padStart(2, "0")}`, "x"));
    expect(pairsOf(kernel, [name, ...many.slice(0, 63)])).toHaveLength(64);
    expect(pairsOf(kernel, [name, ...many])).toBeUndefined();
  });

  it("make series that are remembered by the numbers that they were given", () => {
    const kernel = make();
    const seriesOf = (value: string) => [label("__name__", "up"), label("a", value)];
    const body = [seriesOf("1"), seriesOf("2"), seriesOf("1"), [label("a", "x")], seriesOf("3")];
    decode(kernel, body);
    const { length, positions, numbers } = kernel.split(1000, 1000);
    expect([length, [...positions], kernel.entryCount]).toEqual([4, [0, 1, 2, 4], 5]);
    numbers.set([10, 11, 12]);
    expect(kernel.rememberSplit(1)).toEqual([12]);
    expect([...kernel.columns().seriesIndexes]).toEqual([10, 11, 10, 0xffffffff, 0xffffffff]);
    expect([kernel.entryCount, kernel.find(0, 1), kernel.find(1, 1)]).toEqual([2, undefined, undefined]);
    decode(kernel, body);
    expect([...kernel.columns().seriesIndexes]).toEqual([10, 11, 10, 0xffffffff, 0xffffffff]);
    expect([...kernel.split(1000, 1000).positions]).toEqual([1]);
  });
});
