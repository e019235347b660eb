import { destination, pino, type Logger } from 'pino';

/** A program's log: JSON lines with fields; messages are constant text. */
export type Log = Logger;

const REDACTED = ['token', 'authorization', 'nonce', '*.token', '*.authorization', '*.nonce'];

/** How to set up a log. */
export interface LogOptions {
  /** `agent` or `collector`. */
  readonly program: string;
  /** pino level: `debug`, `info`, `warn`, `error`, `silent`. */
  readonly level: string;
}

/** A log on stderr; stdout belongs to results. Written at once, so that nothing is lost when the process ends. */
export function createLog(options: LogOptions): Log {
  return pino(
    { base: { program: options.program, pid: process.pid }, level: options.level, redact: { paths: REDACTED, censor: '[secret]' } },
    destination({ fd: process.stderr.fd, sync: true }),
  );
}
