/**
 * Targets of endpoints, with the pods, services and nodes behind them.
 */

import { describe, expect, it } from "vitest";
import {
  endpointSliceTargets,
  endpointsTargets,
  type Surroundings,
} from "../../../src/discovery/kubernetes/endpoint-targets.js";
import {
  readEndpointSlice,
  readEndpoints,
  readNode,
  readPod,
  readService,
} from "../../../src/discovery/kubernetes/kubernetes-objects.js";
import { roles } from "../../../src/discovery/kubernetes/roles.js";
import { endpointSlice, endpoints, node, pod, service } from "../../support/kubernetes-cluster.js";
import { columns } from "../../support/short-labels.js";

const nothing: Surroundings = { pod: () => undefined, service: () => undefined, node: () => undefined };

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
    expect(columns(found, ...names)).toEqual([
      ["10.0.0.1:8080", "true", "http", "TCP", "n"],
      ["10.0.0.2:8080", "false", undefined, undefined, undefined],
      ["10.0.0.1:9", undefined, "m", "TCP", undefined],
    ]);
    expect(columns(found, "service_name", "endpoints_name", "endpoints_label_app")[0]).toEqual([
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
    expect(columns(found, ...ofSlice)).toEqual([
      ["10.0.0.1:8080", "true", "http", "UDP", undefined],
      ["10.0.0.5:8080", "true", "http", "UDP", undefined],
      ["10.0.0.1", "true", undefined, undefined, undefined],
      ["10.0.0.5", "true", undefined, undefined, undefined],
      ["10.0.0.2:8080", undefined, undefined, undefined, "n"],
      ["10.0.0.2", undefined, undefined, undefined, "n"],
      ["10.0.0.1:9", undefined, "m", "TCP", undefined],
    ]);
    expect(columns(found, "service_name", "endpointslice_name")[0]).toEqual(["web", "web-x"]);
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
