const LOOPBACK = /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** True for a host that is this computer. @param hostname without port */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK.test(hostname);
}

/** True when secrets may travel to the URL: TLS, or this computer. */
export function isSecureUrl(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
}
