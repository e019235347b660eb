import { AssayError, type ErrorCode } from '../error.ts';
import { canonicalValue, isYamlMap, YamlFloat, YamlScalar, type CanonicalValue, type YamlNode } from './yaml-value.ts';

/** What a type error of a document says: the file, and the code of its kind. */
export interface FieldReport {
  readonly name: string;
  readonly code: ErrorCode;
}

/**
 * One field of a foreign document, read with the type that is expected there. Absent and null are both `undefined`;
 * anything of another type is an error that names file and path.
 */
export class Field {
  readonly node: YamlNode | undefined;
  readonly path: string;
  private readonly report: FieldReport;

  constructor(node: YamlNode | undefined, report: FieldReport, path = '') {
    this.node = node;
    this.path = path;
    this.report = report;
  }

  /** The member of a mapping; absent when this field is absent. */
  member(key: string): Field {
    return this.child(this.map()?.get(key), this.path === '' ? key : `${this.path}.${key}`);
  }

  /** True when the key is there with a value other than null. */
  get present(): boolean {
    return this.node !== undefined && this.node !== null;
  }

  /** Text as written: numbers, booleans and dates that YAML leaves unquoted keep their spelling (`1.10`). */
  text(): string | undefined {
    const { node } = this;
    if (node === undefined || node === null) return undefined;
    if (typeof node === 'string') return node;
    if (node instanceof YamlScalar && node.source !== undefined) return node.source;
    throw this.wrong('text');
  }

  /** Whole number within 2^53; `4.0` counts, as upstream reads it. */
  integer(): number | undefined {
    const { node } = this;
    if (node === undefined || node === null) return undefined;
    const value = node instanceof YamlScalar ? node.value : undefined;
    const number = value instanceof YamlFloat ? value.value : value;
    if (typeof number === 'number' && Number.isSafeInteger(number)) return number;
    throw this.wrong('a whole number');
  }

  /** Boolean; the YAML 1.1 words count here because upstream's reader takes them for typed booleans. */
  flag(): boolean | undefined {
    const { node } = this;
    if (node === undefined || node === null) return undefined;
    if (node instanceof YamlScalar && typeof node.value === 'boolean') return node.value;
    if (typeof node === 'string' && /^(?:y|Y|yes|Yes|YES|on|On|ON)$/.test(node)) return true;
    if (typeof node === 'string' && /^(?:n|N|no|No|NO|off|Off|OFF)$/.test(node)) return false;
    throw this.wrong('true or false');
  }

  /** The elements of a list. */
  items(): Field[] | undefined {
    const { node } = this;
    if (node === undefined || node === null) return undefined;
    if (!Array.isArray(node)) throw this.wrong('a list');
    return (node as readonly YamlNode[]).map((item, index) => this.child(item, `${this.path}[${index}]`));
  }

  /** A list of texts. */
  texts(): string[] | undefined {
    return this.items()?.map((item) => item.text() ?? '');
  }

  /** The members of a mapping, in file order. */
  members(): [string, Field][] | undefined {
    const map = this.map();
    return map === undefined ? undefined : [...map].map(([key, node]) => [key, this.child(node, `${this.path}.${key}`)]);
  }

  /** A free-form value, without loss. */
  value(): CanonicalValue {
    return canonicalValue(this.node ?? null);
  }

  /** An error at this field. */
  error(message: string): AssayError {
    const { name, code } = this.report;
    return new AssayError(code, `${name}: ${this.path === '' ? 'document' : this.path}: ${message}`, {
      details: { name, path: this.path },
    });
  }

  private map(): ReadonlyMap<string, YamlNode> | undefined {
    if (this.node === undefined || this.node === null) return undefined;
    if (!isYamlMap(this.node)) throw this.wrong('a mapping');
    return this.node;
  }

  private child(node: YamlNode | undefined, path: string): Field {
    return new Field(node, this.report, path);
  }

  private wrong(expected: string): AssayError {
    return this.error(`expected ${expected}, found ${kindOf(this.node)}`);
  }
}

function kindOf(node: YamlNode | undefined): string {
  if (typeof node === 'string') return `the text ${JSON.stringify(node.slice(0, 60))}`;
  if (node instanceof YamlScalar) return node.source ?? 'a JSON number or boolean';
  return Array.isArray(node) ? 'a list' : 'a mapping';
}
