/**
 * Connection: what a command works on, a running server or a data directory opened for the length of the command.
 */

import type { Command } from "commander";
import type { Database, DatabaseEvent } from "../api.js";
import { fileExists } from "../local-files.js";
import { definedOnly } from "../model/defined-only.js";
import { LockedError } from "../model/errors.js";
import type { BlockEncoding } from "../model/series.js";
import { CommandError } from "./failure.js";
import { RemoteDatabase } from "./remote-database.js";
import type { Terminal } from "./terminal.js";

export type Connection = Pick<Database, "query" | "queryRange" | "import" | "close">;

export interface ConnectionOptions {
  readonly url?: string;
  readonly data?: string;
}

/** How a directory is opened. */
export interface DirectoryAccess {
  /** Whether it need not be there yet. */
  readonly create: boolean;
  /** Whether nothing in it is changed, so that it may lie on a medium that cannot be written to. */
  readonly readOnly?: boolean;
  readonly terminal: Terminal;
  readonly blockEncoding?: BlockEncoding | undefined;
}

export const DEFAULT_URL = "http://127.0.0.1:9090";

export function addConnectionOptions(command: Command): Command {
  return command
    .option("--url <url>", `the server to talk to (default: ${DEFAULT_URL})`)
    .option("--data <directory>", "open a data directory instead of talking to a server");
}

/**
 * Runs `work` on the connection and closes it. `create` allows a data directory that is not there yet; what was
 * found damaged in one is said on `terminal`, so that nobody takes a part for the whole.
 */
export async function withConnection(
  { url, data }: ConnectionOptions,
  access: DirectoryAccess,
  work: (connection: Connection) => Promise<void>,
): Promise<void> {
  if (url !== undefined && data !== undefined)
    throw new CommandError("--url and --data exclude each other", { exitCode: 2 });
  const connection =
    data === undefined ? new RemoteDatabase(url ?? DEFAULT_URL) : await openDirectory(data, access);
  try {
    await work(connection);
  } finally {
    await connection.close();
  }
}

/** As `withConnection`, of a directory only. */
export async function openDirectory(
  directory: string,
  { create, readOnly, terminal, blockEncoding }: DirectoryAccess,
): Promise<Database> {
  if (!create && !(await fileExists(directory)))
    throw new CommandError(`there is no data directory ${directory}`);
  const onEvent = ({ level, message }: DatabaseEvent) => {
    if (level !== "info") terminal.say(`${level}: ${message}`);
  };
  // Loaded here: the parser takes a quarter of a second, and talking to a server does not need it.
  const { openDatabase } = await import("../database.js");
  try {
    return await openDatabase({ directory, onEvent, ...definedOnly({ readOnly, blockEncoding }) });
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    throw new CommandError(error.message, {
      hint: "leave --data out to use the running server, or work on a snapshot of it",
      cause: error,
    });
  }
}
