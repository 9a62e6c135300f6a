/**
 * tokenDigest: of a token that somebody shows, as it is compared and kept: how long a look-up takes tells nothing about tokens.
 */

import { createHash } from "node:crypto";

export function tokenDigest(token: string | Uint8Array): Uint8Array {
  return createHash("sha256").update(token).digest();
}

/** Usable as a Map key. */
export function digestKey(digest: Uint8Array): string {
  return Buffer.from(digest).toString("base64");
}
