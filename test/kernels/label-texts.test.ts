import { describe, expect, it } from "vitest";
import { ReferenceRemoteWriteKernel } from "../../src/kernels/reference-remote-write-kernel.js";
import type { RemoteWriteKernel } from "../../src/kernels/remote-write-kernel.js";
import { encodeSnappy } from "../../src/kernels/snappy.js";
import { remoteWriteModule, WasmRemoteWriteKernel } from "../../src/kernels/wasm-remote-write-kernel.js";
import { bytesField, label, sample } from "../support/remote-write-bodies.js";

const one = sample({ time: 1, value: 1 });

/** Texts of the only series of a body. */
function textsOf(kernel: RemoteWriteKernel, labels: readonly Uint8Array[], textSizeMax = 1000) {
  const body = encodeSnappy(bytesField(1, ...labels, one));
  kernel.input(body.length).set(body);
  kernel.decode(body.length, {
    version: 1,
    owner: 1,
    decodedSizeMax: 2 ** 20,
    labelBytesMax: 2 ** 20,
  });
  return kernel.labelTexts(0, textSizeMax)?.slice();
}

describe.each<[name: string, make: () => RemoteWriteKernel]>([
  ["TypeScript", () => new ReferenceRemoteWriteKernel()],
  ["WebAssembly", () => new WasmRemoteWriteKernel(remoteWriteModule()!, 2 ** 26)],
])("label texts in %s", (_, make) => {
  it("are names and values in turn", () => {
    const kernel = make();
    const labels = [label("__name__", "up"), label("instance", "i".repeat(124)), label("job", "x")];
    const texts = ["__name__", "up", "instance", "i".repeat(124), "job", "x"];
    expect(textsOf(kernel, labels)).toEqual(texts);
    expect(textsOf(kernel, labels)).toEqual(texts);
    expect(textsOf(kernel, labels, 100)).toBeUndefined();
  });

  it("are their own characters where many share the places of few", () => {
    const kernel = make();
    for (let i = 0; i < 10_000; i++)
      expect(textsOf(kernel, [label("__name__", "up"), label("pod", `pod-${i}`)])).toEqual([
        "__name__",
        "up",
        "pod",
        `pod-${i}`,
      ]);
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
    for (const labels of others) expect(textsOf(kernel, [name, ...labels])).toBeUndefined();
    const many = Array.from({ length: 65 }, (_, i) => label(`l${String(i).padStart(2, "0")}`, "x"));
    expect(textsOf(kernel, many.slice(0, 64))).toHaveLength(128);
    expect(textsOf(kernel, many)).toBeUndefined();
  });

  it("that were met beside labels of another form are told afterwards", () => {
    const kernel = make();
    expect(textsOf(kernel, [label("__name__", "new"), label("a", "")])).toBeUndefined();
    expect(textsOf(kernel, [label("__name__", "new")])).toEqual(["__name__", "new"]);
  });
});
