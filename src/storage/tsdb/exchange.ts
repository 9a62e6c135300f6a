/**
 * Exchange: what goes out of and into an open database beside samples and queries: snapshots, exports, imports of
 * whole directories.
 *
 * Each works on one state: blocks and head as they are in one tick. Blocks that leave the database meanwhile stay
 * readable until it is done. A directory that is imported ends, as does a scan, when the database is closed.
 */

import type { Clock } from "../../model/clock.js";
import { ClosedError } from "../../model/errors.js";
import type { SeriesSamples } from "../../model/exporting.js";
import type { Queryable } from "../../model/queryable.js";
import { formatRfc3339 } from "../../model/rfc3339.js";
import { ALL_TIME } from "../../model/sample.js";
import type { Series } from "../../model/series.js";
import type { BlockMeta } from "../block/block-meta.js";
import type { BlockReader } from "../block/block-reader.js";
import type { ScannedBlock, ScanRequest } from "../block/scan-block.js";
import { decodeWithin } from "../chunk/decode-within.js";
import type { CutOptions } from "../compaction/cut-blocks.js";
import { snapshotPath } from "../fs/data-directory.js";
import { exportBlocks } from "./export-blocks.js";
import { type DirectoryImport, type ImportTarget, importDirectory } from "./import-directory.js";
import type { OpenWork } from "./open-work.js";
import { asOfNow, headSeries, scanParts } from "./scan-parts.js";
import { writeSnapshot } from "./snapshot.js";

export interface ExchangeParts extends ImportTarget {
  readonly clock: Clock;
  /** For what is cut of the head. */
  cutOptions(): CutOptions;
  /** Calls `use` at once, with blocks in order of precedence; they stay open until its promise settles. */
  read<T>(use: (blocks: readonly BlockReader[], head: Queryable) => Promise<T>): Promise<T>;
  readonly work: OpenWork;
  /** Runs a task while no cut, no compaction and no deletion does. */
  inTurn<T>(task: () => Promise<T>): Promise<T>;
}

export interface SnapshotOptions {
  /** Default a new one under `snapshots/` of the data directory, named by the time. */
  readonly directory?: string;
  /** Leave out what is not in blocks yet. */
  readonly skipHead?: boolean;
}

export interface Snapshot {
  readonly directory: string;
  readonly blocks: readonly BlockMeta[];
}

export class Exchange {
  readonly #parts: ExchangeParts;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
  }

  /**
   * Makes a directory, which must not exist or be empty, a database of its own with what is readable now; nothing
   * that changes later changes it. All of it or nothing. Returns its path and its blocks.
   */
  async snapshot(options: SnapshotOptions = {}): Promise<Snapshot> {
    const { skipHead = false } = options;
    const directory = options.directory?.replace(/\/+$/, "") ?? this.#newSnapshotPath();
    return { directory, blocks: await this.#writeSnapshot(directory, skipHead) };
  }

  #writeSnapshot(directory: string, skipHead: boolean): Promise<readonly BlockMeta[]> {
    const { fileSystem, directory: source, inTurn, read, cutOptions } = this.#parts;
    const everything: ScanRequest = { selectors: [], range: ALL_TIME };
    return inTurn(() =>
      read(async (blocks, head) => {
        const series = skipHead ? [] : await headSeries(head, everything);
        const parts = { ...cutOptions(), fileSystem, source, blocks, headSeries: series };
        return writeSnapshot(parts, directory);
      }),
    );
  }

  /** As `20260102T030405Z-01ARZ3NDEKTSV4RRFFQ69G5FAV`. */
  #newSnapshotPath(): string {
    const { directory, clock, newUlid } = this.#parts;
    const time = formatRfc3339(clock.now()).replaceAll(/[-:]|\.\d+/g, "");
    return snapshotPath(directory, `${time}-${newUlid()}`);
  }

  /**
   * The selected series in label order, one at a time, as `Querier.select` gives them; for more than fits into
   * memory. Rejects with ClosedError when the database is closed before everything was read.
   */
  async *scan(request: ScanRequest): AsyncGenerator<Series, void, void> {
    let end: () => void = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    let view: AsyncGenerator<Series, void, void> | undefined;
    const reading = this.#parts.read((blocks, head) => {
      view = scanView(asOfNow(blocks), headSeries(head, request), request);
      return ended;
    });
    let isEnded = false;
    const forget = this.#parts.work.endWith(async () => {
      isEnded = true;
      await view?.return();
      end();
    });
    try {
      if (view !== undefined) yield* view;
      if (isEnded) throw new ClosedError("the database was closed before everything was read");
    } finally {
      forget();
      end();
      await reading;
    }
  }

  /** As `scan`, decoded: just the samples in the range. */
  async *samples(request: ScanRequest): AsyncGenerator<SeriesSamples, void, void> {
    for await (const { labels, chunks } of this.scan(request))
      yield { labels, parts: decodeWithin(chunks, request.range) };
  }

  /** As blocks that a Prometheus reads, in `directory`, which is created when absent. Returns their metas. */
  exportBlocks(request: ScanRequest, directory: string): Promise<readonly BlockMeta[]> {
    const { fileSystem, read, cutOptions } = this.#parts;
    return read(async (now, head) => {
      const blocks = asOfNow(now);
      const parts = { ...cutOptions(), fileSystem, blocks, headSeries: await headSeries(head, request) };
      return exportBlocks(parts, request, directory);
    });
  }

  /** Everything that is in another data directory, ours or a Prometheus', which is only read. */
  importDirectory(source: string): Promise<DirectoryImport> {
    this.#parts.assertOpen();
    return this.#parts.work.track(() => importDirectory(this.#parts, source));
  }
}

async function* scanView(
  blocks: readonly ScannedBlock[],
  head: Promise<readonly Series[]>,
  request: ScanRequest,
): AsyncGenerator<Series, void, void> {
  yield* scanParts(blocks, await head, request);
}
