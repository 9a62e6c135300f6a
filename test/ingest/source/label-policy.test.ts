import { describe, expect, it } from "vitest";
import { decideLabels } from "../../../src/ingest/source/label-policy.js";
import type { PushConfig } from "../../../src/ingest/source/push-config.js";
import { compilePushJob } from "../../../src/ingest/source/push-job.js";
import { Labels } from "../../../src/model/labels.js";
import { RelabelConfig } from "../../../src/relabel/relabel-config.js";

const config: PushConfig = {
  jobName: "j",
  tokens: [{ token: "t", labels: { site: "berlin" }, allow: { instance: "gh-[0-9]+", room: "attic|" } }],
  limits: { labelsMax: 6, labelNameSizeBytes: 10, labelValueSizeBytes: 12 },
  metricRelabelConfigs: [
    new RelabelConfig({ sourceLabels: ["__name__"], regex: "debug_.*", action: "drop" }),
    new RelabelConfig({ regex: "secret", action: "labeldrop" }),
  ],
};
const policy = compilePushJob(config).credentials[0]!.policy;

function decide(pushed: Record<string, string>, grouping: Record<string, string> = {}): string {
  const decision = decideLabels(Labels.from(pushed), Labels.from(grouping), policy);
  return decision.kind === "stored"
    ? String(decision.labels)
    : `${decision.refusal.reason}: ${decision.refusal.message}`;
}

describe("decideLabels", () => {
  it.each<[string, Record<string, string>, Record<string, string>, string]>([
    ["adds what is forced", { instance: "gh-1" }, {}, 'm{instance="gh-1", job="j", site="berlin"}'],
    [
      "takes what is equal",
      { instance: "gh-1", job: "j", site: "berlin" },
      {},
      'm{instance="gh-1", job="j", site="berlin"}',
    ],
    [
      "sets the grouping",
      { instance: "x" },
      { instance: "gh-2", room: "attic" },
      'm{instance="gh-2", job="j", room="attic", site="berlin"}',
    ],
    ["drops labels", { instance: "gh-1", secret: "s" }, {}, 'm{instance="gh-1", job="j", site="berlin"}'],
    [
      "refuses a forged label",
      { instance: "gh-1", site: "paris" },
      {},
      'forbidden-label: the label site is "berlin" for this token, not "paris"; leave it out',
    ],
    [
      "refuses a value",
      { instance: "gh-x" },
      {},
      'forbidden-label: the label instance is "gh-x" and must match "gh-[0-9]+" for this token',
    ],
    [
      "refuses a part of a match",
      { instance: "xgh-1" },
      {},
      'forbidden-label: the label instance is "xgh-1" and must match "gh-[0-9]+" for this token',
    ],
    [
      "refuses an absence",
      {},
      {},
      'forbidden-label: the label instance is absent and must match "gh-[0-9]+" for this token',
    ],
    [
      "refuses what the server writes",
      { __name__: "push_interval_seconds", instance: "gh-1" },
      {},
      "forbidden-label: the metric push_interval_seconds is written by the server; give yours another name",
    ],
    [
      "drops series",
      { __name__: "debug_x", instance: "gh-1" },
      {},
      "relabel-dropped: metric_relabel_configs drop it",
    ],
    [
      "refuses many labels",
      { instance: "gh-1", a: "1", b: "2", c: "3" },
      {},
      "label-limit: the series has 7, more than the limit labels of 6",
    ],
    [
      "refuses a long name",
      { instance: "gh-1", "ä-long-name": "1" },
      {},
      "label-limit: a label name has 12 bytes, more than the limit label_name_length of 10",
    ],
    [
      "refuses a long value",
      { instance: "gh-1", a: "äääääää" },
      {},
      "label-limit: a label value has 14 bytes, more than the limit label_value_length of 12",
    ],
  ])("%s", (_, pushed, grouping, expected) => {
    expect(decide({ __name__: "m", ...pushed }, grouping)).toBe(expected);
  });
});
