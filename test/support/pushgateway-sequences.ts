/**
 * Random requests to a Pushgateway: groups that meet and differ, types that agree and do not, bodies whole and broken.
 */

import { gzipSync } from "node:zlib";
import {
  protobufOf,
  protobufType,
  type SentFamily,
  type SentMetric,
  snappyFramesOf,
  textOf,
} from "./client-model-bodies.js";

export interface SentRequest {
  readonly method: "PUT" | "POST" | "DELETE";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const paths: readonly string[] = [
  "/metrics/job/a",
  "/metrics/job/a/",
  "/metrics/job/b",
  "/metrics/job@base64/YQ==",
  "/metrics/job/a/instance/i",
  "/metrics/job/a/instance@base64/aQ",
  "/metrics/job/a/path@base64/L2V0Yw",
  "/metrics/job/a/path@base64/L2V0Yw==/instance/i",
  "/metrics/job/b/x/1/y/2",
  "/metrics/job/b/y/2/x/1",
  "/metrics/job/b/x/1",
  "/metrics/job/c/x/",
  "/metrics/job/c/x@base64/=",
  "/metrics/job/gr%C3%B6%C3%9Fe/label/with%20blank",
  "/metrics/job/a/x/1/x/2",
];

/** All are 400, whatever is sent. */
const badPaths: readonly string[] = [
  "/metrics/job/a/x",
  "/metrics/job/a/x/1/",
  "/metrics/job/a/__x/1",
  "/metrics/job/a/x@base64/a",
  "/metrics/job/a/x@base64/%2B%2B%2B%2B",
  "/metrics/job@base64/=",
];

const malformedBodies: readonly string[] = [
  "m0 x\n",
  "m0\n",
  'm0{a="1" 1\n',
  'm0{a="1",a="2"} 1\n',
  "# TYPE m0 gauge\n# TYPE m0 gauge\nm0 1\n",
  "m0 1\n# TYPE m0 gauge\n",
  "# HELP m0 x\n# HELP m0 y\nm0 1\n",
  "# TYPE m0 thing\nm0 1\n",
  '# TYPE h histogram\nh_bucket{le="x"} 1\n',
  "m0 1 12 13\n",
  '{a="1"} 1\n',
  "9m 1\n",
];

export class PushgatewaySequence {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  requests(count: number): readonly SentRequest[] {
    return Array.from({ length: count }, () => this.#request());
  }

  #request(): SentRequest {
    const path = this.#chance(0.06) ? this.#pick(badPaths) : this.#pick(paths);
    if (this.#chance(0.15)) return { method: "DELETE", path, headers: {}, body: Buffer.alloc(0) };
    const method = this.#chance(0.5) ? "PUT" : "POST";
    const { headers, body } = this.#body();
    return { method, path, ...this.#encode(headers, body) };
  }

  #body(): { readonly headers: Record<string, string>; readonly body: Buffer } {
    if (this.#chance(0.08)) return { headers: {}, body: Buffer.from(this.#pick(malformedBodies)) };
    if (this.#chance(0.08)) return { headers: {}, body: Buffer.alloc(0) };
    const families = this.#families();
    if (!this.#chance(0.35)) return { headers: this.#textHeaders(), body: Buffer.from(textOf(families)) };
    const body = protobufOf(families);
    if (this.#chance(0.1))
      return { headers: { "content-type": protobufType }, body: body.subarray(0, body.length - 3) };
    return { headers: { "content-type": protobufType }, body };
  }

  #textHeaders(): Record<string, string> {
    const types = ["text/plain; version=0.0.4", "application/x-www-form-urlencoded", "application/json"];
    return { "content-type": this.#pick(types) };
  }

  #encode(headers: Record<string, string>, body: Buffer) {
    const kind = this.#random();
    if (kind < 0.12) return { headers: { ...headers, "content-encoding": "gzip" }, body: gzipSync(body) };
    if (kind < 0.24) {
      const isEmpty = body.length === 0;
      return {
        headers: { ...headers, "content-encoding": "snappy" },
        body: isEmpty ? body : snappyFramesOf(body),
      };
    }
    if (kind < 0.26)
      return { headers: { ...headers, "content-encoding": "gzip" }, body: Buffer.from("no gzip") };
    return { headers, body };
  }

  #families(): readonly SentFamily[] {
    const names = new Set(Array.from({ length: 1 + this.#below(4) }, () => this.#pick(familyNames)));
    return Array.from(names, (name) => this.#family(name));
  }

  #family(name: string): SentFamily {
    const type = this.#chance(0.04) ? this.#pick(simpleTypes) : typesOf[name]!;
    const isDistribution = type === "histogram" || type === "summary";
    const labelSets = new Map<string, SentMetric["labels"]>();
    for (let i = 0; i <= this.#below(3); i++) {
      const labels = this.#labels();
      labelSets.set(JSON.stringify(labels), labels);
    }
    const metrics = Array.from(labelSets.values(), (labels): SentMetric => {
      const time = this.#chance(0.02) ? { time: 1_700_000_000_000 } : {};
      if (!isDistribution) return { labels, value: this.#value(), ...time };
      return {
        labels,
        value: 0,
        sum: this.#value(),
        count: this.#below(100),
        points: this.#points(type),
        ...time,
      };
    });
    // A series twice: in a histogram or summary it would be merged in text.
    if (!isDistribution && this.#chance(0.03)) metrics.push({ ...metrics[0]!, value: 1 });
    return { name, type, metrics, ...(this.#chance(0.3) ? { help: `What ${name} is.` } : {}) };
  }

  #points(type: SentFamily["type"]): readonly (readonly [number, number])[] {
    const bounds = type === "histogram" ? [0.5, 1, 1e6, Infinity] : [0.5, 0.99, 1];
    const kept = bounds.filter(() => this.#chance(0.8));
    return kept.map((bound) => [bound, type === "histogram" ? this.#below(50) : this.#value()]);
  }

  /** Among them labels that the address overwrites. */
  #labels(): SentMetric["labels"] {
    const labels: Record<string, string> = {};
    if (this.#chance(0.4)) labels.k = this.#pick(["1", "2", 'quo"te\\ and\nline', "größe"]);
    if (this.#chance(0.15)) labels.instance = this.#pick(["i", "j"]);
    if (this.#chance(0.1)) labels.job = "forged";
    if (this.#chance(0.1)) labels.x = "body";
    return labels;
  }

  #value(): number {
    return this.#pick([
      0,
      1,
      -2.5,
      1e21,
      1e-7,
      3.25,
      Number.NaN,
      Infinity,
      -Infinity,
      123456789,
      this.#random(),
    ]);
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#below(choices.length)]!;
  }
}

const simpleTypes = ["counter", "gauge", "untyped"] as const;
const typesOf: Readonly<Record<string, SentFamily["type"]>> = {
  m0: "gauge",
  m1: "counter",
  m2: "untyped",
  h: "histogram",
  s: "summary",
  h_count: "gauge",
  s_bucket: "gauge",
  push_time_seconds: "gauge",
};
const familyNames: readonly string[] = [
  "m0",
  "m0",
  "m1",
  "m1",
  "m2",
  "m2",
  "h",
  "h",
  "s",
  "s",
  ...["h_count", "s_bucket"],
  "push_time_seconds",
];
