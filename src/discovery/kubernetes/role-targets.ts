/**
 * The targets of objects: what a pod, a service, a node, an ingress gives by itself. Endpoints are in `endpoint-targets.ts`.
 *
 * Source: Prometheus documentation, `<kubernetes_sd_config>`; `discovery/kubernetes` for what it does not say.
 */

import { Labels } from "../../model/labels.js";
import type { TargetGroup } from "../discovery.js";
import type { Container, ContainerPort, Ingress, Node, Pod, Service } from "./kubernetes-objects.js";
import {
  joinHostPort,
  type LabelValues,
  labelName,
  metaLabels,
  namespaceLabel,
  prefix,
} from "./meta-labels.js";

const noTargets: TargetGroup = { targets: [], labels: Labels.empty };

/** `node` is the one that the pod runs on, when its labels are asked for. */
export function podTargets(pod: Pod, node: Node | undefined): TargetGroup {
  if (pod.ip === "") return noTargets;
  const labels = { ...podLabels(pod), [namespaceLabel]: pod.meta.namespace, ...nodeMetadata(node) };
  const targets = pod.containers.flatMap((container) => {
    const own = { ...containerLabels(container), [`${prefix}pod_container_id`]: container.id };
    // Without a port the address needs one from relabelling.
    if (container.ports.length === 0) return [{ ...own, __address__: pod.ip }];
    return container.ports.map((port) => ({
      ...own,
      ...portLabels(port),
      __address__: joinHostPort(pod.ip, port.number),
    }));
  });
  return group(targets, labels);
}

export function podLabels(pod: Pod): LabelValues {
  return {
    ...metaLabels("pod", pod.meta),
    [`${prefix}pod_ip`]: pod.ip,
    [`${prefix}pod_ready`]: pod.ready,
    [`${prefix}pod_phase`]: pod.phase,
    [`${prefix}pod_node_name`]: pod.nodeName,
    [`${prefix}pod_host_ip`]: pod.hostIp,
    [`${prefix}pod_uid`]: pod.uid,
    [`${prefix}pod_controller_kind`]: pod.controllerKind,
    [`${prefix}pod_controller_name`]: pod.controllerName,
  };
}

export function containerLabels({ name, image, isInit }: Container): LabelValues {
  return {
    [`${prefix}pod_container_name`]: name,
    [`${prefix}pod_container_image`]: image,
    [`${prefix}pod_container_init`]: String(isInit),
  };
}

export function portLabels({ name, number, protocol }: ContainerPort): LabelValues {
  return {
    [`${prefix}pod_container_port_name`]: name,
    [`${prefix}pod_container_port_number`]: String(number),
    [`${prefix}pod_container_port_protocol`]: protocol,
  };
}

/** Of a node, for targets that run on it. */
export function nodeMetadata(node: Node | undefined): LabelValues {
  return node === undefined ? {} : metaLabels("node", node.meta);
}

export function serviceTargets(service: Service): TargetGroup {
  const { namespace, name } = service.meta;
  const targets = service.ports.map((port) => ({
    __address__: joinHostPort(`${name}.${namespace}.svc`, port.number),
    [`${prefix}service_port_name`]: port.name,
    [`${prefix}service_port_number`]: String(port.number),
    [`${prefix}service_port_protocol`]: port.protocol,
    [`${prefix}service_type`]: service.type,
    ...(service.type === "ExternalName"
      ? { [`${prefix}service_external_name`]: service.externalName }
      : { [`${prefix}service_cluster_ip`]: service.clusterIp }),
    ...(service.type === "LoadBalancer" && { [`${prefix}service_loadbalancer_ip`]: service.loadBalancerIp }),
  }));
  return group(targets, serviceLabels(service));
}

export function serviceLabels({ meta }: Service): LabelValues {
  return { ...metaLabels("service", meta), [namespaceLabel]: meta.namespace };
}

/** The first that a node has is where it is asked. */
const addressTypes = [
  ...["InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS"],
  ...["LegacyHostIP", "Hostname"],
];

/** Undefined when the node has no address: it stays what it was. */
export function nodeTargets(node: Node): TargetGroup | undefined {
  const firsts = new Map<string, string>();
  for (const { type, address } of node.addresses) if (!firsts.has(type)) firsts.set(type, address);
  const type = addressTypes.find((known) => firsts.has(known));
  if (type === undefined) return undefined;
  const target: LabelValues = {
    __address__: joinHostPort(firsts.get(type)!, node.kubeletPort),
    instance: node.meta.name,
  };
  for (const [of, address] of firsts) target[`${prefix}node_address_${labelName(of)}`] = address;
  const labels = { ...metaLabels("node", node.meta), [`${prefix}node_provider_id`]: node.providerId };
  return group([target], labels);
}

export function ingressTargets(ingress: Ingress): TargetGroup {
  const { meta, className = "", tlsHosts } = ingress;
  const labels = {
    ...metaLabels("ingress", meta),
    [namespaceLabel]: meta.namespace,
    [`${prefix}ingress_class_name`]: className,
  };
  const targets = ingress.rules.flatMap(({ host, paths = ["/"] }) => {
    const isEncrypted = tlsHosts.some((pattern) => isHostOf(pattern, host));
    return paths.map((path) => ({
      __address__: host,
      [`${prefix}ingress_scheme`]: isEncrypted ? "https" : "http",
      [`${prefix}ingress_host`]: host,
      [`${prefix}ingress_path`]: path || "/",
    }));
  });
  return group(targets, labels);
}

/** A pattern may have `*` as its first part, which stands for one. */
function isHostOf(pattern: string, host: string): boolean {
  if (pattern === host) return true;
  const [first, ...rest] = pattern.split(".");
  return first === "*" && rest.join(".") === host.split(".").slice(1).join(".");
}

export function group(targets: readonly LabelValues[], labels: LabelValues): TargetGroup {
  return { targets: targets.map((target) => Labels.from(target)), labels: Labels.from(labels) };
}
