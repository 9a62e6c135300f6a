/**
 * KubernetesWatches: watches that are shared: jobs that look at the same objects of the same API server in the same way
 * have one watch of them, and one copy in memory.
 */

import { randomInt } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { KubernetesServerConfig } from "../discovery-config.js";
import { ApiServer, type ApiServerOptions } from "./api-server.js";
import { ResourceWatch, type WatchedResource } from "./resource-watch.js";
import type { ResourceName } from "./resources.js";

export interface WatchLease<R extends ResourceName> {
  readonly watch: ResourceWatch<R>;
  /** Ends the watch when nobody else has it. Resolves when it has ended. */
  release(): Promise<void>;
}

interface SharedServer {
  readonly config: KubernetesServerConfig;
  readonly server: ApiServer;
  readonly watches: SharedWatch[];
}

interface SharedWatch {
  readonly watched: WatchedResource;
  readonly watch: ResourceWatch;
  users: number;
}

export class KubernetesWatches {
  readonly #servers: SharedServer[] = [];
  readonly #random: () => number;

  /** `random` gives numbers from 0 to 1. */
  constructor(random = () => randomInt(2 ** 32) / 2 ** 32) {
    this.#random = random;
  }

  lease<R extends ResourceName>(
    config: KubernetesServerConfig,
    watched: WatchedResource<R>,
    options: ApiServerOptions,
  ): WatchLease<R> {
    const shared = this.#server(config, options);
    let found = shared.watches.find((other) => isDeepStrictEqual(other.watched, watched));
    if (found === undefined) {
      const { clock } = options;
      const watch = new ResourceWatch(watched, shared.server, { clock, random: this.#random });
      found = { watched, watch, users: 0 };
      shared.watches.push(found);
    }
    found.users++;
    // One of the same resource has objects of the same type.
    const watch = found.watch as unknown as ResourceWatch<R>;
    return { watch, release: () => this.#release(shared, found) };
  }

  #server(config: KubernetesServerConfig, options: ApiServerOptions): SharedServer {
    const found = this.#servers.find((other) => isDeepStrictEqual(other.config, config));
    if (found !== undefined) return found;
    const made = { config, server: new ApiServer(config, options), watches: [] };
    this.#servers.push(made);
    return made;
  }

  async #release(shared: SharedServer, used: SharedWatch): Promise<void> {
    used.users--;
    if (used.users > 0) return;
    remove(shared.watches, used);
    if (shared.watches.length === 0) remove(this.#servers, shared);
    await used.watch.stop();
    if (shared.watches.length === 0 && !this.#servers.includes(shared)) shared.server.close();
  }
}

function remove<T>(list: T[], item: T): void {
  list.splice(list.indexOf(item), 1);
}
