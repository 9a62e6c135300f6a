/**
 * Reading pages of a thousand series as node_exporter serves them: by the parser alone, which says nothing yet about whose
 * series they are, and with the kernel that knows their lines. Twenty targets take turns, as they do for a server.
 */

import { readPage } from "../../src/ingest/exposition/page-reader.js";
import { parseExposition } from "../../src/ingest/exposition/parse-exposition.js";
import type { ExpositionKernel } from "../../src/kernels/exposition-kernel.js";
import { ReferenceExpositionKernel } from "../../src/kernels/reference-exposition-kernel.js";
import { expositionModule, WasmExpositionKernel } from "../../src/kernels/wasm-exposition-kernel.js";
import { printSideBySide } from "../support/side-by-side.js";
import { type PageForm, TargetPage } from "../support/target-page.js";

const targets = 20;
const seriesCount = 1000;

function pagesOf(
  form: PageForm,
  step: number,
  change: (lines: string[]) => string[] = (lines) => lines,
): Buffer[] {
  return Array.from({ length: targets }, (_, target) => {
    const lines = new TargetPage(seriesCount, form, target).render(target, step).split("\n");
    return Buffer.from(change(lines).join("\n"));
  });
}

/** Lines of series change places, as those of maps that are walked in random order. */
function shuffled(lines: string[]): string[] {
  return lines.toSorted((a, b) => (a.startsWith("#") || b.startsWith("#") ? 0 : a.length - b.length));
}

function parse(pages: readonly Buffer[], form: PageForm): () => number {
  let samples = 0;
  return () => {
    for (const page of pages)
      parseExposition(
        page,
        { format: formatOf(form) },
        {
          sample: (series) => {
            samples += series.key().length;
          },
        },
      );
    return samples;
  };
}

function read(kernel: ExpositionKernel, pages: readonly Buffer[], form: PageForm): () => void {
  const tables = pages.map(() => kernel.createTable());
  const visitor = { storedAs: () => undefined, newSeries: () => {} };
  let page = 0;
  return () => {
    page++;
    for (const [i, bytes] of pages.entries()) {
      kernel.enter(tables[i]!, page);
      readPage(bytes, { kernel, format: formatOf(form), tellMetadata: false, visitor });
      kernel.forgetVanished();
    }
  };
}

/** Now the ones, now the others: their lines are the same, in another order. */
function alternate(kernel: ExpositionKernel, some: readonly Buffer[], others: readonly Buffer[]): () => void {
  const current = [...some];
  const readCurrent = read(kernel, current, "text");
  let isFirst = false;
  return () => {
    isFirst = !isFirst;
    for (const [i, page] of (isFirst ? some : others).entries()) current[i] = page;
    readCurrent();
  };
}

function formatOf(form: PageForm): "openmetrics" | "prometheus" {
  return form === "openmetrics" ? "openmetrics" : "prometheus";
}

function wasmKernel(): ExpositionKernel {
  return new WasmExpositionKernel(expositionModule()!, {
    sizeBytesMax: 2 ** 30,
    hashKey: new Uint8Array(16),
  });
}

const units = targets * seriesCount;
const text = pagesOf("text", 5);
const openMetrics = pagesOf("openmetrics", 5);
const moved = pagesOf("text", 5, shuffled);
await printSideBySide("A page", "sample", [
  {
    name: "text",
    units,
    forms: {
      parser: parse(text, "text"),
      TypeScript: read(new ReferenceExpositionKernel(), text, "text"),
      WebAssembly: read(wasmKernel(), text, "text"),
    },
  },
  {
    name: "OpenMetrics",
    units,
    forms: {
      parser: parse(openMetrics, "openmetrics"),
      TypeScript: read(new ReferenceExpositionKernel(), openMetrics, "openmetrics"),
      WebAssembly: read(wasmKernel(), openMetrics, "openmetrics"),
    },
  },
  {
    name: "text, each time in another order",
    units,
    forms: {
      parser: parse(moved, "text"),
      TypeScript: alternate(new ReferenceExpositionKernel(), text, moved),
      WebAssembly: alternate(wasmKernel(), text, moved),
    },
  },
]);
