import { stripVTControlCharacters } from 'node:util';

/** Rows as aligned columns, two spaces apart; numbers to the right. Cells may hold colours. */
export function formatTable(headers: string[], rows: string[][]): string {
  const all = [headers, ...rows];
  const widths = headers.map((_, column) => Math.max(...all.map((row) => width(row[column] ?? ''))));
  return all
    .map((row) =>
      row
        .map((cell, column) => pad(cell, widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function width(cell: string): number {
  return stripVTControlCharacters(cell).length;
}

function pad(cell: string, columns: number): string {
  const fill = ' '.repeat(columns - width(cell));
  return /^[-+]?[\d.,]+( ?%| ms| s)?$/.test(stripVTControlCharacters(cell)) ? fill + cell : cell + fill;
}

/** `1.2 s`, `340 ms`, `3 min`: a duration for people. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return `${Math.round(ms / 3_600_000)} h`;
}

/** `98.5 %` of a share in 0..1. */
export function formatShare(share: number): string {
  return `${(share * 100).toFixed(share === 1 || share === 0 ? 0 : 1)} %`;
}
