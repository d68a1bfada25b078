import type { BehaviourComparison, ModelComparison, NodeReference, WeightComparison } from '@covey/onnx';
import { formatTable } from '../terminal/table.ts';

/** What `covey model compare` found. */
export interface Compared extends ModelComparison {
  sizesBytes: [a: number, b: number];
  /** Present where samples were given. */
  behaviour?: NamedBehaviour;
}

/** A comparison in which samples go by what they are called as well. */
export interface NamedBehaviour extends BehaviourComparison {
  outputs: Record<string, BehaviourComparison['outputs'][string] & { worstSampleName: string }>;
}

/** `names` are those of the samples in order. */
export function nameSamples(behaviour: BehaviourComparison, names: readonly string[]): NamedBehaviour {
  const outputs = Object.entries(behaviour.outputs).map(([output, error]) => [
    output,
    { ...error, worstSampleName: names[error.worstSample] ?? '' },
  ]);
  return { ...behaviour, outputs: Object.fromEntries(outputs) };
}

/** Lists of thousands help nobody on a terminal: --json has all of them. */
const mostLines = 20;

/** The comparison for people, the largest differences first. */
export function formatComparison({ sizesBytes, properties, nodes, weights, behaviour }: Compared): string {
  const [before, after] = sizesBytes;
  const changed = weights.compared.filter(({ change }) => change !== 'none');
  const sections = [
    `size ${kibibytes(before)} became ${kibibytes(after)} (${(after / before).toFixed(2)}x)`,
    ...properties.map(
      (change) => `${change.property}: ${change.before ?? 'none'} became ${change.after ?? 'none'}`,
    ),
    `nodes: ${nodes.same} the same, ${nodes.changed.length} changed, ${nodes.removed.length} removed, ${nodes.added.length} added`,
    ...some(nodes.changed.map((change) => `  ${named(change.after)}: ${change.changes.join(', ')}`)),
    ...counted('  removed', nodes.removed),
    ...counted('  added', nodes.added),
    `weights: ${weights.compared.length - changed.length} the same, ${changed.length} changed, ${weights.removed.length} removed, ${weights.added.length} added`,
    ...(changed.length === 0 ? [] : [weightTable(changed)]),
    ...(behaviour ? behaviourText(behaviour) : []),
  ];
  return sections.join('\n');
}

function weightTable(changed: readonly WeightComparison[]): string {
  const worst = changed.toSorted((a, b) => (b.error?.relativeError ?? 0) - (a.error?.relativeError ?? 0));
  const rows = worst
    .slice(0, mostLines)
    .map(({ name, before, after, change, error }) => [
      name,
      before === after ? before : `${before} became ${after}`,
      change,
      error ? shown(error.relativeError) : '-',
    ]);
  return [formatTable(['weight', 'stored', 'change', 'relative error'], rows), ...more(changed.length)].join(
    '\n',
  );
}

function behaviourText({ samples, outputs, layers }: NamedBehaviour): string[] {
  const rows = Object.entries(outputs).map(([name, error]) => [
    name,
    shown(error.relativeError),
    String(Number(error.cosine.toPrecision(6))),
    shown(error.maxAbsolute),
    error.topAgreement === null ? '-' : `${(100 * error.topAgreement).toFixed(1)} %`,
    error.relativeError === 0 ? '-' : error.worstSampleName,
  ]);
  const headers = ['output', 'relative error', 'cosine', 'largest', 'top-1 equal', 'worst sample'];
  const drift = (layers ?? []).map((layer) => [layer.value, layer.opType, shown(layer.relativeError)]);
  return [
    `behaviour on ${samples} samples:`,
    formatTable(headers, rows),
    ...(drift.length === 0 ? [] : [formatTable(['value', 'computed by', 'relative error'], drift)]),
  ];
}

/** Nodes by operator, the most first. */
function counted(label: string, nodes: readonly NodeReference[]): string[] {
  if (nodes.length === 0) return [];
  const byType = [...Map.groupBy(nodes, ({ opType }) => opType)].sort(([, a], [, b]) => b.length - a.length);
  return [`${label}: ${byType.map(([opType, all]) => `${all.length} ${opType}`).join(', ')}`];
}

function some(lines: readonly string[]): string[] {
  return [...lines.slice(0, mostLines), ...more(lines.length)];
}

function more(count: number): string[] {
  return count > mostLines ? [`  and ${count - mostLines} more, see --json`] : [];
}

function named({ name, opType }: NodeReference): string {
  return `${opType} "${name}"`;
}

function kibibytes(sizeBytes: number): string {
  return `${Math.ceil(sizeBytes / 1024)} KiB`;
}

function shown(error: number): string {
  if (error === 0) return '0';
  return error === Number.MAX_VALUE ? 'without bound' : error.toPrecision(2);
}
