#!/usr/bin/env node
/**
 * The `narthex` command: runs what the arguments say and ends with an exit code (see failure.ts).
 */

import { describeFailure } from "./failure.js";
import { buildProgram } from "./program.js";
import { processTerminal } from "./terminal.js";

const terminal = processTerminal();

process.on("uncaughtException", (error: unknown) => exitWith(error));
process.on("unhandledRejection", (error: unknown) => exitWith(error));
// A reader that has seen enough, as `head`, closes the pipe; that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  exitWith(error);
});

try {
  await buildProgram(terminal).parseAsync(process.argv);
} catch (error) {
  exitWith(error);
}

function exitWith(error: unknown): never {
  const { text, exitCode } = describeFailure(error);
  if (text !== "") terminal.say(text);
  process.exit(exitCode);
}
