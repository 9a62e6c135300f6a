/**
 * Discovered: what a discovery has told so far, by source, as text.
 */

import {
  type Discovery,
  type DiscoveryEvent,
  type TargetGroup,
  targetsOf,
} from "../../src/discovery/discovery.js";
import { type Lookout, RefreshingDiscovery } from "../../src/discovery/refreshing-discovery.js";
import { type Clock, systemClock } from "../../src/model/clock.js";

export class Discovered {
  readonly discovery: Discovery;
  readonly events: DiscoveryEvent[] = [];
  readonly #groups = new Map<string, readonly TargetGroup[]>();

  constructor(lookout: Lookout, clock: Clock = systemClock) {
    this.discovery = new RefreshingDiscovery(lookout, { clock, onEvent: (event) => this.events.push(event) });
  }

  run(): void {
    this.discovery.run((source, groups) => this.#groups.set(source, groups));
  }

  /** All targets with their labels, in the order of sources. */
  get targets(): string[] {
    const sources = [...this.#groups].sort(([a], [b]) => (a < b ? -1 : 1));
    return sources.flatMap(([, groups]) => [...targetsOf(groups)].map(String));
  }
}
