/**
 * Terminal: where a command writes, and what it can show there.
 */

export interface Terminal {
  /** Results. */
  write(text: string): void;
  /** What is said about the work: progress, warnings, failures. */
  say(text: string): void;
  /** Columns of the output. */
  readonly width: number;
  readonly hasColours: boolean;
  /** Whether what is said is seen by a person, who likes a progress bar. */
  readonly isInteractive: boolean;
}

/** The process' own. Without a terminal, a width that suits a log. */
export function processTerminal(): Terminal {
  const { stdout, stderr } = process;
  const colourless = process.env.NO_COLOR !== undefined && process.env.NO_COLOR !== "";
  return {
    write: (text) => stdout.write(`${text}\n`),
    say: (text) => stderr.write(`${text}\n`),
    width: stdout.columns ?? 100,
    hasColours: stdout.isTTY === true && !colourless,
    isInteractive: stderr.isTTY === true,
  };
}
