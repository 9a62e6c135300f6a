import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  KIND_KEPT,
  KIND_LE,
  KIND_PLAIN,
  NONE,
  STOP_END,
  STOP_LINE,
  STOP_VALUE,
} from "../../src/kernels/exposition-format.js";
import type { ExpositionKernel } from "../../src/kernels/exposition-kernel.js";
import { ReferenceExpositionKernel } from "../../src/kernels/reference-exposition-kernel.js";
import { expositionModule, WasmExpositionKernel } from "../../src/kernels/wasm-exposition-kernel.js";
import { pages } from "../support/exposition-pages.js";

const runs = Number(process.env.FUZZ_RUNS ?? 100);
const hashKey = Uint8Array.from({ length: 16 }, (_, i) => i * 17);
const sizeBytesMax = 64 * 1024 * 1024;

function wasmKernel(): ExpositionKernel {
  return new WasmExpositionKernel(expositionModule()!, { sizeBytesMax, hashKey });
}

const kernels: readonly (readonly [name: string, make: () => ExpositionKernel])[] = [
  ["TypeScript", () => new ReferenceExpositionKernel()],
  ["WebAssembly", wasmKernel],
];

interface PageOf {
  readonly table: number;
  readonly page: number;
  readonly text: string;
  readonly isOpenMetrics?: boolean;
  readonly readComments?: boolean;
  readonly lineSizeMax?: number;
}

/** Reads a page, making every line known that is not, and tells all stops and rows. */
function readPage(kernel: ExpositionKernel, page: PageOf): string[] {
  const bytes = Buffer.from(page.text);
  const { isOpenMetrics = false, readComments = false, lineSizeMax = 1000 } = page;
  const told: string[] = [];
  kernel.enter(page.table, page.page);
  kernel.input(bytes.length).set(bytes);
  kernel.begin(bytes.length, { isOpenMetrics, readComments, lineSizeMax });
  for (let stop = kernel.read(); stop !== STOP_END; stop = kernel.read()) {
    const { line, lineStart, lineEnd, kind } = kernel;
    told.push(`${stop} line ${line} ${lineStart}-${lineEnd} kind ${kind}`);
    if (stop === STOP_VALUE) {
      told.push(`value ${kernel.valueStart}-${kernel.valueEnd}`);
      if (lineEnd % 3 > 0) kernel.takeValue(lineEnd);
    } else learn(kernel, bytes.toString("latin1", lineStart, lineEnd), lineStart);
  }
  const { entries, values, times, length } = kernel.rows();
  const bits = new BigUint64Array(values.slice().buffer);
  const rows = Array.from({ length }, (_, i) => `${entries[i]} ${bits[i]!.toString(16)} ${times[i]}`);
  return [...told, ...rows, `behind line ${kernel.line}`];
}

/** As somebody might who reads lines by other rules: kernels take what they are told. */
function learn(kernel: ExpositionKernel, line: string, lineStart: number): void {
  const blanks = /^[ \t]*/.exec(line)![0].length;
  const text = line.slice(blanks).replace(/\r$/, "");
  if (text.startsWith("#")) {
    const effect = /histogram/.test(text) ? KIND_LE : /gauge/.test(text) ? KIND_PLAIN : KIND_KEPT;
    kernel.addComment(lineStart + blanks, text.length, effect);
    return;
  }
  const series = /^[a-z_é]+\d*(?:[ \t]*\{.*\})?/.exec(text)?.[0];
  if (series === undefined) return;
  const found = kernel.find(lineStart + blanks, series.length);
  const entry = found === NONE ? kernel.add(lineStart + blanks, series.length) : found;
  kernel.addRow(entry, text.length, text.length % 2 === 0 ? Number.NaN : 5);
}

function knownTexts(kernel: ExpositionKernel): string[] {
  return kernel.entries().map((entry) => {
    const { bytes, kind } = kernel.textOf(entry);
    return `${entry} ${kind} ${Buffer.from(bytes).toString("latin1")}`;
  });
}

describe("both exposition kernels", () => {
  const step = fc.record({
    table: fc.nat(2),
    isOpenMetrics: fc.boolean(),
    readComments: fc.boolean(),
    lineSizeMax: fc.constantFrom(1000, 1000, 12),
    after: fc.constantFrom("forget", "forget", "nothing", "delete"),
  });

  it("give the same stops, rows and entries for the same pages", () => {
    fc.assert(
      fc.property(pages(), fc.array(step, { minLength: 6, maxLength: 6 }), (texts, steps) => {
        const all = kernels.map(([, make]) => {
          const kernel = make();
          const tables = [kernel.createTable(), kernel.createTable(), kernel.createTable()];
          return texts.map((text, i) => {
            const { after, table: chosen, ...options } = steps[i]!;
            const table = tables[chosen]!;
            const told = readPage(kernel, { ...options, table, page: i + 1, text });
            if (after === "forget") kernel.forgetVanished();
            const known = knownTexts(kernel);
            if (after === "delete") {
              kernel.deleteTable(table);
              tables[chosen] = kernel.createTable();
            }
            return { told, known };
          });
        });
        expect(all[1]).toEqual(all[0]);
      }),
      { numRuns: 4 * runs },
    );
  });
});

describe.each(kernels)("the exposition kernel in %s", (_, make) => {
  const lines = Array.from({ length: 50 }, (_, i) => `x_total{n="${i}"} ${i}\n`);

  it("stops at no line of a page that it has seen, in whatever order", () => {
    const kernel = make();
    const table = kernel.createTable();
    expect(readPage(kernel, { table, page: 1, text: lines.join("") })).toHaveLength(101);
    expect(readPage(kernel, { table, page: 2, text: lines.join("") })).toHaveLength(51);
    expect(readPage(kernel, { table, page: 3, text: lines.toReversed().join("") })).toHaveLength(51);
    expect(
      readPage(kernel, { table, page: 4, text: lines.filter((_, i) => i % 3 > 0).join("") }),
    ).toHaveLength(34);
    kernel.forgetVanished();
    expect(kernel.entries()).toHaveLength(33);
  });

  it("takes no line for another one that it begins with", () => {
    const kernel = make();
    const table = kernel.createTable();
    readPage(kernel, { table, page: 1, text: 'a 1\na{b="c"} 1\n' });
    const told = readPage(kernel, { table, page: 2, text: 'ab 1\na {b="c"} 1\na{b="c"}d 1\na{b="c"}1\n' });
    expect(told.filter((text) => text.startsWith(`${STOP_LINE} line`))).toHaveLength(4);
  });

  it("keeps series apart whose metrics are of different types", () => {
    const kernel = make();
    const table = kernel.createTable();
    readPage(kernel, { table, page: 1, text: 'a{le="1"} 1\n# TYPE a histogram\na{le="1"} 2\n' });
    expect(knownTexts(kernel)).toEqual(['0 0 a{le="1"}', '2 1 a{le="1"}']);
  });

  it("has no room for a text that is too long", () => {
    const kernel = make();
    kernel.enter(kernel.createTable(), 1);
    const text = Buffer.alloc(1024 * 1024 + 1, "a");
    kernel.input(text.length).set(text);
    kernel.begin(text.length, { isOpenMetrics: false, readComments: false, lineSizeMax: 2 ** 24 });
    expect(kernel.read()).toBe(STOP_LINE);
    expect(kernel.add(0, text.length)).toBe(NONE);
    expect(kernel.add(0, text.length - 1)).toBe(0);
  });
});

describe("the exposition kernel in WebAssembly", () => {
  it("keeps a text once for all tables, and uses memory again that was given back", () => {
    const kernel = wasmKernel();
    const series = (prefix: string) =>
      Array.from(
        { length: 1000 },
        (_, i) => `${prefix}{name="a label value of some length",n="${i}"} 1\n`,
      ).join("");
    const fill = (text: string) => {
      const table = kernel.createTable();
      readPage(kernel, { table, page: 1, text });
      return table;
    };
    const tables = Array.from({ length: 50 }, () => fill(series("shared")));
    const shared = kernel.sizeBytes;
    expect(shared).toBeLessThan(4 * 1024 * 1024);
    for (const table of tables) kernel.deleteTable(table);
    for (let round = 0; round < 50; round++) kernel.deleteTable(fill(series(`x${round}`)));
    expect(kernel.sizeBytes).toBeLessThan(shared + 1024 * 1024);
  });

  it("finds no room beyond its limit", () => {
    const kernel = new WasmExpositionKernel(expositionModule()!, { sizeBytesMax: 3 * 1024 * 1024, hashKey });
    kernel.enter(kernel.createTable(), 1);
    const entries = new Set<number>();
    for (let i = 0; i < 10_000 && !entries.has(NONE); i++) {
      const text = Buffer.from(`name_${i}`.padEnd(1000, "x"));
      kernel.input(text.length).set(text);
      kernel.begin(text.length, { isOpenMetrics: false, readComments: false, lineSizeMax: 2000 });
      entries.add(kernel.add(0, text.length));
    }
    expect(entries).toContain(NONE);
    expect(entries.size).toBeGreaterThan(1000);
  });
});
