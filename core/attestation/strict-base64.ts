const SHAPE = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Decodes base64 only in its one canonical spelling: standard alphabet, padded, no white space, unused bits zero.
 * Node's own decoder skips what it does not know, so two texts could stand for one value.
 * @returns the bytes, or undefined when the text is not canonical
 * @source RFC 4648, sections 3.5 and 4
 */
export function decodeStrictBase64(text: string): Buffer | undefined {
  if (!SHAPE.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
