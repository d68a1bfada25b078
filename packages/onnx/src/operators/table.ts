import { signatures, typeSets } from '../generated/operators.ts';
import { type Operator, parseSignature } from './signature.ts';

/** One version of an operator, its line of the generated table not read yet: reading all takes 25 ms. */
interface Entry {
  sinceVersion: number;
  line: string;
}

/** Versions of each operator, ascending, by domain and name. */
const domains = new Map(
  Object.entries(signatures).map(([domain, lines]) => [domain, indexLines(lines)] as const),
);

const newestVersions = new Map(
  Array.from(domains, ([domain, operators]) => [domain, newestOf(operators)] as const),
);

function newestOf(operators: ReadonlyMap<string, readonly Entry[]>): number {
  return Math.max(...Array.from(operators.values(), (entries) => entries.at(-1)?.sinceVersion ?? 0));
}

function indexLines(lines: string): ReadonlyMap<string, readonly Entry[]> {
  const operators = new Map<string, Entry[]>();
  for (const line of lines.trim().split('\n')) {
    const [opType = '', sinceVersion] = line.split(' ', 2);
    const entry = { sinceVersion: Number(sinceVersion), line };
    const entries = operators.get(opType);
    if (entries) entries.push(entry);
    else operators.set(opType, [entry]);
  }
  return operators;
}

/** ONNX's own domain has two names, `''` and `ai.onnx`: this is the first of them. */
export function canonicalDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

/** The domain as people read it. */
export function domainName(domain: string): string {
  return domain === '' ? 'ai.onnx' : domain;
}

/** The newest version of a domain that this package knows; undefined for a domain it does not know. */
export function newestOpset(domain: string): number | undefined {
  return newestVersions.get(canonicalDomain(domain));
}

/** The versions of a domain in which an operator changed, ascending; empty for one that this package does not know. */
export function operatorVersions(domain: string, opType: string): number[] {
  return entriesOf(domain, opType).map(({ sinceVersion }) => sinceVersion);
}

/**
 * The operator as it is in version `opset` of its domain: the newest declaration that is not newer than that (ONNX
 * Versioning.md). One that was withdrawn is answered with `deprecated`. Undefined where it does not exist at that version.
 */
export function findOperator(domain: string, opType: string, opset: number): Operator | undefined {
  const entry = entriesOf(domain, opType).findLast(({ sinceVersion }) => sinceVersion <= opset);
  return entry && parseSignature(entry.line, typeSets);
}

function entriesOf(domain: string, opType: string): readonly Entry[] {
  return domains.get(canonicalDomain(domain))?.get(opType) ?? [];
}
