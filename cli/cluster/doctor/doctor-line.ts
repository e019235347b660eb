/** What a line is about. */
export type DoctorSection = 'cluster' | 'nodes' | 'checks' | 'namespace' | 'registry' | 'signing';

/** One thing that was looked at. */
export interface DoctorLine {
  readonly section: DoctorSection;
  /** Stable name of what was looked at. */
  readonly id: string;
  readonly level: 'ok' | 'warn' | 'fail';
  readonly text: string;
  /** What helps; there whenever the level is not `ok`. */
  readonly fix?: string;
  /** Nodes that it is about, a few of them. */
  readonly nodes?: readonly string[];
}

/** Something is as a run needs it. */
export function ok(section: DoctorSection, id: string, text: string): DoctorLine {
  return { section, id, level: 'ok', text };
}

/** A run works, but says less than it could, or somebody has to do something afterwards. */
export function warn(at: { readonly section: DoctorSection; readonly id: string }, text: string, fix: string): DoctorLine {
  return { ...at, level: 'warn', text, fix };
}

/** A run will not do what it should. */
export function fail(at: { readonly section: DoctorSection; readonly id: string }, text: string, fix: string): DoctorLine {
  return { ...at, level: 'fail', text, fix };
}
