/**
 * Contestants take turns at the same work, so that what else the machine does meets all of them alike.
 */

export interface Contestant {
  readonly name: string;
  readonly run: () => Promise<unknown>;
  /** CPU time that the contestant has used so far. */
  readonly cpuSeconds: () => number;
}

export interface Timing {
  readonly medianMs: number;
  readonly cpuSecondsPerRun: number;
}

/** Rounds until all together took `ms`, at least `rounds`, at most 200. */
export async function takeTurns(
  contestants: readonly Contestant[],
  least: { readonly ms: number; readonly rounds: number },
): Promise<ReadonlyMap<string, Timing>> {
  const times = contestants.map(() => [] as number[]);
  const cpuBefore = contestants.map(({ cpuSeconds }) => cpuSeconds());
  const began = performance.now();
  let round = 0;
  while (round < least.rounds || (round < 200 && performance.now() - began < least.ms)) {
    for (const [i, { run }] of contestants.entries()) {
      const start = performance.now();
      await run();
      times[i]!.push(performance.now() - start);
    }
    round++;
  }
  return new Map(
    contestants.map(({ name, cpuSeconds }, i) => {
      const cpuSecondsPerRun = (cpuSeconds() - cpuBefore[i]!) / round;
      return [name, { medianMs: median(times[i]!), cpuSecondsPerRun }];
    }),
  );
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
