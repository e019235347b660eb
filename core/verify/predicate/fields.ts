import { isVisible, shown } from '../foreign-text.ts';
import { Refusal } from '../refusal.ts';

/** Longest text in a predicate; names, versions and digests are far shorter. */
const MAX_TEXT = 4096;

/** Reads one JSON object of a predicate key by key; every wrong value is refused with its path. */
export class Fields {
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #path: string;

  /** @throws Refusal PREDICATE_INVALID */
  constructor(value: unknown, path: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(path, 'an object', value);
    this.#object = value as Readonly<Record<string, unknown>>;
    this.#path = path;
  }

  /** Keys of the object, in document order. */
  get keys(): readonly string[] {
    return Object.keys(this.#object);
  }

  /** The value as it is, absent or not. */
  raw(key: string): unknown {
    return Object.hasOwn(this.#object, key) ? this.#object[key] : undefined;
  }

  text(key: string): string {
    const value = this.raw(key);
    if (typeof value !== 'string' || value.length > MAX_TEXT) throw wrong(this.#at(key), `text of at most ${MAX_TEXT} characters`, value);
    if (!isVisible(value)) throw wrong(this.#at(key), 'text without hidden characters', value);
    return value;
  }

  /** Text that matches a pattern. @param form what is expected, for the message */
  pattern(key: string, pattern: RegExp, form: string): string {
    const value = this.text(key);
    if (!pattern.test(value)) throw wrong(this.#at(key), form, value);
    return value;
  }

  count(key: string): number {
    const value = this.raw(key);
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || Object.is(value, -0))
      throw wrong(this.#at(key), 'a whole number from zero up', value);
    return value;
  }

  flag(key: string): boolean {
    const value = this.raw(key);
    if (typeof value !== 'boolean') throw wrong(this.#at(key), 'true or false', value);
    return value;
  }

  object(key: string): Fields {
    return new Fields(this.raw(key), this.#at(key));
  }

  /** Objects of a list. @param max entries accepted */
  list(key: string, max: number): readonly Fields[] {
    return this.#items(key, max).map((entry, index) => new Fields(entry, `${this.#at(key)}[${index}]`));
  }

  /** Texts of a list. @param max entries accepted */
  texts(key: string, max: number): readonly string[] {
    return this.#items(key, max).map((entry, index) => new Fields({ [index]: entry }, this.#at(key)).text(String(index)));
  }

  /** Reads a key when it is there. */
  optional<T>(key: string, read: () => T): T | undefined {
    return this.raw(key) === undefined ? undefined : read();
  }

  #items(key: string, max: number): readonly unknown[] {
    const value = this.raw(key);
    if (!Array.isArray(value) || value.length > max) throw wrong(this.#at(key), `a list of at most ${max}`, value);
    return value;
  }

  #at(key: string): string {
    return `${this.#path}.${key}`;
  }
}

function wrong(path: string, expected: string, value: unknown): Refusal {
  return new Refusal('PREDICATE_INVALID', `${path} must be ${expected}, not ${value === undefined ? 'absent' : shown(value, 80)}`);
}
