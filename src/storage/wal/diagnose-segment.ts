/**
 * diagnoseSegment: what the unreadable parts of a WAL file mean, by invariants 3 to 5 of wal-format.ts.
 */

import type { UnreadableRange, WalFileContents } from "./segment-reader.js";
import { FILE_HEADER_SIZE_BYTES } from "./wal-format.js";

export interface SegmentDiagnosis {
  /** What was being written when the process or the machine died, undefined when there is none. */
  readonly tornTail: UnreadableRange | undefined;
  readonly corruptions: readonly UnreadableRange[];
}

/** `isLast`: no segment follows. Say false of a checkpoint. */
export function diagnoseSegment(contents: WalFileContents, isLast: boolean): SegmentDiagnosis {
  const { sizeBytes, unreadable, tail, hasEnd } = contents;
  if (tail !== undefined) {
    const isTorn = isLast && !hasEnd && (tail.offset > 0 || sizeBytes <= FILE_HEADER_SIZE_BYTES);
    return isTorn
      ? { tornTail: tail, corruptions: unreadable }
      : { tornTail: undefined, corruptions: [...unreadable, tail] };
  }
  if (hasEnd || isLast) return { tornTail: undefined, corruptions: unreadable };
  const missingEnd = {
    offset: sizeBytes,
    bytes: 0,
    message: "the end is missing, and maybe records before it",
  };
  return { tornTail: undefined, corruptions: [...unreadable, missingEnd] };
}
