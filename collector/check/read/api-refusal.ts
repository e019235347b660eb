import { textAt } from '#core/cluster/object-value.ts';

const REFUSED: readonly number[] = [401, 403];

/**
 * Whether the API server itself refuses a request for lack of a right. What it only passes on - an exporter that wants a password, a gateway
 * in between - may have the same status and is no question of rights here.
 * @source Kubernetes API, Status objects
 */
export function isApiRefusal({ status, text }: { readonly status: number; readonly text: string }): boolean {
  return REFUSED.includes(status) && textAt(parsed(text), 'kind') === 'Status';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
