import { describe, expect, it } from "vitest";
import { readKubernetesDiscovery } from "../../src/config/kubernetes-section.js";
import { openYaml } from "../../src/config/yaml-file.js";
import { parseConfig } from "../../src/config.js";
import { missingClient } from "../../src/discovery/kubernetes/official-access.js";
import { defaultHttpClientConfig } from "../../src/http-client/http-client-config.js";

function read(entry: string) {
  const text = `scrape_configs:\n- job_name: a\n  kubernetes_sd_configs:\n  - ${entry}\n`;
  return parseConfig(text, "/etc/prometheus.yml").scrapeConfigs[0]!.discoveries[0];
}

function problem(entry: string): string {
  try {
    read(entry);
  } catch (error) {
    return (error as Error).message.replace("scrape_configs[0].kubernetes_sd_configs[0]", "HERE");
  }
  return "none";
}

const none = {
  namespaces: { names: [], isOwnIncluded: false },
  selectors: {},
  attachNodeMetadata: false,
};

describe("discovery in Kubernetes", () => {
  it("is read with its defaults", () => {
    expect(read("{ role: pod }")).toEqual({
      kind: "kubernetes",
      role: "pod",
      server: { kind: "in-cluster" },
      ...none,
    });
  });

  it("knows a server by URL, with the settings of HTTP clients, or by a file of kubectl", () => {
    expect(read('{ role: node, api_server: "https://k:6443", bearer_token_file: t }')).toMatchObject({
      server: {
        kind: "url",
        url: "https://k:6443",
        client: { authorization: { kind: "token", type: "Bearer", credentials: { file: "/etc/t" } } },
      },
    });
    expect(read('{ role: node, api_server: "k:8080" }')).toMatchObject({
      server: { kind: "url", url: "http://k:8080", client: defaultHttpClientConfig },
    });
    expect(read("{ role: node, kubeconfig_file: kube/config, follow_redirects: true }")).toMatchObject({
      server: { kind: "kubeconfig", file: "/etc/kube/config" },
    });
  });

  it("knows namespaces, selectors and metadata of nodes", () => {
    const entry = `{ role: endpoints, namespaces: { own_namespace: true, names: [a, b] },
      selectors: [{ role: pod, label: x in (y), field: a.b=c }, { role: endpoints }], attach_metadata: { node: true } }`;
    expect(read(entry)).toMatchObject({
      namespaces: { names: ["a", "b"], isOwnIncluded: true },
      selectors: { pod: { label: "x in (y)", field: "a.b=c" }, endpoints: { label: "", field: "" } },
      attachNodeMetadata: true,
    });
  });

  it.each([
    ["{}", ":4:5: HERE.role must be given: one of pod, service, endpoints, endpointslice, node, ingress"],
    [
      "{ role: Pod }",
      ':4:13: HERE.role must be one of pod, service, endpoints, endpointslice, node, ingress, not "Pod"',
    ],
    [
      "{ role: pod, api_server: 'http://k', kubeconfig_file: a }",
      ":4:59: HERE.kubeconfig_file and api_server must not both be given",
    ],
    [
      "{ role: pod, api_server: 'ftp://u:p@k' }",
      ":4:30: HERE.api_server must be a URL of http or https with a host",
    ],
    ["{ role: pod, follow_redirects: false }", ":4:36: HERE.follow_redirects needs api_server"],
    ["{ role: pod, basic_auth: {} }", ":4:30: HERE.basic_auth needs api_server"],
    ["{ role: pod, enable_http2: false }", ":4:32: HERE.enable_http2 needs api_server"],
    ["{ role: pod, proxy_url: '' }", ":4:29: HERE.proxy_url needs api_server"],
    [
      "{ role: pod, kubeconfig_file: a, bearer_token: b }",
      ":4:52: HERE.bearer_token and kubeconfig_file must not both be given: the file says how the server is asked",
    ],
    [
      "{ role: pod, api_server: 'http://k', namespaces: { own_namespace: true } }",
      ":4:71: HERE.namespaces.own_namespace and api_server must not both be given",
    ],
    [
      "{ role: pod, kubeconfig_file: k, namespaces: { own_namespace: true } }",
      ":4:67: HERE.namespaces.own_namespace and kubeconfig_file must not both be given",
    ],
    [
      "{ role: pod, namespaces: { name: [a] } }",
      ':4:32: unknown key "name" in HERE.namespaces; did you mean "names"?',
    ],
    [
      "{ role: pod, selectors: [{ role: service }] }",
      ":4:38: HERE.selectors[0].role must be one of pod for role pod",
    ],
    [
      "{ role: pod, selectors: [{ label: a }] }",
      ":4:30: HERE.selectors[0].role must be one of pod for role pod",
    ],
    [
      "{ role: pod, selectors: [{ role: pod }, { role: pod }] }",
      ':4:53: HERE.selectors[1].role "pod" is that of another selector too',
    ],
    [
      "{ role: pod, selectors: [{ role: pod, label: 'a b' }] }",
      ':4:50: HERE.selectors[0].label is no selector of Kubernetes: after "a" must come one of = == != in notin > <',
    ],
    [
      "{ role: pod, selectors: [{ role: pod, field: a }] }",
      ':4:50: HERE.selectors[0].field is no selector of Kubernetes: "a" must be FIELD=VALUE or FIELD!=VALUE',
    ],
    [
      "{ role: pod, attach_metadata: { namespace: true } }",
      ':4:37: unknown key "namespace" in HERE.attach_metadata',
    ],
    ["{ role: pod, refresh_interval: 5s }", ':4:18: unknown key "refresh_interval" in HERE'],
  ])("refuses %s", (entry, message) => expect(problem(entry)).toBe(`/etc/prometheus.yml${message}`));

  it("asks for the official client where it is needed, with the place", () => {
    const missing = () =>
      missingClient((name) => {
        throw new Error(`Cannot find module '${name}'`);
      });
    const readWithout = (entry: string) => {
      const { root } = openYaml(`entries: [${entry}]`, "f.yml");
      const place = { directory: "/etc", environment: {} };
      return readKubernetesDiscovery(root!.sections("entries")[0]!, place, missing);
    };
    expect(() => readWithout("{ role: pod, kubeconfig_file: k }")).toThrow(
      "f.yml:1:19: entries[0]: install @kubernetes/client-node to use kubernetes_sd_configs without api_server: npm install @kubernetes/client-node",
    );
    expect(() => readWithout("{ role: pod }")).toThrow("npm install @kubernetes/client-node");
    expect(readWithout('{ role: pod, api_server: "http://k" }').role).toBe("pod");
  });
});
