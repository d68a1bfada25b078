import type { Node } from '../model/index.ts';

/** What can be wrong with a model; stable, so that scripts may match on it. */
export type FindingCode =
  | 'ir-version'
  | 'opset-missing'
  | 'opset-unknown'
  | 'domain-unknown'
  | 'operator-unknown'
  | 'operator-deprecated'
  | 'input-count'
  | 'output-count'
  | 'attribute-unknown'
  | 'attribute-missing'
  | 'attribute-type'
  | 'attribute-reference'
  | 'name-missing'
  | 'name-duplicate'
  | 'name-shadowed'
  | 'value-undefined'
  | 'order'
  | 'cycle'
  | 'type-missing'
  | 'type-unsupported'
  | 'type-disagrees'
  | 'constant-invalid'
  | 'initializer-input'
  | 'external-path'
  | 'function-invalid'
  | 'too-deep'
  | 'too-many';

/** Something wrong with a model. An error makes it unfit to run or edit; a warning is worth knowing. */
export interface Finding {
  severity: 'error' | 'warning';
  code: FindingCode;
  /** In the user's words, with the node, tensor or graph named. */
  message: string;
  where: Place;
}

export interface Place {
  /** `main`, `function f`, or the way to a subgraph: `main/choice.then_branch`. */
  graph: string;
  node?: string;
  /** The value or tensor. */
  value?: string;
}

/** More than anyone reads, and a bound on what a hostile model makes of memory. */
const maxFindings = 1000;

/** Findings as they come, errors and warnings each up to a limit; the last one of them says that there are more. */
export class Findings {
  readonly list: Finding[] = [];
  readonly #counts = { error: 0, warning: 0 };

  error(code: FindingCode, message: string, where: Place): void {
    this.#add({ severity: 'error', code, message, where });
  }

  warning(code: FindingCode, message: string, where: Place): void {
    this.#add({ severity: 'warning', code, message, where });
  }

  /** Whether there are so many errors that another one tells nothing. */
  get isFull(): boolean {
    return this.#counts.error > maxFindings;
  }

  #add(finding: Finding): void {
    const { severity, where } = finding;
    const count = this.#counts[severity]++;
    if (count < maxFindings) this.list.push(finding);
    else if (count === maxFindings) {
      const message = `there are more than ${maxFindings} ${severity}s; the rest is not listed`;
      this.list.push({ severity, code: 'too-many', message, where: { graph: where.graph } });
    }
  }
}

/** A node as a message names it, by its first output where it has no name of its own. */
export function nodeText(node: Node): string {
  const { name, opType } = node;
  if (name !== '') return `node "${clip(name)}" (${clip(opType)})`;
  return `the ${clip(opType) || 'node'} that computes "${clip(node.outputs[0] ?? '')}"`;
}

/** What a file says stands in messages whole up to a length that no exporter's names reach. */
export function clip(text: string): string {
  return text.length <= 400 ? text : `${text.slice(0, 400)}...`;
}
