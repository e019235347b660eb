import { AssayError } from '#core/error.ts';
import { startProgram, type ProgramName } from './program.ts';
import { reportedFailure } from './reported-failure.ts';

/** An inventory of a large node stays far below. */
const MAX_CHARACTERS = 64 * 1024 * 1024;

/**
 * Runs one of our programs to its end and reads the JSON document it prints. Its log goes to stderr.
 * @returns the document, not yet checked
 * @throws the error that the program reports; PROGRAM_FAILED when it prints no document
 */
export async function programDocument(name: ProgramName, args: readonly string[]): Promise<unknown> {
  const program = startProgram(name, { args, log: 'keep' });
  const lines: string[] = [];
  let length = 0;
  for await (const line of program.lines) {
    length += line.length;
    if (length > MAX_CHARACTERS) program.kill('SIGKILL');
    else lines.push(line);
  }
  const end = await program.ended;
  if (length > MAX_CHARACTERS) throw failed(name, `printed more than ${MAX_CHARACTERS} characters`);
  const document = parseDocument(name, lines.join('\n'), end);
  if (end.exit !== 0) throw reported(document) ?? failed(name, howItEnded(end));
  return document;
}

function parseDocument(
  name: ProgramName,
  text: string,
  end: { readonly exit: number | undefined; readonly signal: string | undefined },
): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AssayError('PROGRAM_FAILED', `the ${name} program printed no result: it ${howItEnded(end)}`, {
      cause,
      hint: 'Run it again with the same flags as "assay agent …" to see its log.',
    });
  }
}

/** The failure that the program wrote as its result. */
function reported(document: unknown): AssayError | undefined {
  return typeof document === 'object' && document !== null && 'error' in document ? reportedFailure(document.error) : undefined;
}

function failed(name: ProgramName, what: string): AssayError {
  return new AssayError('PROGRAM_FAILED', `the ${name} program ${what}`, {
    hint: 'Run it again with the same flags as "assay agent …" to see its log.',
  });
}

function howItEnded(end: { readonly exit: number | undefined; readonly signal: string | undefined }): string {
  return end.exit === undefined ? `was ended by ${end.signal ?? 'a signal'}` : `ended with status ${end.exit}`;
}
