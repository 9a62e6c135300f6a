/**
 * roles: for each role which objects its targets come from, what else must be known of, and how they are made.
 *
 * Source: Prometheus documentation, `<kubernetes_sd_config>`.
 */

import type { TargetGroup } from "../discovery.js";
import type { KubernetesRole } from "../discovery-config.js";
import {
  endpointSliceTargets,
  endpointsTargets,
  type Surroundings,
  serviceNameLabel,
} from "./endpoint-targets.js";
import type { EndpointSlice, Endpoints, ObjectReference } from "./kubernetes-objects.js";
import { objectKey } from "./resource-watch.js";
import type { ResourceName, ResourceTypes } from "./resources.js";
import { ingressTargets, nodeTargets, podTargets, serviceTargets } from "./role-targets.js";

/** Keys of what has changed, by resource. */
export type Touched = Readonly<Record<"pods" | "services" | "nodes", ReadonlySet<string>>>;

export interface RoleRules<R extends ResourceName> {
  /** What gives the targets: one group for each object. */
  readonly resource: R;
  /** What else is watched in the same namespace. */
  readonly others: readonly ("pods" | "services")[];
  /** Whether nodes can say more of the targets. */
  readonly hasNodes: boolean;
  /** Whether the targets of `object` depend on something that was touched. */
  dependsOn(object: ResourceTypes[R], touched: Touched): boolean;
  /** Undefined when nothing is known of its targets: they stay as they were. */
  targets(object: ResourceTypes[R], around: Surroundings): TargetGroup | undefined;
}

type AnyRules = { readonly [R in ResourceName]: RoleRules<R> }[ResourceName];

const alone = { others: [], hasNodes: false, dependsOn: () => false } as const;

const pod: RoleRules<"pods"> = {
  resource: "pods",
  others: [],
  hasNodes: true,
  dependsOn: ({ nodeName }, touched) => touched.nodes.has(objectKey("", nodeName)),
  targets: (object, around) => podTargets(object, around.node(object.nodeName)),
};

const endpoints: RoleRules<"endpoints"> = {
  resource: "endpoints",
  others: ["services", "pods"],
  hasNodes: true,
  dependsOn: (object, touched) =>
    touched.services.has(objectKey(object.meta.namespace, object.meta.name)) ||
    addressesOf(object).some((address) => isTouched(address, touched)),
  targets: endpointsTargets,
};

const endpointslice: RoleRules<"endpointslices"> = {
  resource: "endpointslices",
  others: ["services", "pods"],
  hasNodes: true,
  dependsOn: ({ meta, endpoints: ofSlice }: EndpointSlice, touched) =>
    touched.services.has(objectKey(meta.namespace, meta.labels[serviceNameLabel] ?? "")) ||
    ofSlice.some((endpoint) => isTouched(endpoint, touched)),
  targets: endpointSliceTargets,
};

export const roles: Readonly<Record<KubernetesRole, AnyRules>> = {
  pod,
  endpoints,
  endpointslice,
  service: { ...alone, resource: "services", targets: serviceTargets },
  node: { ...alone, resource: "nodes", targets: nodeTargets },
  ingress: { ...alone, resource: "ingresses", targets: ingressTargets },
};

function addressesOf({ subsets }: Endpoints) {
  return subsets.flatMap(({ addresses, notReadyAddresses }) => [...addresses, ...notReadyAddresses]);
}

interface Placed {
  readonly nodeName: string | undefined;
  readonly targetRef: ObjectReference | undefined;
}

function isTouched({ nodeName, targetRef }: Placed, touched: Touched): boolean {
  if (nodeName !== undefined && touched.nodes.has(objectKey("", nodeName))) return true;
  if (targetRef === undefined) return false;
  const { kind, namespace, name } = targetRef;
  if (kind === "Pod") return touched.pods.has(objectKey(namespace, name));
  return kind === "Node" && touched.nodes.has(objectKey("", name));
}
