const SUFFIX: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};
const QUANTITY = /^(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/;

/** Number of a Kubernetes quantity (`8`, `"8"`, `"1k"`, `"64Gi"`); undefined for anything else. @source Kubernetes API, resource.Quantity */
export function quantityOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  const match = typeof value === 'string' ? QUANTITY.exec(value) : null;
  return match === null ? undefined : Number(match[1]) * (SUFFIX[match[2] ?? ''] ?? Number.NaN);
}
