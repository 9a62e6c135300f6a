/**
 * ApiServer: requests to one Kubernetes API server, as a configuration says how it is reached.
 *
 *   api_server        our own HTTP client, which knows all of Prometheus' HTTP settings
 *   kubeconfig_file   the official client: contexts, certificates, tokens, exec plugins, OIDC, proxies
 *   neither           the official client, with the service account of the pod that we run in
 */

import { HttpClient, type HttpClientOptions } from "../../http-client/http-client.js";
import type { KubernetesServerConfig } from "../discovery-config.js";
import { OfficialAccess } from "./official-access.js";

export interface ApiServerOptions extends HttpClientOptions {
  /** Of Narthex, for others to see. */
  readonly version: string;
  /** For tests: what stands before the paths of the service account. */
  readonly serviceAccountRoot?: string;
}

export interface ApiRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** What comes back; its body must be read or destroyed. */
export type ApiResponse = Awaited<ReturnType<HttpClient["request"]>>;

export class ApiServer {
  readonly #request: (path: string, request: ApiRequest) => Promise<ApiResponse>;
  readonly #close: () => void;
  readonly #userAgent: string;

  constructor(config: KubernetesServerConfig, options: ApiServerOptions) {
    this.#userAgent = `Narthex/${options.version}`;
    if (config.kind === "url") {
      const client = new HttpClient(config.client, options);
      const base = config.url.replace(/\/+$/, "");
      this.#request = (path, request) => client.request(`${base}${path}`, request);
      this.#close = () => client.close();
    } else {
      const access = new OfficialAccess(config, options.serviceAccountRoot);
      this.#request = (path, request) => access.request(path, request);
      this.#close = () => {};
    }
  }

  /** Rejects with a TsdbError, or with the system's error. */
  get(path: string, { headers, signal }: ApiRequest): Promise<ApiResponse> {
    return this.#request(path, { headers: { ...headers, "user-agent": this.#userAgent }, signal });
  }

  /** Ends all connections. */
  close(): void {
    this.#close();
  }
}

/** As a person would say where it is; without a password. */
export function describeServer(config: KubernetesServerConfig): string {
  switch (config.kind) {
    case "url":
      return config.url.replace(/^(https?:\/\/)[^/?#]*@/i, "$1");
    case "kubeconfig":
      return config.file;
    case "in-cluster":
      return "this cluster";
  }
}
