import type { FileRead, Host, ReadLimit } from '../host/host.ts';

/** The text of a one-line file without surrounding blanks; an empty file is unsupported (the kernel's way to say nothing). */
export async function readLine(host: Host, path: string, limit?: ReadLimit): Promise<FileRead<string>> {
  const read = await host.readText(path, limit);
  if (read.state !== 'read') return read;
  const text = read.value.trim();
  return text === '' ? { state: 'unsupported', reason: `${path}: empty` } : { state: 'read', value: text };
}

/** A whole decimal number from a one-line file. */
export async function readCount(host: Host, path: string): Promise<FileRead<number>> {
  const read = await readLine(host, path);
  if (read.state !== 'read') return read;
  const value = Number(read.value);
  return /^-?\d{1,16}$/.test(read.value) && Number.isSafeInteger(value)
    ? { state: 'read', value }
    : { state: 'unreadable', reason: `${path}: not a whole number` };
}

/** Values of `Key: value` lines (`/proc/meminfo`); the first of several equal keys wins. */
export function colonLines(text: string): ReadonlyMap<string, string> {
  return splitLines(text, ':');
}

/** Values of `KEY=value` lines (`os-release`), quotes removed, comments left out. */
export function equalLines(text: string): ReadonlyMap<string, string> {
  const values = [...splitLines(text, '=')].filter(([key]) => !key.startsWith('#'));
  return new Map(values.map(([key, value]) => [key, unquote(value)]));
}

/** How many CPUs or nodes a kernel list such as `0-3,8` names; undefined when it is no such list. */
export function countList(text: string): number | undefined {
  return expandList(text)?.length;
}

/** The numbers of a kernel list such as `0-3,8`; undefined when it is no such list. At most 65,536 of them. */
export function expandList(text: string): readonly number[] | undefined {
  if (text.trim() === '') return [];
  const numbers: number[] = [];
  for (const range of text.trim().split(',')) {
    const match = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(range);
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first || numbers.length + last - first > 65_536) return undefined;
    for (let number = first; number <= last; number += 1) numbers.push(number);
  }
  return numbers;
}

function splitLines(text: string, separator: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf(separator);
    const key = line.slice(0, at).trim();
    if (at > 0 && !values.has(key)) values.set(key, line.slice(at + 1).trim());
  }
  return values;
}

function unquote(value: string): string {
  return /^(["']).*\1$/s.test(value) ? value.slice(1, -1) : value;
}
