/**
 * Targets of single objects. What a whole cluster gives is compared with a real Prometheus in test/peers/kubernetes.test.ts.
 */

import { describe, expect, it } from "vitest";
import { targetsOf } from "../../../src/discovery/discovery.js";
import {
  readIngress,
  readNode,
  readPod,
  readService,
} from "../../../src/discovery/kubernetes/kubernetes-objects.js";
import {
  ingressTargets,
  nodeTargets,
  podTargets,
  serviceTargets,
} from "../../../src/discovery/kubernetes/role-targets.js";
import { ingress, node, pod, service } from "../../support/kubernetes-cluster.js";
import { columns, shortLabels } from "../../support/short-labels.js";

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
    expect(labels!.get(`__meta_kubernetes_pod_labelpresent_empty`)).toBe("true");
    expect(labels!.has(`__meta_kubernetes_pod_label_empty`)).toBe(false);
  });

  it("gives none without an address, and one without a port for a container that has none", () => {
    expect(shortLabels(podTargets(readPod(pod("web", "shop")), undefined))).toEqual([]);
    const quiet = pod("web", "shop", {
      ip: "fd00::1",
      containers: [{ name: "quiet" }, { name: "web", ports: [{ containerPort: 80 }] }],
      more: { initContainers: [{ name: "first" }] },
    });
    expect(columns(podTargets(readPod(quiet), undefined), "__address__", "pod_container_init")).toEqual([
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
    expect(columns(onNode, "node_name", "node_label_topology_kubernetes_io_zone")).toEqual([["n", "a"]]);
  });

  it("says nothing of what it does not know", () => {
    const bare = readPod({ metadata: { name: "a" } });
    expect(bare).toMatchObject({ ip: "", ready: "unknown", phase: "", containers: [] });
  });
});

describe("a service", () => {
  it("gives a target for each port, by its name in the cluster", () => {
    expect(
      columns(serviceTargets(readService(service("web", "shop"))), "__address__", "service_cluster_ip"),
    ).toEqual([
      ["web.shop.svc:80", "10.96.0.7"],
      ["web.shop.svc:9090", "10.96.0.7"],
    ]);
    const external = service("web", "shop", { type: "ExternalName", externalName: "e.org" });
    const names = ["service_type", "service_external_name", "service_cluster_ip"];
    expect(columns(serviceTargets(readService(external)), ...names)[0]).toEqual([
      "ExternalName",
      "e.org",
      undefined,
    ]);
    const balanced = service("web", "shop", { type: "LoadBalancer", loadBalancerIP: "1.2.3.4" });
    expect(columns(serviceTargets(readService(balanced)), "service_loadbalancer_ip")[0]).toEqual(["1.2.3.4"]);
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
      expect(columns(nodeTargets(readNode(object)), "__address__")).toEqual([
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
    const found = columns(
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
      columns(ingressTargets(readIngress(ingress("i", "shop", spec))), "__address__", "ingress_path"),
    ).toEqual([["a", "/"]]);
  });
});
