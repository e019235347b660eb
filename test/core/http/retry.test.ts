import { describe, expect, it } from 'vitest';
import { exchange, isTransient, retryAfterMs } from '#core/http/retry.ts';
import { isSecureUrl } from '#core/http/secure-url.ts';
import { HttpFailure, type HttpAnswer } from '#core/http/send.ts';

const NOW_MS = Date.UTC(2026, 10, 21, 12);

function answer(status: number, dropped: number[] = []): HttpAnswer {
  return {
    status,
    headers: new Headers({ 'retry-after': '0' }),
    url: new URL('https://x.test'),
    pieces: async function* () {},
    discard: async () => void dropped.push(status),
  };
}

describe('a repeated exchange', () => {
  it.each([
    ['a success', [200], 1, 200],
    ['an answer that will not change', [404, 200], 1, 404],
    ['a server error, then a success', [500, 200], 2, 200],
    ['too many requests until the end', [429, 429, 429, 429], 3, 429],
    ['a feature that is not there', [501, 200], 1, 501],
  ])('ends after %s', async (_, statuses, attempts, status) => {
    let sent = 0;
    const last = await exchange(
      () => Promise.resolve(answer(statuses[sent++] ?? 0)),
      (one) => Promise.resolve(one.status),
      { retries: 2, baseDelayMs: 1 },
    );

    expect({ sent, last }).toEqual({ sent: attempts, last: status });
  });

  it('is made again when the network fails in the middle of the answer, and gives up with the last failure', async () => {
    let reads = 0;
    const read = (): Promise<never> => Promise.reject(new HttpFailure('network', `cut ${++reads}`, undefined));

    await expect(exchange(() => Promise.resolve(answer(200)), read, { retries: 2, baseDelayMs: 1 })).rejects.toThrow('cut 3');
  });

  it('is not made again for an answer that is too large or a failure of our own', async () => {
    let sent = 0;
    const request = (): Promise<HttpAnswer> => Promise.resolve(answer(200 + sent++));

    await expect(
      exchange(request, () => Promise.reject(new HttpFailure('oversize', 'big', undefined)), { retries: 2, baseDelayMs: 1 }),
    ).rejects.toThrow('big');
    await expect(exchange(request, () => Promise.reject(new TypeError('bug')), { retries: 2, baseDelayMs: 1 })).rejects.toThrow('bug');
    expect(sent).toBe(2);
  });

  it('drops what is left of every answer', async () => {
    const dropped: number[] = [];
    const statuses = [503, 200];

    await exchange(
      () => Promise.resolve(answer(statuses.shift() ?? 0, dropped)),
      () => Promise.resolve(),
      { retries: 1, baseDelayMs: 1 },
    );

    expect(dropped).toEqual([503, 200]);
  });

  it('takes 408, 425, 429 and most 5xx for passing', () => {
    expect([200, 301, 400, 401, 403, 404, 408, 409, 425, 429, 500, 501, 502, 503, 504].filter(isTransient)).toEqual([
      408, 425, 429, 500, 502, 503, 504,
    ]);
  });
});

describe('the wait that a server asks for', () => {
  it.each([
    [null, undefined],
    ['0', 0],
    ['5', 5000],
    ['99999', 30_000],
    [new Date(NOW_MS + 2000).toUTCString(), 2000],
    [new Date(NOW_MS - 2000).toUTCString(), 0],
    ['soon', undefined],
    ['-1', undefined],
  ])('%j is %j', (header, waitMs) => {
    expect(retryAfterMs(header, NOW_MS)).toBe(waitMs);
  });
});

describe('a URL that secrets may travel to', () => {
  it.each([
    ['https://x.test', true],
    ['http://127.0.0.1:80', true],
    ['http://localhost', true],
    ['http://a.localhost', true],
    ['http://[::1]:5000', true],
    ['http://x.test', false],
    ['http://127.0.0.1.evil.test', false],
    ['http://localhost.evil.test', false],
    ['http://10.0.0.1', false],
    ['ftp://localhost', false],
  ])('%s: %s', (url, secure) => {
    expect(isSecureUrl(new URL(url))).toBe(secure);
  });
});
