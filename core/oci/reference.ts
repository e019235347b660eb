import { resolve } from 'node:path';
import { isDigest, type Digest } from '#core/digest/sha256.ts';
import { AssayError } from '#core/error.ts';

/** A repository in a registry, with tag, digest, both or neither. */
export interface RegistryReference {
  readonly kind: 'registry';
  /** Host with optional port, as written. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

/** An OCI image layout on disk. */
export interface LayoutReference {
  readonly kind: 'layout';
  readonly directory: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

/** Where an artifact is. */
export type ArtifactReference = RegistryReference | LayoutReference;

const LAYOUT_SCHEME = 'oci-layout:';
const OCI_SCHEME = 'oci://';
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const HOST =
  /^(?:(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])(?:\.(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9]))*|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?$/;
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const MAX_REPOSITORY = 255;
const MAX_TEXT = 4096;

/** True when the text claims to be an OCI reference by its scheme. */
export function hasOciScheme(text: string): boolean {
  return text.startsWith(OCI_SCHEME) || text.startsWith(LAYOUT_SCHEME);
}

/**
 * Reads `[oci://]HOST[:PORT]/REPOSITORY[:TAG][@sha256:…]` or `oci-layout:DIRECTORY[:TAG][@sha256:…]`.
 * The registry is always named; there is no default one.
 * @throws REFERENCE_INVALID naming the part that is wrong
 * @source OCI distribution specification 1.1, "Pulling manifests"; image layout references as in `oras`
 */
export function parseReference(text: string): ArtifactReference {
  if (text.length > MAX_TEXT) throw invalid(text.slice(0, 64), `is longer than ${MAX_TEXT} characters`);
  const { rest, digest } = splitDigest(text);
  if (rest.startsWith(LAYOUT_SCHEME)) return parseLayout(text, rest.slice(LAYOUT_SCHEME.length), digest);
  return parseRegistry(text, rest.startsWith(OCI_SCHEME) ? rest.slice(OCI_SCHEME.length) : rest, digest);
}

/** The reference as text, without scheme for registries: what a pointer and a statement's subject carry. */
export function formatReference(reference: ArtifactReference): string {
  const place = reference.kind === 'layout' ? `${LAYOUT_SCHEME}${reference.directory}` : `${reference.registry}/${reference.repository}`;
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  return `${place}${tag}${reference.digest === undefined ? '' : `@${reference.digest}`}`;
}

function parseLayout(text: string, rest: string, digest: Digest | undefined): LayoutReference {
  const colon = rest.lastIndexOf(':');
  const tagged = colon > 0 && TAG.test(rest.slice(colon + 1));
  const directory = tagged ? rest.slice(0, colon) : rest;
  if (directory === '' || directory.includes('\0')) throw invalid(text, 'names no layout directory');
  return {
    kind: 'layout',
    directory: resolve(directory),
    ...(tagged ? { tag: rest.slice(colon + 1) } : {}),
    ...(digest === undefined ? {} : { digest }),
  };
}

function parseRegistry(text: string, rest: string, digest: Digest | undefined): RegistryReference {
  const slash = rest.indexOf('/');
  if (slash < 1) throw invalid(text, 'does not name registry and repository (HOST/REPOSITORY)');
  const registry = rest.slice(0, slash);
  const path = rest.slice(slash + 1);
  const colon = path.lastIndexOf(':');
  const repository = colon < 0 ? path : path.slice(0, colon);
  const tag = colon < 0 ? undefined : path.slice(colon + 1);
  if (!HOST.test(registry)) throw invalid(text, `has a registry that is not a host name with optional port: ${JSON.stringify(registry)}`);
  if (!REPOSITORY.test(repository) || repository.length > MAX_REPOSITORY)
    throw invalid(text, `has a repository that is not lowercase letters, digits and single separators: ${JSON.stringify(repository)}`);
  if (tag !== undefined && !TAG.test(tag)) throw invalid(text, `has a tag that registries refuse: ${JSON.stringify(tag)}`);
  return { kind: 'registry', registry, repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

function splitDigest(text: string): { rest: string; digest: Digest | undefined } {
  const at = text.lastIndexOf('@');
  if (at < 0 || (text.startsWith(LAYOUT_SCHEME) && !text.slice(at + 1).startsWith('sha256:'))) return { rest: text, digest: undefined };
  const digest = text.slice(at + 1);
  if (!isDigest(digest)) throw invalid(text, `has a digest that is not sha256 with 64 lowercase hex digits: ${JSON.stringify(digest)}`);
  return { rest: text.slice(0, at), digest };
}

function invalid(text: string, problem: string): AssayError {
  return new AssayError('REFERENCE_INVALID', `the reference ${JSON.stringify(text)} ${problem}`, {
    hint: 'Write HOST/REPOSITORY:TAG, HOST/REPOSITORY@sha256:…, or oci-layout:DIRECTORY.',
  });
}
