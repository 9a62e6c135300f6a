/**
 * Loads the sample data sets into a database, by the same import that users have.
 */

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Database } from "../api.js";
import { readTextFile } from "../local-files.js";
import { UnavailableError } from "../model/errors.js";
import type { ImportOptions, ImportResult } from "../model/importing.js";
import { type SampleSet, sampleSets, type Unpivot } from "./sample-sets.js";

/** How one data set is imported: the database itself, or one that also shows progress. */
export type ImportSampleSet = (
  sampleSet: SampleSet,
  source: string | AsyncIterable<Uint8Array>,
  options: ImportOptions,
) => Promise<ImportResult>;

export function isEmptyDatabase(database: Database): boolean {
  const { headSeries, blocks } = database.describe();
  return headSeries === 0 && blocks.length === 0;
}

/** Imports all sets, in order. Rejects with UnavailableError when the package is not installed. */
export async function loadSamples(importSet: ImportSampleSet): Promise<void> {
  const directory = samplesDirectory();
  for (const sampleSet of sampleSets) {
    const { file, options } = sampleSet;
    const path = join(directory, file);
    const source =
      sampleSet.unpivot === undefined ? path : unpivot(await readTextFile(path), sampleSet.unpivot);
    await importSet(sampleSet, source, options);
  }
}

function samplesDirectory(): string {
  try {
    const entry = createRequire(import.meta.url).resolve("vega-datasets");
    return join(dirname(entry), "..", "data");
  } catch (cause) {
    const message = "the sample data are not here: install them with `npm install vega-datasets`";
    throw new UnavailableError(message, { cause });
  }
}

/**
 * month,mining,retail            month,sector,value
 * 2006-01-01,656,15351    gives  2006-01-01,mining,656
 *                                2006-01-01,retail,15351
 */
async function* unpivot(table: string, { label, except }: Unpivot): AsyncGenerator<Uint8Array> {
  const [header = "", ...rows] = table.trim().split(/\r?\n/);
  const [timeColumn, ...columns] = header.split(",");
  let text = `${timeColumn},${label},value\n`;
  for (const row of rows) {
    const [time, ...cells] = row.split(",");
    for (const [i, cell] of cells.entries()) {
      if (!except.includes(columns[i]!)) text += `${time},${columns[i]},${cell}\n`;
    }
  }
  yield new TextEncoder().encode(text);
}
