/**
 * ConfigPlace: where a configuration file is, and what it may refer to: files relative to it, variables of the environment.
 */

import { resolve } from "node:path";

export interface ConfigPlace {
  /** Paths in the file are relative to it. */
  readonly directory: string;
  readonly environment: Environment;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** A path of the file; an empty one stands for none. */
export function pathIn({ directory }: ConfigPlace, path: string | undefined): string | undefined {
  return path === undefined || path === "" ? undefined : resolve(directory, path);
}

/**
 * Puts variables in the place of `$NAME` and `${NAME}`; `$$` is a dollar, what is not set is nothing, and told.
 *
 * Source: Go `os.Expand`, as Prometheus uses it.
 */
export function expandVariables(
  text: string,
  environment: Environment,
  onUnset: (name: string) => void,
): string {
  return text.replace(
    /\$(?:\{([^}]*)\}|(\{)|([*#$@!?\-0-9])|(\w+))?/g,
    (written, braced?: string, unclosed?: string, special?: string, plain?: string) => {
      if (unclosed !== undefined) return "";
      const name = braced ?? special ?? plain;
      if (name === undefined) return written;
      if (name === "$") return "$";
      const value = environment[name] ?? "";
      if (value === "") onUnset(name);
      return value;
    },
  );
}
