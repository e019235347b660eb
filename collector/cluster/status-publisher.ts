import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from '#core/cluster/cluster.ts';
import { readRunStatus, statusObject } from '#core/cluster/read-run-status.ts';
import { STATUS_KEY, type RunStatus } from '#core/cluster/run-status.ts';
import { errorText, isAssayError } from '#core/error.ts';
import type { Log } from '#core/log.ts';

/** Where a status is published. */
export interface StatusPublisherOptions {
  readonly cluster: Pick<Cluster, 'read' | 'patch'>;
  readonly namespace: string;
  /** Full name of the release. */
  readonly release: string;
  readonly log: Log;
  /** Version of the object as it was read last; undefined to read it first. */
  readonly resourceVersion: string | undefined;
}

/** A status is not written more often. */
const WRITE_MS = 2000;
const LAST_WORD_MS = 30_000;
/** Tries of one write: somebody else may have changed the object. */
const TRIES = 3;

/**
 * Writes the status of the run when it has changed, at most every 2 s. A status that cannot be written is logged and tried again with
 * the next change: the run does not depend on it.
 */
export class StatusPublisher {
  readonly #options: StatusPublisherOptions;
  readonly #read: () => RunStatus;
  #pointer: string | undefined;
  #written = '';
  #resourceVersion: string | undefined;
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  /** @param read the status as it is now */
  constructor(options: StatusPublisherOptions, read: () => RunStatus) {
    this.#options = options;
    this.#read = read;
    this.#resourceVersion = options.resourceVersion;
  }

  /** Starts to look for changes. */
  begin(): void {
    this.#timer = setInterval(() => void this.flush(), WRITE_MS);
  }

  /** Writes what has changed now, and waits until that is done. */
  async flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
  }

  /** Publishes a pointer together with the next status. */
  setPointer(text: string): void {
    this.#pointer = text;
  }

  /** Writes the last word; an API server that is out is not waited for any longer than 30 s. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    const over = new AbortController();
    await Promise.race([this.flush(), delay(LAST_WORD_MS, undefined, { signal: over.signal })]);
    over.abort();
  }

  async #write(): Promise<void> {
    const text = `${JSON.stringify(this.#read(), null, 2)}\n`;
    const data = { [STATUS_KEY.status]: text, ...(this.#pointer === undefined ? {} : { [STATUS_KEY.pointer]: this.#pointer }) };
    const written = JSON.stringify(data);
    if (written === this.#written) return;
    try {
      await this.#patch(data);
      this.#written = written;
    } catch (error) {
      this.#options.log.warn({ error: errorText(error) }, 'the status could not be written');
    }
  }

  async #patch(data: Readonly<Record<string, string>>): Promise<void> {
    const { cluster, namespace, release } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const metadata = this.#resourceVersion === undefined ? {} : { metadata: { resourceVersion: this.#resourceVersion } };
      try {
        const object = await cluster.patch(statusObject(namespace, release), { ...metadata, data });
        this.#resourceVersion = object.metadata.resourceVersion;
        return;
      } catch (error) {
        if (attempt >= TRIES || !isAssayError(error) || error.code !== 'CLUSTER_CONFLICT') throw error;
        // The lease says that this run is the one: what somebody else wrote is replaced, knowingly.
        this.#resourceVersion = (await readRunStatus(cluster, namespace, release))?.resourceVersion;
      }
    }
  }
}
