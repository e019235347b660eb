import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { call, CHART, manifests, objectOf, refusal, render, runPod, skipHelm, WHY_NO_HELM } from './helm.ts';

const PIN = `sha256:${'2'.repeat(64)}`;

function digestOf(pem: string): string {
  const spki = createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(spki).digest('hex')}`;
}

/** What the chart's template says of a given key: its pin, or why there is none. */
function pinOf(pem: string): string {
  const chart = mkdtempSync(join(tmpdir(), 'assay-pin-'));
  onTestFinished(() => rmSync(chart, { recursive: true }));
  mkdirSync(join(chart, 'templates'));
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: pin\nversion: 0.0.0\n');
  writeFileSync(join(chart, 'key.pem'), pem);
  writeFileSync(join(chart, 'templates', 'pin.yaml'), 'pin: {{ include "assay.pinOf" .Values.key }}\n');
  cpSync(`${CHART}/templates/_tls.tpl`, join(chart, 'templates', '_tls.tpl'));
  const { exit, stdout, stderr } = call('helm', ['template', 'r', chart, '--set-file', `key=${join(chart, 'key.pem')}`]);
  return exit === 0 ? manifests(stdout)[0].pin : stderr;
}

function keyPem(namedCurve: string, type: 'sec1' | 'pkcs8'): string {
  return generateKeyPairSync('ec', { namedCurve }).privateKey.export({ format: 'pem', type }).toString();
}

describe.skipIf(skipHelm)(`the pin of the server key ${WHY_NO_HELM}`, () => {
  it('is the digest of the public part of the key that the chart made, each time of another key', () => {
    const releases = Array.from({ length: 6 }, () => render('minimal'));
    const keys = releases.map((objects) => Buffer.from(objectOf(objects, 'Secret').data['tls.key'], 'base64').toString());
    const pins = releases.map((objects) => objectOf(objects, 'ConfigMap', '-agent').data['collector-key']);

    expect(pins).toEqual(keys.map(digestOf));
    expect(new Set(pins).size).toBe(releases.length);
  });

  it('is written on the agents, so that another key starts them again', () => {
    const objects = render('minimal');

    expect(objectOf(objects, 'DaemonSet').spec.template.metadata.annotations).toEqual({
      'assay.dev/collector-key': objectOf(objects, 'ConfigMap', '-agent').data['collector-key'],
    });
  });

  it.each(['sec1', 'pkcs8'] as const)('is right for a key that was made elsewhere, as %s', (type) => {
    const pem = keyPem('prime256v1', type);

    expect(pinOf(pem)).toBe(digestOf(pem));
  });

  it.each([
    ['of another curve', keyPem('secp384r1', 'pkcs8')],
    ['of another kind', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()],
  ])('is refused for a key %s', (_, pem) => {
    expect(pinOf(pem)).toContain('the server key is not a P-256 key');
  });

  it('is refused for what is no key', () => {
    expect(pinOf('-----BEGIN NOTHING-----\nAAAA\n-----END NOTHING-----\n')).toContain('error calling genSelfSignedCertWithKey');
  });

  it('is taken as given with a Secret of somebody else, which is then mounted and not made', () => {
    const objects = render('private-sigstore');

    expect(objects.filter(({ kind }) => kind === 'Secret')).toEqual([]);
    expect(objectOf(objects, 'ConfigMap', '-agent').data).toEqual({ 'collector-key': PIN });
    expect(runPod(objects).pod.volumes.find(({ name }: { name: string }) => name === 'tls')).toEqual({
      name: 'tls',
      secret: { secretName: 'evidence-key', defaultMode: 0o440, items: [{ key: 'tls.key', path: 'tls.key' }] },
    });
  });

  it('is asked for where that Secret cannot be read, and refused without one', () => {
    expect(refusal('private-sigstore', ['tls.pin='])).toContain('tls.pin is needed: Secret evidence-key cannot be read here');
    expect(refusal('minimal', [`tls.pin=${PIN}`])).toContain('tls.pin belongs to the key of tls.existingSecret');
  });
});
