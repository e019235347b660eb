const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:e([+-]?\d{1,3})|(n|u|m|k|[KMGTPE]i?))?$/i;
const DECIMAL: Readonly<Record<string, number>> = { n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 };
const BINARY = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const KIBI = 1024;

/**
 * The number of a Kubernetes quantity: `250m`, `1.5`, `96Mi`, `12e6`.
 * @returns NaN for what is none
 * @source Kubernetes API, resource.Quantity
 */
export function parseQuantity(text: string): number {
  const [, number, exponent, suffix = ''] = QUANTITY.exec(text) ?? [];
  if (number === undefined) return Number.NaN;
  if (exponent !== undefined) return Number(number) * 10 ** Number(exponent);
  const power = BINARY.indexOf(suffix);
  return Number(number) * (power >= 0 ? KIBI ** (power + 1) : (DECIMAL[suffix] ?? Number.NaN));
}
