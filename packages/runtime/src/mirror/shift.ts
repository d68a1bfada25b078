import { classNames, floats, isFloat, type Outcome } from './compare.ts';

/** Answers of the old version that set the bins of outputs without classes. */
const learned = 40;
/** Elements looked at of an output: its mean is what falls into a bin. */
const mostElements = 4_096;

/**
 * Counts where the answers of two versions on the same inputs went. By the class of the first row where both name classes,
 * else by the mean of the first float output: into a bin between the quartiles of the old version's first answers, which are
 * then not counted themselves, so that the bins do not depend on what they count.
 */
export class OutputShift {
  readonly gained: number[] = [];
  readonly lost: number[] = [];
  readonly #cells = new Map<string, number>();
  readonly #first: number[] = [];
  #edges: number[] | null = null;

  add(candidate: Outcome, incumbent: Outcome): void {
    const [one, two] = [classNames(candidate)?.[0], classNames(incumbent)?.[0]];
    if (one !== undefined && two !== undefined) this.#count(one, two);
    else this.#addMeans(meanOf(candidate), meanOf(incumbent));
  }

  #addMeans(candidate: number | undefined, incumbent: number | undefined): void {
    if (candidate === undefined || incumbent === undefined) return;
    if (this.#edges) {
      this.#count(binOf(candidate, this.#edges), binOf(incumbent, this.#edges));
      return;
    }
    if (Number.isFinite(incumbent)) this.#first.push(incumbent);
    if (this.#first.length < learned) return;
    const sorted = this.#first.toSorted((a, b) => a - b);
    this.#edges = [0.25, 0.5, 0.75].map((share) => sorted[Math.floor(share * learned)] ?? 0);
  }

  #count(candidate: string, incumbent: string): void {
    const [one, two] = [this.#cellOf(candidate), this.#cellOf(incumbent)];
    if (one === two) return;
    this.gained[one] = (this.gained[one] ?? 0) + 1;
    this.lost[two] = (this.lost[two] ?? 0) + 1;
  }

  #cellOf(name: string): number {
    const known = this.#cells.get(name);
    if (known !== undefined) return known;
    const cell = this.#cells.size;
    this.#cells.set(name, cell);
    this.gained.push(0);
    this.lost.push(0);
    return cell;
  }
}

/** NaN where no element is finite; undefined where no output is of floats. */
function meanOf({ outputs }: Outcome): number | undefined {
  const tensor = Object.values(outputs).find(isFloat);
  if (!tensor) return undefined;
  const elements = floats(tensor);
  const stride = Math.max(1, Math.ceil(elements.length / mostElements));
  let [sum, count] = [0, 0];
  for (let i = 0; i < elements.length; i += stride) {
    const element = elements[i] ?? Number.NaN;
    if (!Number.isFinite(element)) continue;
    sum += element;
    count++;
  }
  return sum / count;
}

function binOf(mean: number, edges: readonly number[]): string {
  return Number.isNaN(mean) ? 'none' : String(edges.filter((edge) => mean > edge).length);
}
