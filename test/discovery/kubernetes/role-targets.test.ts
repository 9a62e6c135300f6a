/**
 * Targets of single objects. What a whole cluster gives is compared with a real Prometheus in test/peers/kubernetes.test.ts.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type TargetGroup, targetsOf } from "../../../src/discovery/discovery.js";
import {
  endpointSliceTargets,
  endpointsTargets,
  type Surroundings,
} from "../../../src/discovery/kubernetes/endpoint-targets.js";
import {
  readEndpointSlice,
  readEndpoints,
  readIngress,
  readNode,
  readPod,
  readService,
} from "../../../src/discovery/kubernetes/kubernetes-objects.js";
import { joinHostPort, labelName } from "../../../src/discovery/kubernetes/meta-labels.js";
import { readers } from "../../../src/discovery/kubernetes/resources.js";
import {
  ingressTargets,
  nodeTargets,
  podTargets,
  serviceTargets,
} from "../../../src/discovery/kubernetes/role-targets.js";
import { roles } from "../../../src/discovery/kubernetes/roles.js";
import { endpointSlice, endpoints, ingress, node, pod, service } from "../../support/kubernetes-cluster.js";

const start = "__meta_kubernetes_";

/** Labels without what all begin with; those that only say that another is there are left out. */
function shortLabels(group: TargetGroup | undefined): Record<string, string>[] {
  return [...targetsOf(group === undefined ? [] : [group])].map((labels) =>
    Object.fromEntries(
      [...labels]
        .filter(([name]) => !name.includes("present_"))
        .map(([name, value]) => [name.replace(start, ""), value]),
    ),
  );
}

const column = (group: TargetGroup | undefined, ...names: string[]) =>
  shortLabels(group).map((labels) => names.map((name) => labels[name]));

const nothing: Surroundings = { pod: () => undefined, service: () => undefined, node: () => undefined };

describe("a pod", () => {
  it("gives a target for each port, with all that is known of it", () => {
    const found = podTargets(readPod(pod("web", "shop", { ip: "10.0.0.1", nodeName: "n" })), undefined);
    expect(shortLabels(found)).toEqual([
      {
        __address__: "10.0.0.1:8080",
        namespace: "shop",
        pod_name: "web",
        pod_ip: "10.0.0.1",
        pod_host_ip: "192.168.0.1",
        pod_node_name: "n",
        pod_phase: "Running",
        pod_ready: "true",
        pod_uid: "uid-web",
        pod_controller_kind: "ReplicaSet",
        pod_controller_name: "web-5d",
        pod_container_name: "web",
        pod_container_id: "containerd://web-web",
        pod_container_image: "shop/web:1.2",
        pod_container_init: "false",
        pod_container_port_name: "http",
        pod_container_port_number: "8080",
        pod_container_port_protocol: "TCP",
        pod_label_app: "web",
        pod_label_app_kubernetes_io_part_of: "shop",
        pod_annotation_note: 'a "quoted" text\nof two lines, with ü',
        pod_annotation_prometheus_io_scrape: "true",
      },
    ]);
    const [labels] = [...targetsOf([found])];
    expect(labels!.get(`${start}pod_labelpresent_empty`)).toBe("true");
    expect(labels!.has(`${start}pod_label_empty`)).toBe(false);
  });

  it("gives none without an address, and one without a port for a container that has none", () => {
    expect(shortLabels(podTargets(readPod(pod("web", "shop")), undefined))).toEqual([]);
    const quiet = pod("web", "shop", {
      ip: "fd00::1",
      containers: [{ name: "quiet" }, { name: "web", ports: [{ containerPort: 80 }] }],
      more: { initContainers: [{ name: "first" }] },
    });
    expect(column(podTargets(readPod(quiet), undefined), "__address__", "pod_container_init")).toEqual([
      ["fd00::1", "false"],
      ["[fd00::1]:80", "false"],
      ["fd00::1", "true"],
    ]);
  });

  it("has the labels of its node when they are asked for", () => {
    const onNode = podTargets(
      readPod(pod("web", "shop", { ip: "10.0.0.1", nodeName: "n" })),
      readNode(node("n", "192.168.0.1")),
    );
    expect(column(onNode, "node_name", "node_label_topology_kubernetes_io_zone")).toEqual([["n", "a"]]);
  });

  it("says nothing of what it does not know", () => {
    const bare = readPod({ metadata: { name: "a" } });
    expect(bare).toMatchObject({ ip: "", ready: "unknown", phase: "", containers: [] });
  });
});

describe("a service", () => {
  it("gives a target for each port, by its name in the cluster", () => {
    expect(
      column(serviceTargets(readService(service("web", "shop"))), "__address__", "service_cluster_ip"),
    ).toEqual([
      ["web.shop.svc:80", "10.96.0.7"],
      ["web.shop.svc:9090", "10.96.0.7"],
    ]);
    const external = service("web", "shop", { type: "ExternalName", externalName: "e.org" });
    const names = ["service_type", "service_external_name", "service_cluster_ip"];
    expect(column(serviceTargets(readService(external)), ...names)[0]).toEqual([
      "ExternalName",
      "e.org",
      undefined,
    ]);
    const balanced = service("web", "shop", { type: "LoadBalancer", loadBalancerIP: "1.2.3.4" });
    expect(column(serviceTargets(readService(balanced)), "service_loadbalancer_ip")[0]).toEqual(["1.2.3.4"]);
  });
});

describe("a node", () => {
  it("gives its kubelet, at the address that comes first in Prometheus' order", () => {
    const [target] = shortLabels(nodeTargets(readNode(node("n", "192.168.0.1"))));
    expect(target).toMatchObject({
      __address__: "192.168.0.1:10250",
      instance: "n",
      node_name: "n",
      node_provider_id: "aws:///a/n",
      node_address_InternalIP: "192.168.0.1",
      node_address_Hostname: "n",
      node_address_ExternalDNS: "n.example.org",
    });
    const addresses = ["Hostname", "LegacyHostIP", "ExternalDNS", "ExternalIP", "InternalDNS", "InternalIP"];
    for (let i = 1; i <= addresses.length; i++) {
      const some = addresses.slice(0, i).map((type) => ({ type, address: type.toLowerCase() }));
      const object = { metadata: { name: "n" }, status: { addresses: some } };
      expect(column(nodeTargets(readNode(object)), "__address__")).toEqual([
        [`${addresses[i - 1]!.toLowerCase()}:0`],
      ]);
    }
  });

  it("stays what it was when it has no address", () => {
    expect(nodeTargets(readNode({ metadata: { name: "n" }, status: { addresses: [] } }))).toBe(undefined);
  });
});

describe("an ingress", () => {
  it("gives a target for each path, encrypted where a certificate is for the host", () => {
    const hosts = [
      ...["a.example.org", "b.a.example.org", "example.org", "exact.org", "other.org", "*.example.org"],
    ];
    const spec = {
      tls: [{ hosts: ["*.example.org"] }, { hosts: ["exact.org"] }],
      rules: hosts.map((host) => ({ host, http: { paths: [{ path: "/a" }, {}] } })),
    };
    const found = column(
      ingressTargets(readIngress(ingress("i", "shop", spec))),
      "__address__",
      "ingress_scheme",
      "ingress_path",
    );
    expect(found.filter(([, , path]) => path === "/a").map(([host, scheme]) => [host, scheme])).toEqual([
      ["a.example.org", "https"],
      ["b.a.example.org", "http"],
      ["example.org", "http"],
      ["exact.org", "https"],
      ["other.org", "http"],
      ["*.example.org", "https"],
    ]);
    expect(found.filter(([, , path]) => path === "/")).toHaveLength(hosts.length);
  });

  it("gives the root where nothing is said of paths, and nothing where there are none", () => {
    const spec = { rules: [{ host: "a" }, { host: "b", http: { paths: [] } }] };
    expect(
      column(ingressTargets(readIngress(ingress("i", "shop", spec))), "__address__", "ingress_path"),
    ).toEqual([["a", "/"]]);
  });
});

describe("endpoints", () => {
  const web = readPod(
    pod("web", "shop", {
      ip: "10.0.0.1",
      containers: [
        {
          name: "web",
          image: "w",
          ports: [
            { name: "http", containerPort: 8080, protocol: "UDP" },
            { name: "m", containerPort: 9, protocol: "TCP" },
          ],
        },
      ],
    }),
  );
  const around: Surroundings = {
    pod: (namespace, name) => (namespace === "shop" && name === "web" ? web : undefined),
    service: (namespace, name) =>
      namespace === "shop" && name === "web" ? readService(service("web", "shop")) : undefined,
    node: (name) => (name === "n" ? readNode(node("n", "192.168.0.1")) : undefined),
  };
  const targetRef = { kind: "Pod", namespace: "shop", name: "web" };
  const names = [
    "__address__",
    "endpoint_ready",
    "pod_container_port_name",
    "pod_container_port_protocol",
    "node_name",
  ];

  it("give addresses with their pods, and the ports of the pods that they do not name", () => {
    const object = endpoints("web", "shop", [
      {
        ports: [{ name: "http", port: 8080, protocol: "TCP" }],
        addresses: [{ ip: "10.0.0.1", targetRef, nodeName: "n" }],
        notReadyAddresses: [{ ip: "10.0.0.2" }],
      },
    ]);
    const found = endpointsTargets(readEndpoints(object), around);
    expect(column(found, ...names)).toEqual([
      ["10.0.0.1:8080", "true", "http", "TCP", "n"],
      ["10.0.0.2:8080", "false", undefined, undefined, undefined],
      ["10.0.0.1:9", undefined, "m", "TCP", undefined],
    ]);
    expect(column(found, "service_name", "endpoints_name", "endpoints_label_app")[0]).toEqual([
      "web",
      "web",
      "web",
    ]);
  });

  it("give the same as slices, where the pod says the protocol", () => {
    const object = endpointSlice("web-x", "shop", {
      service: "web",
      ports: [{ name: "http", port: 8080, protocol: "TCP" }, { name: "none" }],
      endpoints: [
        { addresses: ["10.0.0.1", "10.0.0.5"], conditions: { ready: true, serving: false }, targetRef },
        { addresses: ["10.0.0.2"], targetRef: { kind: "Node", name: "n" }, nodeName: "other" },
      ],
    });
    const found = endpointSliceTargets(readEndpointSlice(object), around);
    const ofSlice = ["__address__", "endpointslice_endpoint_conditions_ready", ...names.slice(2)];
    expect(column(found, ...ofSlice)).toEqual([
      ["10.0.0.1:8080", "true", "http", "UDP", undefined],
      ["10.0.0.5:8080", "true", "http", "UDP", undefined],
      ["10.0.0.1", "true", undefined, undefined, undefined],
      ["10.0.0.5", "true", undefined, undefined, undefined],
      ["10.0.0.2:8080", undefined, undefined, undefined, "n"],
      ["10.0.0.2", undefined, undefined, undefined, "n"],
      ["10.0.0.1:9", undefined, "m", "TCP", undefined],
    ]);
    expect(column(found, "service_name", "endpointslice_name")[0]).toEqual(["web", "web-x"]);
  });

  it("are told again when what stands behind them has changed", () => {
    const none = { pods: new Set<string>(), services: new Set<string>(), nodes: new Set<string>() };
    const object = readEndpoints(
      endpoints("web", "shop", [{ notReadyAddresses: [{ ip: "1", nodeName: "n", targetRef }] }]),
    );
    const rules = roles.endpoints;
    if (rules.resource !== "endpoints") throw new Error("another resource");
    expect(rules.dependsOn(object, none)).toBe(false);
    expect(rules.dependsOn(object, { ...none, pods: new Set(["shop/web"]) })).toBe(true);
    expect(rules.dependsOn(object, { ...none, pods: new Set(["shop/other"]) })).toBe(false);
    expect(rules.dependsOn(object, { ...none, nodes: new Set(["/n"]) })).toBe(true);
    expect(rules.dependsOn(object, { ...none, services: new Set(["shop/web"]) })).toBe(true);
    expect(endpointsTargets(object, nothing).targets).toEqual([]);
  });
});

describe("objects", () => {
  it("may hold anything, of any type, in any field", () => {
    const keys = [
      "spec",
      "status",
      "ports",
      "subsets",
      "addresses",
      "endpoints",
      "conditions",
      "containers",
      "rules",
    ];
    const more = [
      "http",
      "paths",
      "tls",
      "hosts",
      "targetRef",
      "podIP",
      "port",
      "initContainers",
      "daemonEndpoints",
    ];
    const { node: anything } = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: "small" },
        ...[fc.string(), fc.double(), fc.boolean(), fc.constant(null)],
        fc.array(tie("node"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...keys, ...more), tie("node"), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), anything), (fields) => {
        const object = { ...fields, metadata: { name: "a", labels: { x: 1, y: "z" } } };
        for (const read of Object.values(readers)) expect(read(object).meta.labels).toEqual({ y: "z" });
        for (const rules of Object.values(roles)) {
          // Each role has the reader of its own resource.
          const targets = (
            rules.targets as (object: unknown, around: Surroundings) => TargetGroup | undefined
          )(readers[rules.resource](object), nothing);
          for (const labels of targetsOf(targets === undefined ? [] : [targets]))
            expect(labels.size).toBeGreaterThan(0);
        }
      }),
    );
  });

  it("give names that labels may have, and addresses", () => {
    expect(labelName("app.kubernetes.io/part-of")).toBe("app_kubernetes_io_part_of");
    expect(labelName("a😀ü1")).toBe("a__1");
    expect(joinHostPort("h", 1)).toBe("h:1");
    expect(joinHostPort("::1", 1)).toBe("[::1]:1");
  });
});
