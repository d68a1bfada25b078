/** `1.2 M`, `340 k`: a count for people, three digits. */
export function formatCount(count: number): string {
  return scaled(count, 1_000, ['', 'k', 'M', 'G', 'T']);
}

/** `1.17 MiB`, `512 B`. */
export function formatBytes(bytes: number): string {
  return scaled(bytes, 1_024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']);
}

function scaled(value: number, base: number, units: readonly string[]): string {
  let size = value;
  let step = 0;
  // 999.5 is written with the next unit, not as 1000.
  for (; size >= base - 0.5 && step < units.length - 1; step++) size /= base;
  const digits = step === 0 || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return `${size.toFixed(digits)} ${units[step]}`.trim();
}
