/**
 * KnownSeries: a remote write kernel with the series that its label bytes stand for, by origin.
 *
 * The kernel knows series by number; the numbers of an origin count through the list that is kept here. They live
 * for as long as the origin does, and the kernel for as long as most of what it remembers is of living origins.
 */

import type { RemoteWriteKernel } from "../../kernels/remote-write-kernel.js";
import type { PushOrigin } from "../push/push.js";
import { SeriesList } from "../push/series-list.js";
import { PairLabels, PairNumbers } from "./new-series.js";

export interface OriginSeries {
  /** Of the kernel's keys. */
  readonly owner: number;
  readonly series: SeriesList;
  readonly share: TableShare;
}

/** What the kernel's table holds of an origin: apart, so that counting it keeps no series alive. */
interface TableShare {
  sizeBytes: number;
}

/** A table below this is not looked at. */
const tableSizeBytesMin = 32 * 1024 * 1024;
/** Above this the table is given up in any case. */
const tableSizeBytesMax = 1024 * 1024 * 1024;

export class KnownSeries {
  readonly kernel: RemoteWriteKernel;
  readonly pairNumbers: PairNumbers;
  readonly pairLabels: PairLabels;
  readonly #byOrigin = new WeakMap<PushOrigin, OriginSeries>();
  readonly #origins: { readonly origin: WeakRef<PushOrigin>; readonly share: TableShare }[] = [];
  /** The size of the table at which it is looked at again. */
  #nextLookSizeBytes = tableSizeBytesMin;

  constructor(kernel: RemoteWriteKernel) {
    this.kernel = kernel;
    this.pairNumbers = new PairNumbers(kernel);
    this.pairLabels = new PairLabels(kernel);
  }

  of(origin: PushOrigin): OriginSeries {
    let known = this.#byOrigin.get(origin);
    if (known === undefined) {
      const share = { sizeBytes: 0 };
      known = { owner: this.#origins.length, series: new SeriesList(), share };
      this.#byOrigin.set(origin, known);
      this.#origins.push({ origin: new WeakRef(origin), share });
    }
    return known;
  }

  /** Whether to begin anew: most of what the kernel remembers is of origins that are gone, or it is too much. */
  get isWorn(): boolean {
    const { tableSizeBytes } = this.kernel;
    if (tableSizeBytes < this.#nextLookSizeBytes) return false;
    let living = 0;
    for (const { origin, share } of this.#origins)
      if (origin.deref() !== undefined) living += share.sizeBytes;
    this.#nextLookSizeBytes = tableSizeBytes + tableSizeBytesMin;
    return tableSizeBytes > tableSizeBytesMax || living * 2 < tableSizeBytes;
  }
}
