/**
 * readKubernetesDiscovery: an entry of `kubernetes_sd_configs`.
 *
 *   kubernetes_sd_configs: [{ role: pod, namespaces: { names: [shop] }, selectors: [{ role: pod, label: app=web }] }]
 *   kubernetes_sd_configs: [{ role: node, api_server: "https://k8s:6443", authorization: { credentials_file: token } }]
 *   kubernetes_sd_configs: [{ role: endpoints, kubeconfig_file: kubeconfig, attach_metadata: { node: true } }]
 *
 * Source: Prometheus configuration, `<kubernetes_sd_config>`.
 */

import { isDeepStrictEqual } from "node:util";
import {
  type KubernetesDiscoveryConfig,
  type KubernetesRole,
  type KubernetesSelector,
  type KubernetesServerConfig,
  kubernetesRoles,
} from "../discovery/discovery-config.js";
import { missingClient } from "../discovery/kubernetes/official-access.js";
import { defaultHttpClientConfig } from "../http-client/http-client-config.js";
import { type ConfigPlace, pathIn } from "./config-place.js";
import { badEscape, readHttpClient } from "./http-client-section.js";
import { fieldSelectorProblem, labelSelectorProblem } from "./kubernetes-selectors.js";
import type { YamlSection } from "./yaml-section.js";

/**
 * Throws ConfigError, also when the official client is needed and `missing` says that it is not installed.
 */
export function readKubernetesDiscovery(
  section: YamlSection,
  place: ConfigPlace,
  missing = missingClient,
): KubernetesDiscoveryConfig {
  const role = section.oneOf("role", kubernetesRoles);
  if (role === undefined) return section.fail("role", `must be given: one of ${kubernetesRoles.join(", ")}`);
  const server = readServer(section, place);
  const namespaces = readNamespaces(section.section("namespaces"), server);
  const selectors = readSelectors(section, role);
  const metadata = section.section("attach_metadata");
  const attachNodeMetadata = metadata?.flag("node") ?? false;
  metadata?.finish();
  section.finish();
  const problem = server.kind === "url" ? undefined : missing();
  if (problem !== undefined) section.reject("role", problem);
  return { kind: "kubernetes", role, server, namespaces, selectors, attachNodeMetadata };
}

function readServer(section: YamlSection, place: ConfigPlace): KubernetesServerConfig {
  const written = section.text("api_server") ?? "";
  const file = pathIn(place, section.text("kubeconfig_file"));
  const client = readHttpClient(section, place);
  if (written !== "" && file !== undefined)
    section.fail("kubeconfig_file", "and api_server must not both be given");
  if (written === "") {
    const own = isDeepStrictEqual(client, defaultHttpClientConfig)
      ? ownHttpKey(section)
      : firstHttpKey(section);
    if (own !== undefined)
      section.fail(
        own,
        file === undefined
          ? "needs api_server"
          : "and kubeconfig_file must not both be given: the file says how the server is asked",
      );
    return file === undefined ? { kind: "in-cluster" } : { kind: "kubeconfig", file };
  }
  // As the official clients take it.
  const url = /^[^/:]+:\d+$/.test(written) ? `http://${written}` : written;
  // What is wrong may have a password in it.
  if (!/^https?:\/\/[^/]/i.test(url) || !URL.canParse(url) || badEscape.test(url))
    section.fail("api_server", "must be a URL of http or https with a host");
  return { kind: "url", url, client };
}

const httpKeys = [
  ...["basic_auth", "authorization", "oauth2", "bearer_token", "bearer_token_file", "tls_config"],
  ...["proxy_url", "no_proxy", "proxy_from_environment", "proxy_connect_header", "follow_redirects"],
  ...["http_headers", "enable_http2"],
];

function firstHttpKey(section: YamlSection): string | undefined {
  return httpKeys.find((key) => section.has(key));
}

/** A key that changes nothing for us, and yet is one that says how the server is asked. */
function ownHttpKey(section: YamlSection): string | undefined {
  if (section.flag("enable_http2") === false) return "enable_http2";
  if (section.text("proxy_url") !== undefined) return "proxy_url";
  const mappings = ["basic_auth", "authorization", "oauth2", "http_headers"];
  return mappings.find((key) => section.section(key) !== undefined);
}

function readNamespaces(
  section: YamlSection | undefined,
  server: KubernetesServerConfig,
): KubernetesDiscoveryConfig["namespaces"] {
  const names = section?.textList("names") ?? [];
  const isOwnIncluded = section?.flag("own_namespace") ?? false;
  if (isOwnIncluded && server.kind !== "in-cluster") {
    const key = server.kind === "url" ? "api_server" : "kubeconfig_file";
    section!.fail("own_namespace", `and ${key} must not both be given`);
  }
  section?.finish();
  return { names, isOwnIncluded };
}

/** Of what a role looks at, besides nodes for their labels. */
const selectorRoles: Readonly<Record<KubernetesRole, readonly KubernetesRole[]>> = {
  pod: ["pod"],
  service: ["service"],
  endpoints: ["pod", "service", "endpoints"],
  endpointslice: ["pod", "service", "endpointslice"],
  node: ["node"],
  ingress: ["ingress"],
};

function readSelectors(section: YamlSection, role: KubernetesRole): KubernetesDiscoveryConfig["selectors"] {
  const selectors: Partial<Record<KubernetesRole, KubernetesSelector>> = {};
  for (const one of section.sections("selectors")) {
    const of = one.oneOf("role", kubernetesRoles);
    if (of === undefined || !selectorRoles[role].includes(of))
      return one.fail("role", `must be one of ${selectorRoles[role].join(", ")} for role ${role}`);
    if (selectors[of] !== undefined) one.fail("role", `"${of}" is that of another selector too`);
    selectors[of] = {
      label: readSelector(one, "label", labelSelectorProblem),
      field: readSelector(one, "field", fieldSelectorProblem),
    };
    one.finish();
  }
  return selectors;
}

function readSelector(
  section: YamlSection,
  key: string,
  problemOf: (selector: string) => string | undefined,
): string {
  const selector = section.text(key) ?? "";
  const problem = problemOf(selector);
  return problem === undefined ? selector : section.fail(key, `is no selector of Kubernetes: ${problem}`);
}
