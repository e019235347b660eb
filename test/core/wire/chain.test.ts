import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { publicKeyFromRaw, rawPublicKey } from '#core/wire/agent-key.ts';
import { batchToSign, firstLink, helloToSign, nextLink } from '#core/wire/chain.ts';
import { CLOSE_REPLACED, CLOSE_RULES, wireCodeOf } from '#core/wire/close-code.ts';
import { sha256Hex } from '#core/digest/sha256.ts';

const START = { nonce: Buffer.alloc(32, 1), publicKey: Buffer.alloc(32, 2), node: 'node-a' };

describe('chain', () => {
  it('starts with the hash of purpose, nonce, key and node', () => {
    const input = Buffer.concat([Buffer.from('assay/v1/chain\0'), START.nonce, START.publicKey, Buffer.from('node-a')]);

    expect(firstLink(START).toString('hex')).toBe(sha256Hex(input));
  });

  it.each([
    ['nonce', { nonce: Buffer.alloc(32, 9) }],
    ['key', { publicKey: Buffer.alloc(32, 9) }],
    ['node', { node: 'node-b' }],
  ])('has another start for another %s', (_, part) => {
    expect(firstLink({ ...START, ...part })).not.toEqual(firstLink(START));
  });

  it('continues with the hash of the last link and the record', () => {
    const link = firstLink(START);

    expect(nextLink(link, Buffer.of(5)).toString('hex')).toBe(sha256Hex(Buffer.concat([link, Buffer.of(5)])));
  });

  it('signs exactly these bytes for a batch and for a hello', () => {
    const claim = { nonce: Buffer.alloc(32, 1), firstSeq: 258, count: 3, prevLink: Buffer.alloc(32, 2), lastLink: Buffer.alloc(32, 3) };
    const batch = `${Buffer.from('assay/v1/batch\0').toString('hex')}${'01'.repeat(32)}0000010200000003${'02'.repeat(32)}${'03'.repeat(32)}`;

    expect(batchToSign(claim).toString('hex')).toBe(batch);
    expect(helloToSign(Buffer.alloc(32, 7), 'n').toString('hex')).toBe(
      `${Buffer.from('assay/v1/hello\0').toString('hex')}${'07'.repeat(32)}6e`,
    );
  });
});

describe('agent key', () => {
  it('verifies after its way through 32 raw bytes', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const raw = rawPublicKey(privateKey);

    expect(raw.length).toBe(32);
    expect(verify(null, Buffer.from('x'), publicKeyFromRaw(raw), sign(null, Buffer.from('x'), privateKey))).toBe(true);
  });
});

describe('close codes', () => {
  it('are distinct, in the private range, and lead back to their reason', () => {
    const codes = [...Object.values(CLOSE_RULES).map(({ close }) => close), CLOSE_REPLACED];

    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.filter((code) => code < 4000 || code > 4999)).toEqual([]);
    for (const [code, { close }] of Object.entries(CLOSE_RULES)) expect(wireCodeOf(close)).toBe(code);
    expect(wireCodeOf(1000)).toBeUndefined();
  });
});
