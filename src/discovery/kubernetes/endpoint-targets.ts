/**
 * The targets of endpoints and of endpoint slices: the addresses behind a service, with what is known of the service, of
 * the pods and of the nodes behind them; and the ports of those pods that the service does not name.
 *
 * Source: Prometheus documentation, `<kubernetes_sd_config>`; `discovery/kubernetes` for what it does not say.
 */

import type { TargetGroup } from "../discovery.js";
import type {
  ContainerPort,
  EndpointAddress,
  EndpointSlice,
  Endpoints,
  Node,
  ObjectReference,
  Pod,
  Service,
  SliceEndpoint,
  SlicePort,
} from "./kubernetes-objects.js";
import {
  joinHostPort,
  type LabelValues,
  labelName,
  metaLabels,
  namespaceLabel,
  prefix,
} from "./meta-labels.js";
import {
  containerLabels,
  group,
  nodeMetadata,
  podLabels,
  portLabels,
  serviceLabels,
} from "./role-targets.js";

/** What is known besides: of the namespace of the endpoints. */
export interface Surroundings {
  pod(namespace: string, name: string): Pod | undefined;
  service(namespace: string, name: string): Service | undefined;
  /** None when the labels of nodes are not asked for. */
  node(name: string): Node | undefined;
}

/** Of a slice: the service that it belongs to. */
export const serviceNameLabel = "kubernetes.io/service-name";

export function endpointsTargets(endpoints: Endpoints, around: Surroundings): TargetGroup {
  const { meta } = endpoints;
  const service = around.service(meta.namespace, meta.name);
  const labels = {
    ...(service && serviceLabels(service)),
    [namespaceLabel]: meta.namespace,
    ...metaLabels("endpoints", meta),
  };
  const pods = new PodPorts();
  const targets: LabelValues[] = [];
  for (const { ports, addresses, notReadyAddresses } of endpoints.subsets) {
    for (const port of ports) {
      const add = (address: EndpointAddress, isReady: boolean) =>
        targets.push({
          ...addressLabels(address, port, isReady),
          ...nodeMetadata(nodeOf(address, around)),
          ...pods.take(podOf(address.targetRef, around), port.number, port.protocol),
        });
      for (const address of addresses) add(address, true);
      for (const address of notReadyAddresses) add(address, false);
    }
  }
  return group([...targets, ...pods.others()], labels);
}

function addressLabels(
  { ip, hostname, nodeName = "", targetRef }: EndpointAddress,
  port: ContainerPort,
  isReady: boolean,
): LabelValues {
  return {
    __address__: joinHostPort(ip, port.number),
    [`${prefix}endpoint_port_name`]: port.name,
    [`${prefix}endpoint_port_protocol`]: port.protocol,
    [`${prefix}endpoint_ready`]: String(isReady),
    [`${prefix}endpoint_address_target_kind`]: targetRef?.kind ?? "",
    [`${prefix}endpoint_address_target_name`]: targetRef?.name ?? "",
    [`${prefix}endpoint_node_name`]: nodeName,
    [`${prefix}endpoint_hostname`]: hostname,
  };
}

function nodeOf({ nodeName, targetRef }: EndpointAddress, around: Surroundings): Node | undefined {
  const name = nodeName ?? (targetRef?.kind === "Node" ? targetRef.name : undefined);
  return name === undefined ? undefined : around.node(name);
}

export function endpointSliceTargets(slice: EndpointSlice, around: Surroundings): TargetGroup {
  const { meta, ports, endpoints } = slice;
  const serviceName = meta.labels[serviceNameLabel];
  const service = serviceName === undefined ? undefined : around.service(meta.namespace, serviceName);
  const labels = {
    [namespaceLabel]: meta.namespace,
    [`${prefix}endpointslice_address_type`]: slice.addressType,
    ...metaLabels("endpointslice", meta),
    ...(service && serviceLabels(service)),
  };
  const pods = new PodPorts();
  const targets: LabelValues[] = [];
  for (const endpoint of endpoints) {
    for (const port of ports) {
      for (const address of endpoint.addresses)
        targets.push({
          ...sliceLabels(address, endpoint, port),
          ...nodeMetadata(sliceNodeOf(endpoint, around)),
          ...pods.take(podOf(endpoint.targetRef, around), port.number),
        });
    }
  }
  return group([...targets, ...pods.others()], labels);
}

function sliceLabels(address: string, endpoint: SliceEndpoint, port: SlicePort): LabelValues {
  const start = `${prefix}endpointslice_`;
  const { ready, serving, terminating, targetRef, topology } = endpoint;
  const values: LabelValues = {
    __address__: port.number === undefined ? address : joinHostPort(address, port.number),
    [`${start}port_name`]: port.name ?? "",
    [`${start}port_protocol`]: port.protocol ?? "",
    [`${start}port`]: port.number === undefined ? "" : String(port.number),
    [`${start}port_app_protocol`]: port.appProtocol ?? "",
    [`${start}endpoint_conditions_ready`]: flagText(ready),
    [`${start}endpoint_conditions_serving`]: flagText(serving),
    [`${start}endpoint_conditions_terminating`]: flagText(terminating),
    [`${start}endpoint_hostname`]: endpoint.hostname ?? "",
    [`${start}endpoint_node_name`]: endpoint.nodeName ?? "",
    [`${start}endpoint_zone`]: endpoint.zone ?? "",
    [`${start}address_target_kind`]: targetRef?.kind ?? "",
    [`${start}address_target_name`]: targetRef?.name ?? "",
  };
  for (const [key, value] of Object.entries(topology)) {
    const name = labelName(key);
    values[`${start}endpoint_topology_${name}`] = value;
    values[`${start}endpoint_topology_present_${name}`] = "true";
  }
  return values;
}

function flagText(flag: boolean | undefined): string {
  return flag === undefined ? "" : String(flag);
}

function sliceNodeOf({ nodeName, targetRef }: SliceEndpoint, around: Surroundings): Node | undefined {
  const name = targetRef?.kind === "Node" ? targetRef.name : nodeName;
  return name === undefined ? undefined : around.node(name);
}

function podOf(reference: ObjectReference | undefined, around: Surroundings): Pod | undefined {
  return reference?.kind === "Pod" ? around.pod(reference.namespace, reference.name) : undefined;
}

/** The pods behind endpoints, and which of their ports the endpoints name. */
class PodPorts {
  readonly #seen = new Map<Pod, Set<number>>();

  /**
   * The labels that a pod adds to the target of one of its addresses; none when there is no pod. `protocol` is what the
   * endpoints say of the port, when that goes before what the pod says.
   */
  take(pod: Pod | undefined, number: number | undefined, protocol?: string): LabelValues {
    if (pod === undefined) return {};
    const named = this.#seen.get(pod) ?? new Set();
    this.#seen.set(pod, named);
    const values = podLabels(pod);
    if (number === undefined) return values;
    named.add(number);
    for (const container of pod.containers) {
      const port = container.ports.find((own) => own.number === number);
      if (port === undefined) continue;
      const told = { ...port, protocol: protocol ?? port.protocol };
      Object.assign(values, containerLabels(container), portLabels(told));
    }
    return values;
  }

  /** A target for each port of those pods that was not named. */
  *others(): Generator<LabelValues> {
    for (const [pod, named] of this.#seen) {
      if (pod.ip === "") continue;
      for (const container of pod.containers) {
        for (const port of container.ports) {
          if (named.has(port.number)) continue;
          yield {
            ...podLabels(pod),
            ...containerLabels(container),
            ...portLabels(port),
            __address__: joinHostPort(pod.ip, port.number),
          };
        }
      }
    }
  }
}
