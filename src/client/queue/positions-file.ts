/**
 * positions: how far each address of a client has got in the queue on disk.
 *
 *   {"version":1,"checksum":…,"positions":[{"address":"http://…","segment":3,"offset":4711}]}
 *
 * Invariants
 *  1. Replaced as a whole, by rename. It may be older than the truth: then some requests are sent again.
 *  2. `offset` is that of the first frame which is not delivered, or the end of the segment.
 *  3. `checksum` is the CRC-32C of the JSON of `positions`. A file that cannot be read is as good as none: every
 *     address begins with the oldest frame.
 */

import { referenceCrc32c } from "../../kernels/reference-crc32c.js";

export interface QueuePosition {
  /** The address's URL, without credentials. */
  readonly address: string;
  readonly segment: number;
  readonly offset: number;
}

export const POSITIONS_NAME = "positions";

export function encodePositions(positions: readonly QueuePosition[]): Uint8Array {
  const checksum = checksumOf(positions);
  return new TextEncoder().encode(`${JSON.stringify({ version: 1, checksum, positions })}\n`);
}

/** Undefined when the bytes are no such file. */
export function decodePositions(bytes: Uint8Array): readonly QueuePosition[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const { version, checksum, positions } = parsed as Partial<Record<string, unknown>>;
  if (version !== 1 || !Array.isArray(positions) || !positions.every(isPosition)) return undefined;
  return checksum === checksumOf(positions) ? positions : undefined;
}

function isPosition(value: unknown): value is QueuePosition {
  if (typeof value !== "object" || value === null) return false;
  const { address, segment, offset } = value as Partial<Record<string, unknown>>;
  return typeof address === "string" && Number.isSafeInteger(segment) && Number.isSafeInteger(offset);
}

function checksumOf(positions: readonly QueuePosition[]): number {
  return referenceCrc32c(new TextEncoder().encode(JSON.stringify(positions)));
}
