import { describe, expect, it } from 'vitest';
import { addressGuard, type GuardedRegistry } from '#core/http/address-guard.ts';
import { addressKind } from '#core/http/address-kind.ts';

describe('the kind of an address', () => {
  it.each([
    ['8.8.8.8', 'public'],
    ['192.167.255.255', 'public'],
    ['172.15.0.1', 'public'],
    ['2606:4700::1111', 'public'],
    ['10.1.2.3', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['100.64.0.1', 'private'],
    ['fd12:3456::1', 'private'],
    ['127.0.0.1', 'loopback'],
    ['127.9.9.9', 'loopback'],
    ['::1', 'loopback'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:7f00:1', 'loopback'],
    ['::ffff:10.0.0.1', 'private'],
    ['::ffff:a9fe:a9fe', 'forbidden'],
    ['169.254.169.254', 'forbidden'],
    ['fd00:ec2::254', 'forbidden'],
    ['fe80::1', 'forbidden'],
    ['0.0.0.0', 'forbidden'],
    ['::', 'forbidden'],
    ['224.0.0.1', 'forbidden'],
    ['255.255.255.255', 'forbidden'],
    ['64:ff9b::a9fe:a9fe', 'forbidden'],
    ['2002:7f00:1::', 'forbidden'],
    ['192.0.2.1', 'forbidden'],
    ['not an address', 'forbidden'],
    ['', 'forbidden'],
  ])('%s is %s', (address, kind) => {
    expect(addressKind(address)).toBe(kind);
  });
});

async function verdict(registry: GuardedRegistry, url: string): Promise<string> {
  try {
    await addressGuard(registry).check(new URL(url));
    return 'allowed';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const file = (host: string): GuardedRegistry => ({ host, origin: 'file' });
const user = (host: string): GuardedRegistry => ({ host, origin: 'user' });

describe('a guard', () => {
  it.each<readonly [string, GuardedRegistry, string]>([
    ['a public registry that a file names', file('8.8.8.8'), 'https://8.8.8.8/v2/'],
    ['this computer, when a file names it as such', file('127.0.0.1:5000'), 'http://127.0.0.1:5000/v2/'],
    ['this computer by its name', file('localhost:5000'), 'http://localhost:5000/v2/'],
    ['a private registry that the user names', user('10.0.0.5:5000'), 'https://10.0.0.5:5000/v2/'],
    [
      'a private registry of a file, when the user says that it is one',
      { ...file('10.0.0.5'), allowPrivate: true },
      'https://10.0.0.5/v2/',
    ],
    ['a redirect from a public registry to a public store', file('8.8.8.8'), 'https://1.1.1.1/blob'],
    ['a redirect from this computer to another port of it', user('127.0.0.1:5000'), 'http://127.0.0.1:9000/blob'],
    ['a redirect inside a private network, when the user named the registry', user('10.0.0.5'), 'https://10.0.0.9/blob'],
  ])('allows %s', async (_name, registry, url) => {
    expect(await verdict(registry, url)).toBe('allowed');
  });

  it.each<readonly [string, GuardedRegistry, string]>([
    ['a metadata service that a file names', file('169.254.169.254'), 'http://169.254.169.254/latest/meta-data/'],
    ['a metadata service that the user names', user('169.254.169.254'), 'http://169.254.169.254/v2/'],
    [
      'a metadata service even when private registries are allowed',
      { ...file('169.254.169.254'), allowPrivate: true },
      'http://169.254.169.254/',
    ],
    ['a metadata service in IPv6', file('[fd00:ec2::254]'), 'http://[fd00:ec2::254]/'],
    ['a metadata service mapped into IPv6', file('[::ffff:169.254.169.254]'), 'http://[::ffff:169.254.169.254]/'],
    ['an address written as one number', file('2852039166'), 'http://2852039166/'],
    ['an address written in octal', file('0251.0376.0251.0376'), 'http://0251.0376.0251.0376/'],
    ['a private registry that a file names', file('192.168.1.10:5000'), 'https://192.168.1.10:5000/v2/'],
    ['a carrier network that a file names', file('100.64.0.1'), 'https://100.64.0.1/v2/'],
    ['every interface', file('0.0.0.0:5000'), 'http://0.0.0.0:5000/v2/'],
    ['a redirect from a public registry to this computer', user('8.8.8.8'), 'http://127.0.0.1/'],
    ['a redirect from a public registry into a private network', user('8.8.8.8'), 'https://10.0.0.1/'],
    ['a redirect from a public registry to a metadata service', user('8.8.8.8'), 'http://169.254.169.254/'],
    ['a redirect from this computer into a private network', user('127.0.0.1:5000'), 'https://10.0.0.1/'],
    ['a redirect from a private network to this computer', user('10.0.0.5'), 'http://127.0.0.1:6443/'],
    ['a redirect inside a private network to a metadata service', user('10.0.0.5'), 'http://169.254.169.254/'],
  ])('refuses %s', async (_name, registry, url) => {
    expect(await verdict(registry, url)).toBe('ADDRESS_REFUSED');
  });

  it('has the last word on the address that is called', async () => {
    const guard = addressGuard(file('8.8.8.8'));
    await guard.check(new URL('https://8.8.8.8'));
    const answers = await Promise.all(
      [{}, { all: true }].map(
        (options) =>
          new Promise<unknown>((done) =>
            guard.lookup('localhost', options, (error, address) => done(error === null ? address : (error as { code?: string }).code)),
          ),
      ),
    );

    expect(answers).toEqual(['ADDRESS_REFUSED', 'ADDRESS_REFUSED']);
  });
});
