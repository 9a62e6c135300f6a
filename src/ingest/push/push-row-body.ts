/**
 * pushRows: as `pushBody`, for readers that write rows: these are handed to the push behind each piece of the body.
 */

import type { Push, PushResult } from "./push.js";
import { type BodyReader, pushBody } from "./push-body.js";
import type { PushRows } from "./push-rows.js";

export async function pushRows(
  source: AsyncIterable<Uint8Array>,
  push: Push,
  rows: PushRows,
  reader: BodyReader,
): Promise<PushResult> {
  try {
    return await pushBody(source, push, {
      write(piece) {
        reader.write(piece);
        rows.stage();
      },
      end() {
        reader.end();
        rows.stage();
      },
    });
  } finally {
    rows.end();
  }
}
