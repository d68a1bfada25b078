import { limits, type Placement, type Provider } from '@covey/protocol';

/** ONNX Runtime's names of the providers that it was asked for here. */
const providersOfOrt: Record<string, Provider> = {
  CPUExecutionProvider: 'cpu',
  WebGpuExecutionProvider: 'webgpu',
};
/** VerifyEachNodeIsAssignedToAnEp in onnxruntime/core/framework/session_state.cc, at level VERBOSE. */
const heading =
  /VerifyEachNodeIsAssignedToAnEp\]\s+(?:All nodes|Node\(s\)) placed on \[(\w+)\]\. Number of nodes: (\d+)/;
const node = /VerifyEachNodeIsAssignedToAnEp\]\s+(\S+) \(.*\)/;

/** Reads where ONNX Runtime puts the nodes of a model from what it writes, line by line, while it loads it. */
export class PlacementReader {
  readonly #placements: Placement[] = [];

  read(line: string): void {
    const [, name = '', nodes = ''] = heading.exec(line) ?? [];
    const provider = providersOfOrt[name];
    const current = this.#placements.at(-1);
    if (provider) {
      this.#placements.push({ provider, nodes: Number(nodes), operators: {} });
    } else if (current) {
      const [, operator] = node.exec(line) ?? [];
      if (operator === undefined) return;
      const known = Object.keys(current.operators).length;
      if (operator in current.operators || known < limits.operatorsPerPlacement)
        current.operators[operator.slice(0, 64)] = (current.operators[operator.slice(0, 64)] ?? 0) + 1;
    }
  }

  /** Of the operators there are only those of a model whose nodes are not all in one place. */
  get placements(): Placement[] {
    return this.#placements;
  }
}
