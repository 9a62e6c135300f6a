/**
 * Discovery in Kubernetes as jobs see it: what it tells and when, what it says of itself, what it shares.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDiscovery } from "../../../src/discovery/create-discovery.js";
import {
  type Discovery,
  type DiscoveryEvent,
  type TargetGroup,
  targetsOf,
} from "../../../src/discovery/discovery.js";
import type { KubernetesDiscoveryConfig } from "../../../src/discovery/discovery-config.js";
import { KubernetesDiscovery } from "../../../src/discovery/kubernetes/kubernetes-discovery.js";
import { KubernetesWatches } from "../../../src/discovery/kubernetes/kubernetes-watches.js";
import { defaultHttpClientConfig } from "../../../src/http-client/http-client-config.js";
import { readTextFile } from "../../../src/local-files.js";
import { eventually } from "../../support/eventually.js";
import { HastyClock } from "../../support/hasty-clock.js";
import { endpoints, node, pod, service } from "../../support/kubernetes-cluster.js";
import { KubernetesServer, refuse } from "../../support/kubernetes-server.js";

/** A discovery that runs, and what it has told. */
class Found {
  readonly groups = new Map<string, readonly TargetGroup[]>();
  readonly events: DiscoveryEvent[] = [];
  readonly discovery: Discovery;

  constructor(create: (onEvent: (event: DiscoveryEvent) => void) => Discovery) {
    this.discovery = create((event) => this.events.push(event));
    this.discovery.run((source, groups) => this.groups.set(source, groups));
  }

  values(name: string): string[] {
    const labels = [...this.groups.values()].flatMap((groups) => [...targetsOf(groups)]);
    return labels.map((each) => each.get(name.replace(/^_(?!_)/, "__meta_kubernetes_"))).sort();
  }

  become(name: string, ...expected: string[]): Promise<void> {
    return eventually(() => expect(this.values(name)).toEqual([...expected].sort()));
  }
}

let server: KubernetesServer;
let watches: KubernetesWatches;
let running: Found[];

beforeEach(async () => {
  server = new KubernetesServer();
  watches = new KubernetesWatches();
  running = [];
  await server.listen();
});

afterEach(async () => {
  await Promise.all(running.map(({ discovery }) => discovery.stop()));
  await server.close();
});

function configOf(rest: Partial<KubernetesDiscoveryConfig>): KubernetesDiscoveryConfig {
  return {
    kind: "kubernetes",
    role: "pod",
    server: { kind: "url", url: server.url, client: defaultHttpClientConfig },
    namespaces: { names: [], isOwnIncluded: false },
    selectors: {},
    attachNodeMetadata: false,
    ...rest,
  };
}

function run(rest: Partial<KubernetesDiscoveryConfig> = {}): Found {
  const options = { clock: new HastyClock(), readFile: readTextFile, version: "1", watches };
  const found = new Found((onEvent) => createDiscovery(configOf(rest), { ...options, onEvent }));
  running.push(found);
  return found;
}

const openWatches = (count: number) => eventually(() => expect(server.openWatches).toBe(count));

describe("discovery in Kubernetes", () => {
  it("tells targets as they come and go", async () => {
    server.put("pods", pod("a", "shop", { ip: "10.0.0.1" }));
    const found = run();
    await found.become("__address__", "10.0.0.1:8080");
    server.put("pods", pod("b", "other", { ip: "10.0.0.2" }));
    await found.become("__address__", "10.0.0.1:8080", "10.0.0.2:8080");
    server.delete("pods", "a", "shop");
    await found.become("__address__", "10.0.0.2:8080");
    expect([...found.groups.keys()]).toEqual(["pod/shop/a", "pod/other/b"]);
    expect(found.events).toEqual([]);
  });

  it("tells many targets, a part at a time", async () => {
    for (let i = 0; i < 950; i++) server.put("pods", pod(`p-${i}`, "shop", { ip: "10.0.0.1" }));
    const found = run();
    await eventually(() => expect(found.values("_pod_name")).toHaveLength(950));
  });

  it("tells nothing before all is known that targets are made of, and all of it again when that changes", async () => {
    server.put("pods", pod("a", "shop", { ip: "10.0.0.1", nodeName: "n" }));
    server.put("services", service("web", "shop"));
    const targetRef = { kind: "Pod", namespace: "shop", name: "a" };
    const addresses = [{ ip: "10.0.0.1", nodeName: "n", targetRef }];
    server.put("endpoints", endpoints("web", "shop", [{ ports: [{ port: 8080 }], addresses }]));
    server.fault = ({ path }, response) => {
      if (!path.endsWith("/nodes")) return undefined;
      refuse(response, 403, "Forbidden", "not you");
      return "answered";
    };
    const found = run({ role: "endpoints", attachNodeMetadata: true });
    await openWatches(3);
    await eventually(() => expect(found.events).toHaveLength(1));
    expect(found.groups.size).toBe(0);
    server.fault = () => undefined;
    server.put("nodes", node("n", "192.168.0.1"));
    await found.become("_node_name", "n");
    server.put("nodes", node("n", "192.168.0.1", { color: "red" }));
    await found.become("_node_label_color", "red");
    server.put("pods", pod("a", "shop", { ip: "10.0.0.1", nodeName: "n", labels: { app: "b" } }));
    await found.become("_pod_label_app", "b");
    server.delete("services", "web", "shop");
    await found.become("_service_name", "");
    server.delete("nodes", "n");
    await found.become("_node_name", "");
  });

  it("looks at the namespaces and at the objects that it is told to", async () => {
    const names = ["one", "two", "three"];
    for (const name of names) {
      server.put("pods", pod("a", name, { ip: "10.0.0.1", labels: { color: "red" } }));
      server.put("pods", pod("b", name, { ip: "10.0.0.2" }));
    }
    const found = run({
      namespaces: { names: ["one", "two", "one"], isOwnIncluded: false },
      selectors: { pod: { label: "color=red", field: "" } },
    });
    await found.become("_namespace", "one", "two");
    expect(found.values("_pod_name")).toEqual(["a", "a"]);
    // The watches begin after what was listed has been told.
    await openWatches(2);
  });

  it("says what fails once, keeps the targets, and says when it is over", async () => {
    server.put("pods", pod("a", "shop", { ip: "10.0.0.1" }));
    const found = run({ namespaces: { names: ["shop"], isOwnIncluded: false } });
    await found.become("_pod_name", "a");
    await openWatches(1);
    server.fault = (_, response) => {
      refuse(response, 403, "Forbidden", "not you");
      return "answered";
    };
    server.endWatches("broken");
    const { discovery, events } = found;
    await eventually(() => expect(discovery.status.failures).toBeGreaterThan(2));
    const problem =
      "we may not watch pods in namespace shop; grant the verbs list and watch on pods (HTTP 403): not you";
    expect(discovery.status).toMatchObject({
      kind: "kubernetes",
      place: `pod of ${server.url} in shop`,
      lastError: problem,
    });
    expect(found.values("_pod_name")).toEqual(["a"]);
    server.fault = () => undefined;
    await eventually(() => expect(events).toHaveLength(2));
    const name = `kubernetes discovery of pod of ${server.url} in shop`;
    expect(events).toEqual([
      { level: "warning", message: `${name} keeps the targets that it had: ${problem}` },
      { level: "info", message: `${name} works again` },
    ]);
    expect(discovery.status.lastError).toBe("");
  });

  it("shares watches with others of the same server, until the last has ended", async () => {
    server.put("pods", pod("a", "shop", { ip: "10.0.0.1" }));
    const [first, second] = [run(), run()];
    await Promise.all([first, second].map((found) => found.become("_pod_name", "a")));
    await openWatches(1);
    const late = run({ role: "endpoints" });
    await openWatches(3);
    await first.discovery.stop();
    server.put("pods", pod("b", "shop", { ip: "10.0.0.2" }));
    await second.become("_pod_name", "a", "b");
    expect(first.values("_pod_name")).toEqual(["a"]);
    await second.discovery.stop();
    expect(server.openWatches).toBe(3);
    await late.discovery.stop();
    await openWatches(0);
    const again = run();
    await again.become("_pod_name", "a", "b");
  });

  it("may be stopped before it ran", async () => {
    const options = { clock: new HastyClock(), readFile: readTextFile, version: "1" };
    await createDiscovery(configOf({}), { ...options, onEvent: () => {} }).stop();
    expect(server.requests).toEqual([]);
  });
});

describe("the namespace of our own pod", () => {
  const root = mkdtempSync(join(tmpdir(), "narthex-own-namespace-"));
  const folder = join(root, "var/run/secrets/kubernetes.io/serviceaccount");
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it("is looked at besides others, as soon as it is known", async () => {
    server.put("pods", pod("a", "mine", { ip: "10.0.0.1" }));
    server.put("pods", pod("b", "shop", { ip: "10.0.0.2" }));
    server.put("pods", pod("c", "other", { ip: "10.0.0.3" }));
    const config = configOf({ namespaces: { names: ["shop"], isOwnIncluded: true } });
    const options = { clock: new HastyClock(), readFile: readTextFile, version: "1", watches };
    const found = new Found(
      (onEvent) => new KubernetesDiscovery(config, { ...options, onEvent, serviceAccountRoot: root }),
    );
    running.push(found);
    await eventually(() => expect(found.events).toHaveLength(1));
    expect(found.events[0]!.message).toContain("the own namespace is not known: cannot read");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "namespace"), "mine\n");
    await found.become("_pod_name", "a", "b");
    expect(found.discovery.status).toMatchObject({
      place: `pod of ${server.url} in shop, its own`,
      lastError: "",
    });
  });
});
