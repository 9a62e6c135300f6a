/**
 * A small cluster: objects as a real API server tells them, with what Prometheus makes labels of, and with what it leaves
 * out; odd ones among them.
 */

import type { KubernetesServer, StoredObject } from "./kubernetes-server.js";

const created = "2026-11-01T08:00:00Z";
const managedFields = [{ manager: "kubectl", operation: "Update", time: created }];

function meta(name: string, namespace: string | undefined, more: Record<string, unknown> = {}) {
  const place = namespace === undefined ? {} : { namespace };
  return { name, ...place, uid: `uid-${name}`, creationTimestamp: created, managedFields, ...more };
}

export function node(name: string, ip: string, labels: Record<string, string> = {}): StoredObject {
  return {
    metadata: meta(name, undefined, {
      labels: { "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": "a", ...labels },
      annotations: { "node.alpha.kubernetes.io/ttl": "0" },
    }),
    spec: { providerID: `aws:///a/${name}`, podCIDR: "10.0.0.0/24" },
    status: {
      addresses: [
        { type: "Hostname", address: name },
        { type: "InternalIP", address: ip },
        { type: "InternalIP", address: "fd00::9" },
        { type: "ExternalDNS", address: `${name}.example.org` },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
      conditions: [{ type: "Ready", status: "True" }],
    },
  };
}

export interface PodParts {
  readonly ip?: string;
  readonly nodeName?: string;
  readonly labels?: Record<string, string>;
  readonly containers?: readonly Record<string, unknown>[];
  readonly more?: Record<string, unknown>;
}

export function pod(name: string, namespace: string, parts: PodParts = {}): StoredObject {
  const { ip, nodeName, labels = {}, more = {} } = parts;
  const containers = parts.containers ?? [
    {
      name: "web",
      image: "shop/web:1.2",
      ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
    },
  ];
  return {
    metadata: meta(name, namespace, {
      labels: { app: "web", "app.kubernetes.io/part-of": "shop", empty: "", ...labels },
      annotations: { "prometheus.io/scrape": "true", note: 'a "quoted" text\nof two lines, with ü' },
      ownerReferences: [
        { apiVersion: "v1", kind: "Nobody", name: "x", uid: "1" },
        { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-5d", uid: "2", controller: true },
      ],
    }),
    spec: { ...(nodeName !== undefined && { nodeName }), containers, ...more },
    status: {
      phase: ip === undefined ? "Pending" : "Running",
      ...(ip !== undefined && { podIP: ip, podIPs: [{ ip }], hostIP: "192.168.0.1" }),
      ...(ip !== undefined && { conditions: [{ type: "Ready", status: "True" }] }),
      containerStatuses: containers.map((container) => ({
        name: container.name,
        containerID: `containerd://${name}-${String(container.name)}`,
      })),
    },
  };
}

export function service(name: string, namespace: string, spec: Record<string, unknown> = {}): StoredObject {
  return {
    metadata: meta(name, namespace, { labels: { app: name }, annotations: { "a.b/c": "d" } }),
    spec: {
      type: "ClusterIP",
      clusterIP: "10.96.0.7",
      ports: [
        { name: "http", port: 80, targetPort: 8080, protocol: "TCP" },
        { port: 9090, protocol: "UDP" },
      ],
      ...spec,
    },
  };
}

function podAddress(ip: string, name: string, more: Record<string, unknown> = {}) {
  return { ip, targetRef: { kind: "Pod", namespace: "shop", name, uid: `uid-${name}` }, ...more };
}

export function endpoints(name: string, namespace: string, subsets: readonly unknown[]): StoredObject {
  return {
    metadata: meta(name, namespace, {
      labels: { app: name, "endpoints.kubernetes.io/managed-by": "x" },
      annotations: { "endpoints.kubernetes.io/last-change-trigger-time": created },
    }),
    subsets,
  };
}

export function endpointSlice(
  name: string,
  namespace: string,
  rest: { readonly service?: string; readonly [key: string]: unknown },
): StoredObject {
  const { service: of, ...fields } = rest;
  const labels = {
    "endpointslice.kubernetes.io/managed-by": "x",
    ...(of && { "kubernetes.io/service-name": of }),
  };
  return {
    metadata: meta(name, namespace, { labels, annotations: { k: "v" } }),
    addressType: "IPv4",
    ...fields,
  };
}

export function ingress(name: string, namespace: string, spec: Record<string, unknown>): StoredObject {
  return {
    metadata: meta(name, namespace, { labels: { tier: "front" }, annotations: { "i/j": "k" } }),
    spec,
  };
}

const sidecars = {
  containers: [
    {
      name: "web",
      image: "shop/web:1.2",
      ports: [
        { name: "http", containerPort: 8080, protocol: "TCP" },
        { name: "metrics", containerPort: 9102, protocol: "TCP" },
      ],
    },
    { name: "quiet", image: "shop/quiet", resources: {} },
    {
      name: "proxy",
      image: "envoy",
      ports: [
        { containerPort: 8080, protocol: "UDP" },
        { name: "admin", containerPort: 15000, protocol: "TCP" },
      ],
    },
  ],
  more: {
    initContainers: [
      { name: "prepare", image: "shop/prepare" },
      { name: "migrate", image: "shop/migrate", ports: [{ containerPort: 7777, protocol: "TCP" }] },
      {
        name: "vpn",
        image: "vpn:3",
        restartPolicy: "Always",
        ports: [{ name: "vpn", containerPort: 5555, protocol: "TCP" }],
      },
    ],
  },
};

/** Puts all of it into a server. */
export function fillCluster(server: KubernetesServer): void {
  server.put("nodes", node("worker-1", "192.168.0.1", { "node-role.kubernetes.io/worker": "" }));
  server.put("nodes", node("worker-2", "192.168.0.2"));
  server.put("nodes", { metadata: meta("nowhere", undefined), spec: {}, status: { addresses: [] } });
  server.put("pods", pod("web-1", "shop", { ip: "10.0.0.11", nodeName: "worker-1", ...sidecars }));
  server.put("pods", pod("web-2", "shop", { ip: "10.0.0.12", nodeName: "worker-2" }));
  server.put("pods", pod("web-3", "shop"));
  server.put("pods", pod("six", "other", { ip: "fd00::6", nodeName: "gone" }));
  server.put("services", service("web", "shop"));
  server.put("services", service("lb", "shop", { type: "LoadBalancer", loadBalancerIP: "1.2.3.4" }));
  server.put(
    "services",
    service("ext", "other", { type: "ExternalName", externalName: "e.example.org", clusterIP: "" }),
  );
  server.put("services", service("headless", "other", { clusterIP: "None", ports: undefined }));
  const ports = [{ name: "http", port: 8080, protocol: "TCP" }];
  server.put(
    "endpoints",
    endpoints("web", "shop", [
      {
        ports,
        addresses: [podAddress("10.0.0.11", "web-1", { nodeName: "worker-1" })],
        notReadyAddresses: [podAddress("10.0.0.12", "web-2", { nodeName: "worker-2", hostname: "two" })],
      },
      { ports: [{ port: 5555, protocol: "TCP" }], addresses: [podAddress("10.0.0.11", "web-1")] },
    ]),
  );
  server.put(
    "endpoints",
    endpoints("kubelet", "other", [
      {
        ports: [{ name: "https-metrics", port: 10250, protocol: "TCP" }],
        addresses: [
          { ip: "192.168.0.1", targetRef: { kind: "Node", name: "worker-1" } },
          { ip: "fd00::2", targetRef: { kind: "Node", name: "worker-2" }, nodeName: "worker-2" },
          { ip: "10.0.0.99", targetRef: { kind: "Pod", namespace: "other", name: "lost" } },
          { ip: "10.0.0.98" },
        ],
      },
      { addresses: [{ ip: "10.0.0.97" }] },
    ]),
  );
  fillSlices(server, ports);
  server.put(
    "ingresses",
    ingress("front", "shop", {
      ingressClassName: "nginx",
      tls: [{ hosts: ["*.example.org", "exact.example.com"], secretName: "s" }],
      rules: [
        {
          host: "a.example.org",
          http: { paths: [{ path: "/x", pathType: "Prefix" }, { pathType: "Prefix" }] },
        },
        { host: "a.b.example.org", http: { paths: [{ path: "/y" }] } },
        { host: "exact.example.com" },
        { host: "plain.example.com", http: { paths: [] } },
      ],
    }),
  );
  server.put("ingresses", ingress("open", "other", { rules: [{ host: "open.example.net" }] }));
}

function fillSlices(server: KubernetesServer, ports: readonly unknown[]): void {
  const conditions = { ready: true, serving: true, terminating: false };
  server.put(
    "endpointslices",
    endpointSlice("web-abc", "shop", {
      service: "web",
      ports: [...ports, { name: "", port: 5555, protocol: "TCP", appProtocol: "http2" }],
      endpoints: [
        {
          addresses: ["10.0.0.11", "10.0.0.21"],
          conditions,
          hostname: "one",
          nodeName: "worker-1",
          zone: "a",
          hints: { forZones: [{ name: "a" }] },
          deprecatedTopology: { "topology.kubernetes.io/region": "eu" },
          targetRef: { kind: "Pod", namespace: "shop", name: "web-1" },
        },
        {
          addresses: ["10.0.0.12"],
          conditions: { ready: false, terminating: true },
          nodeName: "worker-2",
          targetRef: { kind: "Pod", namespace: "shop", name: "web-2" },
        },
      ],
    }),
  );
  server.put(
    "endpointslices",
    endpointSlice("kubelet-xyz", "other", {
      addressType: "IPv6",
      ports: [
        { name: "m", protocol: "TCP" },
        { name: "n", port: 10250, protocol: "TCP" },
      ],
      endpoints: [
        { addresses: ["fd00::1"], conditions: {}, targetRef: { kind: "Node", name: "worker-1" } },
        { addresses: ["fd00::2"], nodeName: "worker-2" },
      ],
    }),
  );
}
