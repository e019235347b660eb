import { beforeAll, describe, expect, it } from 'vitest';
import { makeAuthorityCertificate } from '#core/sign/lab/certificate.ts';
import { newLabKey } from '#core/sign/lab/key-pair.ts';
import { spellingProblem } from '#core/verify/signature/exact-form.ts';
import { timestampProblem } from '#core/verify/signature/timestamp-form.ts';
import { integer, octets, oid, sequence, set, tagged, timestampToken, type TokenParts } from '../../fixture/verify/timestamp-token.ts';

const VALUE = { a: [1, { b: [], c: {} }, 'x: , {"\u2014'], d: -1.5, e: true, f: null, g: { h: '\n' } };

describe('the spelling of a JSON document', () => {
  it.each([
    ['compact', JSON.stringify(VALUE)],
    ['with a line end', `${JSON.stringify(VALUE)}\n`],
    ['indented by two', JSON.stringify(VALUE, null, 2)],
    ['indented by four', `${JSON.stringify(VALUE, null, 4)}\n`],
    ['on one line with spaces', '{"a": 1, "b": [1, 2], "c":  3}'],
    ['with lowercase escapes', '{"x":"\\u00e9\\u003c"}'],
    ['with an exponent', '{"x":1e+06}'],
  ])('is a writer’s: %s', (_name, text) => {
    expect(spellingProblem(text)).toBeUndefined();
  });

  it.each([
    ['a tab', '{"a":\t1}'],
    ['a carriage return', '{"a":1}\r\n'],
    ['a line break on one line', '{"a":1,\n"b":2}'],
    ['a second line end', '{"a":1}\n\n'],
    ['a space before a comma', '{"a":1 ,"b":2}'],
    ['a space before a colon', '{"a" :1}'],
    ['a space after a brace', '{ "a":1}'],
    ['a space after a bracket', '[ 1]'],
    ['a space in front', ' {"a":1}'],
    ['a space at the end', '{"a":1} '],
    ['an escape in capitals', '{"x":"\\u00E9"}'],
    ['an exponent in capitals', '{"x":1E5}'],
    ['minus zero', '{"x":-0}'],
    ['a line without indentation', '{\n  "a": 1,\n"b": 2\n}'],
    ['two values on a line of an indented document', '{\n  "a": 1, "b": 2\n}'],
    ['a blank line', '{\n  "a": 1,\n\n  "b": 2\n}'],
    ['a space at the end of a line', '{\n  "a": 1, \n  "b": 2\n}'],
    ['an empty list that is spread', '{\n  "a": [\n  ]\n}'],
  ])('is nobody’s with %s', (_name, text) => {
    JSON.parse(text);
    expect(spellingProblem(text)).toBeTypeOf('string');
  });
});

describe('the form of a timestamp', () => {
  let certificate: Buffer;
  let other: Buffer;

  beforeAll(async () => {
    const validity = { from: new Date('2026-01-01T00:00:00Z'), to: new Date('2027-01-01T00:00:00Z') };
    [certificate, other] = [await makeAuthorityCertificate(newLabKey(), validity), await makeAuthorityCertificate(newLabKey(), validity)];
  });

  const sha = (last: string): Buffer => sequence(oid(`6086480165030402${last}`));

  it.each<readonly [string, () => TokenParts]>([
    ['as it is', () => ({})],
    ['with the certificate of the authority', () => ({ certificates: tagged(0, certificate) })],
    ['with an empty list of certificates', () => ({ certificates: tagged(0) })],
    ['with SHA-512 throughout', () => ({ digest: sha('03'), digests: set(sha('03')) })],
    [
      'with NULL parameters',
      () => ({
        digest: sequence(oid('608648016503040201'), Buffer.of(5, 0)),
        digests: set(sequence(oid('608648016503040201'), Buffer.of(5, 0))),
      }),
    ],
  ])('is accepted %s', (_name, parts) => {
    expect(timestampProblem(timestampToken(certificate, parts()), [[certificate]])).toBeUndefined();
  });

  it.each<readonly [string, () => TokenParts]>([
    ['another status', () => ({ status: sequence(integer(1)) })],
    ['a status with text', () => ({ status: sequence(integer(0), sequence(octets(Buffer.from('ok')))) })],
    ['something after the token', () => ({ more: integer(1) })],
    ['another version', () => ({ version: integer(4) })],
    ['another content type', () => ({ content: sequence(oid('2a864886f70d010701'), tagged(0, octets(Buffer.from('x')))) })],
    ['content in another tag', () => ({ content: sequence(oid('2a864886f70d0109100104'), tagged(1, octets(Buffer.from('x')))) })],
    ['a second digest algorithm', () => ({ digests: set(sha('01'), sha('02')) })],
    ['another declared digest algorithm', () => ({ digests: set(sha('02')) })],
    ['an unknown digest algorithm', () => ({ digest: sequence(oid('2b0e03021a')), digests: set(sequence(oid('2b0e03021a'))) })],
    ['a certificate of a stranger', () => ({ certificates: tagged(0, other) })],
    ['a certificate that is none', () => ({ certificates: tagged(0, octets(Buffer.from('x'))) })],
    ['revocations', () => ({ revocations: tagged(1) })],
    ['two signers', () => ({ signers: set(sequence(integer(1)), sequence(integer(1))) })],
    ['no signer', () => ({ signers: set() })],
    ['another signer version', () => ({ signerVersion: integer(3) })],
    ['a signer that is a stranger', () => ({ signerId: sequence(sequence(), integer(9)) })],
    ['unsigned attributes', () => ({ unsigned: tagged(1) })],
    ['attributes in another tag', () => ({ attributes: tagged(1) })],
    ['an unknown signature algorithm', () => ({ algorithm: sequence(oid('2a8648ce3d040305')) })],
    ['a signature algorithm with parameters', () => ({ algorithm: sequence(oid('2a8648ce3d040302'), Buffer.of(5, 0)) })],
    ['a signature in another tag', () => ({ signature: integer(1) })],
  ])('is refused with %s', (_name, parts) => {
    expect(timestampProblem(timestampToken(certificate, parts()), [[certificate]])).toBeTypeOf('string');
  });

  it('is refused when its signer is not in the trusted root', () => {
    expect(timestampProblem(timestampToken(certificate), [[other]])).toMatch(/not a timestamp authority/);
  });
});
