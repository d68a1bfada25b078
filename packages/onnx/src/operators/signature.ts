import type { AttributeValue } from '../model/index.ts';

/** How often an input or output is there: once, at most once, or any number of times from `min` on. */
export type Arity = { kind: 'single' | 'optional' } | { kind: 'variadic'; min: number; sameType: boolean };

/** An input or output as its operator declares it. */
export interface Formal {
  name: string;
  arity: Arity;
  /** A type variable of the operator (`T`), or a type in the words of ONNX: `tensor(float)`, `seq(tensor(int64))`. */
  type: string;
}

export interface AttributeDeclaration {
  name: string;
  type: Exclude<AttributeValue['type'], 'reference'>;
  required: boolean;
}

/** An operator as one version of its operator set declares it. */
export interface Operator {
  opType: string;
  sinceVersion: number;
  deprecated: boolean;
  inputs: readonly Formal[];
  outputs: readonly Formal[];
  attributes: ReadonlyMap<string, AttributeDeclaration>;
  /** What each type variable may stand for. */
  typeVariables: ReadonlyMap<string, ReadonlySet<string>>;
}

const linePattern = /^(\S+) (\d+)( deprecated)? \((.*?)\) -> \((.*?)\)(?: \{(.*?)\})?(?: (.*))?$/;

/**
 * Reads a line of the generated table: `Name since (input:T, optional?:T) -> (output:T) {attribute:type} T=#set`.
 * `sets` are the sets of types that `#set` counts in, the types apart by spaces.
 */
export function parseSignature(line: string, sets: readonly string[]): Operator {
  const [, opType, since, deprecated, inputs, outputs, attributes, variables] = linePattern.exec(line) ?? [];
  if (opType === undefined) throw new SyntaxError(`no signature of an operator: ${line}`);
  return {
    opType,
    sinceVersion: Number(since),
    deprecated: deprecated !== undefined,
    inputs: split(inputs, ', ').map(parseFormal),
    outputs: split(outputs, ', ').map(parseFormal),
    attributes: new Map(split(attributes, ', ').map(parseAttribute)),
    typeVariables: new Map(split(variables, ' ').map((variable) => parseVariable(variable, sets))),
  };
}

function split(text: string | undefined, separator: string): string[] {
  return text ? text.split(separator) : [];
}

function parseFormal(text: string): Formal {
  const [, name = '', mark = '', type = ''] = /^([^:?*+~]*)([?*+~]*):(.*)$/.exec(text) ?? [];
  return { name, arity: parseArity(mark), type };
}

function parseArity(mark: string): Arity {
  if (mark === '') return { kind: 'single' };
  if (mark === '?') return { kind: 'optional' };
  return { kind: 'variadic', min: mark.startsWith('+') ? 1 : 0, sameType: !mark.endsWith('~') };
}

function parseAttribute(text: string): [string, AttributeDeclaration] {
  const [declared = '', type] = text.split(':');
  const required = declared.endsWith('!');
  const name = required ? declared.slice(0, -1) : declared;
  return [name, { name, type: type as AttributeDeclaration['type'], required }];
}

function parseVariable(text: string, sets: readonly string[]): [string, ReadonlySet<string>] {
  const [name = '', set] = text.split('=#');
  return [name, new Set(split(sets[Number(set)], ' '))];
}

/** The fewest and the most values a node may give for `formals`; Infinity where there is no most. */
export function countRange(formals: readonly Formal[]): { min: number; max: number } {
  let min = 0;
  let max = 0;
  for (const { arity } of formals) {
    if (arity.kind === 'variadic') return { min: max + arity.min, max: Number.POSITIVE_INFINITY };
    max++;
    if (arity.kind === 'single') min = max;
  }
  return { min, max };
}

/** The declaration that the value at `index` belongs to: the last one takes all that follow where it is variadic. */
export function formalAt(formals: readonly Formal[], index: number): Formal | undefined {
  const last = formals.at(-1);
  return formals[index] ?? (last?.arity.kind === 'variadic' ? last : undefined);
}
