/**
 * `narthex relabel`: what the rules of a job make of a target, or of a series, rule by rule.
 */

import type { Command } from "commander";
import type { Config } from "../config.js";
import { formatDuration } from "../model/duration.js";
import { Labels, quoteText } from "../model/labels.js";
import { type RelabelStep, relabelSteps } from "../relabel/relabel.js";
import type { RelabelConfig } from "../relabel/relabel-config.js";
import type { TargetOutcome } from "../scrape/target.js";
import { CommandError } from "./failure.js";
import type { Terminal } from "./terminal.js";

type ScrapeConfig = Config["scrapeConfigs"][number];

interface RelabelOptions {
  readonly config: string;
  readonly job?: string;
  readonly metric?: boolean;
}

export function addRelabelCommand(program: Command, terminal: Terminal): void {
  program
    .command("relabel")
    .description("show what relabelling makes of a target or a series, rule by rule")
    .argument(
      "[labels]",
      "as JSON or as a selector: of a target as it is discovered (default: the job's static ones), or of a series as it is scraped",
    )
    .requiredOption("--config <file>", "the configuration with the rules")
    .option("--job <name>", "whose rules; needed when the file has several jobs")
    .option("--metric", "a series: apply metric_relabel_configs instead of relabel_configs")
    .addHelpText(
      "after",
      `
What discovery would add to a target (job, __scheme__, __metrics_path__ ...) need not be given.

Examples:
  narthex relabel --config prometheus.yml --job node
  narthex relabel --config prometheus.yml --job node '{__address__="localhost:9100", __meta_zone="b"}'
  narthex relabel --config prometheus.yml --metric 'go_threads{job="node"}'
  narthex relabel --config prometheus.yml --metric '{"__name__":"go_threads","job":"node"}'`,
    )
    .action(async (labels: string | undefined, options: RelabelOptions) => {
      for (const line of await relabelLines(labels, options)) terminal.write(line);
    });
}

async function relabelLines(text: string | undefined, options: RelabelOptions): Promise<readonly string[]> {
  const { parseWrittenLabels } = await import("./written-labels.js");
  const labels = text === undefined ? undefined : parseWrittenLabels(text);
  const job = await findJob(options);
  if (options.metric) return seriesLines(job, labels ?? missing("the labels of a series"));
  const found = labels === undefined ? staticLabels(job) : [labels];
  if (found.length === 0) missing("the labels of a target, as the job has no static ones");
  const { buildTarget, discoveredLabels } = await import("../scrape/target.js");
  return found.flatMap((target, i) => {
    const discovered = discoveredLabels(job, target);
    const steps = stepsLines(relabelSteps(discovered, job.relabelConfigs));
    const outcome = outcomeLines(buildTarget(job, discovered));
    return [...(i === 0 ? [] : [""]), `found    ${discovered}`, ...steps, ...outcome];
  });
}

function seriesLines(job: ScrapeConfig, labels: Labels): readonly string[] {
  const steps = relabelSteps(labels, job.metricRelabelConfigs);
  const last = steps.at(-1);
  const end = last?.isKept === false ? [] : [`series   ${last?.after ?? labels}`];
  return [`scraped  ${labels}`, ...stepsLines(steps), ...end];
}

function staticLabels({ staticTargets }: ScrapeConfig): readonly Labels[] {
  return staticTargets.map(({ address, labels }) => Labels.from({ ...labels, __address__: address }));
}

function missing(what: string): never {
  throw new CommandError(`give ${what}`, {
    exitCode: 2,
    hint: `as JSON or as a selector: 'up{job="node"}', '{__address__="localhost:9100"}'`,
  });
}

async function findJob({ config, job }: RelabelOptions) {
  const { loadConfig } = await import("../config.js");
  const { scrapeConfigs } = await loadConfig(config);
  const names = scrapeConfigs.map(({ jobName }) => jobName).join(", ");
  const [found, ...others] = scrapeConfigs.filter(({ jobName }) => job === undefined || jobName === job);
  if (found === undefined) {
    throw new CommandError(job === undefined ? `${config} has no jobs` : `${config} has no job "${job}"`, {
      exitCode: 2,
      ...(names === "" ? {} : { hint: `its jobs: ${names}` }),
    });
  }
  if (others.length === 0) return found;
  throw new CommandError("which job?", { exitCode: 2, hint: `name one of them by --job: ${names}` });
}

/** The steps to the one that drops: those after it do nothing. */
function stepsLines(steps: readonly RelabelStep[]): readonly string[] {
  const end = steps.findIndex(({ isKept }) => !isKept);
  return steps.slice(0, end < 0 ? steps.length : end + 1).flatMap(stepLines);
}

function stepLines({ config, before, after, isKept }: RelabelStep, index: number): readonly string[] {
  const title = `rule ${index + 1}`.padEnd(8);
  const changes = isKept ? changeLines(before, after) : ["dropped"];
  return [`${title} ${describeRule(config)}`, ...changes.map((line) => `           ${line}`)];
}

/** The rule as YAML on one line, without what is default. */
function describeRule({
  action,
  sourceLabels,
  separator,
  regex,
  modulus,
  targetLabel,
  replacement,
}: RelabelConfig) {
  const fields = [
    sourceLabels.length > 0 && `source_labels: [${sourceLabels.join(", ")}]`,
    separator !== ";" && `separator: ${quoteText(separator)}`,
    regex !== "(.*)" && `regex: ${quoteText(regex)}`,
    modulus !== 0 && `modulus: ${modulus}`,
    targetLabel !== "" && `target_label: ${targetLabel}`,
    replacement !== "$1" && `replacement: ${quoteText(replacement)}`,
  ];
  return [action, ...fields.filter((field) => field !== false)].join("  ");
}

function changeLines(before: Labels, after: Labels): readonly string[] {
  const gone = [...before].filter(([name]) => !after.has(name));
  const there = [...after].filter(([name, value]) => before.get(name) !== value);
  return [
    ...gone.map(([name, value]) => `- ${name}=${quoteText(value)}`),
    ...there.map(([name, value]) => {
      const old = before.has(name) ? `   (was ${quoteText(before.get(name))})` : "";
      return `+ ${name}=${quoteText(value)}${old}`;
    }),
  ];
}

function outcomeLines(outcome: TargetOutcome): readonly string[] {
  switch (outcome.kind) {
    case "dropped":
      return [];
    case "invalid":
      return [`left out ${outcome.reason}`];
    case "active": {
      const { url, labels, intervalMs, timeoutMs } = outcome.target;
      const clockwork = `every ${formatDuration(intervalMs)}, timeout ${formatDuration(timeoutMs)}`;
      return [`target   ${url}  (${clockwork})`, `labels   ${labels}`];
    }
  }
}
