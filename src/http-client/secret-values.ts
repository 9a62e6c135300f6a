/**
 * SecretValues: what secrets stand for now. Files are read at each use, so that a token that was renewed counts at once.
 */

import type { Secret } from "./http-client-config.js";

/** Reads a file that the configuration names, as text. Rejects with StorageError. */
export type ReadFile = (path: string) => Promise<string>;

export class SecretValues {
  readonly #readFile: ReadFile;

  constructor(readFile: ReadFile) {
    this.#readFile = readFile;
  }

  /** Without the blanks around what a file has. Rejects with StorageError, which names the file. */
  async read(secret: Secret): Promise<string> {
    return "text" in secret ? secret.text : (await this.#readFile(secret.file)).trim();
  }

  async readHeaders(headers: Readonly<Record<string, readonly Secret[]>>): Promise<Record<string, string[]>> {
    const values: Record<string, string[]> = {};
    for (const [name, secrets] of Object.entries(headers)) {
      if (secrets.length === 0) continue;
      values[name.toLowerCase()] = await Promise.all(secrets.map((secret) => this.read(secret)));
    }
    return values;
  }
}

/** The value of an Authorization header. */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
