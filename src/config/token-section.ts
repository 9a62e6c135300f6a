/**
 * readToken: a secret that somebody shows, or the digest of it, so that the configuration need not hold it.
 *
 *   token: s3cret            token_file: greenhouse.token            token_sha256: 9f86d081…
 *
 * No message has a secret in it.
 */

import { resolve } from "node:path";
import type { ReadFile } from "../http-client/secret-values.js";
import { StorageError } from "../model/errors.js";
import type { YamlSection } from "./yaml-section.js";

export type WrittenToken = { readonly token: string } | { readonly tokenSha256: Uint8Array };

/** With its file read, if it has one. Rejects with ConfigError. */
export type LoadToken = (readFile: ReadFile) => Promise<WrittenToken>;

/** Of the three keys exactly one. Paths are relative to `directory`. Throws ConfigError. */
export function readToken(section: YamlSection, directory: string): LoadToken {
  const token = section.text("token");
  const path = section.text("token_file");
  const digest = section.text("token_sha256");
  if ([token, path, digest].filter((given) => given !== undefined).length !== 1)
    section.reject("token", "one of token, token_file and token_sha256 must be given");
  if (token === "") section.fail("token", "must not be empty");
  if (token !== undefined) return async () => ({ token });
  if (digest !== undefined) {
    if (!/^[0-9a-fA-F]{64}$/.test(digest)) section.fail("token_sha256", "must be 64 hexadecimal digits");
    return async () => ({ tokenSha256: Buffer.from(digest, "hex") });
  }
  return async (readFile) => {
    const text = await readFile(resolve(directory, path!)).catch((error: unknown) => {
      if (!(error instanceof StorageError)) throw error;
      return section.fail("token_file", `cannot be used: ${error.message}`);
    });
    if (text.trim() === "") section.fail("token_file", "names a file that is empty");
    return { token: text.trim() };
  };
}
