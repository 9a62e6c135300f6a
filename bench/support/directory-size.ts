/**
 * Bytes of files: lengths, not the disk's blocks.
 */

import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Of all files below the paths, those that come and go meanwhile left out. */
export function sizeOf(...paths: readonly string[]): number {
  let sizeBytes = 0;
  for (const path of paths.filter(existsSync)) {
    for (const entry of readdirSync(path, { recursive: true, withFileTypes: true, encoding: "utf8" })) {
      if (!entry.isFile()) continue;
      const stat = statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false });
      sizeBytes += stat?.size ?? 0;
    }
  }
  return sizeBytes;
}
