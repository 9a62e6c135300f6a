/**
 * The kernels against a real Prometheus: its chunks are read and written again byte for byte, and its answers
 * to range functions are ours to the last bit.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type ColumnKernel,
  columnKernel,
  type RollupFunction,
  type RollupOptions,
} from "../../src/kernels/column-kernel.js";
import { crc32c } from "../../src/kernels/crc32c.js";
import { ReferenceColumnKernel } from "../../src/kernels/reference-column-kernel.js";
import { decodeXor, encodeXor } from "../../src/kernels/xor.js";
import type { SampleColumns } from "../../src/model/sample.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { type RunningServer, startPrometheus } from "../support/processes.js";
import { bitsOf, columnsOf } from "./arbitraries.js";

const start = 1_700_006_400_000;
const isMissing = isPeerMissing("prometheus") || isPeerMissing("promtool");

/** Series whose windows hold what the functions are particular about. */
const series: Readonly<Record<string, SampleColumns>> = {
  counter: seriesOf(400, (i) => (i * 7.3) % 900, regular),
  counter_late: seriesOf(
    400,
    (i) => 5 + Math.floor(i / 3) * 0.1,
    (i) => 1_000_000 + regular(i) + (i % 7),
  ),
  gauge: seriesOf(
    400,
    (i) => Math.round(Math.sin(i / 9) * 5000) / 100,
    (i) => i * 15_000 + ((i * 7919) % 4000),
  ),
  gaps: seriesOf(
    300,
    (i) => i % 17,
    (i) => i * 15_000 + Math.floor(i / 20) * 200_000,
  ),
  constant: seriesOf(300, () => 0.1, regular),
  negative: seriesOf(300, (i) => -1000 + i * 11.7, regular),
  sums: seriesOf(300, (i) => [1e100, 1, -1e100, 0.1, 1e-9][i % 5]!, regular),
  huge: seriesOf(300, (i) => (i % 3 === 0 ? 1.7e308 : 1.2e308), regular),
  huge_signs: seriesOf(300, (i) => (i % 9 < 5 ? 1.7e308 : -1.7e308), regular),
  specials: seriesOf(
    400,
    (i) => [1, Number.NaN, 2, Infinity, -0, 0, Number.NaN, Number.NaN, -Infinity, 3][i % 10]!,
    regular,
  ),
  sparse_specials: seriesOf(
    400,
    (i) => (i % 41 === 0 ? Infinity : i % 53 === 0 ? Number.NaN : i / 7),
    regular,
  ),
  nothing: seriesOf(200, () => Number.NaN, regular),
};

function regular(index: number): number {
  return index * 15_000;
}

function seriesOf(
  length: number,
  value: (i: number) => number,
  offsetMs: (i: number) => number,
): SampleColumns {
  const indexes = Array.from({ length }, (_, i) => i);
  return columnsOf(
    indexes.map((i) => start + offsetMs(i)),
    indexes.map(value),
  );
}

function openMetrics(): string {
  const lines = Object.entries(series).flatMap(([name, { times, values }]) => [
    `# TYPE ${name} unknown`,
    ...[...times].map((time, i) => `${name} ${goFloat(values[i]!)} ${(time / 1000).toFixed(3)}`),
  ]);
  return [...lines, "# EOF", ""].join("\n");
}

function goFloat(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? "-0" : `${value}`;
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

/** The XOR chunks of a segment file: an 8-byte header, then length uvarint, encoding u8, body, crc u32. */
function chunksOf(segment: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 8; at < segment.length; ) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = segment[at++]!;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    const checksum = new DataView(segment.buffer, segment.byteOffset).getUint32(at + 1 + length);
    expect(segment[at]).toBe(1);
    expect(crc32c(segment.subarray(at, at + 1 + length))).toBe(checksum);
    chunks.push(segment.subarray(at + 1, at + 1 + length));
    at += 1 + length + 4;
  }
  return chunks;
}

describe.skipIf(isMissing)("a real Prometheus", () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-kernels-"));
  const blocks = join(directory, "blocks");
  let prometheus: RunningServer;

  beforeAll(async () => {
    const text = join(directory, "samples.om");
    const configFile = join(directory, "prometheus.yml");
    mkdirSync(blocks);
    writeFileSync(text, openMetrics());
    writeFileSync(configFile, "global: {}\n");
    execFileSync(findPeer("promtool")!, ["tsdb", "create-blocks-from", "openmetrics", text, blocks]);
    const flags = ["--enable-feature=promql-experimental-functions"];
    prometheus = await startPrometheus(findPeer("prometheus")!, { directory: blocks, configFile, flags });
  });

  afterAll(async () => {
    await prometheus?.stop("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  });

  it("has written the chunks that we write", () => {
    const files = readdirSync(blocks, { recursive: true, encoding: "utf8" })
      .filter((file) => /chunks.\d{6}$/.test(file))
      .map((file) => new Uint8Array(readFileSync(join(blocks, file))));
    const chunks = files.flatMap(chunksOf);
    expect(chunks.length).toBeGreaterThan(20);
    let samples = 0;
    for (const bytes of chunks) {
      const count = (bytes[0]! << 8) | bytes[1]!;
      const columns = { times: new Float64Array(count), values: new Float64Array(count), length: count };
      decodeXor(bytes, count, columns);
      expect(encodeXor(columns)).toEqual(bytes);
      samples += count;
    }
    expect(samples).toBe(Object.values(series).reduce((sum, { length }) => sum + length, 0));
  });

  const questions: readonly [RollupFunction, string, number, RollupOptions?][] = [
    ["rate", "rate(X)", 0],
    ["increase", "increase(X)", 0],
    ["delta", "delta(X)", 0],
    ["irate", "irate(X)", 0],
    ["idelta", "idelta(X)", 0],
    ["sum_over_time", "sum_over_time(X)", 0],
    ["avg_over_time", "avg_over_time(X)", 0],
    ["min_over_time", "min_over_time(X)", 0],
    ["max_over_time", "max_over_time(X)", 0],
    ["count_over_time", "count_over_time(X)", 0],
    ["last_over_time", "last_over_time(X)", 0],
    ["present_over_time", "present_over_time(X)", 0],
    ["stddev_over_time", "stddev_over_time(X)", 0],
    ["stdvar_over_time", "stdvar_over_time(X)", 0],
    ["changes", "changes(X)", 0],
    ["resets", "resets(X)", 0],
    ["quantile_over_time", "quantile_over_time(0.93, X)", 0.93],
    ["quantile_over_time", "quantile_over_time(0, X)", 0],
    ["quantile_over_time", "quantile_over_time(-1, X)", -1],
    ["quantile_over_time", "quantile_over_time(1.5, X)", 1.5],
    ["mad_over_time", "mad_over_time(X)", 0],
    ["deriv", "deriv(X)", 0],
    ["predict_linear", "predict_linear(X, 3600.5)", 3600.5],
    [
      "double_exponential_smoothing",
      "double_exponential_smoothing(X, 0.3, 0.6)",
      0.3,
      { secondParameter: 0.6 },
    ],
    ["ts_of_last_over_time", "ts_of_last_over_time(X)", 0],
    ["ts_of_min_over_time", "ts_of_min_over_time(X)", 0],
    ["ts_of_max_over_time", "ts_of_max_over_time(X)", 0],
  ];

  it.each(questions)("answers %s (%s) as both kernels do", async (name, text, parameter, options) => {
    let answered = 0;
    for (const [rangeMs, stepMs] of [
      [300_000, 60_000],
      [61_100, 17_000],
      [1_800_000, 300_000],
    ] as const) {
      const grid = { start: start - 60_000, stepMs, count: Math.floor(8_000_000 / stepMs) };
      for (const [seriesName, columns] of Object.entries(series)) {
        // The median of a window with a NaN has become NaN since Prometheus 3.5.
        if (name === "mad_over_time" && columns.values.some(Number.isNaN)) continue;
        const expression = text.replace("X", `${seriesName}[${rangeMs}ms]`);
        const theirs = await answer(expression, grid);
        answered += theirs.filter((value) => value !== undefined).length;
        for (const kernel of [columnKernel(), new ReferenceColumnKernel()]) {
          const ours = rollUp(
            kernel,
            columns,
            (values, present) => kernel.rollup(name, grid, rangeMs, parameter, values, present, options),
            grid.count,
          );
          expect({ expression, steps: ours }).toEqual({ expression, steps: theirs });
        }
      }
    }
    expect(answered).toBeGreaterThan(3000);
  });

  it("answers predict_linear behind an offset from the evaluation time", async () => {
    const evaluationGrid = { start: start + 600_000, stepMs: 60_000, count: 30 };
    const grid = { ...evaluationGrid, start: start + 300_000 };
    const theirs = await answer("predict_linear(gauge[5m] offset 5m, 60)", evaluationGrid);
    const kernel = columnKernel();
    const ours = rollUp(
      kernel,
      series.gauge!,
      (values, present) =>
        kernel.rollup("predict_linear", grid, 300_000, 60, values, present, { evaluationGrid }),
      grid.count,
    );
    expect(ours).toEqual(theirs);
  });

  it("selects the last sample as both kernels do", async () => {
    for (const [seriesName, columns] of Object.entries(series)) {
      const grid = { start: start - 60_000, stepMs: 23_000, count: 400 };
      const theirs = await answer(seriesName, grid);
      for (const kernel of [columnKernel(), new ReferenceColumnKernel()]) {
        const ours = rollUp(
          kernel,
          columns,
          (values, present) => kernel.lastBefore(grid, 300_000, values, present),
          grid.count,
        );
        expect({ seriesName, steps: ours }).toEqual({ seriesName, steps: theirs });
      }
    }
  });

  /** What Prometheus says at each step: undefined where it says nothing. */
  async function answer(
    expression: string,
    grid: { start: number; stepMs: number; count: number },
  ): Promise<(number | undefined)[]> {
    const time = (ms: number) => (ms / 1000).toFixed(3);
    const end = grid.start + (grid.count - 1) * grid.stepMs;
    const parameters = {
      query: expression,
      start: time(grid.start),
      end: time(end),
      step: time(grid.stepMs),
    };
    const reply = await fetch(`${prometheus.url}/api/v1/query_range?${new URLSearchParams(parameters)}`);
    const body = (await reply.json()) as {
      error?: string;
      data?: { result: { values: [number, string][] }[] };
    };
    if (body.data === undefined) throw new TypeError(`${expression}: ${body.error}`);
    const steps = new Array<number | undefined>(grid.count).fill(undefined);
    for (const [seconds, value] of body.data.result[0]?.values ?? []) {
      steps[Math.round((seconds * 1000 - grid.start) / grid.stepMs)] = fromGo(value);
    }
    return steps;
  }
});

function fromGo(text: string): number {
  return text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text);
}

function rollUp(
  kernel: ColumnKernel,
  columns: SampleColumns,
  call: (values: Float64Array, present: Uint8Array) => number,
  count: number,
): (number | undefined)[] {
  const values = new Float64Array(count);
  const present = new Uint8Array(count);
  kernel.append(columns);
  call(values, present);
  expect(bitsOf(kernel.values())).toEqual(bitsOf(columns.values));
  return [...values].map((value, i) => (present[i] === 1 ? value : undefined));
}
