/** What a registry asks for with a 401. */
export interface Challenge {
  /** Lower case: `basic`, `bearer`. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const SCHEME = /(?:^|,)\s*([A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]*)(?=\s+[A-Za-z0-9_-]+\s*=|\s*(?:,|$))/g;
const PARAMETER = /([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g;
const MAX_HEADER = 8192;

/**
 * Reads a `WWW-Authenticate` header, which may hold several challenges.
 * @source RFC 9110, section 11.6.1
 */
export function parseChallenges(header: string | null): readonly Challenge[] {
  if (header === null || header.length > MAX_HEADER) return [];
  const marks = [...header.matchAll(SCHEME)];
  return marks.map((mark, index) => {
    const text = header.slice(mark.index + mark[0].length, marks[index + 1]?.index);
    const parameters = [...text.matchAll(PARAMETER)].map(
      ([, name = '', quoted, plain]) => [name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? ''] as const,
    );
    return { scheme: (mark[1] ?? '').toLowerCase(), parameters: Object.fromEntries(parameters) };
  });
}
