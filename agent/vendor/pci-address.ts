const PCI_ADDRESS = /^(?:PCI:)?([0-9a-f]{4,16}):([0-9a-f]{2}):([0-9a-f]{2})(?:\.([0-7]))?$/i;

/**
 * A PCI address as sysfs writes it: `dddd:bb:dd.f`, lower case, the domain with four digits unless it needs more.
 * @param text as tools print it: 4 to 8 digit domain, either case, with or without function (`.0` is added)
 * @returns undefined when the text is no PCI address
 */
export function pciAddress(text: string): string | undefined {
  const match = PCI_ADDRESS.exec(text.trim());
  if (match === null) return undefined;
  const [, domain = '', bus = '', device = '', fn = '0'] = match;
  return `${domain.replace(/^0+/, '').padStart(4, '0')}:${bus}:${device}.${fn}`.toLowerCase();
}
