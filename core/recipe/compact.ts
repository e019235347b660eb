/**
 * Leaves out members that say nothing: undefined, empty text, empty list, empty map, zero, false. Upstream neither
 * merges nor writes those.
 */
export function compact<Shape extends object>(members: { readonly [Key in keyof Shape]-?: Shape[Key] | undefined }): Shape {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => !isEmpty(value))) as Shape;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false || value === 0) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
