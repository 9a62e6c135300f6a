/**
 * Staleness policies as text: `lease`, `forever`, `hold:1h`.
 */

import { formatDuration, parseDuration } from "../../model/duration.js";
import type { StalenessPolicy } from "./push.js";

/** Undefined when it is none. */
export function parseStaleness(text: string): StalenessPolicy | undefined {
  if (text === "lease" || text === "forever") return { kind: text };
  const durationMs = text.startsWith("hold:") ? parseDuration(text.slice("hold:".length)) : undefined;
  return durationMs === undefined || durationMs === 0 ? undefined : { kind: "hold", durationMs };
}

export function formatStaleness(policy: StalenessPolicy): string {
  return policy.kind === "hold" ? `hold:${formatDuration(policy.durationMs)}` : policy.kind;
}
