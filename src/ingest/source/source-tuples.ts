/**
 * SourceTuples: new series of a push that needs no decision about them, as they are stored as they are pushed. They get no
 * labels and no object of their own: one object of their source stands for them, and what differs is in SeriesColumns.
 */

import type { Labels } from "../../model/labels.js";
import type { SeriesRef } from "../../model/series.js";
import type { SeriesIndex } from "../../model/series-index.js";
import type { NewSeries, PushTuples } from "../push/push.js";
import type { SeriesList } from "../push/series-list.js";
import type { SeriesColumns } from "./series-columns.js";
import type { SourcePush } from "./source-push.js";
import { minuteOf, type SourceSeries } from "./source-series.js";

export class SourceTuples implements PushTuples {
  readonly index: SeriesIndex;
  readonly #push: SourcePush;

  /** Of a push whose catalog is plain. */
  constructor(push: SourcePush) {
    this.index = push.options.appendable.index!;
    this.#push = push;
  }

  take(list: SeriesList, series: NewSeries): void {
    const { catalog, options, arrivalTime } = this.#push;
    const columns = catalog.columnsOf(list);
    const minute = minuteOf(arrivalTime);
    for (let from = 0; from < series.length; ) {
      const to = series.endOfRun(from);
      const name = { job: series.jobOf(from), instance: series.instanceOf(from) };
      const shared = catalog.sharedSeries(name, to - from);
      if (shared !== undefined) {
        const refs = options.scratch.refs(to - from);
        this.index.refsOf(series.tuples(from, to), refs, 0);
        catalog.countShared(shared, columns, to - from);
        for (let i = from; i < to; i++) {
          const number = list.add(shared);
          columns.learnShared(number, shared, { ref: refs[i - from]!, minute });
          series.setNumber(i, number);
        }
      }
      from = to;
    }
  }

  release(list: SeriesList, number: number): void {
    const { catalog } = this.#push;
    const columns = catalog.columnsOf(list);
    const shared = list.at(number) as SourceSeries;
    if (shared.isShared && columns.forget(number)) catalog.countShared(shared, columns, -1);
  }

  labelsOf(list: SeriesList, number: number): Labels {
    return this.#told(list, this.#push.catalog.columnsOf(list), number).labels;
  }

  lasting(list: SeriesList, numbers: Uint32Array): SeriesList {
    for (const number of numbers) if ((list.at(number) as SourceSeries).isShared) this.#own(list, number);
    return list.copy();
  }

  /**
   * What stands for a series without an object of its own, and is told that it is meant. Where its source has a life cycle
   * by now it gets one of its own.
   */
  meant(list: SeriesList, columns: SeriesColumns, number: number): SourceSeries {
    const shared = list.at(number) as SourceSeries;
    const { registry } = this.#push.options;
    if (shared.source!.isForgotten) shared.source = registry.remember(shared.source!);
    return shared.source!.isManaged ? this.#own(list, number) : this.#told(list, columns, number);
  }

  #told(list: SeriesList, columns: SeriesColumns, number: number): SourceSeries {
    const series = list.at(number) as SourceSeries;
    if (series.isShared) series.ref = columns.refs[number]! as SeriesRef;
    return series;
  }

  #own(list: SeriesList, number: number): SourceSeries {
    const ref = this.#push.catalog.columnsOf(list).refs[number]! as SeriesRef;
    const labels = this.labelsOf(list, number);
    this.release(list, number);
    const own = this.#push.series(labels);
    if (own.refusal === undefined) own.ref = ref;
    list.replace(number, own);
    return own;
  }
}
