/** An image reference taken apart; `repository` always begins with a registry. */
export interface ImageName {
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const DIGEST = /@(sha256:[\da-f]{64})$/;
const TAG = /:([\w][\w.-]{0,127})$/;
const DOCKER_HUB = 'docker.io';

/**
 * Reads an image as pods and manifests write it: short names mean Docker Hub, as every container runtime has it.
 * @param text `nginx`, `nvcr.io/nvidia/driver:580`, `docker-pullable://ghcr.io/a/b@sha256:…`
 * @source distribution reference grammar, familiar names
 */
export function readImageName(text: string): ImageName {
  const plain = text.replace(/^[a-z-]+:\/\//, '');
  const digest = DIGEST.exec(plain)?.[1];
  const withoutDigest = plain.replace(/@.*$/, '');
  const tag = TAG.exec(withoutDigest)?.[1];
  return { repository: canonicalRepository(tag === undefined ? withoutDigest : withoutDigest.slice(0, -tag.length - 1)), tag, digest };
}

function canonicalRepository(name: string): string {
  const [first = '', ...rest] = name.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  if (!isHost) return `${DOCKER_HUB}/${rest.length === 0 ? 'library/' : ''}${name}`;
  const host = first === 'index.docker.io' ? DOCKER_HUB : first;
  return host === DOCKER_HUB && rest.length === 1 ? `${host}/library/${rest[0] ?? ''}` : `${host}/${rest.join('/')}`;
}
