/** A run of `rows` inferences that took `durationMs`. */
interface Observation {
  rows: number;
  durationMs: number;
}

/** Newest runs that the line is drawn through. */
const runsKept = 64;
/** Weights by residual over the typical one: Huber's first, to get near, then Tukey's, which drops what is far off. */
const huberBound = 1.995;
const tukeyBound = 6.946;
const passes = 6;
/**
 * Runs after which the line is drawn again, and what they take at least in all, but for a whole window of them: drawing takes
 * 10 us, which short runs would notice.
 */
const drawnEvery = 8;
const drawnEveryMs = 4;

/**
 * duration = rowMs * rows + fixedMs, learnt by weighted least squares over the newest runs. Outliers, such as a run that
 * the system interrupted, weigh little. While all runs have one size, the line known before keeps its form and is scaled.
 */
export class DurationLine {
  readonly #runs: Observation[] = [];
  #next = 0;
  #rowMs = 0;
  #fixedMs = 0;
  #undrawn = 0;
  #undrawnMs = 0;

  observe(rows: number, durationMs: number): void {
    this.#runs[this.#next] = { rows, durationMs };
    this.#next = (this.#next + 1) % runsKept;
    this.#undrawn++;
    this.#undrawnMs += durationMs;
  }

  get isKnown(): boolean {
    return this.#runs.length > 0;
  }

  /** Milliseconds that one more inference adds to a run. */
  get rowMs(): number {
    this.#draw();
    return this.#rowMs;
  }

  /** Milliseconds that a run takes whatever is in it. */
  get fixedMs(): number {
    this.#draw();
    return this.#fixedMs;
  }

  /** Milliseconds that a run of `rows` is expected to take; 0 before the first observation. */
  predict(rows: number): number {
    this.#draw();
    return this.#rowMs * rows + this.#fixedMs;
  }

  #draw(): void {
    if (this.#undrawn < Math.min(drawnEvery, this.#runs.length) || this.#undrawn === 0) return;
    const isEarly = this.#undrawnMs < drawnEveryMs && this.#undrawn < runsKept;
    if (isEarly && this.#runs.length > drawnEvery) return;
    this.#undrawn = 0;
    this.#undrawnMs = 0;
    const drawn = lineThrough(this.#runs) ?? scaled(this.#runs, this.#rowMs, this.#fixedMs);
    this.#rowMs = drawn.rowMs;
    this.#fixedMs = drawn.fixedMs;
  }
}

interface Line {
  rowMs: number;
  fixedMs: number;
}

/** Undefined when all runs have one size: then no line is determined. */
function lineThrough(runs: readonly Observation[]): Line | undefined {
  const [first] = runs;
  if (first === undefined || runs.every(({ rows }) => rows === first.rows)) return undefined;
  let line = weightedLine(
    runs,
    runs.map(() => 1),
  );
  for (let pass = 1; pass < passes; pass++) {
    const { rowMs, fixedMs } = line;
    const residuals = runs.map(({ rows, durationMs }) => Math.abs(durationMs - rowMs * rows - fixedMs));
    const typical = medianOf(residuals);
    const weigh = pass < passes / 2 ? huberWeight : tukeyWeight;
    line = weightedLine(
      runs,
      residuals.map((residual) => weigh(residual, typical)),
    );
  }
  return line;
}

function huberWeight(residual: number, typical: number): number {
  const bound = huberBound * typical;
  return residual <= bound ? 1 : bound / residual;
}

function tukeyWeight(residual: number, typical: number): number {
  const bound = tukeyBound * typical;
  if (residual === 0) return 1;
  return residual < bound ? (1 - (residual / bound) ** 2) ** 2 : 0;
}

/** Neither part of a duration is negative: where the free line says so, the best one through that bound is taken. */
function weightedLine(runs: readonly Observation[], weights: readonly number[]): Line {
  let [sum, sumN, sumNN, sumT, sumNT] = [0, 0, 0, 0, 0];
  for (const [i, { rows, durationMs }] of runs.entries()) {
    const weight = weights[i] ?? 0;
    sum += weight;
    sumN += weight * rows;
    sumNN += weight * rows * rows;
    sumT += weight * durationMs;
    sumNT += weight * rows * durationMs;
  }
  const determinant = sum * sumNN - sumN * sumN;
  const rowMs = determinant > 0 ? (sum * sumNT - sumN * sumT) / determinant : 0;
  if (rowMs <= 0) return { rowMs: 0, fixedMs: sumT / sum };
  const fixedMs = (sumT - rowMs * sumN) / sum;
  return fixedMs < 0 ? { rowMs: sumNT / sumNN, fixedMs: 0 } : { rowMs, fixedMs };
}

function scaled(runs: readonly Observation[], rowMs: number, fixedMs: number): Line {
  const [first] = runs;
  if (first === undefined) return { rowMs, fixedMs };
  const durationMs = medianOf(runs.map((run) => run.durationMs));
  const before = rowMs * first.rows + fixedMs;
  if (before <= 0) return { rowMs: durationMs / first.rows, fixedMs: 0 };
  return { rowMs: (rowMs * durationMs) / before, fixedMs: (fixedMs * durationMs) / before };
}

/** In a typed array, which is sorted without a function to compare by: a tenth of the time. */
function medianOf(values: readonly number[]): number {
  const sorted = new Float64Array(values).sort();
  return sorted[sorted.length >> 1] ?? 0;
}
