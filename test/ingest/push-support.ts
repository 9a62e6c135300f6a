/**
 * A push without configuration, from this machine, into an Appendable: for tests of what protocols read.
 */

import type { IngestLimits } from "../../src/ingest/limits.js";
import type { Push } from "../../src/ingest/push/push.js";
import { Sources } from "../../src/ingest/source/sources.js";
import type { Appendable } from "../../src/model/appendable.js";
import { FakeClock } from "../support/fake-clock.js";

export function pushTo(
  appendable: Appendable,
  { now = 1000, limits }: { readonly now?: number; readonly limits?: Partial<IngestLimits> } = {},
): Push {
  const sources = new Sources({ appendable, clock: new FakeClock(now), ...(limits && { limits }) });
  return sources.admit({ protocol: "text", sender: { address: "127.0.0.1" } });
}
