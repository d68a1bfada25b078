import type { Spread } from './statistics.ts';

/** One line of the results. */
export interface Figure {
  /** What was measured. */
  name: string;
  value: Spread;
  unit: 'ms' | 'us' | 'bytes' | 'MB' | 'MB/s' | 'px' | 'messages/s' | '%';
  /** What it is compared with; the ratio is value over baseline, of pairs. Absent: this line is itself a baseline. */
  baseline?: { name: string; ratio: Spread; limit?: number };
  /** What is physically possible here, in the unit of the value. */
  floor?: { name: string; value: number };
  /** What else was measured for this line, in its unit: a column each. */
  besides?: Record<string, number>;
}

/** What one benchmark found, or why it could not run here. */
export type Result = { benchmark: string } & ({ figures: Figure[] } | { skipped: string });

/** Whether a figure keeps to the limit of its ratio; undefined without one. */
export function keepsLimit({ baseline }: Figure): boolean | undefined {
  return baseline?.limit === undefined ? undefined : baseline.ratio.median <= baseline.limit;
}

/** The results as one aligned table per benchmark. */
export function tableOf(result: Result): string {
  if ('skipped' in result) return `${result.benchmark}: skipped, ${result.skipped}\n`;
  const besides = [...new Set(result.figures.flatMap((figure) => Object.keys(figure.besides ?? {})))];
  const rows = [
    [result.benchmark, 'median', 'p5-p95', 'unit', 'ratio', 'p5-p95', 'to', 'floor', ...besides],
    ...result.figures.map((figure) => [
      ...cellsOf(figure),
      ...besides.map((name) => shownIfAny(figure.besides?.[name])),
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

function cellsOf(figure: Figure): string[] {
  const { name, value, unit, baseline, floor } = figure;
  const limit =
    baseline?.limit === undefined ? '' : ` (limit ${baseline.limit.toFixed(2)}: ${verdict(figure)})`;
  return [
    name,
    shown(value.median),
    `${shown(value.p5)}-${shown(value.p95)}`,
    unit,
    baseline ? baseline.ratio.median.toFixed(3) : '',
    baseline ? `${baseline.ratio.p5.toFixed(2)}-${baseline.ratio.p95.toFixed(2)}` : '',
    baseline ? `${baseline.name}${limit}` : '',
    floor ? `${shown(floor.value)} ${floor.name}` : '',
  ];
}

function verdict(figure: Figure): string {
  return keepsLimit(figure) ? 'kept' : 'EXCEEDED';
}

function shownIfAny(value: number | undefined): string {
  return value === undefined ? '' : shown(value);
}

/** Three significant digits, without exponents. */
function shown(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
