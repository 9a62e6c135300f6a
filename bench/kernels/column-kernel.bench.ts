/**
 * Decoding the chunks of one series and rolling them up, as a range query does: 12 h of samples, one every 15 s.
 */

import { type ColumnKernel, columnKernel, type RollupFunction } from "../../src/kernels/column-kernel.js";
import { ReferenceColumnKernel } from "../../src/kernels/reference-column-kernel.js";
import { encodeXor } from "../../src/kernels/xor.js";
import type { SampleColumns } from "../../src/model/sample.js";
import { counter, gauge } from "../support/sample-columns.js";
import { type Comparison, printSideBySide } from "../support/side-by-side.js";

const chunkLength = 120;
const length = 2880;
const five = 5 * 60_000;

function chunksOf(columns: SampleColumns): Uint8Array[] {
  return Array.from({ length: length / chunkLength }, (_, i) =>
    encodeXor({
      times: columns.times.subarray(i * chunkLength),
      values: columns.values.subarray(i * chunkLength),
      length: chunkLength,
    }),
  );
}

function compare(
  name: string,
  columns: SampleColumns,
  stepMs: number,
  query: (kernel: ColumnKernel, steps: ReturnType<typeof stepsOf>) => void,
): Comparison {
  const chunks = chunksOf(columns);
  const steps = stepsOf(columns, stepMs);
  const run = (kernel: ColumnKernel) => () => {
    kernel.clear();
    for (const bytes of chunks) kernel.decodeXor(bytes, chunkLength, -Infinity, Infinity, true);
    query(kernel, steps);
  };
  const forms = { TypeScript: run(new ReferenceColumnKernel()), WebAssembly: run(columnKernel()) };
  return { name, units: length, forms };
}

function stepsOf(columns: SampleColumns, stepMs: number) {
  const count = Math.floor((length * 15_000) / stepMs);
  return {
    grid: { start: columns.times[0]!, stepMs, count },
    values: new Float64Array(count),
    present: new Uint8Array(count),
  };
}

function rollUp(name: RollupFunction) {
  return (kernel: ColumnKernel, { grid, values, present }: ReturnType<typeof stepsOf>) => {
    kernel.rollup(name, grid, five, 0.9, values, present);
  };
}

const counters = counter(length);
const gauges = gauge(length);
await printSideBySide("Decoding and rolling up 12 h of one series", "sample decoded", [
  compare("decode alone, counter", counters, 60_000, () => {}),
  compare("decode alone, gauge", gauges, 60_000, () => {}),
  compare("rate[5m], step 60 s", counters, 60_000, rollUp("rate")),
  compare("rate[5m], step 15 s", counters, 15_000, rollUp("rate")),
  compare("avg_over_time[5m], step 15 s", gauges, 15_000, rollUp("avg_over_time")),
  compare("max_over_time[5m], step 15 s", gauges, 15_000, rollUp("max_over_time")),
  compare("stddev_over_time[5m], step 15 s", gauges, 15_000, rollUp("stddev_over_time")),
  compare("changes[5m], step 15 s", gauges, 15_000, rollUp("changes")),
  compare("instant selector, step 15 s", gauges, 15_000, (kernel, { grid, values, present }) => {
    kernel.lastBefore(grid, five, values, present);
  }),
]);
