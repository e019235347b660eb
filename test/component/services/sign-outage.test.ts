import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isAssayError } from '#core/error.ts';
import { signStatement, type KeylessRoute, type SignedStatement } from '#core/sign/sign-statement.ts';
import { startFaultProxy, type Fault, type FaultProxy } from '../../../tools/services/fault-proxy.ts';
import { startStack, type Stack } from '../../../tools/services/stack.ts';
import { routeTo, skipServices, tokenFor, WHY_SKIPPED } from '../../fixture/services.ts';
import { editable, statementOf } from '../../fixture/sigstore/lab-bundle.ts';

const statement = statementOf('ab'.repeat(32));

interface Proxies {
  readonly fulcio: FaultProxy;
  readonly rekor: FaultProxy;
  readonly rekorV1: FaultProxy;
  readonly tsa: FaultProxy;
}

describe.skipIf(skipServices)(`services that fail while signing ${WHY_SKIPPED}`, () => {
  let stack: Stack;
  let proxies: Proxies;
  beforeAll(async () => {
    stack = await startStack();
  });
  afterAll(() => stack?.stop());
  beforeEach(async () => {
    const [fulcio, rekor, rekorV1, tsa] = await Promise.all(
      [stack.fulcioUrl, stack.rekorUrl, stack.rekorV1.url, stack.tsaUrl].map((url) => startFaultProxy(url)),
    );
    proxies = { fulcio, rekor, rekorV1, tsa } as Proxies;
  });
  afterEach(() => Promise.all(Object.values(proxies).map((proxy: FaultProxy) => proxy.close())));

  function route(changes: Partial<KeylessRoute> = {}): KeylessRoute {
    const services = {
      fulcio: new URL(proxies.fulcio.url),
      rekor: { url: new URL(proxies.rekor.url), apiVersion: 2 as const },
      timestamps: [new URL(`${proxies.tsa.url}/api/v1/timestamp`)] as const,
    };
    return routeTo(stack, { services, timeoutMs: 400, logTimeoutMs: 1500, ...changes });
  }

  /** Makes one service fail as told, the first `times` requests or always. */
  function fail(service: keyof Proxies, fault: Fault, times = Infinity): void {
    proxies[service].setFault(({ count }) => (count <= times ? fault : undefined));
  }

  async function failureOf(
    signing: Promise<SignedStatement>,
  ): Promise<{ code: string; exit: number; message: string; hint: string | undefined }> {
    try {
      await signing;
    } catch (error) {
      if (isAssayError(error)) return { code: error.code, exit: error.exit, message: error.message, hint: error.hint };
      throw error;
    }
    throw new Error('it was signed');
  }

  it.each<[string, keyof Proxies, Fault, { code: string; requests: number }]>([
    [
      'Fulcio answers 400',
      'fulcio',
      { kind: 'answer', status: 400, body: '{"code":3,"message":"There was an error processing the identity token"}' },
      { code: 'FULCIO_REFUSED', requests: 1 },
    ],
    ['Fulcio answers 401', 'fulcio', { kind: 'answer', status: 401 }, { code: 'FULCIO_REFUSED', requests: 1 }],
    ['Fulcio answers 403', 'fulcio', { kind: 'answer', status: 403 }, { code: 'FULCIO_REFUSED', requests: 1 }],
    ['Fulcio answers 500', 'fulcio', { kind: 'answer', status: 500 }, { code: 'FULCIO_UNAVAILABLE', requests: 2 }],
    [
      'Fulcio answers 429',
      'fulcio',
      { kind: 'answer', status: 429, headers: { 'retry-after': '0' } },
      { code: 'FULCIO_UNAVAILABLE', requests: 2 },
    ],
    ['Fulcio hangs', 'fulcio', { kind: 'hang' }, { code: 'FULCIO_UNAVAILABLE', requests: 2 }],
    ['Fulcio cuts the connection', 'fulcio', { kind: 'cut' }, { code: 'FULCIO_UNAVAILABLE', requests: 2 }],
    [
      'Fulcio answers with nonsense',
      'fulcio',
      { kind: 'answer', status: 200, body: '<html>' },
      { code: 'FULCIO_UNAVAILABLE', requests: 1 },
    ],
    ['Fulcio certifies nothing', 'fulcio', { kind: 'answer', status: 200, body: '{}' }, { code: 'FULCIO_REFUSED', requests: 1 }],
    ['Rekor answers 400', 'rekor', { kind: 'answer', status: 400 }, { code: 'REKOR_REFUSED', requests: 1 }],
    ['Rekor answers 502', 'rekor', { kind: 'answer', status: 502 }, { code: 'REKOR_UNAVAILABLE', requests: 3 }],
    ['Rekor hangs', 'rekor', { kind: 'hang' }, { code: 'REKOR_UNAVAILABLE', requests: 3 }],
    ['Rekor loses its answers', 'rekor', { kind: 'lose-answer' }, { code: 'REKOR_UNAVAILABLE', requests: 3 }],
    ['Rekor answers without an entry', 'rekor', { kind: 'answer', status: 201, body: '{}' }, { code: 'REKOR_ENTRY_WRONG', requests: 1 }],
    ['the timestamp authority answers 400', 'tsa', { kind: 'answer', status: 400 }, { code: 'TSA_REFUSED', requests: 1 }],
    ['the timestamp authority answers 503', 'tsa', { kind: 'answer', status: 503 }, { code: 'TSA_UNAVAILABLE', requests: 2 }],
    ['the timestamp authority is dead', 'tsa', { kind: 'cut' }, { code: 'TSA_UNAVAILABLE', requests: 2 }],
    ['the timestamp authority hangs', 'tsa', { kind: 'hang' }, { code: 'TSA_UNAVAILABLE', requests: 2 }],
  ])('%s: its own code, exit 3, and no more requests than make sense', async (_, service, fault, { code, requests }) => {
    fail(service, fault);

    const failure = await failureOf(signStatement(statement, route()));

    expect(failure).toMatchObject({ code, exit: 3 });
    expect(failure.hint).toBeTypeOf('string');
    expect(proxies[service].seen).toHaveLength(requests);
  });

  it.each<[string, keyof Proxies, Fault]>([
    ['one 500 of Fulcio', 'fulcio', { kind: 'answer', status: 500 }],
    ['one cut connection of Fulcio', 'fulcio', { kind: 'cut' }],
    ['one 503 of the timestamp authority', 'tsa', { kind: 'answer', status: 503 }],
    ['one 502 of Rekor', 'rekor', { kind: 'answer', status: 502 }],
    ['one answer that Rekor lost', 'rekor', { kind: 'lose-answer' }],
    ['one 409 of Rekor', 'rekor', { kind: 'answer', status: 409 }],
  ])('%s is survived', async (_, service, fault) => {
    fail(service, fault, 1);

    expect((await signStatement(statement, route())).signer.issuer).toBe(`${stack.oidc.url}/k8s`);
  });

  it('offers the log a fresh certificate after every failure, never an old one', async () => {
    fail('rekor', { kind: 'answer', status: 502 }, 2);

    await signStatement(statement, route());

    expect(proxies.fulcio.seen).toHaveLength(3);
  });

  it('asks for nothing more when the token expires between two attempts', async () => {
    fail('rekor', { kind: 'answer', status: 502 });
    let nowMs = Date.now();
    const clock = { nowMs: () => (nowMs += 600_000), monotonicMs: () => 0 };

    expect(await failureOf(signStatement(statement, route(), clock))).toMatchObject({ code: 'REKOR_UNAVAILABLE' });
    expect(proxies.rekor.seen).toHaveLength(1);
  });

  it('takes the entry that a Rekor v1 wrote before its answer was lost', async () => {
    fail('rekorV1', { kind: 'lose-answer' }, 1);
    const services = { ...route().services, rekor: { url: new URL(proxies.rekorV1.url), apiVersion: 1 as const } };
    const logged = stack.rekorV1.bodies.length;

    const { sigstoreBundle } = await signStatement(statement, route({ services }));

    expect(editable(sigstoreBundle)['verificationMaterial'].tlogEntries).toHaveLength(1);
    expect(proxies.rekorV1.seen.map(({ method }) => method)).toEqual(['POST', 'POST', 'GET']);
    expect(new Set(stack.rekorV1.bodies.slice(logged)).size).toBe(1);
  });

  it('refuses the entry of another signature', async () => {
    const other = await signStatement(statement, route());
    const entry = editable(other.sigstoreBundle)['verificationMaterial'].tlogEntries[0];
    fail('rekor', { kind: 'answer', status: 201, body: JSON.stringify(entry) });

    expect(await failureOf(signStatement(statement, route()))).toMatchObject({ code: 'REKOR_ENTRY_WRONG', exit: 3 });
  });

  it('refuses an entry whose proof was changed on the way', async () => {
    const edit = (body: Buffer): Buffer => {
      const entry = JSON.parse(body.toString()) as { inclusionProof: { rootHash: string } };
      entry.inclusionProof.rootHash = Buffer.alloc(32).toString('base64');
      return Buffer.from(JSON.stringify(entry));
    };
    fail('rekor', { kind: 'edit-answer', edit });

    expect(await failureOf(signStatement(statement, route()))).toMatchObject({ code: 'SIGNING_REJECTED', exit: 3 });
  });

  it('says what the real Fulcio says about a token of an issuer it does not know', async () => {
    const token = tokenFor(stack, '/k8s', { iss: `${stack.oidc.url}/nobody` });

    expect(await failureOf(signStatement(statement, route({ token })))).toMatchObject({
      code: 'FULCIO_REFUSED',
      message: expect.stringContaining('identity token') as string,
    });
  });

  it('never lets the token into a message, also when a service repeats it', async () => {
    const token = tokenFor(stack);
    const secret = token.reveal();
    const echo = { error: `cannot use ${secret} because of ${secret.split('.')[1]}` };
    fail('fulcio', { kind: 'answer', status: 400, body: JSON.stringify(echo) });

    const failure = await failureOf(signStatement(statement, route({ token })));

    const parts = secret.split('.');
    expect(parts.filter((part) => JSON.stringify(failure).includes(part))).toEqual([]);
  });
});
