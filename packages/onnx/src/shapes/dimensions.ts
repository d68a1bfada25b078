import type { Dimension } from '../model/index.ts';

/**
 * Arithmetic on dimensions. What comes of symbols is a symbol again: a sum of products in one canonical form, so that
 * equal sums are equal texts (`2*batch + 1`), with `floor((height - 3)/2)` as a factor where a division has a rest.
 */
type Polynomial = Map<string, number>;

/** Longer sums say nothing to a reader, and a hostile file could make them grow without end. */
const maxExpressionChars = 160;

/** A symbol that arithmetic can take apart again: exporters write sums such as `past_length + 1` themselves. */
export function isSymbol(text: string): boolean {
  return text.length <= maxExpressionChars && parse(text) !== undefined;
}

function parse(text: string): Polynomial | undefined {
  const terms = splitOutside(text, /^ ([+-]) /);
  if (terms === undefined) return undefined;
  const polynomial: Polynomial = new Map();
  for (const { separator, part } of terms) {
    const factors = splitOutside(part.replace(/^-/, ''), /^\*/);
    if (factors === undefined) return undefined;
    let coefficient = (separator === '-') !== part.startsWith('-') ? -1 : 1;
    const atoms: string[] = [];
    for (const factor of factors) {
      if (/^\d+$/.test(factor.part)) coefficient *= Number(factor.part);
      else if (factor.part.trim() === '') return undefined;
      else atoms.push(factor.part);
    }
    increase(polynomial, atoms.sort().join('*'), coefficient);
  }
  return polynomial;
}

/** Parts of a text between separators that stand outside parentheses; undefined where these do not match. */
function splitOutside(text: string, separator: RegExp): { separator: string; part: string }[] | undefined {
  const parts: { separator: string; part: string }[] = [];
  let depth = 0;
  let start = 0;
  let before = '';
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '(') depth++;
    if (text[at] === ')' && --depth < 0) return undefined;
    const match = depth === 0 ? separator.exec(text.slice(at, at + 3)) : null;
    if (match === null) continue;
    parts.push({ separator: before, part: text.slice(start, at) });
    before = match[1] ?? '';
    start = at + match[0].length;
    at = start - 1;
  }
  if (depth !== 0) return undefined;
  return [...parts, { separator: before, part: text.slice(start) }];
}

function increase(polynomial: Polynomial, monomial: string, by: number): void {
  polynomial.set(monomial, (polynomial.get(monomial) ?? 0) + by);
}

function polynomialOf(dimension: Dimension): Polynomial | undefined {
  if (typeof dimension === 'number') return new Map([['', dimension]]);
  if (dimension === null || dimension.length > maxExpressionChars) return undefined;
  return parse(dimension);
}

function dimensionOf(polynomial: Polynomial): Dimension {
  const terms = [...polynomial].filter(([, coefficient]) => coefficient !== 0);
  if (terms.some(([, coefficient]) => !Number.isSafeInteger(coefficient))) return null;
  if (terms.every(([monomial]) => monomial === '')) return terms[0]?.[1] ?? 0;
  const text = terms.sort(compareTerms).map(formatTerm).join('');
  return text.length > maxExpressionChars ? null : text;
}

/** What is added first, then by name, the number last. */
function compareTerms([a, aTimes]: [string, number], [b, bTimes]: [string, number]): number {
  const rank = (monomial: string, times: number) => (monomial === '' ? 2 : times < 0 ? 1 : 0);
  return rank(a, aTimes) - rank(b, bTimes) || (a < b ? -1 : 1);
}

function formatTerm([monomial, times]: [string, number], index: number): string {
  const sign = times < 0 ? (index === 0 ? '-' : ' - ') : index === 0 ? '' : ' + ';
  const size = Math.abs(times);
  return sign + (monomial === '' ? `${size}` : size === 1 ? monomial : `${size}*${monomial}`);
}

/** a + b, or a + times * b. Numbers may be any, negative or fractional; null where the sum cannot be told. */
export function add(a: Dimension, b: Dimension, times = 1): Dimension {
  if (typeof a === 'number' && typeof b === 'number') return a + times * b;
  if (b === 0) return a;
  const [total, other] = [polynomialOf(a), polynomialOf(b)];
  if (total === undefined || other === undefined) return null;
  for (const [monomial, coefficient] of other) increase(total, monomial, times * coefficient);
  return dimensionOf(total);
}

export function multiply(a: Dimension, b: Dimension): Dimension {
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  if (a === 0 || b === 0) return 0;
  if (a === 1) return b;
  if (b === 1) return a;
  const [left, right] = [polynomialOf(a), polynomialOf(b)];
  if (left === undefined || right === undefined || left.size * right.size > 64) return null;
  const product: Polynomial = new Map();
  for (const [monomialA, timesA] of left)
    for (const [monomialB, timesB] of right) {
      const atoms = [...factorsOf(monomialA), ...factorsOf(monomialB)];
      increase(product, atoms.sort().join('*'), timesA * timesB);
    }
  return dimensionOf(product);
}

function factorsOf(monomial: string): string[] {
  return monomial === '' ? [] : (splitOutside(monomial, /^\*/) ?? []).map(({ part }) => part);
}

/** The sum of dimensions; 0 of none. */
export function sum(dimensions: readonly Dimension[]): Dimension {
  return dimensions.reduce<Dimension>((total, dimension) => add(total, dimension), 0);
}

/** The product of dimensions; 1 of none. */
export function product(dimensions: readonly Dimension[]): Dimension {
  return dimensions.reduce<Dimension>(multiply, 1);
}

/** floor(a / by), of a positive whole number `by`. */
export function floorDivide(a: Dimension, by: number): Dimension {
  if (typeof a === 'number') return Math.floor(a / by);
  if (by === 1) return a;
  const polynomial = polynomialOf(a);
  if (polynomial === undefined) return null;
  const even: Polynomial = new Map();
  const rest: Polynomial = new Map();
  for (const [monomial, coefficient] of polynomial) {
    const remainder = monomial === '' ? ((coefficient % by) + by) % by : coefficient % by;
    if (remainder !== 0) rest.set(monomial, remainder);
    even.set(monomial, (coefficient - remainder) / by);
  }
  const remaining = dimensionOf(rest);
  if (remaining === null) return null;
  // A rest that is a number below the divisor adds nothing.
  if (typeof remaining === 'number') return dimensionOf(even);
  increase(even, remaining.includes(' ') ? `floor((${remaining})/${by})` : `floor(${remaining}/${by})`, 1);
  return dimensionOf(even);
}

/** ceil(a / by), of a positive whole number `by`. */
export function ceilDivide(a: Dimension, by: number): Dimension {
  if (typeof a === 'number') return Math.ceil(a / by);
  return floorDivide(add(a, by - 1), by);
}

/**
 * total / part, where the division leaves no rest (the -1 of a Reshape); null where that cannot be told. Equal
 * factors are cancelled, so that [batch, 3, 4] by [batch, 2] is 6.
 */
export function exactQuotient(total: readonly Dimension[], part: readonly Dimension[]): Dimension {
  const left = [...total];
  const right: Dimension[] = [];
  for (const dimension of part) {
    const at = typeof dimension === 'string' ? left.indexOf(dimension) : -1;
    if (at < 0) right.push(dimension);
    else left.splice(at, 1);
  }
  const divisor = product(right);
  if (divisor === 1) return product(left);
  if (typeof divisor !== 'number' || divisor === 0) return null;
  const dividend = polynomialOf(product(left));
  if (dividend === undefined) return null;
  const quotients = [...dividend].map(([monomial, times]) => [monomial, times / divisor] as const);
  return quotients.every(([, times]) => Number.isInteger(times)) ? dimensionOf(new Map(quotients)) : null;
}

/** A dimension with its symbols replaced by the sizes given for them. */
export function substitute(dimension: Dimension, sizes: ReadonlyMap<string, number>): Dimension {
  if (typeof dimension !== 'string' || sizes.size === 0) return dimension;
  const size = sizes.get(dimension);
  if (size !== undefined) return size;
  const polynomial = polynomialOf(dimension);
  if (polynomial === undefined) return dimension;
  const terms = [...polynomial].map(([monomial, times]) =>
    product([times, ...factorsOf(monomial).map((factor) => substituteFactor(factor, sizes))]),
  );
  return sum(terms);
}

/** A symbol, or the floor of a division that `floorDivide` wrote. */
function substituteFactor(factor: string, sizes: ReadonlyMap<string, number>): Dimension {
  const [, dividend, divisor] = /^floor\((.*)\/(\d+)\)$/.exec(factor) ?? [];
  if (dividend === undefined || divisor === undefined) return sizes.get(factor) ?? factor;
  const inner = /^\(.*\)$/.test(dividend) ? dividend.slice(1, -1) : dividend;
  return floorDivide(substitute(inner, sizes), Number(divisor));
}
