import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serviceProgram } from '../../../tools/services/cache.ts';
import { network } from './network.ts';
import { place } from './place.ts';
import { startRecorded } from './process-record.ts';
import { until } from './until.ts';

/** `host:port` of the registry that nodes pull every image from, whatever registry its name says. */
export const IMAGE_REGISTRY = `${network.host}:${network.registryPort}`;

const READY_MS = 20_000;

/** Starts the registry; its layers stay from life to life of the bed. */
export async function startImageRegistry(): Promise<void> {
  await mkdir(place.registry, { recursive: true });
  const config = join(place.run, 'registry.yaml');
  const storage = `storage:\n  filesystem:\n    rootdirectory: ${place.registry}\n`;
  await writeFile(config, `version: 0.1\nlog:\n  level: error\n${storage}http:\n  addr: ${IMAGE_REGISTRY}\n`);
  startRecorded({
    name: 'registry',
    program: serviceProgram('distribution'),
    args: ['serve', config],
    log: join(place.run, 'registry.log'),
    env: { OTEL_TRACES_EXPORTER: 'none' },
  });
  await until('image registry', async () => (await fetch(`http://${IMAGE_REGISTRY}/v2/`)).ok, { withinMs: READY_MS, everyMs: 25 });
}

/** True when a manifest is there. */
export async function hasManifest(repository: string, digest: string): Promise<boolean> {
  const accept = 'application/vnd.oci.image.manifest.v1+json';
  const answer = await fetch(`http://${IMAGE_REGISTRY}/v2/${repository}/manifests/${digest}`, { method: 'HEAD', headers: { accept } });
  return answer.ok;
}
