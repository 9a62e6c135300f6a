/**
 * tokenDigest: of an agent's token, as it is compared and kept: how long a look-up takes tells nothing about tokens.
 */

import { createHash } from "node:crypto";

export function tokenDigest(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
