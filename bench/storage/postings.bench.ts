/**
 * Look-ups in the inverted index of a million series: in that of the head, and in the index of a block, where the
 * first time reads lists from the file's bytes. CPU time in ms. `--quick` takes 100,000 series, `SERIES=` any number.
 *
 * Series are labelled like node_exporter's, a thousand to a machine; every fourth has a label that no other has.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Labels } from "../../src/model/labels.js";
import { Matcher, type MatchOperator } from "../../src/model/matcher.js";
import type { Querier } from "../../src/model/queryable.js";
import { NO_SERIES, type SeriesRef } from "../../src/model/series.js";
import { IndexContent } from "../../src/storage/index/index-content.js";
import { IndexReader } from "../../src/storage/index/index-reader.js";
import { writeIndex } from "../../src/storage/index/index-writer.js";
import { MemoryPostings } from "../../src/storage/index/memory-postings.js";
import { type PostingsSource, selectPostings } from "../../src/storage/index/select-postings.js";
import { openTsdb } from "../../src/storage/tsdb.js";
import { nodeSeriesLabels } from "../support/node-exporters.js";

const seriesCount = Number(process.env.SERIES ?? (process.argv.includes("--quick") ? 100_000 : 1_000_000));
const middle = Math.floor(seriesCount / 2000);
const instance = (machine: number) => `node-${machine}.rack-${machine % 40}.example.net:9100`;
const container = (i: number) => `c${((i * 2_654_435_761) >>> 0).toString(16).padStart(8, "0")}`;

function labelsOf(i: number): Labels {
  const labels = nodeSeriesLabels(i);
  if (i % 4 !== 0) return labels;
  const pairs = Array.from({ length: labels.size }, (_, at) => [labels.nameAt(at), labels.valueAt(at)]);
  return Labels.from({ ...Object.fromEntries(pairs), container: container(i) });
}

const texts = new Map<string, string>();

/** With strings that were decoded once from bytes, as those of the head are, and not put together from others. */
function asReceived(labels: Labels): Labels {
  const once = (text: string) => {
    if (!texts.has(text)) texts.set(text, Buffer.from(text).toString("latin1"));
    return texts.get(text)!;
  };
  const pairs = Array.from({ length: labels.size }, (_, i) => [
    once(labels.nameAt(i)),
    once(labels.valueAt(i)),
  ]);
  return Labels.from(Object.fromEntries(pairs));
}

type Look = (source: PostingsSource) => { readonly length: number };
type Pair = readonly [name: string, operator: MatchOperator, value: string];

const series =
  (...pairs: readonly Pair[]): Look =>
  (source) =>
    selectPostings(source, matchersOf(pairs));

const matchersOf = (pairs: readonly Pair[]) =>
  pairs.map(([name, operator, value]) => new Matcher(name, operator, value));

const one: Pair = ["instance", "=", instance(middle)];
const cpu: Pair = ["__name__", "=", "node_cpu_seconds_total"];
const lookUps: Readonly<Record<string, Look>> = {
  'one series: {container="…"}': series(["container", "=", container(4 * middle)]),
  'a machine: {instance="…"}': series(one),
  'a quarter of all: {__name__="…"}': series(cpu),
  'all: {job="node"}': series(["job", "=", "node"]),
  'a metric of a machine: {__name__="…", instance="…", job="node"}': series(cpu, one, ["job", "=", "node"]),
  'a mode everywhere: {__name__="…", mode="idle"}': series(cpu, ["mode", "=", "idle"]),
  'prefix of 111 of 1,000 values: {instance=~"node-1.*"}': series(["instance", "=~", "node-1.*"]),
  'prefix of 1/256 of 250,000 values: {container=~"c7f.*"}': series(["container", "=~", "c7f.*"]),
  'prefix of names of a machine: {__name__=~"node_disk.*", instance="…"}': series(
    ["__name__", "=~", "node_disk.*"],
    one,
  ),
  'alternation: {instance=~"a|b|c"}': series([
    "instance",
    "=~",
    [instance(middle), instance(middle - 1), instance(1)].join("|").replaceAll(".", "\\."),
  ]),
  'alternation of a machine: {mode=~"idle|user", instance="…"}': series(["mode", "=~", "idle|user"], one),
  'anything of 1,000 values: {instance=~".*rack-7.*"}': series(["instance", "=~", ".*rack-7.*"]),
  'anything of 250,000 values: {container=~".*7f.*"}': series(["container", "=~", ".*7f.*"]),
  'an expression for 250,000 values: {container=~"c[0-3]f.+"}': series(["container", "=~", "c[0-3]f.+"]),
  'an expression of a machine: {instance="…", container=~"c[0-3]f.+"}': series(one, [
    "container",
    "=~",
    "c[0-3]f.+",
  ]),
  'not: {__name__="…", mode!="idle"}': series(cpu, ["mode", "!=", "idle"]),
  'not, of a machine: {instance="…", mode!="idle"}': series(one, ["mode", "!=", "idle"]),
  'not, expression, of a machine: {instance="…", mode!~"idle|user|s.*"}': series(one, [
    "mode",
    "!~",
    "idle|user|s.*",
  ]),
  'has the label: {instance="…", container!=""}': series(one, ["container", "!=", ""]),
  'lacks the label: {instance="…", container=""}': series(one, ["container", "=", ""]),
  'nothing but not: {mode!="idle"}': series(["mode", "!=", "idle"]),
  "label names": (source) => source.labelNames(),
  "values of instance: 1,000": (source) => source.labelValues("instance"),
  "values of container: 250,000": (source) => source.labelValues("container"),
};

async function main(): Promise<void> {
  const labels = Array.from({ length: seriesCount }, (_, i) => asReceived(labelsOf(i)));
  const head = new MemoryPostings((ref) => labels[ref - 1]!);
  const began = performance.now();
  for (const [i, each] of labels.entries()) head.add((i + 1) as SeriesRef, each);
  const addedMs = performance.now() - began;
  console.log(
    `${seriesCount} series; added to the head in ${((addedMs / seriesCount) * 1e6).toFixed(0)} ns each`,
  );
  const bytes = await indexBytes(labels.toSorted((a, b) => a.compare(b)));
  const openedAt = performance.now();
  const block = await IndexReader.open(bytes, "index");
  console.log(
    `block: ${(bytes.length / 2 ** 20).toFixed(0)} MiB, opened in ${(performance.now() - openedAt).toFixed(0)} ms`,
  );
  console.log("\n| ms | found | head, first | head | block, first | block |\n|---|---:|---:|---:|---:|---:|");
  for (const [name, look] of Object.entries(lookUps)) {
    const inHead = await timed(() => look(head));
    const inBlock = await timed(() => look(block));
    if (inHead.found !== inBlock.found) throw new Error(`${name}: the answers differ`);
    console.log(`| ${name} | ${inHead.found} | ${inHead.text} | ${inBlock.text} |`);
  }
  await inDatabase(labels);
}

const questions: Readonly<Record<string, (querier: Querier) => Promise<{ readonly length: number }>>> = {
  "label names": (querier) => querier.labelNames(),
  "label names of a machine": (querier) => querier.labelNames(matchersOf([one])),
  "label names of all, by a matcher": (querier) => querier.labelNames(matchersOf([["job", "=", "node"]])),
  "values of instance": (querier) => querier.labelValues("instance"),
  "values of container": (querier) => querier.labelValues("container"),
  "values of mode of a machine": (querier) => querier.labelValues("mode", matchersOf([one])),
  "labels of a machine's series": (querier) => querier.select(matchersOf([one]), { labelsOnly: true }),
};

/** The same head, as a database is asked: with what is visible, in a range, in order. */
async function inDatabase(labels: readonly Labels[]): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "narthex-bench-"));
  const tsdb = await openTsdb({ directory, durability: "none" });
  const time = Date.now();
  for (let from = 0; from < labels.length; from += 5000) {
    const appender = tsdb.appender();
    for (const each of labels.slice(from, from + 5000)) appender.append(NO_SERIES, each, time, 1);
    await appender.commit();
  }
  console.log(
    "\n| ms, of a database with all series in its head | found | first | later |\n|---|---:|---:|---:|",
  );
  for (const [name, ask] of Object.entries(questions)) {
    const asked = () => ask(tsdb.querier({ minTime: time - 3_600_000, maxTime: time + 1 }));
    const { found, text } = await timed(asked);
    console.log(`| ${name} | ${found} | ${text} |`);
  }
  await tsdb.close();
  rmSync(directory, { recursive: true, force: true });
}

async function indexBytes(sorted: readonly Labels[]): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const content = new IndexContent();
  for (const [i, labels] of sorted.entries())
    content.add({ labels, chunks: [{ ref: i * 40, minTime: 1, maxTime: 1000 }] });
  await writeIndex(content, async (bytes) => {
    parts.push(bytes.slice());
  });
  return Buffer.concat(parts);
}

interface Found {
  readonly length: number;
}

/** CPU time of the first look-up, and the least of batches of those that follow, so that other work does not count. */
async function timed(
  look: () => Found | Promise<Found>,
): Promise<{ readonly found: number; readonly text: string }> {
  let found = 0;
  const run = async (times: number) => {
    const before = process.cpuUsage();
    for (let i = 0; i < times; i++) {
      const answer = look();
      found = (answer instanceof Promise ? await answer : answer).length;
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / times;
  };
  const first = await run(1);
  const batch = Math.max(1, Math.min(10_000, Math.floor(3 / (await run(1)))));
  const all: number[] = [];
  for (const end = performance.now() + 300; all.length < 3 || (performance.now() < end && all.length < 50); )
    all.push(await run(batch));
  return { found, text: `${digits(first)} | ${digits(Math.min(...all))}` };
}

function digits(ms: number): string {
  return ms < 0.1 ? ms.toFixed(4) : ms < 10 ? ms.toFixed(2) : ms.toFixed(0);
}

await main();
