import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunStatus } from '#core/cluster/run-status.ts';
import { assay } from '../../fixture/run/assay.ts';
import { CLUSTER_ISSUER } from '../bed/network.ts';
import { loginConfig, type BedServices } from '../services.ts';

/** One test of the signed reports. */
export interface RecordTest {
  readonly name: string;
  readonly status: string;
  /** Phase, and for a node check the node's ordinal. */
  readonly suite: readonly string[];
  readonly extra: Readonly<Record<string, unknown>>;
}

/** What signed evidence says, after it was verified. */
export interface SignedRecord {
  readonly exit: number;
  readonly signer: { readonly identity: string; readonly issuer: string } | undefined;
  /** State by node ordinal, with the counts of its checks. */
  readonly nodes: Readonly<Record<string, string>>;
  readonly coverage: {
    readonly expected: number;
    readonly reported: number;
    readonly missing: readonly { readonly node: string; readonly reason: string }[];
  };
  readonly findings: readonly string[];
  readonly tests: readonly RecordTest[];
  readonly predicate: any;
}

/** Reference by digest of what a run has pushed. @throws when it has not */
export function artifactOf({ oci, digest, state }: RunStatus): string {
  if (oci === undefined || digest === undefined) throw new Error(`nothing was pushed: ${state}`);
  return `${oci}@${digest}`;
}

/** Who signs in a release. */
export function signerOf(namespace: string, release = 'assay'): { readonly identity: string; readonly issuer: string } {
  return { identity: `https://kubernetes.io/namespaces/${namespace}/serviceaccounts/${release}-collector`, issuer: CLUSTER_ISSUER };
}

/**
 * Verifies pushed evidence as a maintainer does, with the signer pinned, and reads what it says.
 * @throws when it does not verify: exit other than 0 and 1
 */
export async function readRecord(reference: string, services: BedServices, namespace: string): Promise<SignedRecord> {
  const folder = mkdtempSync(join(tmpdir(), 'assay-record-'));
  try {
    const [root, login] = [join(folder, 'trusted_root.json'), join(folder, 'login.json')];
    writeFileSync(root, services.trustedRoot);
    writeFileSync(login, loginConfig(services));
    const registry = ['--plain-http', '--registry-config', login];
    const signer = signerOf(namespace);
    const pins = ['--require-signature', '--expected-identity', signer.identity, '--expected-issuer', signer.issuer];
    const verified = await assay(['verify', reference, ...registry, '--trusted-root', root, ...pins, '--format', 'json']);
    const verdict: any = JSON.parse(verified.stdout);
    if (verified.exit !== 0 && verified.exit !== 1) throw new Error(`${reference} does not verify: ${verified.stdout}${verified.stderr}`);
    const bundle = join(folder, 'bundle');
    const pulled = await assay(['pull', reference, '-o', bundle, ...registry]);
    if (pulled.exit !== 0) throw new Error(`${reference} cannot be pulled: ${pulled.stdout}${pulled.stderr}`);
    const read = (path: string): any => JSON.parse(readFileSync(join(bundle, path), 'utf8'));
    const tests = Object.keys(verdict.predicate.phases).flatMap((phase) => read(`ctrf/${phase}.json`).results.tests as RecordTest[]);
    const states = Object.fromEntries(
      (read('coverage.json').nodes as { node: string; state: string }[]).map(({ node, state }) => [node, state]),
    );
    return {
      exit: verified.exit,
      signer: verdict.signer,
      nodes: Object.fromEntries(Object.entries(states).map(([node, state]) => [node, describeNode(node, state, tests)])),
      coverage: verdict.coverage,
      findings: (verdict.findings as { code: string }[]).map(({ code }) => code),
      tests,
      predicate: verdict.predicate,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function describeNode(node: string, state: string, tests: readonly RecordTest[]): string {
  const own = tests.filter(({ suite }) => suite[1] === node);
  const count = (status: string): number => own.filter((test) => test.status === status).length;
  return own.length === 0 ? state : `${state}: ${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`;
}
