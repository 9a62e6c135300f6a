/**
 * Objects of every shape that an API server may store: each field there or not, empty or not.
 */

import fc from "fast-check";
import type { StoredObject } from "./kubernetes-server.js";

const namespaces = ["alpha", "beta"];
const keys = ["app", "app.kubernetes.io/name", "a-b", "UPPER", "x/y.z", "n1"];
const texts = fc.constantFrom("", "a", "true", "two words", 'quo"ted\\', "ü", "line\nbreak");
const pairs = fc.option(fc.dictionary(fc.constantFrom(...keys), texts, { maxKeys: 4 }), { nil: undefined });
const numbers = fc.constantFrom(80, 8080, 9090, 9102, 65_535);
const protocols = fc.constantFrom("TCP", "UDP", "SCTP");
const ips = fc.constantFrom("10.0.0.1", "10.0.0.2", "fd00::1", "10.0.0.3");
const nodes = fc.constantFrom("node-0", "node-1", "node-2", "node-lost");
const hosts = fc.constantFrom("a.example.org", "b.a.example.org", "example.org", "other.net", "");
const flags = fc.boolean();

/** Every field may be missing. */
function some<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> {
  return fc.record<T, never>(fields, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;
}

function list<T>(item: fc.Arbitrary<T>, maxLength = 3): fc.Arbitrary<T[]> {
  return fc.array(item, { maxLength });
}

function meta(name: string, namespace: string | undefined, more: fc.Arbitrary<object> = fc.constant({})) {
  return fc
    .tuple(some({ labels: pairs, annotations: pairs, uid: texts }), more)
    .map(([fields, added]) => ({ ...fields, ...added, name, ...(namespace !== undefined && { namespace }) }));
}

const containerPort = some({
  name: fc.constantFrom("http", "m", ""),
  containerPort: numbers,
  protocol: protocols,
});

function containers(start: string) {
  return list(some({ image: texts, ports: list(containerPort) })).map((all) =>
    all.map((fields, i) => ({ ...fields, name: `${start}-${i}` })),
  );
}

function statuses(start: string) {
  return list(some({ containerID: texts })).map((all) =>
    all.map((fields, i) => ({ ...fields, name: `${start}-${i}` })),
  );
}

function pod(name: string, namespace: string): fc.Arbitrary<object> {
  const owner = some({ kind: texts, name: texts, controller: flags });
  return fc.record({
    metadata: meta(name, namespace, some({ ownerReferences: list(owner) })),
    spec: some({ nodeName: nodes, containers: containers("c"), initContainers: containers("i") }),
    status: some({
      podIP: ips,
      hostIP: ips,
      phase: fc.constantFrom("Pending", "Running", "Succeeded"),
      conditions: list(
        some({
          type: fc.constantFrom("Ready", "Initialized"),
          status: fc.constantFrom("True", "False", "Unknown"),
        }),
      ),
      containerStatuses: statuses("c"),
      initContainerStatuses: statuses("i"),
    }),
  });
}

function service(name: string, namespace: string): fc.Arbitrary<object> {
  return fc.record({
    metadata: meta(name, namespace),
    spec: some({
      type: fc.constantFrom("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
      clusterIP: ips,
      externalName: hosts,
      loadBalancerIP: ips,
      ports: list(some({ name: texts, port: numbers, protocol: protocols })),
    }),
  });
}

function node(name: string): fc.Arbitrary<object> {
  const types = [
    "InternalIP",
    "InternalDNS",
    "ExternalIP",
    "ExternalDNS",
    "LegacyHostIP",
    "Hostname",
    "Odd.Type",
  ];
  return fc.record({
    metadata: meta(name, undefined),
    spec: some({ providerID: texts }),
    status: some({
      addresses: list(fc.record({ type: fc.constantFrom(...types), address: ips }), 4),
      daemonEndpoints: some({ kubeletEndpoint: fc.record({ Port: numbers }) }),
    }),
  });
}

function reference(namespace: string) {
  const names = fc.constantFrom("object-0", "object-1", "object-2", "lost");
  return fc.oneof(
    fc.record({ kind: fc.constant("Pod"), namespace: fc.constantFrom(namespace, "other"), name: names }),
    fc.record({ kind: fc.constant("Node"), name: nodes }),
    fc.record({ kind: fc.constant("Other"), name: names }),
  );
}

function endpoints(name: string, namespace: string): fc.Arbitrary<object> {
  const address = fc
    .tuple(ips, some({ hostname: texts, nodeName: nodes, targetRef: reference(namespace) }))
    .map(([ip, fields]) => ({ ip, ...fields }));
  const port = some({ name: texts, port: numbers, protocol: protocols });
  const subset = some({ ports: list(port), addresses: list(address), notReadyAddresses: list(address) });
  return fc.record({ metadata: meta(name, namespace), subsets: list(subset) });
}

function slice(name: string, namespace: string): fc.Arbitrary<object> {
  const port = fc
    .tuple(protocols, some({ name: texts, port: numbers, appProtocol: texts }))
    .map(([protocol, fields]) => ({ protocol, ...fields }));
  const endpoint = some({
    addresses: list(ips),
    conditions: some({ ready: flags, serving: flags, terminating: flags }),
    hostname: texts,
    nodeName: nodes,
    zone: texts,
    deprecatedTopology: pairs,
    targetRef: reference(namespace),
  });
  const owner = fc.constantFrom("object-0", "object-1", "lost");
  return fc
    .tuple(meta(name, namespace), fc.option(owner), list(port), list(endpoint))
    .map(([metadata, of, ports, all]) => ({
      metadata: {
        ...metadata,
        labels: { ...metadata.labels, ...(of !== null && { "kubernetes.io/service-name": of }) },
      },
      addressType: "IPv4",
      ports,
      endpoints: all,
    }));
}

function ingress(name: string, namespace: string): fc.Arbitrary<object> {
  const path = some({ path: fc.constantFrom("/", "/a", "") });
  const certificate = some({ hosts: list(fc.oneof(hosts, fc.constant("*.example.org"))) });
  const rule = some({ host: hosts, http: fc.record({ paths: list(path) }) });
  return fc.record({
    metadata: meta(name, namespace),
    spec: some({ ingressClassName: texts, tls: list(certificate), rules: list(rule) }),
  });
}

const kinds = { pods: pod, services: service, endpoints, endpointslices: slice, ingresses: ingress };

/** Of each resource some objects, the same for the same seed. */
export function randomObjects(seed: number): { resource: string; object: StoredObject }[] {
  const named = (count: number) => Array.from({ length: count }, (_, i) => `object-${i}`);
  const ofNamespaces = Object.entries(kinds).flatMap(([resource, make]) =>
    namespaces.flatMap((namespace) =>
      named(8).map((name) => ({ resource, arbitrary: make(name, namespace) })),
    ),
  );
  const all = [
    ...[0, 1, 2].map((i) => ({ resource: "nodes", arbitrary: node(`node-${i}`) })),
    ...ofNamespaces,
  ];
  return all.map(({ resource, arbitrary }, i) => {
    const [object] = fc.sample(arbitrary, { seed: seed * 1000 + i, numRuns: 1 });
    return { resource, object: object as StoredObject };
  });
}
