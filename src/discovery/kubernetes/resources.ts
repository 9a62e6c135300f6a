/**
 * resources: what is asked of a Kubernetes API server: by name, where it is, and how an object of it is read.
 *
 *   /api/v1/pods                       of all namespaces
 *   /api/v1/namespaces/shop/pods       of one
 *   /apis/discovery.k8s.io/v1/…        of a group of its own
 */

import type { JsonObject } from "./json-fields.js";
import {
  type EndpointSlice,
  type Endpoints,
  type Ingress,
  type Node,
  type Pod,
  readEndpointSlice,
  readEndpoints,
  readIngress,
  readNode,
  readPod,
  readService,
  type Service,
} from "./kubernetes-objects.js";

export interface ResourceTypes {
  readonly pods: Pod;
  readonly services: Service;
  readonly nodes: Node;
  readonly endpoints: Endpoints;
  readonly endpointslices: EndpointSlice;
  readonly ingresses: Ingress;
}

export type ResourceName = keyof ResourceTypes;

/** Each throws MalformedInputError. */
export const readers: { readonly [R in ResourceName]: (object: JsonObject) => ResourceTypes[R] } = {
  pods: readPod,
  services: readService,
  nodes: readNode,
  endpoints: readEndpoints,
  endpointslices: readEndpointSlice,
  ingresses: readIngress,
};

const groups: Readonly<Record<ResourceName, string>> = {
  pods: "/api/v1",
  services: "/api/v1",
  nodes: "/api/v1",
  endpoints: "/api/v1",
  endpointslices: "/apis/discovery.k8s.io/v1",
  ingresses: "/apis/networking.k8s.io/v1",
};

/** `namespace` is empty for all of them, and for what belongs to none. */
export function resourcePath(resource: ResourceName, namespace: string): string {
  const within = namespace === "" ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${groups[resource]}${within}/${resource}`;
}
