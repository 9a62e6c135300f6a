/**
 * The public types of the push client; push-client.ts implements them.
 */

import type { DatabaseEvent, LabelsLike, Row } from "../api.js";
import type { Clock } from "../model/clock.js";
import type { Labels } from "../model/labels.js";
import type { TimeLike, TimestampMs } from "../model/sample.js";
import type { FileSystem } from "../storage/fs/file-system.js";
import type { QueueLimits } from "./queue/push-queue.js";
import type { DropReason } from "./queue/queue-cursor.js";

/** Where to push to: the URL of a receiver of remote write, and what it wants to see. */
export interface PushAddressOptions {
  /** As `https://metrics.example/api/v1/write`. */
  readonly url: string;
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string | undefined;
  readonly basicAuth?: { readonly username: string; readonly password: string };
  /** More headers, as `X-Scope-OrgID`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Certificate authorities in PEM, in place of those that the system trusts. This and what follows as in node:tls. */
  readonly ca?: string | Uint8Array;
  /** The client's certificate in PEM, with those between it and the authority, and its key. */
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  /** Of a key that is encrypted. */
  readonly passphrase?: string;
  /** The name that the receiver's certificate must have, where it is not that of the URL. */
  readonly servername?: string;
  /** False takes any certificate: then anybody in between reads the token. Default true. */
  readonly rejectUnauthorized?: boolean;
}

export interface PushClientOptions extends Omit<PushAddressOptions, "url"> {
  /**
   * One address. `token`, `basicAuth`, `headers` and what TLS needs are those of every address that has none of its own.
   */
  readonly url?: string;
  /** Several addresses: each gets everything, with the same times. */
  readonly urls?: readonly (string | PushAddressOptions)[];
  /** Set on every series that does not have them: as `job` and `instance`. */
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * How often the application means to append something. It is declared to a Narthex, which misses the client after
   * two intervals; a quarter of an interval after nothing came, a heartbeat goes out. Default: nothing is declared.
   */
  readonly intervalMs?: number;
  /**
   * The series that a heartbeat sends: how many samples the client has dropped for the address. "" sends a request
   * without series, for a token that forces the instance and allows no other names. Default
   * "narthex_client_dropped_samples_total".
   */
  readonly heartbeatName?: string;
  /** What waits. Without a directory it is kept in memory, and lost with the process. */
  readonly queue?: Partial<QueueLimits> & { readonly directory?: string };
  /** Samples are queued together, and sent, when so many have come or the first is so old. Default 2000 and 1 s. */
  readonly batch?: { readonly samplesMax?: number; readonly ageMaxMs?: number };
  /** Batches that wait are sent together, up to this many bytes decoded. Default 512 KiB; no answer within 30 s. */
  readonly request?: { readonly sizeMaxBytes?: number; readonly timeoutMs?: number };
  /** Between attempts: doubled from the first to the last, and up to a half less by chance. Default 1 s and 60 s. */
  readonly retry?: { readonly delayMinMs?: number; readonly delayMaxMs?: number };
  /** Called for what an operator should know. Must not throw. */
  readonly onEvent?: (event: PushClientEvent) => void;
  /** For tests. */
  readonly clock?: Clock;
  /** Numbers in [0, 1). For tests. */
  readonly random?: () => number;
  /** For tests. */
  readonly fileSystem?: FileSystem;
}

export type PushClientEvent = DatabaseEvent;

/** One series, held for repeated appends without a look-up of its labels. */
export interface PushSeries {
  /** The client's labels included. */
  readonly labels: Labels;
  /** Of now, unless `time` is given. Takes the sample into the current batch; nothing is waited for. */
  append(value: number, time?: TimeLike): void;
  /** The series ends: a staleness marker. It begins again with the next append. */
  end(time?: TimeLike): void;
}

export interface FlushResult {
  /** Whether a power loss would leave it; false while it is in memory. */
  readonly isDurable: boolean;
}

export interface CloseOptions {
  /**
   * The application is done for good: all series end with a staleness marker, and a Narthex is told that it need not
   * wait for more. Default false.
   */
  readonly done?: boolean;
  /** For the last deliveries. Default 10 s. An address that fails is not waited for. */
  readonly timeoutMs?: number;
}

export interface PushClientStatus {
  /** Of the queue, what was delivered and not yet removed included. */
  readonly queuedBytes: number;
  /** Whether all that waits is on disk. */
  readonly isOnDisk: boolean;
  /** Samples that came while the disk could not keep up, and are in no queue. */
  readonly droppedBeforeQueue: number;
  readonly addresses: readonly PushAddressStatus[];
}

export interface PushAddressStatus {
  /** Without credentials. */
  readonly url: string;
  /** Samples in requests that were answered with 2xx. */
  readonly delivered: number;
  /** Samples that were given up, by the reason. */
  readonly dropped: Readonly<Record<DropReason, number>>;
  readonly waiting: {
    readonly samples: number;
    readonly sizeBytes: number;
    /** When the oldest was queued. */
    readonly oldestQueuedAt: TimestampMs | undefined;
  };
  readonly lastStoredTime: TimestampMs | undefined;
  /** The last failure, also when later requests succeeded. */
  readonly lastFailure: { readonly time: TimestampMs; readonly reason: string } | undefined;
  /** When the next attempt is due; undefined when the last one succeeded. */
  readonly retryTime: TimestampMs | undefined;
  /**
   * Time alone will not mend it: since it took something last it has answered 401, 403, 404 or 407. What is sent waits, and
   * is lost by the limits of the queue, until somebody puts the token, the rights, the address or the proxy right.
   */
  readonly isLockedOut: boolean;
}

/** Sends samples to one or several receivers of remote write, and keeps them while these cannot be reached. */
export interface PushClient extends AsyncDisposable {
  /** A handle on the series with these labels, of which `__name__` is one. Throws InvalidArgumentError. */
  series(labels: LabelsLike): PushSeries;
  /** Takes rows into the current batch. Throws InvalidArgumentError; rows before the wrong one are taken. */
  append(rows: Iterable<Row>): void;
  /** Resolves when everything appended before is in the queue, durable if that is on disk. Not: delivered. */
  flush(): Promise<FlushResult>;
  status(): PushClientStatus;
  /**
   * Flushes, tries once more to deliver what waits, and stops. What could not be delivered stays in the queue on disk
   * for the next client; from a queue in memory it is lost, and told. May be called again.
   */
  close(options?: CloseOptions): Promise<void>;
}
