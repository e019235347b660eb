import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import canonicalize from 'canonicalize';
import { startServer, type Answer, type LocalServer } from './json-server.ts';

/** A stand-in for a Rekor v1 server: real tree, real signatures, the API that clients use; it does not check what it logs. */
export interface RekorV1 extends LocalServer {
  readonly host: string;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  /** Every body it logged. */
  readonly bodies: readonly string[];
}

interface Log {
  readonly key: KeyObject;
  readonly id: Buffer;
  readonly leaves: Buffer[];
  readonly entries: Map<string, unknown>;
}

const HOST = 'rekor-v1.local';
const TREE_ID = '1193050959916656506';

/** @source Rekor v1 OpenAPI; RFC 6962, section 2.1 */
export async function startRekorV1(): Promise<RekorV1> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const log: Log = { key: privateKey, id: sha256(spki), leaves: [], entries: new Map() };
  const bodies: string[] = [];
  const server = await startServer(({ method, url, body }) => {
    const uuid = /^\/api\/v1\/log\/entries\/([0-9a-f]+)$/.exec(url.pathname)?.[1];
    if (uuid !== undefined) return log.entries.has(uuid) ? { body: { [uuid]: log.entries.get(uuid) } } : { status: 404, body: {} };
    if (method !== 'POST' || url.pathname !== '/api/v1/log/entries') return { status: 404, body: {} };
    const text = entryBody(JSON.parse(body.toString()) as Proposed);
    bodies.push(text);
    return append(log, Buffer.from(text));
  });
  return { ...server, host: HOST, spki, bodies };
}

interface Proposed {
  readonly kind: string;
  readonly spec: { readonly proposedContent: { readonly envelope: string; readonly verifiers: string[] } };
}

function entryBody({ kind, spec }: Proposed): string {
  if (kind !== 'dsse') throw new Error(`unsupported kind ${kind}`);
  const { envelope, verifiers } = spec.proposedContent;
  const { payload, signatures } = JSON.parse(envelope) as { payload: string; signatures: { sig: string }[] };
  return String(
    canonicalize({
      apiVersion: '0.0.1',
      kind,
      spec: {
        envelopeHash: { algorithm: 'sha256', value: sha256(Buffer.from(envelope)).toString('hex') },
        payloadHash: { algorithm: 'sha256', value: sha256(Buffer.from(payload, 'base64')).toString('hex') },
        signatures: signatures.map(({ sig }, index) => ({ signature: sig, verifier: verifiers[index] })),
      },
    }),
  );
}

function append(log: Log, body: Buffer): Answer {
  const uuid = sha256(Buffer.of(0), body).toString('hex');
  if (log.entries.has(uuid))
    return {
      status: 409,
      headers: { location: `/api/v1/log/entries/${uuid}` },
      body: { code: 409, message: 'an equivalent entry already exists' },
    };
  const logIndex = log.leaves.push(Buffer.from(uuid, 'hex')) - 1;
  log.entries.set(uuid, entryOf(log, body, logIndex));
  return { status: 201, body: { [uuid]: log.entries.get(uuid) } };
}

function entryOf(log: Log, body: Buffer, logIndex: number): unknown {
  const integratedTime = Math.floor(Date.now() / 1000);
  const logID = log.id.toString('hex');
  const promise = { body: body.toString('base64'), integratedTime, logID, logIndex };
  const rootHash = treeRoot(log.leaves);
  const note = `${HOST} - ${TREE_ID}\n${log.leaves.length}\n${rootHash.toString('base64')}\n`;
  const noteSignature = Buffer.concat([log.id.subarray(0, 4), sign('sha256', Buffer.from(note), log.key)]).toString('base64');
  return {
    ...promise,
    verification: {
      signedEntryTimestamp: sign('sha256', Buffer.from(String(canonicalize(promise))), log.key).toString('base64'),
      inclusionProof: {
        logIndex,
        treeSize: log.leaves.length,
        rootHash: rootHash.toString('hex'),
        hashes: auditPath(logIndex, log.leaves).map((hash) => hash.toString('hex')),
        checkpoint: `${note}\n\u2014 ${HOST} ${noteSignature}\n`,
      },
    },
  };
}

function treeRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 1) return leaves[0] as Buffer;
  const middle = splitAt(leaves.length);
  return sha256(Buffer.of(1), treeRoot(leaves.slice(0, middle)), treeRoot(leaves.slice(middle)));
}

function auditPath(index: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length === 1) return [];
  const middle = splitAt(leaves.length);
  const [left, right] = [leaves.slice(0, middle), leaves.slice(middle)];
  return index < middle ? [...auditPath(index, left), treeRoot(right)] : [...auditPath(index - middle, right), treeRoot(left)];
}

/** Largest power of two below the number of leaves. */
function splitAt(count: number): number {
  return 2 ** Math.floor(Math.log2(count - 1));
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}
