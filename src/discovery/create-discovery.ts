/**
 * createDiscovery: one line for each kind of discovery; the place where a new one is added.
 *
 * A discovery that needs a package of its own imports it in `run`, so that who does not configure it does not load it.
 */

import { Resolver } from "node:dns/promises";
import { readTextFile } from "../local-files.js";
import type { Discovery } from "./discovery.js";
import type { DiscoveryConfig } from "./discovery-config.js";
import { type DnsResolver, dnsLookout } from "./dns-discovery.js";
import { fileLookout } from "./file-discovery.js";
import { httpLookout } from "./http-discovery.js";
import { HttpGetter, type HttpGetterOptions } from "./http-getter.js";
import { KubernetesDiscovery } from "./kubernetes/kubernetes-discovery.js";
import { KubernetesWatches } from "./kubernetes/kubernetes-watches.js";
import { RefreshingDiscovery, type RefreshingDiscoveryOptions } from "./refreshing-discovery.js";

export interface CreateDiscoveryOptions extends RefreshingDiscoveryOptions, HttpGetterOptions {
  /** Shared with other discoveries. Default those of this one alone. */
  readonly watches?: KubernetesWatches;
  /** For tests. Default the servers of this machine. */
  readonly createResolver?: () => DnsResolver;
}

const dnsTimeout = { timeout: 5000, tries: 2 };

export function createDiscovery(config: DiscoveryConfig, options: CreateDiscoveryOptions): Discovery {
  switch (config.kind) {
    case "file":
      return new RefreshingDiscovery(fileLookout(config, options.clock), options);
    case "http": {
      const getter = new HttpGetter(config.client, options);
      const lookout = { ...httpLookout(config, getter.get), close: () => getter.close() };
      return new RefreshingDiscovery(lookout, options);
    }
    case "dns": {
      const createResolver = options.createResolver ?? (() => new Resolver(dnsTimeout));
      const readResolvConf = () => readTextFile("/etc/resolv.conf");
      return new RefreshingDiscovery(dnsLookout(config, { createResolver, readResolvConf }), options);
    }
    case "kubernetes":
      return new KubernetesDiscovery(config, {
        ...options,
        watches: options.watches ?? new KubernetesWatches(),
      });
  }
}
