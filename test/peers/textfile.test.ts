/**
 * Folders of text files beside a real node_exporter: the same directories give the same samples.
 */

import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseExposition } from "../../src/ingest/exposition/parse-exposition.js";
import { systemClock } from "../../src/model/clock.js";
import { TextfileFolder } from "../../src/scrape/textfile-folder.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { freePort, type RunningServer, start } from "../support/processes.js";

const exporter = "prometheus-node-exporter";

const files: Readonly<Record<string, string>> = {
  "one/good.prom": '# HELP a_total Things.\n# TYPE a_total counter\na_total{x="y"} 1\na_total{x="z"} 2.5e3\n',
  "one/histogram.prom":
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3.5\nh_count 2\n# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 1\ns_count 1\n',
  "one/empty.prom": "",
  "one/comment.prom": "# only a comment\n",
  "one/escaped.prom": 'e{a="b\\"c\\\\d\\ne"} NaN\ne{a="ü"} +Inf\n',
  "one/not-prom.txt": "t 1\n",
  "one/x.prom.tmp": "t 1\n",
  "two/good.prom": "b 1\n",
  "bad/malformed.prom": "good 1\nbad bad\n",
  "bad/open.prom": "open 1",
  "bad/times.prom": "timed 1 1700000000000\n",
  "bad/fine.prom": "fine 1\n",
};

describe.skipIf(isPeerMissing(exporter))("folders of text files", () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-textfile-peer-"));

  beforeAll(() => {
    for (const name of ["one", "two", "bad"]) mkdirSync(join(directory, name));
    for (const [i, [name, text]] of Object.entries(files).entries()) {
      writeFileSync(join(directory, name), text);
      utimesSync(join(directory, name), 1_700_000_000 + i, 1_700_000_000.6 + i);
    }
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** Of the textfile collector, sorted. */
  function samplesOf(page: string): string[] {
    const samples: string[] = [];
    parseExposition(
      Buffer.from(page),
      { format: "prometheus" },
      {
        sample(series, value) {
          const labels = series.labels();
          if (!/^(?:go_|process_|promhttp_|node_(?:scrape_|exporter_))/.test(labels.get("__name__")))
            samples.push(`${labels} ${value}`);
        },
      },
    );
    return samples.sort();
  }

  async function theirs(directories: readonly string[]): Promise<string[]> {
    const address = `127.0.0.1:${await freePort()}`;
    const flags = ["--collector.disable-defaults", "--collector.textfile", `--web.listen-address=${address}`];
    const named = directories.map((path) => `--collector.textfile.directory=${path}`);
    const server: RunningServer = await start(
      findPeer(exporter)!,
      [...flags, ...named],
      `http://${address}`,
      "/metrics",
    );
    try {
      return samplesOf(await (await fetch(`${server.url}/metrics`)).text());
    } finally {
      await server.stop();
    }
  }

  it.each([[["one"]], [["one", "two"]], [["bad"]], [["one", "bad"]], [["absent"]], [["absent", "two"]]])(
    "%j are read alike",
    async (names) => {
      const directories = names.map((name) => join(directory, name));
      const { text } = await new TextfileFolder(directories, {
        clock: systemClock,
        timeoutMs: 10_000,
      }).read();
      expect(samplesOf(text)).toEqual(await theirs(directories));
    },
  );
});
