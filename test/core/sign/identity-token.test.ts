import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { isAssayError } from '#core/error.ts';
import { readIdentityToken } from '#core/sign/identity/identity-token.ts';

const NOW_MS = Date.UTC(2026, 10, 21, 12);
const NOW_S = NOW_MS / 1000;
const good = { iss: 'https://issuer.test', sub: 'somebody', aud: 'sigstore', iat: NOW_S - 10, exp: NOW_S + 600 };

function token(claims: unknown, header: unknown = { alg: 'RS256' }): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(claims)}.c2lnbmF0dXJl`;
}

function refusal(text: string, audience?: string): { code: string; message: string; all: string } {
  try {
    readIdentityToken(text, NOW_MS, audience);
  } catch (error) {
    if (isAssayError(error)) return { code: error.code, message: error.message, all: inspect(error, { depth: 9 }) };
  }
  throw new Error('the token was accepted');
}

describe('an identity token', () => {
  it('is read with who, from whom and until when', () => {
    const { issuer, subject, expiresAtMs } = readIdentityToken(` ${token(good)}\n`, NOW_MS);

    expect({ issuer, subject, expiresAtMs }).toEqual({ issuer: 'https://issuer.test', subject: 'somebody', expiresAtMs: NOW_MS + 600_000 });
  });

  it.each([
    ['a list of audiences', { aud: ['x', 'sigstore'] }],
    ['a verified e-mail address', { email: 'a@b.test', email_verified: true }],
    ['an e-mail address of which nothing is said', { email: 'a@b.test' }],
    ['a start a little in the future', { nbf: NOW_S + 30 }],
    ['an expiry with a fraction', { exp: NOW_S + 600.5 }],
  ])('may have %s', (_, claims) => {
    expect(readIdentityToken(token({ ...good, ...claims }), NOW_MS).subject).toBe('somebody');
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['another audience', { aud: 'https://kubernetes.default.svc' }, 'IDENTITY_TOKEN_AUDIENCE'],
    ['an audience that only contains the right one', { aud: 'sigstore-staging' }, 'IDENTITY_TOKEN_AUDIENCE'],
    ['no audience', { aud: undefined }, 'IDENTITY_TOKEN_AUDIENCE'],
    ['an audience that is a number', { aud: 7 }, 'IDENTITY_TOKEN_AUDIENCE'],
    ['an expiry in the past', { exp: NOW_S - 1 }, 'IDENTITY_TOKEN_EXPIRED'],
    ['an expiry in a moment', { exp: NOW_S + 29 }, 'IDENTITY_TOKEN_EXPIRED'],
    ['a start in the future', { nbf: NOW_S + 120 }, 'IDENTITY_TOKEN_EXPIRED'],
    ['a birth in the future', { iat: NOW_S + 120 }, 'IDENTITY_TOKEN_EXPIRED'],
    ['an e-mail address that is not verified', { email: 'a@b.test', email_verified: false }, 'IDENTITY_TOKEN_UNVERIFIED'],
    ['no expiry', { exp: undefined }, 'IDENTITY_TOKEN_MALFORMED'],
    ['an expiry that is a text', { exp: 'tomorrow' }, 'IDENTITY_TOKEN_MALFORMED'],
    ['an expiry beyond all time', { exp: 1e300 }, 'IDENTITY_TOKEN_MALFORMED'],
    ['no issuer', { iss: undefined }, 'IDENTITY_TOKEN_MALFORMED'],
    ['an empty subject', { sub: '' }, 'IDENTITY_TOKEN_MALFORMED'],
  ])('is refused with %s', (_, claims, code) => {
    expect(refusal(token({ ...good, ...claims }))).toMatchObject({ code });
  });

  it.each([
    ['nothing', ''],
    ['one part', 'abc'],
    ['four parts', 'a.b.c.d'],
    ['an empty part', 'a..c'],
    ['spaces inside', `${token(good).slice(0, 10)} ${token(good).slice(10)}`],
    ['a payload that is no JSON', `a.${Buffer.from('{secret').toString('base64url')}.c`],
    ['a payload that is a list', token([])],
    ['65 537 characters', `a.${'b'.repeat(65_537)}.c`],
  ])('is refused when it is %s', (_, text) => {
    expect(refusal(text)).toMatchObject({ code: 'IDENTITY_TOKEN_MALFORMED' });
  });

  it('never shows itself: not when printed, not as JSON, not in any error', () => {
    const text = token({ ...good, secretClaim: 'hush-hush' });
    const read = readIdentityToken(text, NOW_MS);
    const broken = `${text.split('.')[0]}.${Buffer.from('{"a":"hush-hush').toString('base64url')}.x`;
    const shown = [
      inspect(read),
      String(read),
      JSON.stringify({ read }),
      inspect({ deep: { read } }, { showHidden: true }),
      refusal(broken).all,
      refusal(token({ ...good, aud: 'x' })).all,
    ].join('\n');

    expect(shown).not.toContain('hush-hush');
    expect(text.split('.').filter((part) => shown.includes(part))).toEqual([]);
    expect(read.reveal()).toBe(text);
  });
});
