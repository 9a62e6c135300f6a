/**
 * PushShare: what one push has for one source. Most pushes have one; those of a relay without configuration have many.
 */

import type { Labels } from "../../model/labels.js";
import { PushExcerpt } from "./push-excerpt.js";
import type { Source } from "./source.js";
import type { SourceRegistry } from "./source-registry.js";

export class PushShare {
  /** For comparison only. */
  readonly push: object;
  readonly source: Source;
  readonly isManaged: boolean;
  /** Samples staged. */
  accepted = 0;
  /** Samples that the source may not push. */
  refused = 0;
  /** Of those that were staged, samples that storage did not take. */
  rejectedByStorage = 0;
  /** Why the first of both was not taken. */
  firstReason: string | undefined;
  /** Of both. */
  readonly refusedExcerpt = new PushExcerpt();
  readonly excerpt = new PushExcerpt();
  /** Series that this push is about to begin. */
  pendingSeries = 0;

  constructor(push: object, source: Source) {
    this.push = push;
    this.source = source;
    this.isManaged = source.isManaged;
  }

  /** The push has ended. */
  close(): void {
    this.releasePending();
    if (this.source.openShare === this) this.source.openShare = undefined;
  }

  /** They have begun, or will not. */
  releasePending(): void {
    this.source.pendingSeries -= this.pendingSeries;
    this.pendingSeries = 0;
  }
}

/**
 * Of several, the one that has the stored series: the source that its job and instance name, unless relabelling has given
 * them to it, and it is another one's.
 */
export function shareOf(
  labels: Labels,
  shares: ReadonlyMap<Source, PushShare>,
  registry: SourceRegistry,
): PushShare | undefined {
  const [only] = shares.values();
  if (shares.size <= 1) return only;
  const source = registry.named({ job: labels.get("job"), instance: labels.get("instance") });
  const named = source && shares.get(source);
  if (named !== undefined && (!named.isManaged || named.source.live.get(labels) !== undefined)) return named;
  for (const share of shares.values()) if (share.source.live.get(labels) !== undefined) return share;
  return named;
}
