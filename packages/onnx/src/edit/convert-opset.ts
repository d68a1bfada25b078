import { CoveyError } from '@covey/protocol';
import { capturedNames, Names, opsetOf } from '../graph/index.ts';
import { elementTypes, type Graph, type Model, subgraphs } from '../model/index.ts';
import { inferShapes, type TensorType } from '../shapes/index.ts';
import type { Adapter, Conversion } from './opset/adapter.ts';
import { checkDowngrade } from './opset/downgrade.ts';
import { earlyAdapters } from './opset/early.ts';
import { lateAdapters } from './opset/late.ts';
import type { Pass } from './pass.ts';
import { isOnnx, type Scope, scopesOf } from './scope.ts';
import { raiseIrVersion } from './strip-inputs.ts';

/** Versions that a model can be brought to: older ones no runtime of today runs, newer ones not all providers know. */
const versions = { min: 7, max: 21 };

/**
 * Brings a model to a version of ONNX's own operators, and the IR version with it. Up, operators that changed are
 * rewritten; down, a model passes when no operator it uses changed since. Errors of the pass: INVALID_ARGUMENT for a
 * version outside 7 to 21, MODEL_UNSUPPORTED naming the node that cannot be brought there.
 */
export function convertOpset(version: number): Pass {
  if (!Number.isInteger(version) || version < versions.min || version > versions.max)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `opset ${version} is not one of ${versions.min} to ${versions.max}`,
    );
  return {
    name: `opset-${version}`,
    summary: `brings the operators to opset ${version}`,
    apply(model) {
      const from = opsetOf(model);
      if (from === version || from === 0) return 0;
      if (model.functions.some(({ nodes }) => nodes.some((node) => isOnnx(node))))
        throw new CoveyError(
          'MODEL_UNSUPPORTED',
          'the functions of a model are not brought to another opset: inline them first',
        );
      if (from < version) upgrade(model, from, version);
      else checkDowngrade(model, from, version);
      setVersions(model, from, version);
      return 1;
    },
  };
}

/** The forms of opset 5 and older are brought up first: only later ones have rules that tell types. */
const firstWithTypes = 6;

function upgrade(model: Model, from: number, to: number): void {
  const early = Math.min(to, firstWithTypes);
  adapt(model, from, early, new Map());
  if (from < early) setVersions(model, from, early);
  adapt(model, Math.max(from, early), to, inferShapes(model));
}

function adapt(model: Model, from: number, to: number, types: ReadonlyMap<string, TensorType>): void {
  const names = new Names(model);
  for (let version = from + 1; version <= to; version++)
    for (const scope of scopesOf(model)) adaptGraph(scope, names, types, version);
}

function adaptGraph(
  scope: Scope,
  names: Names,
  types: ReadonlyMap<string, TensorType>,
  version: number,
): void {
  const adapters = new Map<string, Adapter>(
    Object.entries({ ...earlyAdapters[version], ...lateAdapters[version] }),
  );
  const used = new Set([...scope.graph.outputs.map(({ name }) => name), ...takenNames(scope.graph)]);
  const typeOf = (value = '') => types.get(value);
  const conversion: Conversion = {
    scope,
    names,
    isUsed: (value) => used.has(value),
    version,
    shapeOf: (value) => typeOf(value)?.shape,
    elementTypeOf: (value) => typeOf(value)?.elementType ?? elementTypes.FLOAT,
  };
  scope.graph.nodes = scope.graph.nodes.flatMap((node) => {
    const adapter = isOnnx(node) ? adapters.get(node.opType) : undefined;
    return adapter?.(node, conversion) ?? [node];
  });
}

function takenNames(graph: Graph): string[] {
  return graph.nodes.flatMap((node) => [
    ...node.inputs,
    ...subgraphs(node).flatMap(({ graph: inner }) => [...capturedNames(inner)]),
  ]);
}

/** The IR version that each opset came with, from ONNX's own table of releases (docs/Versioning.md). */
function irVersionFor(opset: number): number {
  const first: [opset: number, irVersion: number][] = [
    [21, 10],
    [19, 9],
    [15, 8],
    [12, 7],
    [11, 6],
    [10, 5],
    [9, 4],
  ];
  return first.find(([since]) => opset >= since)?.[1] ?? 3;
}

function setVersions(model: Model, from: number, to: number): void {
  for (const opset of model.opsets) if (isOnnx({ domain: opset.domain, opType: '' })) opset.version = to;
  const irVersion = irVersionFor(to);
  if (from < to) raiseIrVersion(model, irVersion);
  else model.irVersion = Math.min(model.irVersion, Math.max(irVersion, 4));
}
