/**
 * Random settings of a job, as they stand in `scrape_configs`.
 */

import type { Dice } from "../differential/dice.js";
import { exportedJob } from "./aligned-scrapes.js";

const names = [
  "a.*",
  "latency.*",
  ".*_bucket",
  "requests_total",
  "[a-m].*",
  "temperature.*|many",
  ".*\\\\..*",
];
const labels = ["code", "zone", "room", "le", "quantile", "instance", "job", "exported_job", "a", "b", "i"];
const protocols = [
  "PrometheusProto",
  "OpenMetricsText1.0.0",
  "OpenMetricsText0.0.1",
  "PrometheusText1.0.0",
  "PrometheusText0.0.4",
];

type Rule = (dice: Dice) => string;

/** Of `metric_relabel_configs`. None takes `target` away, by which series are told apart. */
const rules: Readonly<Record<string, Rule>> = {
  drop: (dice) => `source_labels: [__name__], regex: "${dice.pick(names)}", action: drop`,
  keep: (dice) => `source_labels: [__name__], regex: "${dice.pick(names)}|up", action: keep`,
  "drop by a label": (dice) => `source_labels: [${dice.pick(labels)}], regex: ".+", action: drop`,
  labeldrop: (dice) => `regex: "${dice.pick(labels)}|${dice.pick(labels)}", action: labeldrop`,
  labelkeep: (dice) => `regex: "__name__|target|job|${dice.pick(labels)}", action: labelkeep`,
  "labeldrop of the name": () => 'regex: "__name__", action: labeldrop',
  rename: () =>
    'source_labels: [__name__], regex: "(.*)_(total|sum)", target_label: __name__, replacement: "$1"',
  "no name": (dice) =>
    `source_labels: [__name__], regex: "${dice.pick(names)}", target_label: __name__, replacement: ""`,
  move: (dice) => `source_labels: [${dice.pick(labels)}], target_label: ${dice.pick(labels)}`,
  "move some": (dice) =>
    `source_labels: [${dice.pick(labels)}, ${dice.pick(labels)}], regex: "(.+);(.+)", target_label: ${dice.pick(labels)}, replacement: "$2-$1"`,
  empty: (dice) => `target_label: ${dice.pick(labels)}, replacement: ""`,
  set: (dice) =>
    `target_label: ${dice.pick([...labels, "__tmp", "__address__", "with.dot"])}, replacement: "ü"`,
  labelmap: () => 'regex: "exported_(.*)", action: labelmap',
  "labelmap of all": () => 'regex: "([a-c].*)", replacement: "x_$1", action: labelmap',
  hashmod: (dice) =>
    `source_labels: [${dice.pick(labels)}], modulus: 7, target_label: shard, action: hashmod`,
  lowercase: (dice) => `source_labels: [${dice.pick(labels)}], target_label: lower, action: lowercase`,
  uppercase: () => "source_labels: [__name__], target_label: upper, action: uppercase",
  keepequal: (dice) =>
    `source_labels: [${dice.pick(labels)}], target_label: ${dice.pick(labels)}, action: keepequal`,
  dropequal: (dice) =>
    `source_labels: [${dice.pick(labels)}], target_label: ${dice.pick(labels)}, action: dropequal`,
};

/** Of `relabel_configs`: what the target is called, and how it is asked. */
const targetRules: readonly string[] = [
  'target_label: instance, replacement: ""',
  'target_label: job, replacement: ""',
  'target_label: job, replacement: "other"',
  'regex: "job", action: labeldrop',
  'source_labels: [__address__, __metrics_path__], target_label: where, replacement: "$1"',
  "source_labels: [__scrape_interval__, __scrape_timeout__, __scheme__], target_label: how",
  'target_label: __scrape_timeout__, replacement: "900ms"',
  'target_label: __param_a, replacement: "other"',
  'target_label: __param_z, replacement: "a b&c"',
  'regex: "__param_(.*)", action: labelmap, replacement: "p_$1"',
  'target_label: __tmp, replacement: "x"',
  'target_label: zone, replacement: "of the target"',
  `target_label: exported_job, replacement: "${exportedJob}"`,
  'target_label: le, replacement: "1"',
  'target_label: "with.dot", replacement: "ü"',
  "source_labels: [__address__], modulus: 5, target_label: shard, action: hashmod",
];

type Setting = (dice: Dice) => string;

const settings: Readonly<Record<string, Setting>> = {
  honor_labels: () => "true",
  honor_timestamps: () => "false",
  track_timestamps_staleness: () => "true",
  sample_limit: (dice) => `${3 + dice.integer(25)}`,
  label_limit: (dice) => `${4 + dice.integer(7)}`,
  label_name_length_limit: (dice) => `${8 + dice.integer(8)}`,
  label_value_length_limit: (dice) => `${15 + dice.integer(40)}`,
  body_size_limit: (dice) => `${300 + dice.integer(2000)}B`,
  scrape_protocols: (dice) => {
    const some = dice.some(protocols, 0.5);
    return `[${(some.length === 0 ? protocols : some).join(", ")}]`;
  },
  fallback_scrape_protocol: (dice) => dice.pick(protocols),
  enable_compression: () => "false",
  follow_redirects: () => "false",
  metric_relabel_configs: (dice) => {
    const count = 1 + dice.integer(3);
    const chosen = Array.from({ length: count }, () => rules[dice.pick(Object.keys(rules))]!(dice));
    return `[${chosen.map((rule) => `{ ${rule} }`).join(", ")}]`;
  },
  relabel_configs: (dice) => {
    const chosen = dice.some(targetRules, 0.2);
    return `[${chosen.map((rule) => `{ ${rule} }`).join(", ")}]`;
  },
  params: () => '{ a: [one, "two &=%"], "b.c": [ü], empty: [""], none: [] }',
  basic_auth: () => "{ username: me, password: 'p:%ü' }",
  authorization: () => "{ type: Odd, credentials: secret }",
  http_headers: () => "{ X-Two: { values: [one, two] } }",
  metric_name_validation_scheme: (dice) =>
    `legacy, metric_name_escaping_scheme: ${dice.pick(["underscores", "dots", "values"])}`,
  metric_name_escaping_scheme: (dice) => dice.pick(["allow-utf-8", "underscores", "dots", "values"]),
};

/** Keys that may not stand beside each other. */
const exclusive = [
  ["basic_auth", "authorization"],
  ["metric_name_validation_scheme", "metric_name_escaping_scheme"],
] as const;

export function randomSettings(dice: Dice): string[] {
  const chosen = new Set(dice.some(Object.keys(settings), 0.2));
  for (const [one, other] of exclusive) if (chosen.has(one)) chosen.delete(other);
  const lines = [...chosen].map((key) => `${key}: ${settings[key]!(dice)}`);
  // A target_label that is not legacy is an error where names must be.
  return lines.map((line) =>
    chosen.has("metric_name_validation_scheme") ? line.replaceAll("with.dot", "dotted") : line,
  );
}
