/**
 * NamespaceTargets: the targets of one role in one namespace, or in all: what changes is told soon, and together.
 *
 * Nothing is told before everything that the targets depend on has been listed once, as a target without the labels of
 * its pod would be another target.
 */

import type { Clock } from "../../model/clock.js";
import type { OnGroups } from "../discovery.js";
import type { KubernetesDiscoveryConfig, KubernetesRole } from "../discovery-config.js";
import type { ApiServerOptions } from "./api-server.js";
import type { KubernetesWatches, WatchLease } from "./kubernetes-watches.js";
import { objectKey, type WatchedResource, type WatchStatus } from "./resource-watch.js";
import type { ResourceName } from "./resources.js";
import { type RoleRules, roles, type Touched } from "./roles.js";

/** Between a change and its telling: many changes at once are one. */
const pauseMs = 100;
/** As many groups are made without letting others have a turn: a few milliseconds. */
const groupsAtOnce = 30;

const roleOfResource: Readonly<Record<ResourceName, KubernetesRole>> = {
  pods: "pod",
  services: "service",
  nodes: "node",
  endpoints: "endpoints",
  endpointslices: "endpointslice",
  ingresses: "ingress",
};

export interface NamespaceTargetsOptions extends ApiServerOptions {
  readonly watches: KubernetesWatches;
  readonly onGroups: OnGroups;
  readonly onStatus: () => void;
}

export class NamespaceTargets {
  readonly #config: KubernetesDiscoveryConfig;
  readonly #namespace: string;
  readonly #options: NamespaceTargetsOptions;
  readonly #clock: Clock;
  readonly #rules: RoleRules<ResourceName>;
  readonly #main: WatchLease<ResourceName>;
  readonly #pods: WatchLease<"pods"> | undefined;
  readonly #services: WatchLease<"services"> | undefined;
  readonly #nodes: WatchLease<"nodes"> | undefined;
  readonly #unlisten: (() => void)[] = [];
  #cancelTimer: (() => void) | undefined;
  /** Keys of objects whose targets are to be told. */
  #due = new Set<string>();
  #touched = noneTouched();

  /** `namespace` is empty for all. */
  constructor(config: KubernetesDiscoveryConfig, namespace: string, options: NamespaceTargetsOptions) {
    this.#config = config;
    this.#namespace = namespace;
    this.#options = options;
    this.#clock = options.clock;
    // Each role has the functions for the objects of its resource.
    this.#rules = roles[config.role] as unknown as RoleRules<ResourceName>;
    const { resource, others, hasNodes } = this.#rules;
    this.#main = this.#lease(resource, (key) => this.#due.add(key));
    const touch = (name: keyof Touched) => (key: string) => this.#touched[name].add(key);
    if (others.includes("services")) this.#services = this.#lease("services", touch("services"));
    if (others.includes("pods")) this.#pods = this.#lease("pods", touch("pods"));
    if (hasNodes && config.attachNodeMetadata) this.#nodes = this.#lease("nodes", touch("nodes"));
    for (const key of this.#main.watch.objects.keys()) this.#due.add(key);
    this.#tellSoon(pauseMs);
  }

  get statuses(): readonly WatchStatus[] {
    return this.#leases().map(({ watch }) => watch.status);
  }

  async stop(): Promise<void> {
    this.#cancelTimer?.();
    for (const unlisten of this.#unlisten) unlisten();
    await Promise.all(this.#leases().map((lease) => lease.release()));
  }

  #leases(): readonly WatchLease<ResourceName>[] {
    const all = [this.#main, this.#services, this.#pods, this.#nodes] as readonly (
      | WatchLease<ResourceName>
      | undefined
    )[];
    return all.filter((lease) => lease !== undefined);
  }

  #lease<R extends ResourceName>(resource: R, onChange: (key: string) => void): WatchLease<R> {
    const isOfNamespace = resource !== "nodes";
    const selector = this.#config.selectors[roleOfResource[resource]];
    const watched: WatchedResource<R> = {
      resource,
      namespace: isOfNamespace ? this.#namespace : "",
      labelSelector: selector?.label ?? "",
      fieldSelector: selector?.field ?? "",
    };
    const lease = this.#options.watches.lease(this.#config.server, watched, this.#options);
    const listener = {
      onChange: (key: string) => {
        onChange(key);
        this.#tellSoon(pauseMs);
      },
      onStatus: () => {
        if (lease.watch.isListed) this.#tellSoon(pauseMs);
        this.#options.onStatus();
      },
    };
    this.#unlisten.push(lease.watch.listen(listener));
    return lease;
  }

  #tellSoon(delayMs: number): void {
    this.#cancelTimer ??= this.#clock.schedule(delayMs, () => {
      this.#cancelTimer = undefined;
      this.#tell();
    });
  }

  #tell(): void {
    if (!this.#leases().every(({ watch }) => watch.isListed)) return;
    const { objects } = this.#main.watch;
    if (Object.values(this.#touched).some(({ size }) => size > 0)) {
      for (const [key, object] of objects)
        if (this.#rules.dependsOn(object, this.#touched)) this.#due.add(key);
      this.#touched = noneTouched();
    }
    let told = 0;
    for (const key of this.#due) {
      if (told++ === groupsAtOnce) {
        this.#tellSoon(0);
        break;
      }
      this.#due.delete(key);
      this.#tellOne(key);
    }
  }

  #tellOne(key: string): void {
    const object = this.#main.watch.objects.get(key);
    const source = `${this.#config.role}/${key}`;
    if (object === undefined) {
      this.#options.onGroups(source, []);
      return;
    }
    const targets = this.#rules.targets(object, {
      pod: (namespace, name) => this.#pods?.watch.objects.get(objectKey(namespace, name)),
      service: (namespace, name) => this.#services?.watch.objects.get(objectKey(namespace, name)),
      node: (name) => this.#nodes?.watch.objects.get(objectKey("", name)),
    });
    if (targets !== undefined) this.#options.onGroups(source, [targets]);
  }
}

function noneTouched(): Record<keyof Touched, Set<string>> {
  return { pods: new Set(), services: new Set(), nodes: new Set() };
}
