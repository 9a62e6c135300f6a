/**
 * Refusals of what a source pushes that are no matter of its labels (see label-policy.ts).
 */

import type { PushRefusal } from "../push/push.js";

export function seriesLimit(what: string): PushRefusal {
  return { reason: "series-limit", message: `${what}; those that are known are` };
}

export function tooFarInFuture(aheadMs: number): PushRefusal {
  const ahead = `${Math.round(aheadMs / 1000)} s ahead of the server's clock`;
  return {
    reason: "too-far-in-future",
    message: `${ahead}; set the clock of the device, or leave times out`,
  };
}
