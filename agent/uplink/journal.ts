import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AssayError, errorText } from '#core/error.ts';
import { makeDirectory } from '#core/file/make-directory.ts';
import { FrameFile } from '#core/frame/frame-file.ts';
import type { StallWatch } from '#core/frame/group-writer.ts';
import { rawPublicKey } from '#core/wire/agent-key.ts';
import { WIRE_LIMITS } from '#core/wire/limits.ts';

/** The run a journal belongs to. */
export interface JournalRun {
  readonly runId: string;
  /** 64 hex digits. */
  readonly nonce: string;
}

/** Where a journal is and whose it is. */
export interface JournalOptions extends StallWatch {
  readonly directory: string;
  readonly node: string;
}

interface Identity {
  readonly format: 1;
  readonly node: string;
  /** Ed25519 private key, PKCS#8 PEM. */
  readonly key: string;
}

const IDENTITY = 1;
const RUN = 2;
const RECORD = 3;

/** What is in a journal file, gathered while it is read. */
class Content {
  identity: Identity | undefined;
  run: JournalRun | undefined;
  /** On stable storage. */
  readonly records: Uint8Array[] = [];
  /** On stable storage or on the way there. */
  readonly claimed = { records: 0, bytes: 0 };

  add(payload: Buffer): void {
    const body = payload.subarray(1);
    if (payload[0] === IDENTITY) this.identity = JSON.parse(body.toString()) as Identity;
    else if (payload[0] === RUN) this.run = JSON.parse(body.toString()) as JournalRun;
    else {
      this.claim(body);
      this.records.push(Uint8Array.from(body));
    }
  }

  claim(record: Uint8Array): void {
    this.claimed.records += 1;
    this.claimed.bytes += record.length;
  }
}

/**
 * What the agent has said in this run, on disk: its key, the run, every record. A record is sent only when it is here on
 * stable storage, so an agent that is killed never says two different things under one number. Kept until the run is sealed.
 */
export class Journal {
  readonly #options: JournalOptions;
  #file: FrameFile;
  #content: Content;
  #key: KeyObject;

  private constructor(options: JournalOptions, file: FrameFile, content: Content) {
    this.#options = options;
    this.#file = file;
    this.#content = content;
    this.#key = createPrivateKey(content.identity?.key ?? '');
  }

  /**
   * Opens the journal of a directory or begins one with a fresh key.
   * @throws JOURNAL_CORRUPT when it is damaged or another node's; STORAGE_FAILED
   */
  static async open(options: JournalOptions): Promise<Journal> {
    await createDirectory(options.directory);
    const { file, content } = await openFile(options);
    const node = content.identity?.node;
    if (node === options.node) return new Journal(options, file, content);
    await file.close();
    throw new AssayError('JOURNAL_CORRUPT', `the journal in ${options.directory} is that of node ${String(node)}, not ${options.node}`, {
      details: { node },
      hint: 'Give every node its own --journal-dir.',
    });
  }

  /** Keeps a journal that cannot be opened beside the next one; an earlier one that was kept so is lost. @throws STORAGE_FAILED */
  static async setAside(directory: string): Promise<void> {
    const path = pathOf({ directory });
    await rename(path, `${path}.damaged`).catch((cause: unknown) => {
      throw new AssayError('STORAGE_FAILED', `cannot move ${path} aside: ${errorText(cause)}`, { cause });
    });
  }

  /** The agent's Ed25519 private key. */
  get key(): KeyObject {
    return this.#key;
  }

  /** Raw public key, 32 bytes. */
  get publicKey(): Buffer {
    return rawPublicKey(this.#key);
  }

  /** The run that the records belong to; undefined before the first welcome. */
  get run(): JournalRun | undefined {
    return this.#content.run;
  }

  /** Encoded records in sequence order; record n is at n-1. */
  get records(): readonly Uint8Array[] {
    return this.#content.records;
  }

  /** Ties the journal to a run. */
  async bind(run: JournalRun): Promise<void> {
    await this.#append(RUN, Buffer.from(JSON.stringify(run)));
    this.#content.run = run;
  }

  /**
   * Stores a record; resolves when it is on stable storage. Records are stored in the order of the calls.
   * @throws JOURNAL_FULL at once when the node has said more than the protocol allows; later STORAGE_FAILED
   */
  add(record: Uint8Array): Promise<void> {
    const content = this.#content;
    if (content.claimed.records >= WIRE_LIMITS.recordsPerNode || content.claimed.bytes + record.length > WIRE_LIMITS.bytesPerNode)
      throw new AssayError(
        'JOURNAL_FULL',
        `the journal holds ${String(content.claimed.records)} records, ${String(content.claimed.bytes)} bytes`,
        {
          hint: 'A check writes far too much output: see the last records.',
        },
      );
    content.claim(record);
    // A copy of its own: an encoded record is a slice of a pool that it would keep alive for the whole run.
    return this.#append(RECORD, record).then(() => void content.records.push(Uint8Array.from(record)));
  }

  /** Throws everything away, the key too: the agent starts over as another one. */
  async reset(): Promise<void> {
    await this.remove();
    const { file, content } = await openFile(this.#options);
    this.#file = file;
    this.#content = content;
    this.#key = createPrivateKey(content.identity?.key ?? '');
  }

  /** Deletes the journal: the run is sealed. */
  async remove(): Promise<void> {
    await this.#file.close();
    await rm(pathOf(this.#options));
  }

  /** Closes the file and keeps it. */
  close(): Promise<void> {
    return this.#file.close();
  }

  #append(kind: number, body: Uint8Array): Promise<void> {
    return this.#file.append(Buffer.concat([Buffer.of(kind), body]));
  }
}

async function openFile(options: JournalOptions): Promise<{ file: FrameFile; content: Content }> {
  const content = new Content();
  const path = pathOf(options);
  const file = await FrameFile.open({ ...options, path, corruptCode: 'JOURNAL_CORRUPT', visit: (payload) => content.add(payload) });
  if (content.identity === undefined) {
    const { privateKey } = generateKeyPairSync('ed25519');
    content.identity = { format: 1, node: options.node, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
    await file.append(Buffer.concat([Buffer.of(IDENTITY), Buffer.from(JSON.stringify(content.identity))]));
  }
  return { file, content };
}

function pathOf({ directory }: Pick<JournalOptions, 'directory'>): string {
  return join(directory, 'journal');
}

async function createDirectory(path: string): Promise<void> {
  try {
    await makeDirectory(path, 0o700);
  } catch (cause) {
    throw new AssayError('STORAGE_FAILED', `cannot create the journal directory ${path}: ${errorText(cause)}`, {
      cause,
      hint: 'Give a --journal-dir that this user may write.',
    });
  }
}
