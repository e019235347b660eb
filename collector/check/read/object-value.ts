/** A member of a JSON value by path, its own members only; undefined where a step is missing. List positions are numbers. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((inner, step) => {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, step)) return undefined;
    return (inner as Readonly<Record<string | number, unknown>>)[step];
  }, value);
}

/** Like {@link at}, for a text; undefined when something else is there. */
export function textAt(value: unknown, ...path: readonly (string | number)[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : undefined;
}

/** Like {@link at}, for a number. */
export function numberAt(value: unknown, ...path: readonly (string | number)[]): number | undefined {
  const found = at(value, ...path);
  return typeof found === 'number' ? found : undefined;
}

/** Like {@link at}, for a list; empty when there is none. */
export function listAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** Like {@link at}, for a mapping of texts (labels, selectors); members of other types are left out. */
export function textsAt(value: unknown, ...path: readonly (string | number)[]): Readonly<Record<string, string>> {
  const found = at(value, ...path);
  if (typeof found !== 'object' || found === null) return {};
  return Object.fromEntries(Object.entries(found).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** Status of one condition in `status.conditions`: `True`, `False`, `Unknown`, or undefined when there is none of that type. */
export function conditionOf(object: unknown, type: string): string | undefined {
  const found = listAt(object, 'status', 'conditions').find((condition) => textAt(condition, 'type') === type);
  return textAt(found, 'status');
}
