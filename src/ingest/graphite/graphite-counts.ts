/**
 * GraphiteCounts: what came of what was sent to the Graphite listener, which cannot tell its senders.
 */

export interface GraphiteCounts {
  /** Open now. */
  readonly connections: number;
  /** Since the start, as all that follow. */
  readonly datagrams: number;
  /** Datagrams that found the queue full. */
  readonly datagramsDropped: number;
  readonly samples: number;
  /** Lines that could not be read, and samples that were not taken. */
  readonly refused: number;
}
