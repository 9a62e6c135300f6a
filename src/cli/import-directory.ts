/**
 * `narthex import DIR`: a snapshot, another data directory, or the data folder of a Prometheus.
 *
 * Exit code 1 when something of it could not be read; what could is imported.
 */

import { type DirectoryAccess, openDirectory } from "./connection.js";
import { CommandError } from "./failure.js";
import { formatCount } from "./import-progress.js";

/** `data` is the directory to import into; a server cannot see the caller's directories. */
export async function importDirectory(
  source: string,
  data: string | undefined,
  access: DirectoryAccess,
): Promise<void> {
  const { terminal } = access;
  if (data === undefined)
    throw new CommandError(`${source} is a directory, which only goes into a data directory`, {
      hint: "add --data DIR, while no server has that directory open",
      exitCode: 2,
    });
  const database = await openDirectory(data, access);
  try {
    const result = await database.importDirectory(source);
    const { blocks, blockSamples, salvagedSamples, headSamples, losses } = result;
    for (const loss of losses) terminal.say(`warning: ${loss}`);
    if (losses.length > 0) process.exitCode = 1;
    if (blockSamples + salvagedSamples + headSamples === 0)
      throw new CommandError(`nothing of ${source} was imported`);
    const ofBroken =
      salvagedSamples === 0 ? "" : `${formatCount(salvagedSamples, "sample")} of broken blocks, `;
    terminal.write(
      `${source}: ${formatCount(blockSamples, "sample")} in ${formatCount(blocks, "block")}, ${ofBroken}` +
        `${formatCount(headSamples, "sample")} that were not in blocks yet`,
    );
  } finally {
    await database.close();
  }
}
