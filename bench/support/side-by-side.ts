/**
 * Runs two or more forms of the same work and prints what each costs per unit, side by side.
 */

import { Bench } from "tinybench";

export interface Comparison {
  /** What is measured, for the table's first column. */
  readonly name: string;
  /** How many units (samples, bytes) one call works through. */
  readonly units: number;
  readonly forms: Readonly<Record<string, () => unknown>>;
}

/** The median of many calls of each form, in nanoseconds per unit. The forms take turns, `rounds` times. */
export async function printSideBySide(
  title: string,
  unit: string,
  comparisons: readonly Comparison[],
): Promise<void> {
  const columns = Object.keys(comparisons[0]!.forms);
  console.log(`\n${title}, ns per ${unit}\n`);
  console.log(`| | ${columns.join(" | ")} |\n|---|${"---:|".repeat(columns.length)}`);
  for (const { name, units, forms } of comparisons) {
    const bench = new Bench({ time: 400, warmupTime: 200 });
    for (const [form, run] of Object.entries(forms)) bench.add(form, () => void run());
    await bench.run();
    const cells = bench.tasks.map(({ name: form, result }) => {
      if (result.state !== "completed") throw new TypeError(`${form} of ${name} did not complete`);
      return ((result.latency.p50 * 1e6) / units).toFixed(2);
    });
    console.log(`| ${name} | ${cells.join(" | ")} |`);
  }
}
