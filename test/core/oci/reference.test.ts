import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatReference, hasOciScheme, parseReference } from '#core/oci/reference.ts';

const digest = `sha256:${'ab'.repeat(32)}`;

describe('a registry reference', () => {
  it.each([
    ['registry.test/team/evidence:v1', { registry: 'registry.test', repository: 'team/evidence', tag: 'v1' }],
    ['oci://registry.test:5000/e', { registry: 'registry.test:5000', repository: 'e' }],
    ['localhost:5077/me/aicr-evidence:h100-eks.x_1', { registry: 'localhost:5077', repository: 'me/aicr-evidence', tag: 'h100-eks.x_1' }],
    [`registry.test/e@${digest}`, { registry: 'registry.test', repository: 'e', digest }],
    [`registry.test/e:v1@${digest}`, { registry: 'registry.test', repository: 'e', tag: 'v1', digest }],
    ['[::1]:5000/a/b__c/d--e.f', { registry: '[::1]:5000', repository: 'a/b__c/d--e.f' }],
    ['registry/evidence', { registry: 'registry', repository: 'evidence' }],
  ])('%s is read', (text, parts) => {
    expect(parseReference(text)).toEqual({ kind: 'registry', ...parts });
  });

  it.each([
    ['no repository', 'registry.test'],
    ['nothing', ''],
    ['an empty repository', 'registry.test/'],
    ['uppercase in the repository', 'registry.test/Team/e'],
    ['a step up', 'registry.test/../e'],
    ['an empty part', 'registry.test/a//b'],
    ['a leading dash', 'registry.test/-a'],
    ['three underscores', 'registry.test/a___b'],
    ['an empty tag', 'registry.test/e:'],
    ['a tag of 129 characters', `registry.test/e:${'a'.repeat(129)}`],
    ['a tag with a slash', 'registry.test/e:a/b'],
    ['two tags', 'registry.test/e:a:b'],
    ['a short digest', 'registry.test/e@sha256:abcd'],
    ['an uppercase digest', `registry.test/e@sha256:${'AB'.repeat(32)}`],
    ['another digest algorithm', `registry.test/e@sha512:${'ab'.repeat(64)}`],
    ['an empty digest', 'registry.test/e@'],
    ['two digests', `registry.test/e@${digest}@${digest}`],
    ['credentials', 'user:secret@registry.test/e'],
    ['a web address', 'https://registry.test/e'],
    ['a query', 'registry.test/e?x=1'],
    ['white space', 'registry.test/e v1'],
    ['a line break', 'registry.test/e:v1\n'],
    ['a host with an underscore', 'registry_x.test/e'],
    ['a port that is a word', 'registry.test:http/e'],
    ['a repository of 256 characters', `registry.test/${'a'.repeat(256)}`],
    ['five thousand characters', `registry.test/e:${'a'.repeat(5000)}`],
  ])('with %s is refused', (_, text) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID' }));
  });

  it('is written without scheme, as pointers have it', () => {
    expect(formatReference(parseReference(`oci://registry.test/e:v1@${digest}`))).toBe(`registry.test/e:v1@${digest}`);
  });
});

describe('a layout reference', () => {
  it.each([
    ['oci-layout:out/oci', { directory: resolve('out/oci') }],
    ['oci-layout:out/oci:v1', { directory: resolve('out/oci'), tag: 'v1' }],
    [`oci-layout:out/oci@${digest}`, { directory: resolve('out/oci'), digest }],
    [`oci-layout:/a/b:v1@${digest}`, { directory: '/a/b', tag: 'v1', digest }],
    ['oci-layout:/a:b/c', { directory: '/a:b/c' }],
    ['oci-layout:/home/me@work/oci', { directory: '/home/me@work/oci' }],
  ])('%s is read', (text, parts) => {
    expect(parseReference(text)).toEqual({ kind: 'layout', ...parts });
  });

  it.each(['oci-layout:', `oci-layout:@${digest}`, 'oci-layout:a\0b', 'oci-layout:x@sha256:12'])('%j is refused', (text) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID' }));
  });

  it('is known by its scheme, as a registry reference may be', () => {
    expect(['oci-layout:x', 'oci://r/e', 'r/e', './oci'].map(hasOciScheme)).toEqual([true, true, false, false]);
  });
});
