/**
 * Discovery in Kubernetes beside a real Prometheus: both look at one API server, with all roles, while its objects come,
 * change and go, its watches break off and its versions are forgotten; both find the same targets with the same labels.
 */

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config.js";
import { createAuthority } from "../support/certificates.js";
import { endpoints, fillCluster, ingress, node, pod, service } from "../support/kubernetes-cluster.js";
import { KubernetesServer } from "../support/kubernetes-server.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { api, type RunningServer, startNarthex, startPrometheus } from "../support/processes.js";
import { randomObjects } from "../support/random-cluster.js";

const isMissing = ["prometheus", "promtool", "openssl"].map(isPeerMissing).includes(true);

interface Discovery {
  readonly activeTargets: readonly FoundTarget[];
  readonly droppedTargets: readonly FoundTarget[];
}

interface FoundTarget {
  readonly discoveredLabels: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly scrapePool: string;
}

const inPod = (keys: string) => `{ role: pod, ${keys} }`;
const ofPods = (selector: string) => inPod(`selectors: [{ role: pod, ${selector} }]`);
const labelSelectors = [
  ...[
    "a",
    "!a",
    "a=b",
    "a==b",
    "a!=b",
    "a in (b,c)",
    "a in ()",
    "a in (,b)",
    "a notin (b)",
    "a>1",
    "a<x",
    "a>",
    "a b",
  ],
  ...[
    "a,b",
    "a,",
    ",a",
    "a=",
    "=b",
    "a/b=c",
    "a/b/c=d",
    "A/b",
    "a.b/c-d_e",
    "-a",
    "a=-b",
    "a=b c",
    "a = b",
    " a ",
  ],
  ...[
    "a==",
    "a!=",
    "a in b",
    "a in (b",
    "! a",
    "!a=b",
    "a in(b)",
    "in in (in)",
    "a=in",
    "a=b,c!=d,!e,f in (g)",
  ],
  ...[
    "a>1.5",
    "a=/",
    "aü",
    "notin",
    "a=notin",
    "a===b",
    "a=!b",
    "a>-1",
    "a=(b)",
    "()",
    "",
    " ",
    "a=b,,c",
    "a!in(b)",
  ],
  ...[
    "/b",
    "a/",
    "a".repeat(63),
    "a".repeat(64),
    `a=${"b".repeat(64)}`,
    "a in (b,)",
    "a in (b,,c)",
    "a in (b c)",
  ],
  ...[
    "a in (b))",
    "a>01",
    "a>9223372036854775807",
    "a>9223372036854775808",
    "!!a",
    "a!b",
    "a<>1",
    "a.b./c",
    "a..b/c",
  ],
];
const fieldSelectors = [
  ...[
    "a",
    "a=b",
    "a==b",
    "a!=b",
    "a=b,c=d",
    "a=b,",
    ",",
    "=b",
    "a=",
    "",
    "a in (b)",
    "a=b=c",
    "a\\=b",
    "a=b\\,c",
  ],
  ...[
    "a=b\\x",
    "a=b\\",
    "!=a",
    "!a",
    "a=b,,c=d",
    " a=b ",
    "a>b",
    "a=b\\\\",
    "a\\=b=c",
    "a!==b",
    "a===b",
    "a!b=c",
  ],
];
const entries = [
  ...["{}", "{ role: }", "{ role: Pod }", "{ role: pods }", "{ role: service }", "{ role: endpoints, x: y }"],
  ...[
    "namespaces: {}",
    "namespaces: ",
    "namespaces: { names: a }",
    "namespaces: { names: [a], own_namespace: true }",
  ].map(inPod),
  ...[
    "api_server: 'https://h', kubeconfig_file: a",
    "api_server: 'h:1'",
    "api_server: ''",
    "kubeconfig_file: ''",
  ].map(inPod),
  ...[
    "api_server: '%zz'",
    "kubeconfig_file: a, follow_redirects: false",
    "kubeconfig_file: a, follow_redirects: true",
  ].map(inPod),
  ...[
    "kubeconfig_file: a, enable_http2: false",
    "follow_redirects: false",
    "tls_config: {}",
    "basic_auth: {}",
  ].map(inPod),
  ...[
    "basic_auth: ",
    "http_headers: {}",
    "http_headers: { a: { values: [b] } }",
    "proxy_url: ''",
    "bearer_token: ''",
  ].map(inPod),
  ...[
    "tls_config: { insecure_skip_verify: false }",
    "proxy_from_environment: false",
    "authorization: {}",
    "oauth2: ",
  ].map(inPod),
  ...["tls_config: { insecure_skip_verify: true }", "proxy_from_environment: true", "bearer_token: a"].map(
    inPod,
  ),
  ...[
    "api_server: 'https://h', bearer_token: a",
    "api_server: 'https://h', namespaces: { own_namespace: true }",
  ].map(inPod),
  ...[
    "kubeconfig_file: k, namespaces: { own_namespace: true }",
    "refresh_interval: 5s",
    "attach_metadata: { nodes: true }",
  ].map(inPod),
  ...[
    "attach_metadata: { namespace: true }",
    "attach_metadata: { node: true }",
    "attach_metadata: { node: maybe }",
  ].map(inPod),
  ...["selectors: [{ role: service }]", "selectors: [{ role: pod }, { role: pod }]", "selectors: [{}]"].map(
    inPod,
  ),
  ...["selectors: [{ role: pods }]", "selectors: { role: pod }", "selectors: ", "selectors: []"].map(inPod),
  ...["pod", "service", "endpoints", "endpointslice", "node", "ingress"].flatMap((role) =>
    ["pod", "service", "endpoints", "endpointslice", "node", "ingress"].map(
      (of) => `{ role: ${role}, attach_metadata: { node: true }, selectors: [{ role: ${of}, label: a }] }`,
    ),
  ),
  ...labelSelectors.map((text) => ofPods(`label: '${text}'`)),
  ...fieldSelectors.map((text) => ofPods(`field: '${text}'`)),
];

describe.skipIf(isMissing)("configurations", () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-kubernetes-check-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it("are accepted and refused alike", async () => {
    const textOf = (entry: string, i: number) => `- job_name: job${i}\n  kubernetes_sd_configs: [${entry}]\n`;
    const isOurs = (text: string): boolean => {
      try {
        parseConfig(text, "f.yml");
        return true;
      } catch {
        return false;
      }
    };
    const judged = await Promise.all(
      entries.map(async (entry, i) => {
        const text = `scrape_configs:\n${textOf(entry, i)}`;
        const file = join(directory, `${i}.yml`);
        writeFileSync(file, text);
        const args = ["check", "config", "--syntax-only", file];
        const theirs = await new Promise<boolean>((resolve) =>
          execFile(findPeer("promtool")!, args, (error) => resolve(error === null)),
        );
        return { entry, ours: isOurs(text), theirs };
      }),
    );
    expect(judged.filter(({ ours, theirs }) => ours !== theirs)).toEqual([]);
    expect(judged.filter(({ ours }) => ours).length).toBeGreaterThan(60);
    expect(judged.filter(({ ours }) => !ours).length).toBeGreaterThan(60);
  });
});

const seeds = process.env.SEED === undefined ? [1, 2] : [Number(process.env.SEED)];

describe.skipIf(isMissing)("the same cluster", () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-kubernetes-"));
  const authority = createAuthority()!;
  const server = new KubernetesServer(authority.sign("kubernetes"));
  let narthex: RunningServer;
  let prometheus: RunningServer;

  const jobs: Readonly<Record<string, Record<string, unknown>>> = {
    pod: { role: "pod" },
    "pod-node": { role: "pod", attach_metadata: { node: true }, namespaces: { names: ["shop", "none"] } },
    "pod-selected": {
      role: "pod",
      selectors: [{ role: "pod", label: "app=web", field: "spec.nodeName=worker-1" }],
    },
    service: { role: "service" },
    endpoints: { role: "endpoints" },
    "endpoints-node": { role: "endpoints", attach_metadata: { node: true } },
    "endpoints-some": {
      role: "endpoints",
      namespaces: { names: ["shop", "other"] },
      selectors: [
        { role: "endpoints", label: "app=web" },
        { role: "pod", field: "metadata.name=web-2" },
        { role: "service", label: "app=none" },
      ],
    },
    endpointslice: { role: "endpointslice" },
    "endpointslice-node": { role: "endpointslice", attach_metadata: { node: true } },
    node: { role: "node", namespaces: { names: ["shop"] } },
    "node-selected": { role: "node", selectors: [{ role: "node", field: "metadata.name=worker-2" }] },
    ingress: { role: "ingress", namespaces: { names: ["shop"] } },
    "ingress-all": { role: "ingress" },
  };

  beforeAll(async () => {
    fillCluster(server);
    server.authorization = "Bearer secret";
    const url = await server.listen();
    writeFileSync(join(directory, "ca.pem"), authority.cert);
    const tls = { tls_config: { ca_file: "ca.pem" } };
    const byUrl = { api_server: url, authorization: { credentials: "secret" }, ...tls };
    const kubeconfig = {
      apiVersion: "v1",
      kind: "Config",
      "current-context": "c",
      contexts: [{ name: "c", context: { cluster: "k", user: "u" } }],
      clusters: [{ name: "k", cluster: { server: url, "certificate-authority": "ca.pem" } }],
      users: [{ name: "u", user: { token: "secret" } }],
    };
    writeFileSync(join(directory, "kubeconfig"), JSON.stringify(kubeconfig));
    const config = {
      // Nobody answers there: these are looked at, not scraped.
      global: { scrape_interval: "1h" },
      scrape_configs: Object.entries(jobs).map(([name, keys], i) => ({
        job_name: name,
        // What is found twice under the same labels is one target, of which either shows where one is from.
        relabel_configs: [{ action: "labelmap", regex: "__meta_kubernetes_(.+)" }],
        kubernetes_sd_configs: [{ ...(i % 2 ? { kubeconfig_file: "kubeconfig" } : byUrl), ...keys }],
      })),
    };
    const configFile = join(directory, "prometheus.yml");
    writeFileSync(configFile, JSON.stringify(config, undefined, 1));
    mkdirSync(join(directory, "theirs"));
    narthex = await startNarthex(join(directory, "ours"), ["--config", configFile]);
    prometheus = await startPrometheus(findPeer("prometheus")!, {
      directory: join(directory, "theirs"),
      configFile,
    });
  });

  afterAll(async () => {
    await Promise.all([narthex?.stop(), prometheus?.stop()]);
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function targetsOf(running: RunningServer): Promise<readonly string[]> {
    const { activeTargets, droppedTargets } = await api<Discovery>(running, "targets", { state: "any" });
    const describeTarget = ({ scrapePool, labels = {}, discoveredLabels }: FoundTarget) =>
      JSON.stringify({ scrapePool, labels: sorted(labels), discoveredLabels: sorted(discoveredLabels) });
    return [...activeTargets, ...droppedTargets].map(describeTarget).sort();
  }

  function sorted(labels: Readonly<Record<string, string>>) {
    return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Waits until both have the same targets in all jobs, and `isSeen` is true of them. */
  function agree(isSeen: (targets: readonly string[]) => boolean): Promise<readonly string[]> {
    return agreeOn(Object.keys(jobs), isSeen);
  }

  async function agreeOn(
    pools: readonly string[],
    isSeen: (targets: readonly string[]) => boolean,
  ): Promise<readonly string[]> {
    const look = async (running: RunningServer) =>
      (await targetsOf(running)).filter((target) =>
        pools.includes((JSON.parse(target) as FoundTarget).scrapePool),
      );
    for (const deadline = Date.now() + 60_000; ; ) {
      const [ours = [], theirs = []] = await Promise.all([look(narthex), look(prometheus)]);
      const onlyOurs = ours.filter((target) => !theirs.includes(target));
      const onlyTheirs = theirs.filter((target) => !ours.includes(target));
      const isEqual = ours.join("\n") === theirs.join("\n");
      if (isEqual && isSeen(ours)) return ours;
      if (Date.now() > deadline)
        expect({ onlyOurs, onlyTheirs, isEqual, isSeen: isSeen(ours) }).toEqual({
          ...{ onlyOurs: [], onlyTheirs: [] },
          ...{ isEqual: true, isSeen: true },
        });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  const has = (text: string) => (targets: readonly string[]) =>
    targets.some((target) => target.includes(text));

  it("gives the same targets in every role", async () => {
    const targets = await agree((found) =>
      Object.keys(jobs).every((job) => has(`"scrapePool":"${job}"`)(found)),
    );
    expect(targets.length).toBeGreaterThan(60);
  });

  it("gives the same after objects came, changed and went", async () => {
    server.put(
      "pods",
      pod("web-2", "shop", { ip: "10.0.0.22", nodeName: "worker-1", labels: { app: "api" } }),
    );
    server.put("pods", pod("web-3", "shop", { ip: "10.0.0.13", nodeName: "worker-3" }));
    server.delete("pods", "six", "other");
    server.put("nodes", node("worker-3", "192.168.0.3"));
    server.put("nodes", node("worker-1", "192.168.0.11", { fresh: "yes" }));
    server.delete("nodes", "worker-2");
    server.put("services", service("web", "shop", { type: "NodePort" }));
    server.delete("services", "lb", "shop");
    server.delete("endpoints", "kubelet", "other");
    server.put(
      "endpoints",
      endpoints("fresh", "shop", [
        { ports: [{ port: 1, protocol: "TCP" }], addresses: [{ ip: "10.1.1.1", nodeName: "worker-3" }] },
      ]),
    );
    server.put("ingresses", ingress("front", "shop", { rules: [{ host: "changed.example.org" }] }));
    server.bookmark();
    // Prometheus looks at pods and nodes behind endpoints when the endpoints change; let it have seen those before.
    await agreeOn(["pod", "pod-node", "node", "service", "ingress"], has("changed.example.org"));
    for (const resource of ["endpoints", "endpointslices"]) server.touch(resource);
    await agree(
      (found) => has("_annotation_touched")(found) && has("10.1.1.1")(found) && !has("[fd00::6]")(found),
    );
  });

  it("gives the same after watches ended, broke off, and were forgotten", async () => {
    server.endWatches("mid-line");
    server.put("pods", pod("late-1", "shop", { ip: "10.0.0.31" }));
    await agree(has("late-1"));
    server.endWatches("broken");
    server.delete("pods", "web-1", "shop");
    server.put("pods", pod("late-2", "shop", { ip: "10.0.0.32" }));
    server.forget();
    await agreeOn(["pod", "pod-node"], (found) => has("late-2")(found) && !has('_pod_name":"web-1"')(found));
    for (const resource of ["endpoints", "endpointslices"]) server.touch(resource);
    await agree((found) => !has('_pod_name":"web-1"')(found));
    server.endWatches("ended");
    server.put("services", service("late", "shop"));
    await agree(has("late.shop.svc"));
  });

  it.each(seeds)("gives the same for objects of every shape: seed %d", async (seed) => {
    const objects = randomObjects(seed);
    const isBehind = (resource: string) => ["pods", "services", "nodes", "ingresses"].includes(resource);
    for (const { resource, object } of objects) if (isBehind(resource)) server.put(resource, object);
    const last = (name: string) => pod(name, "shop", { ip: "10.9.9.9", labels: { seed: String(seed) } });
    server.put("pods", last("last"));
    await agreeOn(
      ["pod", "pod-node", "node", "service", "ingress", "ingress-all"],
      has(`_label_seed":"${seed}"`),
    );
    for (const { resource, object } of objects) if (!isBehind(resource)) server.put(resource, object);
    server.put(
      "endpoints",
      endpoints(`last-${seed}`, "shop", [
        { ports: [{ port: 1, protocol: "TCP" }], addresses: [{ ip: "10.9.9.9" }] },
      ]),
    );
    const targets = await agree(has(`_endpoints_name":"last-${seed}"`));
    expect(targets.length).toBeGreaterThan(150);
  });
});
