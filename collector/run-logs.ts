import { appendFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { logEntry, logPath, pagePath } from '#core/assemble/log-entry.ts';
import { PhasePage, type PageFrame } from '#core/assemble/phase-page.ts';
import { RUN_ORDER, type Phase } from '#core/ctrf/report.ts';
import { compareText } from '#core/digest/compare-text.ts';
import type { Digest } from '#core/digest/sha256.ts';
import { makeDirectory } from '#core/file/make-directory.ts';
import { bytesSource, fileSource, type BlobSource } from '#core/oci/blob-source.ts';
import { writeLogs } from '#core/publish/write-logs.ts';
import type { CheckResult } from '#core/wire/record.ts';
import type { Absence, NodeReport } from '#core/wire/run.ts';

/** Text kept in memory before it goes to its files. */
const BUFFER_CHARACTERS = 1 << 20;
/** Different log files; a hostile agent could name a new check in every record. */
const MAX_FILES = 500;
/** Stands where the pages and logs have a node. */
const WHOLE_CLUSTER = 'cluster';
const OVERFLOW = 'further-checks';
/** Beginning of the name of the directory where logs grow. */
export const LOGS_SCRATCH = '.logs-';

/** What all nodes said in words, as a directory of its own: one file per check, one page per phase. */
export class RunLogs {
  readonly #outDir: string;
  readonly #scratch: string;
  readonly #pages = new Map<Phase, PhasePage>();
  readonly #paths = new Set<string>();
  readonly #waiting = new Map<string, string[]>();
  #characters = 0;

  private constructor(outDir: string, scratch: string) {
    this.#outDir = outDir;
    this.#scratch = scratch;
  }

  /** @param outDir where `logs-bundle` will be */
  static async begin(outDir: string): Promise<RunLogs> {
    await makeDirectory(outDir);
    return new RunLogs(outDir, await mkdtemp(join(outDir, LOGS_SCRATCH)));
  }

  /** Takes what one node said. @param node its pseudonym */
  async add(report: NodeReport, node: string): Promise<void> {
    for (const record of report.records) if (record.kind === 'check') this.#addCheck(record.result, node);
    if (this.#characters > BUFFER_CHARACTERS) await this.#flush();
  }

  /** Takes a result of a check of the whole cluster. */
  addClusterCheck(result: CheckResult): void {
    this.#addCheck(result, WHOLE_CLUSTER);
  }

  /** Takes a node that did not report. @param node its pseudonym */
  addAbsence({ reason, detail }: Absence, node: string): void {
    this.#pageOf('deployment').add({ name: 'node-report', status: 'failed', suite: ['deployment', node], message: `${reason}: ${detail}` });
  }

  /**
   * Writes `logs-bundle/` whole.
   * @param version of the tool, for the artifact
   * @returns digest of the artifact that the logs pack to
   * @throws DISK_FULL, OUTPUT_UNWRITABLE
   */
  async finish(frame: PageFrame, version: string): Promise<Digest> {
    await this.#flush();
    const logs = new Map<string, BlobSource>();
    for (const path of [...this.#paths].sort(compareText)) logs.set(path, await fileSource(join(this.#scratch, path)));
    const digest = await writeLogs(this.#outDir, new Map([...logs, ...this.#writtenPages(frame, logs)]), { version });
    await rm(this.#scratch, { recursive: true, force: true });
    return digest;
  }

  #addCheck(result: CheckResult, node: string): void {
    const { phase, check, status, message } = result;
    this.#pageOf(phase).add({ name: check, status, suite: [phase, node], ...(message === undefined ? {} : { message }) });
    const entry = logEntry(result, node);
    if (entry === '') return;
    const wanted = logPath(phase, check);
    const path = this.#paths.has(wanted) || this.#paths.size < MAX_FILES ? wanted : logPath(phase, OVERFLOW);
    this.#paths.add(path);
    const texts = this.#waiting.get(path) ?? [];
    texts.push(entry);
    this.#waiting.set(path, texts);
    this.#characters += entry.length;
  }

  #pageOf(phase: Phase): PhasePage {
    const page = this.#pages.get(phase) ?? new PhasePage();
    this.#pages.set(phase, page);
    return page;
  }

  #writtenPages(frame: PageFrame, logs: ReadonlyMap<string, BlobSource>): readonly (readonly [string, BlobSource])[] {
    return RUN_ORDER.filter((phase) => this.#pages.has(phase)).map((phase) => {
      const prefix = dirname(logPath(phase, 'x'));
      const own = [...logs]
        .filter(([path]) => dirname(path) === prefix)
        .map(([path, { size, digest }]) => ({ name: path.slice(prefix.length + 1), size, digest }));
      return [pagePath(phase), bytesSource(Buffer.from(this.#pageOf(phase).toMarkdown(phase, frame, own)))];
    });
  }

  async #flush(): Promise<void> {
    for (const [path, texts] of this.#waiting) {
      await mkdir(dirname(join(this.#scratch, path)), { recursive: true });
      await appendFile(join(this.#scratch, path), texts.join(''));
    }
    this.#waiting.clear();
    this.#characters = 0;
  }
}
