import { execFile } from "node:child_process";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { MemoryPressure, type MemoryUse, readProcessMemory } from "../../src/scrape/memory-pressure.js";
import { FakeClock } from "../support/fake-clock.js";
import { builtCli } from "../support/processes.js";

const mebibyte = 2 ** 20;

function watch() {
  const clock = new FakeClock();
  const used = { heap: 0, process: 0 };
  const use = (name: string, part: number, fullAt: number): MemoryUse => ({
    ...{ name, fullAt, usedBytes: part * 100 * mebibyte, limitBytes: 100 * mebibyte },
  });
  const read = () => [use("the heap", used.heap, 0.9), use("the process", used.process, 0.95)];
  const changes: (string | undefined)[] = [];
  const pressure = new MemoryPressure({ clock, read, onChange: () => changes.push(pressure.reason) });
  pressure.start();
  return {
    clock,
    pressure,
    changes,
    become(heap: number, process: number, seconds = 1) {
      Object.assign(used, { heap, process });
      clock.advance(seconds * 1000);
    },
  };
}

describe("MemoryPressure", () => {
  it("begins when something is full, and says what", () => {
    const { become, changes } = watch();
    become(0.89, 0.94);
    expect(changes).toEqual([]);
    become(0.9, 0.94);
    expect(changes).toEqual(["skipped: memory is short: the heap has 90 of 100 MiB"]);
    become(0.1, 0.95);
    expect(changes).toHaveLength(1);
  });

  it("ends at once when enough is free, not when a little is", () => {
    const { become, changes } = watch();
    become(0, 0.99);
    expect(changes).toEqual(["skipped: memory is short: the process has 99 of 100 MiB"]);
    become(0.79, 0.86, 30);
    expect(changes).toHaveLength(1);
    become(0.79, 0.84);
    expect(changes).toEqual([expect.any(String), undefined]);
  });

  it("ends after a minute without anything full", () => {
    const { become, changes } = watch();
    become(0, 0.96);
    become(0, 0.94, 50);
    become(0, 0.96);
    become(0, 0.94, 59);
    expect(changes).toHaveLength(1);
    become(0, 0.94);
    expect(changes).toEqual([expect.any(String), undefined]);
  });

  it("looks no more once it is stopped", () => {
    const { clock, pressure } = watch();
    pressure.stop();
    expect(clock.nextDue).toBeUndefined();
  });

  it("reads what this process has, which is below its limits", () => {
    const uses = readProcessMemory();
    expect(uses.map(({ name }) => name)).toEqual(["the heap", "the process"]);
    for (const { usedBytes, limitBytes } of uses) {
      expect(usedBytes).toBeGreaterThan(mebibyte);
      expect(usedBytes).toBeLessThan(limitBytes);
    }
    expect(uses[1]!.limitBytes).toBeLessThanOrEqual(totalmem());
  });

  it("knows at how much V8 ends the process", async () => {
    const built = pathToFileURL(join(dirname(builtCli), "../scrape/memory-pressure.js")).href;
    const program = `import { readProcessMemory } from ${JSON.stringify(built)};
      console.log(readProcessMemory()[0].limitBytes / 2 ** 20);`;
    const flags = ["--max-old-space-size=200", "--input-type=module"];
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, "--eval", program]);
    expect(Number(stdout)).toBeGreaterThan(140);
    expect(Number(stdout)).toBeLessThanOrEqual(200);
  });
});
