/** Raw values that one group of results keeps apart by name; a check observes about ten. */
const MAX_KEYS = 64;
/** Longest value that a group repeats, in characters of JSON. */
const MAX_VALUE = 2048;

type State =
  | { readonly kind: 'same'; readonly value: unknown; readonly text: string }
  | { readonly kind: 'range'; readonly min: number; readonly max: number }
  | { readonly kind: 'differs' };

const DIFFERS: State = { kind: 'differs' };

/**
 * What several nodes observed under the same names: a value that all share stands as it is, numbers become their range, and of
 * everything else only the name is kept.
 */
export class ObservedValues {
  readonly #states: Map<string, State>;

  constructor(first: Readonly<Record<string, unknown>>) {
    this.#states = new Map(
      Object.entries(first)
        .slice(0, MAX_KEYS)
        .map(([key, value]) => [key, sameAs(value)]),
    );
  }

  /** Takes what another node observed. */
  merge(next: Readonly<Record<string, unknown>>): void {
    for (const [key, state] of this.#states)
      if (!Object.hasOwn(next, key)) this.#states.set(key, DIFFERS);
      else if (state.kind !== 'differs') this.#states.set(key, merged(state, next[key]));
    for (const key of Object.keys(next)) if (!this.#states.has(key) && this.#states.size < MAX_KEYS) this.#states.set(key, DIFFERS);
  }

  /** As members of `extra`: `observed`, `ranges`, `differs`, each only when it has something to say. */
  toExtra(): Readonly<Record<string, unknown>> {
    const observed: Record<string, unknown> = {};
    const ranges: Record<string, unknown> = {};
    const differs: string[] = [];
    for (const [key, state] of this.#states) {
      if (state.kind === 'same') observed[key] = state.value;
      else if (state.kind === 'range') ranges[key] = { min: state.min, max: state.max };
      else differs.push(key);
    }
    return {
      ...(Object.keys(observed).length === 0 ? {} : { observed }),
      ...(Object.keys(ranges).length === 0 ? {} : { ranges }),
      ...(differs.length === 0 ? {} : { differs: differs.sort() }),
    };
  }
}

function sameAs(value: unknown): State {
  const text = JSON.stringify(value);
  return text.length > MAX_VALUE ? DIFFERS : { kind: 'same', value, text };
}

function merged(state: Exclude<State, { kind: 'differs' }>, value: unknown): State {
  if (state.kind === 'same' && (state.value === value || state.text === JSON.stringify(value))) return state;
  const bounds = state.kind === 'range' ? state : state.value;
  if (typeof value !== 'number') return DIFFERS;
  if (typeof bounds === 'number') return { kind: 'range', min: Math.min(bounds, value), max: Math.max(bounds, value) };
  if (state.kind !== 'range') return DIFFERS;
  if (value >= state.min && value <= state.max) return state;
  return { kind: 'range', min: Math.min(state.min, value), max: Math.max(state.max, value) };
}
