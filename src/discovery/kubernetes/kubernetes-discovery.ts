/**
 * KubernetesDiscovery: targets that a Kubernetes API server knows of, told as they come and go.
 *
 * What fails is told once, as long as it stays the same, and once more when it is over; the targets stay meanwhile.
 *
 * Source: Prometheus documentation, `<kubernetes_sd_config>`.
 */

import { TsdbError } from "../../model/errors.js";
import type { Discovery, DiscoveryEvent, DiscoveryStatus, OnGroups } from "../discovery.js";
import type { KubernetesDiscoveryConfig } from "../discovery-config.js";
import { TroubleLog } from "../trouble-log.js";
import { type ApiServerOptions, describeServer } from "./api-server.js";
import type { KubernetesWatches } from "./kubernetes-watches.js";
import { NamespaceTargets } from "./namespace-targets.js";
import type { WatchStatus } from "./resource-watch.js";

export interface KubernetesDiscoveryOptions extends ApiServerOptions {
  readonly watches: KubernetesWatches;
  readonly onEvent: (event: DiscoveryEvent) => void;
}

/** Where a pod finds the name of its namespace. */
const ownNamespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
const retryMs = 10_000;

export class KubernetesDiscovery implements Discovery {
  readonly #config: KubernetesDiscoveryConfig;
  readonly #options: KubernetesDiscoveryOptions;
  readonly #place: string;
  readonly #troubles: TroubleLog;
  #parts: readonly NamespaceTargets[] = [];
  #isStopped = false;
  #cancelRetry: () => void = () => {};
  /** Why the own namespace is not known. */
  #ownProblem: Pick<WatchStatus, "failures" | "lastError"> = { failures: 0, lastError: "" };

  constructor(config: KubernetesDiscoveryConfig, options: KubernetesDiscoveryOptions) {
    this.#config = config;
    this.#options = options;
    const { names, isOwnIncluded } = config.namespaces;
    const namespaces = [...names, ...(isOwnIncluded ? ["its own"] : [])];
    const where = namespaces.length === 0 || config.role === "node" ? "" : ` in ${namespaces.join(", ")}`;
    this.#place = `${config.role} of ${describeServer(config.server)}${where}`;
    this.#troubles = new TroubleLog(`kubernetes discovery of ${this.#place}`, options);
  }

  get status(): DiscoveryStatus {
    const statuses = this.#parts.flatMap((part) => part.statuses);
    const times = statuses.flatMap(({ lastRefresh }) => lastRefresh ?? []);
    const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
    const { failures } = this.#ownProblem;
    return {
      kind: "kubernetes",
      place: this.#place,
      refreshes: failures + sum(statuses.map(({ refreshes }) => refreshes)),
      failures: failures + sum(statuses.map((status) => status.failures)),
      lastRefresh: times.length === 0 ? undefined : Math.max(...times),
      lastError: this.#problems(),
    };
  }

  run(onGroups: OnGroups): void {
    const { names, isOwnIncluded } = this.#config.namespaces;
    if (isOwnIncluded) void this.#runWithOwn(onGroups);
    else this.#begin(names, onGroups);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelRetry();
    this.#troubles.close();
    await Promise.all(this.#parts.map((part) => part.stop()));
  }

  async #runWithOwn(onGroups: OnGroups): Promise<void> {
    const { clock, readFile, serviceAccountRoot = "" } = this.#options;
    try {
      const own = (await readFile(`${serviceAccountRoot}${ownNamespaceFile}`)).trim();
      if (this.#isStopped) return;
      this.#ownProblem = { ...this.#ownProblem, lastError: own === "" ? `${ownNamespaceFile} is empty` : "" };
      if (own !== "") this.#begin([...this.#config.namespaces.names, own], onGroups);
    } catch (error) {
      if (!(error instanceof TsdbError)) throw error;
      this.#ownProblem = {
        ...this.#ownProblem,
        lastError: `the own namespace is not known: ${error.message}`,
      };
    }
    if (this.#ownProblem.lastError !== "" && !this.#isStopped) {
      this.#ownProblem = { ...this.#ownProblem, failures: this.#ownProblem.failures + 1 };
      this.#cancelRetry = clock.schedule(retryMs, () => void this.#runWithOwn(onGroups));
    }
    this.#tellProblems();
  }

  #begin(names: readonly string[], onGroups: OnGroups): void {
    const isOfAll = names.length === 0 || this.#config.role === "node";
    const namespaces = isOfAll ? [""] : [...new Set(names)];
    const options = { ...this.#options, onGroups, onStatus: () => this.#tellProblems() };
    this.#parts = namespaces.map((namespace) => new NamespaceTargets(this.#config, namespace, options));
  }

  #problems(): string {
    const problems = this.#parts.flatMap((part) => part.statuses.map(({ lastError }) => lastError));
    return [...new Set([this.#ownProblem.lastError, ...problems])].filter((text) => text !== "").join("; ");
  }

  #tellProblems(): void {
    if (!this.#isStopped) this.#troubles.note(this.#problems());
  }
}
