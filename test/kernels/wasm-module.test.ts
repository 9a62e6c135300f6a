import { afterEach, describe, expect, it, vi } from "vitest";
import { compileOnce, instantiateOnce } from "../../src/kernels/wasm-module.js";

/** The smallest module: magic number and version, nothing else. */
const emptyModule = btoa("\0asm\x01\0\0\0");

interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => object;
}

const { WebAssembly: original } = globalThis as unknown as { WebAssembly: WebAssemblyApi };

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

describe("compileOnce and instantiateOnce", () => {
  it("do nothing before the first call, and their work once", () => {
    let compiled = 0;
    class CountedModule extends original.Module {
      constructor(bytes: Uint8Array) {
        super(bytes);
        compiled++;
      }
    }
    vi.stubGlobal("WebAssembly", { Module: CountedModule, Instance: original.Instance });
    let prepared = 0;
    const instance = instantiateOnce(emptyModule, () => prepared++);
    expect([compiled, prepared]).toEqual([0, 0]);
    expect(instance()).toBe(instance());
    expect([compiled, prepared]).toEqual([1, 1]);
  });

  it("give nothing where WebAssembly is missing or refuses the module", () => {
    expect(compileOnce(btoa("no module"))()).toBeUndefined();
    vi.stubGlobal("WebAssembly", undefined);
    expect(compileOnce(emptyModule)()).toBeUndefined();
    expect(instantiateOnce(emptyModule)()).toBeUndefined();
  });
});

describe("without WebAssembly", () => {
  it("the TypeScript twins do the work", async () => {
    vi.stubGlobal("WebAssembly", undefined);
    vi.resetModules();
    const { columnKernel } = await import("../../src/kernels/column-kernel.js");
    const { ReferenceColumnKernel } = await import("../../src/kernels/reference-column-kernel.js");
    const { decodeXor, encodeXor } = await import("../../src/kernels/xor.js");
    const { crc32c } = await import("../../src/kernels/crc32c.js");
    expect(columnKernel()).toBeInstanceOf(ReferenceColumnKernel);
    const columns = { times: Float64Array.of(1, 2), values: Float64Array.of(3, 4), length: 2 };
    const into = { times: new Float64Array(2), values: new Float64Array(2) };
    expect(decodeXor(encodeXor(columns), 2, into)).toBe(2);
    expect(into).toEqual({ times: columns.times, values: columns.values });
    expect(crc32c(new Uint8Array(4096))).toBe(0x98f94189);
  });
});
