import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readPage, seriesOfText } from "../../../src/ingest/exposition/page-reader.js";
import { parseExposition } from "../../../src/ingest/exposition/parse-exposition.js";
import type { ExpositionKernel } from "../../../src/kernels/exposition-kernel.js";
import { ReferenceExpositionKernel } from "../../../src/kernels/reference-exposition-kernel.js";
import { expositionModule, WasmExpositionKernel } from "../../../src/kernels/wasm-exposition-kernel.js";
import { TsdbError } from "../../../src/model/errors.js";
import { pages } from "../../support/exposition-pages.js";

const runs = Number(process.env.FUZZ_RUNS ?? 100);
const hashKey = new Uint8Array(16);
const kernels: readonly (readonly [name: string, make: () => ExpositionKernel])[] = [
  ["TypeScript", () => new ReferenceExpositionKernel()],
  ["WebAssembly", () => new WasmExpositionKernel(expositionModule()!, { sizeBytesMax: 2 ** 26, hashKey })],
];
type Format = "prometheus" | "openmetrics";

interface Told {
  readonly samples: string[];
  readonly metadata: string[];
  readonly failure: string | undefined;
}

function failureOf(read: () => void): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof TsdbError) return error.message;
    throw error;
  }
}

const bitsOf = (value: number) => new BigUint64Array(Float64Array.of(value).buffer)[0]!.toString(16);

function parsed(text: string, format: Format): Told {
  const samples: string[] = [];
  const metadata: string[] = [];
  const failure = failureOf(() =>
    parseExposition(
      Buffer.from(text),
      { format },
      {
        sample: (series, value, time) => samples.push(`${series.labels()} ${bitsOf(value)} ${time}`),
        type: (name, type) => metadata.push(`TYPE ${name} ${type}`),
        help: (name, help) => metadata.push(`HELP ${name} ${help}`),
        unit: (name, unit) => metadata.push(`UNIT ${name} ${unit}`),
      },
    ),
  );
  return { samples, metadata, failure };
}

/** One target that is read again and again. */
class Target {
  readonly #kernel: ExpositionKernel;
  readonly #table: number;
  readonly #labels = new Map<number, string>();
  #page = 0;
  newSeries = 0;

  constructor(kernel: ExpositionKernel) {
    this.#kernel = kernel;
    this.#table = kernel.createTable();
  }

  read(text: string, format: Format, tellMetadata = true): Told {
    const kernel = this.#kernel;
    const metadata: string[] = [];
    kernel.enter(this.#table, ++this.#page);
    const failure = failureOf(() =>
      readPage(Buffer.from(text), {
        kernel,
        format,
        tellMetadata,
        visitor: {
          storedAs: (labels) => labels,
          newSeries: (entry, labels) => {
            this.newSeries++;
            this.#labels.set(entry, String(labels));
          },
          type: (name, type) => metadata.push(`TYPE ${name} ${type}`),
          help: (name, help) => metadata.push(`HELP ${name} ${help}`),
          unit: (name, unit) => metadata.push(`UNIT ${name} ${unit}`),
        },
      }),
    );
    const { entries, values, times, length } = kernel.rows();
    const samples = Array.from({ length }, (_, i) => {
      const time = Number.isNaN(times[i]) ? undefined : times[i];
      return `${this.#labels.get(entries[i]!)} ${bitsOf(values[i]!)} ${time}`;
    });
    for (const entry of kernel.entries()) {
      const { bytes, kind } = kernel.textOf(entry);
      expect(String(seriesOfText(bytes, kind).labels())).toBe(this.#labels.get(entry));
    }
    if (failure === undefined) kernel.forgetVanished();
    return { samples, metadata, failure };
  }
}

describe.each(kernels)("readPage, with the kernel in %s", (_, make) => {
  it.each(["prometheus", "openmetrics"] as const)("reads what the parser reads: %s", (format) => {
    const ending = format === "openmetrics" ? "# EOF\n" : "";
    fc.assert(
      fc.property(pages(ending), pages(ending), (texts, others) => {
        const kernel = make();
        const [target, other] = [new Target(kernel), new Target(kernel)];
        for (const [i, text] of texts.entries()) {
          expect(target.read(text, format)).toEqual(parsed(text, format));
          const another = others[i] ?? text;
          expect(other.read(another, format)).toEqual(parsed(another, format));
        }
      }),
      { numRuns: 2 * runs },
    );
  });

  const page = '# HELP a Help.\n# TYPE a summary\na{quantile="0.50"} 1.5\na_sum 0.1234567890123456789 5\r\n';

  it("tells metadata and series that are known no more, unless it is to", () => {
    const target = new Target(make());
    const all = parsed(page, "prometheus");
    expect(target.read(page, "prometheus", false)).toEqual(all);
    expect(target.newSeries).toBe(2);
    expect(target.read(page, "prometheus", false)).toEqual({ ...all, metadata: [] });
    expect(target.newSeries).toBe(2);
    expect(target.read(page, "prometheus")).toEqual(all);
  });

  it("takes the type of a metric from a line that is known", () => {
    const target = new Target(make());
    target.read(page, "prometheus", false);
    const more = `${page}a{quantile="0.90"} 2\n`;
    expect(target.read(more, "prometheus", false).samples).toEqual(parsed(more, "prometheus").samples);
  });

  it("tells the line that is malformed, wherever it is", () => {
    const target = new Target(make());
    const text = "\n\na 1\nb 1\n\nc 1\n";
    target.read(text, "prometheus");
    for (const wrong of [`${text}c x\n`, `${text}c 1 x\n`, "\na 1\n\nb 0x\n", "\n\n\n}"])
      expect(target.read(wrong, "prometheus")).toEqual(parsed(wrong, "prometheus"));
  });

  it.each(["a 1\n# EOF\na 2\n", "a 1\n", "a 1\n\n# EOF\n", "a 1\n a 2\n# EOF\n", "a 1\n# comment\n# EOF"])(
    "is strict about what OpenMetrics has not: %j",
    (text) => {
      const target = new Target(make());
      target.read("a 1\n# comment\n", "prometheus");
      expect(target.read(text, "openmetrics")).toEqual(parsed(text, "openmetrics"));
    },
  );
});
