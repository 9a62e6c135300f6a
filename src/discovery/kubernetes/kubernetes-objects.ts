/**
 * Pods, services, nodes ... as discovery knows them: of each object only the fields that labels are made of, so that what
 * a watch keeps is a small part of what the API server tells.
 *
 * Source: Kubernetes API reference, core/v1, discovery.k8s.io/v1, networking.k8s.io/v1.
 */

import { MalformedInputError } from "../../model/errors.js";
import {
  flagIfAny,
  isJsonObject,
  type JsonObject,
  numberIfAny,
  numberOf,
  objectOf,
  objectsOf,
  textIfAny,
  textListOf,
  textOf,
  textsOf,
} from "./json-fields.js";

export interface ObjectMeta {
  /** Empty for what belongs to no namespace. */
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface KubernetesObject {
  readonly meta: ObjectMeta;
}

export interface ContainerPort {
  readonly name: string;
  readonly number: number;
  readonly protocol: string;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  /** Of its runtime; empty before it runs. */
  readonly id: string;
  readonly isInit: boolean;
  readonly ports: readonly ContainerPort[];
}

export interface Pod extends KubernetesObject {
  readonly uid: string;
  /** Empty while it starts, and when it was evicted. */
  readonly ip: string;
  readonly hostIp: string;
  readonly nodeName: string;
  readonly phase: string;
  /** `true`, `false` or `unknown`. */
  readonly ready: string;
  readonly controllerKind: string;
  readonly controllerName: string;
  /** Those that start it come last. */
  readonly containers: readonly Container[];
}

export interface Service extends KubernetesObject {
  readonly type: string;
  readonly clusterIp: string;
  readonly externalName: string;
  readonly loadBalancerIp: string;
  readonly ports: readonly ContainerPort[];
}

export interface Node extends KubernetesObject {
  readonly providerId: string;
  readonly kubeletPort: number;
  readonly addresses: readonly { readonly type: string; readonly address: string }[];
}

export interface ObjectReference {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export interface EndpointAddress {
  readonly ip: string;
  readonly hostname: string;
  readonly nodeName: string | undefined;
  readonly targetRef: ObjectReference | undefined;
}

export interface EndpointSubset {
  readonly ports: readonly ContainerPort[];
  readonly addresses: readonly EndpointAddress[];
  readonly notReadyAddresses: readonly EndpointAddress[];
}

export interface Endpoints extends KubernetesObject {
  readonly subsets: readonly EndpointSubset[];
}

export interface SlicePort {
  readonly name: string | undefined;
  readonly number: number | undefined;
  readonly protocol: string | undefined;
  readonly appProtocol: string | undefined;
}

export interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly ready: boolean | undefined;
  readonly serving: boolean | undefined;
  readonly terminating: boolean | undefined;
  readonly hostname: string | undefined;
  readonly nodeName: string | undefined;
  readonly zone: string | undefined;
  readonly topology: Readonly<Record<string, string>>;
  readonly targetRef: ObjectReference | undefined;
}

export interface EndpointSlice extends KubernetesObject {
  readonly addressType: string;
  readonly ports: readonly SlicePort[];
  readonly endpoints: readonly SliceEndpoint[];
}

export interface IngressRule {
  readonly host: string;
  /** Undefined when the rule says nothing of HTTP. */
  readonly paths: readonly string[] | undefined;
}

export interface Ingress extends KubernetesObject {
  readonly className: string | undefined;
  readonly tlsHosts: readonly string[];
  readonly rules: readonly IngressRule[];
}

/** Throws MalformedInputError when it is no object that has a name. */
function readMeta(object: JsonObject): ObjectMeta {
  const meta = objectOf(object.metadata);
  const name = textOf(meta.name);
  if (name === "") throw new MalformedInputError("an object has no name");
  return {
    namespace: textOf(meta.namespace),
    name,
    labels: textsOf(meta.labels),
    annotations: textsOf(meta.annotations),
  };
}

export function readPod(object: JsonObject): Pod {
  const [metadata, spec, status] = [
    objectOf(object.metadata),
    objectOf(object.spec),
    objectOf(object.status),
  ];
  const owner = objectsOf(metadata.ownerReferences).find(({ controller }) => controller === true);
  const readiness = objectsOf(status.conditions).find(({ type }) => type === "Ready");
  return {
    meta: readMeta(object),
    uid: textOf(metadata.uid),
    ip: textOf(status.podIP),
    hostIp: textOf(status.hostIP),
    nodeName: textOf(spec.nodeName),
    phase: textOf(status.phase),
    ready: readiness === undefined ? "unknown" : textOf(readiness.status).toLowerCase(),
    controllerKind: textOf(owner?.kind),
    controllerName: textOf(owner?.name),
    containers: [
      ...readContainers(spec.containers, status.containerStatuses, false),
      ...readContainers(spec.initContainers, status.initContainerStatuses, true),
    ],
  };
}

function readContainers(containers: unknown, statuses: unknown, isInit: boolean): Container[] {
  const ids = new Map(
    objectsOf(statuses).map(({ name, containerID }) => [textOf(name), textOf(containerID)]),
  );
  return objectsOf(containers).map((container) => {
    const name = textOf(container.name);
    const ports = objectsOf(container.ports).map((port) => readPort(port, port.containerPort));
    return { name, image: textOf(container.image), id: ids.get(name) ?? "", isInit, ports };
  });
}

function readPort({ name, protocol }: JsonObject, number: unknown): ContainerPort {
  return { name: textOf(name), number: numberOf(number), protocol: textOf(protocol) };
}

export function readService(object: JsonObject): Service {
  const spec = objectOf(object.spec);
  return {
    meta: readMeta(object),
    type: textOf(spec.type),
    clusterIp: textOf(spec.clusterIP),
    externalName: textOf(spec.externalName),
    loadBalancerIp: textOf(spec.loadBalancerIP),
    ports: objectsOf(spec.ports).map((port) => readPort(port, port.port)),
  };
}

export function readNode(object: JsonObject): Node {
  const status = objectOf(object.status);
  return {
    meta: readMeta(object),
    providerId: textOf(objectOf(object.spec).providerID),
    kubeletPort: numberOf(objectOf(objectOf(status.daemonEndpoints).kubeletEndpoint).Port),
    addresses: objectsOf(status.addresses).map(({ type, address }) => ({
      type: textOf(type),
      address: textOf(address),
    })),
  };
}

export function readEndpoints(object: JsonObject): Endpoints {
  return {
    meta: readMeta(object),
    subsets: objectsOf(object.subsets).map((subset) => ({
      ports: objectsOf(subset.ports).map((port) => readPort(port, port.port)),
      addresses: objectsOf(subset.addresses).map(readAddress),
      notReadyAddresses: objectsOf(subset.notReadyAddresses).map(readAddress),
    })),
  };
}

function readAddress({ ip, hostname, nodeName, targetRef }: JsonObject): EndpointAddress {
  return {
    ip: textOf(ip),
    hostname: textOf(hostname),
    nodeName: textIfAny(nodeName),
    targetRef: readReference(targetRef),
  };
}

function readReference(value: unknown): ObjectReference | undefined {
  if (!isJsonObject(value)) return undefined;
  return { kind: textOf(value.kind), namespace: textOf(value.namespace), name: textOf(value.name) };
}

export function readEndpointSlice(object: JsonObject): EndpointSlice {
  return {
    meta: readMeta(object),
    addressType: textOf(object.addressType),
    ports: objectsOf(object.ports).map(({ name, port, protocol, appProtocol }) => ({
      name: textIfAny(name),
      number: numberIfAny(port),
      protocol: textIfAny(protocol),
      appProtocol: textIfAny(appProtocol),
    })),
    endpoints: objectsOf(object.endpoints).map(readSliceEndpoint),
  };
}

function readSliceEndpoint(endpoint: JsonObject): SliceEndpoint {
  const conditions = objectOf(endpoint.conditions);
  return {
    addresses: textListOf(endpoint.addresses),
    ready: flagIfAny(conditions.ready),
    serving: flagIfAny(conditions.serving),
    terminating: flagIfAny(conditions.terminating),
    hostname: textIfAny(endpoint.hostname),
    nodeName: textIfAny(endpoint.nodeName),
    zone: textIfAny(endpoint.zone),
    topology: textsOf(endpoint.deprecatedTopology),
    targetRef: readReference(endpoint.targetRef),
  };
}

export function readIngress(object: JsonObject): Ingress {
  const spec = objectOf(object.spec);
  return {
    meta: readMeta(object),
    className: textIfAny(spec.ingressClassName),
    tlsHosts: objectsOf(spec.tls).flatMap(({ hosts }) => textListOf(hosts)),
    rules: objectsOf(spec.rules).map(({ host, http }) => ({
      host: textOf(host),
      paths: isJsonObject(http) ? objectsOf(http.paths).map(({ path }) => textOf(path)) : undefined,
    })),
  };
}
