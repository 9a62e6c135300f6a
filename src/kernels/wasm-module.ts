/**
 * Loads a kernel: base64 text to a WebAssembly instance, synchronously, on first use.
 *
 * The types are the few parts of the WebAssembly API that are used: neither Node's types nor ES2023 have them.
 */

interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule) => { readonly exports: object };
}

/** A compiled kernel. */
export type WasmModule = { readonly wasm: unique symbol };

/** What every kernel exports. */
export interface WasmExports {
  readonly memory: WasmMemory;
  /** The first byte of memory that is free. */
  base(): number;
}

/** Growing gives it another `buffer` and detaches views of the one before. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** A variable that a kernel exports. */
export interface WasmGlobal {
  readonly value: number;
}

const pageSizeBytes = 65_536;

/** A function that compiles on its first call; undefined where WebAssembly, or a feature in use, is missing. */
export function compileOnce(base64: string): () => WasmModule | undefined {
  let compiled: { readonly module: WasmModule | undefined } | undefined;
  return () => {
    compiled ??= { module: compile(base64) };
    return compiled.module;
  };
}

/** A fresh instance with a memory of its own. `Exports` is what the assembly source declares. */
export function instantiate<Exports extends WasmExports>(module: WasmModule): Exports {
  return new (webAssembly()!.Instance)(module).exports as Exports;
}

/** A function that makes the one instance on its first call, and has `prepare` make it ready. */
export function instantiateOnce<Exports extends WasmExports>(
  base64: string,
  prepare: (exports: Exports) => void = () => {},
): () => Exports | undefined {
  const compileModule = compileOnce(base64);
  let exports: Exports | undefined;
  return () => {
    if (exports !== undefined) return exports;
    const module = compileModule();
    if (module === undefined) return undefined;
    exports = instantiate<Exports>(module);
    prepare(exports);
    return exports;
  };
}

/** Grows `memory` to hold `sizeBytes`. Views of it must be made anew afterwards. */
export function reserveMemory(memory: WasmMemory, sizeBytes: number): void {
  const missing = sizeBytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / pageSizeBytes));
}

function compile(base64: string): WasmModule | undefined {
  const api = webAssembly();
  if (api === undefined) return undefined;
  try {
    return new api.Module(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  } catch {
    // An engine without SIMD, or a policy that forbids compiling: the TypeScript twin does the work.
    return undefined;
  }
}

function webAssembly(): WebAssemblyApi | undefined {
  return (globalThis as { WebAssembly?: WebAssemblyApi }).WebAssembly;
}
