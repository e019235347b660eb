import type { HttpAnswer } from '#core/http/send.ts';
import type { RegistryClient } from './registry-client.ts';
import { wrongAnswer } from './registry-failure.ts';

/** A listing that a registry may give in pages. */
export interface PagedListing<T> {
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly accept: readonly number[];
  readonly action: string;
  /** What one page holds; undefined ends the listing. */
  readonly read: (answer: HttpAnswer) => Promise<T | undefined>;
}

/** Pages of a thousand entries: far beyond any repository of evidence. */
const MAX_PAGES = 100;
const NEXT = /<([^<>]+)>\s*;\s*rel="?next"?/;

/**
 * Follows `Link: <…>; rel="next"` to the end, within the registry.
 * @returns undefined when the first page is
 * @throws the REGISTRY_* errors
 * @source RFC 8288; OCI distribution specification 1.1
 */
export async function readPages<T>(client: RegistryClient, { read, target, ...call }: PagedListing<T>): Promise<readonly T[] | undefined> {
  const pages: T[] = [];
  let next: string | URL | undefined = target;
  while (next !== undefined) {
    if (pages.length >= MAX_PAGES) throw wrongAnswer(client.host, `gives more than ${MAX_PAGES} pages to: ${call.action}`);
    const page: { value: T | undefined; next: URL | undefined } = await client.call(
      { method: 'GET', access: 'pull', target: next, ...call },
      async (answer) => ({
        value: await read(answer),
        next: nextPage(client, answer),
      }),
    );
    if (page.value === undefined) return undefined;
    pages.push(page.value);
    next = page.next;
  }
  return pages;
}

function nextPage(client: RegistryClient, answer: HttpAnswer): URL | undefined {
  const link = NEXT.exec(answer.headers.get('link') ?? '')?.[1];
  if (link === undefined) return undefined;
  const url = URL.canParse(link, answer.url.href) ? new URL(link, answer.url) : undefined;
  if (url?.origin !== answer.url.origin) throw wrongAnswer(client.host, 'continues a list on another server');
  return url;
}
