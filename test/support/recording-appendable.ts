/**
 * RecordingAppendable: an Appendable that keeps what was committed, as text, for tests of what feeds it.
 */

import type { Appendable, Appender, CommitResult } from "../../src/model/appendable.js";
import type { Labels } from "../../src/model/labels.js";
import { NO_SERIES, type SeriesRef } from "../../src/model/series.js";

export class RecordingAppendable implements Appendable {
  /** One line a sample: `name{labels} value @time`, in the order of the appends. */
  readonly samples: string[] = [];
  commits = 0;
  rollbacks = 0;

  appender(): Appender {
    const staged: string[] = [];
    const stage = (_ref: SeriesRef, labels: Labels, time: number, value: number | string) => {
      staged.push(`${labels} ${value} @${time}`);
      return NO_SERIES;
    };
    return {
      append: stage,
      appendStale: (ref, labels, time) => stage(ref, labels, time, "stale"),
      // No refs are given, so none is known.
      appendColumns: ({ length }) => Array.from({ length }, (_, row) => row),
      commit: async (): Promise<CommitResult> => {
        this.commits++;
        const committed = staged.splice(0);
        this.samples.push(...committed);
        return { appended: committed.length, rejected: new Map() };
      },
      rollback: () => {
        this.rollbacks++;
        staged.length = 0;
      },
    };
  }
}
