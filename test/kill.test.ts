/**
 * scripts/kill-test.mjs, a few rounds of it, so that it is known to work; many rounds are for a person to run.
 */

import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const script = join(dirname(fileURLToPath(import.meta.url)), "../scripts/kill-test.mjs");

it("keeps every acknowledged push and deletion when the server is killed in the middle of its work", async () => {
  const { code, output } = await run(["--rounds", "4", "--seed", "7"]);
  expect(output).toContain("nothing lost after 4 kills");
  expect(output).toMatch(/round 4: [1-9]/);
  expect(code).toBe(0);
});

async function run(flags: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [script, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += String(text)));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, output };
}
