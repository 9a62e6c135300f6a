/**
 * OfficialAccess: requests with the credentials that the official Kubernetes client finds, in a kubeconfig file or in the
 * pod that we run in. The only door to `@kubernetes/client-node`, which is loaded with the first request: who does not
 * configure it need not have it (docs/decisions/0024).
 *
 * The client gives addresses, certificates and tokens; it renews those that expire. The requests are ours: its own watch
 * reads lines without a limit, and its informer relists without pages.
 */

import { request as httpRequest } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { createRequire } from "node:module";
import { TsdbError, UnavailableError } from "../../model/errors.js";
import type { KubernetesServerConfig } from "../discovery-config.js";
import type { ApiRequest, ApiResponse } from "./api-server.js";

/** Not a literal where it is imported, so that its types are not loaded. */
const packageName: string = "@kubernetes/client-node";

/** What an operator is told who wants it and does not have it; undefined when it is there. */
export function missingClient(
  resolve: (name: string) => unknown = createRequire(import.meta.url).resolve,
): string | undefined {
  try {
    resolve(packageName);
    return undefined;
  } catch {
    return `install ${packageName} to use kubernetes_sd_configs without api_server: npm install ${packageName}`;
  }
}

export type OfficialAccessConfig = Exclude<KubernetesServerConfig, { readonly kind: "url" }>;

export class OfficialAccess {
  readonly #config: OfficialAccessConfig;
  readonly #root: string;
  #loaded: Promise<KubeConfig> | undefined;

  /** `root` stands before the paths of the service account. */
  constructor(config: OfficialAccessConfig, root = "") {
    this.#config = config;
    this.#root = root;
  }

  /** Resolves when the headers of the reply are here. Rejects with UnavailableError, or with the system's error. */
  async request(path: string, { headers, signal }: ApiRequest): Promise<ApiResponse> {
    const { place, options } = await this.#options();
    signal.throwIfAborted();
    const response = await open(place, path, {
      ...options,
      headers: { ...options.headers, ...headers },
      signal,
    });
    // A token in the file itself may have been replaced there.
    if (response.statusCode === 401) this.#loaded = undefined;
    return response;
  }

  async #options(): Promise<{ readonly place: URL; readonly options: RequestOptions }> {
    try {
      this.#loaded ??= load(this.#config, this.#root);
      const kubeConfig = await this.#loaded;
      const options: RequestOptions = { headers: {} };
      await kubeConfig.applyToHTTPSOptions(options);
      return { place: new URL(kubeConfig.getCurrentCluster()!.server), options };
    } catch (cause) {
      this.#loaded = undefined;
      if (cause instanceof TsdbError) throw cause;
      throw new UnavailableError(`no credentials for Kubernetes: ${firstLineOf(cause)}`, { cause });
    }
  }
}

const nobody = { name: "nobody" };

/** What we use of the client. Its own types are 800 files. */
interface Client {
  readonly KubeConfig: new () => KubeConfig;
}

interface KubeConfig {
  loadFromFile(path: string): void;
  loadFromCluster(root: string): void;
  loadFromClusterAndUser(cluster: Cluster, user: { readonly name: string }): void;
  getCurrentCluster(): Cluster | null;
  getCurrentUser(): object | null;
  /** Adds credentials and what the connection needs. */
  applyToHTTPSOptions(options: RequestOptions): Promise<void>;
}

interface Cluster {
  readonly server: string;
  readonly skipTLSVerify: boolean;
}

async function load(config: OfficialAccessConfig, root: string): Promise<KubeConfig> {
  const missing = missingClient();
  if (missing !== undefined) throw new UnavailableError(missing);
  const { KubeConfig } = (await import(packageName)) as Client;
  const kubeConfig = new KubeConfig();
  if (config.kind === "kubeconfig") kubeConfig.loadFromFile(config.file);
  else kubeConfig.loadFromCluster(root);
  const cluster = kubeConfig.getCurrentCluster();
  if (cluster === null)
    throw new UnavailableError(`the current context of ${config.kind} names no cluster that is there`);
  if (config.kind === "in-cluster" && cluster.server.includes("undefined"))
    throw new UnavailableError(
      "this is no pod of a cluster, KUBERNETES_SERVICE_HOST is not set: give api_server or kubeconfig_file",
    );
  // As kubectl: no credentials where anybody can read them. There is nothing to be verified either, and the client wants
  // that said. Without a user it would forget the authority.
  if (cluster.server.startsWith("http:"))
    kubeConfig.loadFromClusterAndUser({ ...cluster, skipTLSVerify: true }, nobody);
  else if (kubeConfig.getCurrentUser() === null) kubeConfig.loadFromClusterAndUser(cluster, nobody);
  return kubeConfig;
}

function open(place: URL, path: string, options: RequestOptions): Promise<ApiResponse> {
  const request = place.protocol === "http:" ? httpRequest : httpsRequest;
  const base = place.pathname.replace(/\/+$/, "");
  return new Promise((resolve, reject) => {
    const sent = request({
      ...options,
      host: place.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: place.port === "" ? (place.protocol === "http:" ? 80 : 443) : place.port,
      path: `${base}${path}`,
    });
    sent.on("response", resolve);
    sent.on("error", reject);
    sent.end();
  });
}

/** What comes after it may be a part of the file, with what is secret in it. */
function firstLineOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.split("\n", 1)[0]!.slice(0, 300);
}
