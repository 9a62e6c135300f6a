/**
 * `narthex import DIR`: a snapshot, another data directory, or the data folder of a Prometheus.
 */

import { openDirectory } from "./connection.js";
import { CommandError } from "./failure.js";
import { formatCount } from "./import-progress.js";
import type { Terminal } from "./terminal.js";

/** `data` is the directory to import into; a server cannot see the caller's directories. */
export async function importDirectory(
  source: string,
  data: string | undefined,
  terminal: Terminal,
): Promise<void> {
  if (data === undefined)
    throw new CommandError(`${source} is a directory, which only goes into a data directory`, {
      hint: "add --data DIR, while no server has that directory open",
      exitCode: 2,
    });
  const database = await openDirectory(data, { create: true, terminal });
  try {
    const { blocks, blockSamples, headSamples, losses } = await database.importDirectory(source);
    for (const loss of losses) terminal.say(`warning: ${loss}`);
    if (blockSamples + headSamples === 0) throw new CommandError(`nothing of ${source} was imported`);
    terminal.write(
      `${source}: ${formatCount(blockSamples, "sample")} in ${formatCount(blocks, "block")}, ` +
        `${formatCount(headSamples, "sample")} that were not in blocks yet`,
    );
  } finally {
    await database.close();
  }
}
