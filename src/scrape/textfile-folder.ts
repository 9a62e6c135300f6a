/**
 * TextfileFolder: `*.prom` files that scheduled programs leave in directories, as one page, as the textfile collector
 * of node_exporter makes of them.
 *
 *   node_textfile_mtime_seconds{file="/path/x.prom"}   when each was written
 *   node_textfile_scrape_error                         1 when a file or a directory could not be read, else 0
 *
 * A file that is being written counts with what it had before. One that is malformed, has samples with times, or does not
 * end with a line feed (it may be the beginning of one) is left out as a whole.
 *
 * Source: node_exporter `collector/textfile.go`.
 */

import { join } from "node:path";
import { type SettledFile, SettledFiles } from "../discovery/settled-files.js";
import { parseExposition } from "../ingest/exposition/parse-exposition.js";
import { isDirectory, listFiles } from "../local-files.js";
import type { Clock } from "../model/clock.js";
import { MalformedInputError, TsdbError, UnavailableError } from "../model/errors.js";
import type { PageBuffer } from "./page-buffers.js";

export interface TextfilePage {
  /** In the Prometheus text format. */
  readonly text: string;
  /** What could not be read, in sentences. */
  readonly problems: readonly string[];
}

const fileSizeMaxBytes = 64 * 1024 * 1024;

export class TextfileFolder {
  readonly #directories: readonly string[];
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #settled: SettledFiles;
  #problem = "";
  #reading: Promise<TextfilePage> | undefined;
  /** What is wrong with a version of a file, found out once; empty when nothing is. */
  readonly #faults = new WeakMap<SettledFile, string>();

  constructor(
    directories: readonly string[],
    { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
  ) {
    this.#directories = directories;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#settled = new SettledFiles({ clock, sizeMaxBytes: fileSizeMaxBytes });
  }

  /** What could not be read the last time, in a sentence; empty when everything could. */
  get problem(): string {
    return this.#problem;
  }

  /**
   * Appends the page. Rejects with UnavailableError when it is not read in time: then the reading goes on, and the next
   * scrape waits for it rather than read anew, so that a disk that does not answer holds one reading, not many.
   */
  async readInto(buffer: PageBuffer): Promise<"prometheus"> {
    this.#reading ??= this.read().finally(() => {
      this.#reading = undefined;
    });
    const { text, problems } = await this.#inTime(this.#reading);
    this.#problem = problems.join("; ");
    buffer.append(Buffer.from(text));
    return "prometheus";
  }

  async read(): Promise<TextfilePage> {
    const problems: string[] = [];
    const paths: string[] = [];
    // One after the other: a directory that does not answer holds one thread of Node's few.
    for (const directory of this.#directories) paths.push(...(await filesIn(directory, problems)));
    const found = await Promise.all(paths.map((path) => this.#readFile(path, problems)));
    this.#settled.keepOnly(new Set(paths));
    const pages: string[] = [];
    const times: string[] = [];
    for (const [i, file] of found.entries()) {
      if (file === undefined) continue;
      pages.push(file.text);
      times.push(
        `node_textfile_mtime_seconds{file="${escapeValue(paths[i]!)}"} ${Math.floor(file.modifiedMs / 1000)}\n`,
      );
    }
    const text = [...pages, ...mtimeHead, ...times, ...errorHead, `${Number(problems.length > 0)}\n`].join(
      "",
    );
    return { text, problems };
  }

  #inTime<T>(reading: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancelTimer = this.#clock.schedule(this.#timeoutMs, () => {
        reading.catch(() => {});
        const seconds = this.#timeoutMs / 1000;
        reject(new UnavailableError(`the files were not read within the timeout of ${seconds}s`));
      });
      reading.then(resolve, reject).finally(cancelTimer);
    });
  }

  /** A good file, or undefined: then `problems` says why. */
  async #readFile(path: string, problems: string[]): Promise<SettledFile | undefined> {
    let file: SettledFile | undefined;
    try {
      file = await this.#settled.read(path);
    } catch (error) {
      if (!(error instanceof TsdbError)) throw error;
      problems.push(error.message);
      file = error.code === "unavailable" ? this.#settled.lastGood(path) : undefined;
      if (file === undefined || this.#faultOf(file) !== "") return undefined;
      return file;
    }
    const fault = this.#faultOf(file);
    if (fault === "") return file;
    problems.push(`${path}: ${fault}`);
    return undefined;
  }

  #faultOf(file: SettledFile): string {
    let fault = this.#faults.get(file);
    if (fault === undefined) {
      fault = faultOf(file.text);
      this.#faults.set(file, fault);
    }
    return fault;
  }
}

const mtimeHead = [
  "# HELP node_textfile_mtime_seconds Unixtime mtime of textfiles successfully read.\n",
  "# TYPE node_textfile_mtime_seconds gauge\n",
];
const errorHead = [
  "# HELP node_textfile_scrape_error 1 if there was an error opening or reading a file, 0 otherwise\n",
  "# TYPE node_textfile_scrape_error gauge\n",
  "node_textfile_scrape_error ",
];

/** Names that begin with a point are of files that are not there yet. */
async function filesIn(directory: string, problems: string[]): Promise<string[]> {
  try {
    if (!(await isDirectory(directory))) {
      problems.push(`${directory} is no directory`);
      return [];
    }
    const names = await listFiles(directory);
    return names
      .filter((name) => name.endsWith(".prom") && !name.startsWith("."))
      .map((name) => join(directory, name));
  } catch (error) {
    if (!(error instanceof TsdbError)) throw error;
    problems.push(error.message);
    return [];
  }
}

function faultOf(text: string): string {
  if (text !== "" && !text.endsWith("\n")) return "the last line does not end: the file may be incomplete";
  let hasTimes = false;
  const visitor = {
    sample: (_series: unknown, _value: number, time: number | undefined) => {
      hasTimes ||= time !== undefined;
    },
  };
  try {
    parseExposition(Buffer.from(text), { format: "prometheus" }, visitor);
  } catch (error) {
    if (!(error instanceof MalformedInputError)) throw error;
    return error.message;
  }
  return hasTimes ? "it has samples with times, which are those of the scrape here" : "";
}

function escapeValue(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
