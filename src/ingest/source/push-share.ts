/**
 * PushShare: what one push has for one source. Most pushes have one; those of a relay without configuration have many.
 */

import { PushExcerpt } from "./push-excerpt.js";
import type { Source } from "./source.js";

export class PushShare {
  /** For comparison only. */
  readonly push: object;
  readonly source: Source;
  readonly isManaged: boolean;
  /** Samples staged. */
  accepted = 0;
  /** Samples refused. */
  refused = 0;
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
