import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodePlace } from './place.ts';

/** One request that a pod's account made. */
export interface AuditedRequest {
  /** `system:serviceaccount:<namespace>:<name>`. */
  readonly user: string;
  readonly verb: string;
  /** Resource with its group, or the path of what is no resource. */
  readonly resource: string;
  readonly status: number;
}

/** Every answered request of the accounts of a namespace since the bed is up. @throws when the log cannot be read */
export function auditedRequests(namespace: string): readonly AuditedRequest[] {
  const prefix = `system:serviceaccount:${namespace}:`;
  const requests: AuditedRequest[] = [];
  for (const line of readFileSync(join(nodePlace(1).log, 'audit.log'), 'utf8').split('\n')) {
    if (!line.includes(prefix)) continue;
    const event = JSON.parse(line) as AuditEvent;
    if (!event.user.username.startsWith(prefix) || event.stage === 'ResponseStarted') continue;
    requests.push({ user: event.user.username, verb: event.verb, resource: resourceOf(event), status: event.responseStatus?.code ?? 0 });
  }
  return requests;
}

interface AuditEvent {
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string; readonly apiGroup?: string };
  readonly responseStatus?: { readonly code: number };
}

function resourceOf({ objectRef, requestURI }: AuditEvent): string {
  if (objectRef?.resource === undefined) return requestURI.replace(/\?.*/, '');
  const { resource, subresource, apiGroup } = objectRef;
  return `${resource}${subresource === undefined ? '' : `/${subresource}`}${apiGroup === undefined ? '' : `.${apiGroup}`}`;
}

/** Requests counted by `verb resource`, most frequent first. */
export function countRequests(requests: readonly AuditedRequest[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const { verb, resource } of requests) counts.set(`${verb} ${resource}`, (counts.get(`${verb} ${resource}`) ?? 0) + 1);
  return [...counts].sort(([, left], [, right]) => right - left);
}
