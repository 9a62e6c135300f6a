/**
 * The peers' programs (prometheus, promtool ...), for tests that compare with them: looked for in the folder
 * named by PEERS_BIN, then in PATH.
 */

import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The path of a peer's program, undefined when it is not installed. */
export function findPeer(name: string): string | undefined {
  const folders = [process.env.PEERS_BIN ?? "", ...(process.env.PATH ?? "").split(delimiter)];
  return folders
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/** The first line of what `name --version` prints, undefined when it is not installed. */
export function peerVersion(name: string): string | undefined {
  const path = findPeer(name);
  if (path === undefined) return undefined;
  const { stdout, stderr } = spawnSync(path, ["--version"], { encoding: "utf8" });
  return `${stdout}${stderr}`.split("\n")[0];
}

/** Says loudly that tests are skipped for want of a peer; returns whether they are. */
export function isPeerMissing(name: string): boolean {
  const isMissing = findPeer(name) === undefined;
  if (isMissing)
    process.stderr.write(`\n!! ${name} is neither in PEERS_BIN nor in PATH: tests against it are SKIPPED\n`);
  return isMissing;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
