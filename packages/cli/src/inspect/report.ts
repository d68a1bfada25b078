import type { Figures, Inspection } from '@covey/onnx';
import type { Output } from '../terminal/output.ts';
import { plainText } from '../terminal/plain.ts';
import { formatShare, formatTable } from '../terminal/table.ts';
import { formatBytes, formatCount } from './figures.ts';

/** How many rows of a long list a terminal shows; `--json` has them all. */
const maxRows = 12;

/** An inspection for people: a heading per section, tables below. */
export function formatInspection(inspection: Inspection, fileBytes: number, output: Output): string {
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [`${output.style('bold', title)}\n${lines.join('\n')}`];
  const { figures } = inspection;
  return [
    formatPairs(about(inspection, fileBytes)),
    ...section('inputs and outputs', ports(inspection)),
    ...section('what a run takes', figures ? run(inspection, figures) : []),
    ...section('weights', weights(inspection)),
    ...section('operators', operators(inspection)),
    ...section('quantization', quantization(inspection)),
    ...section('where nodes run', figures ? placement(figures) : []),
    ...section('metadata', metadata(inspection)),
    ...section('findings', findings(inspection, output)),
  ].join('\n\n');
}

/** Texts of a file without the control characters that could play tricks on a terminal, and not too long. */
function clean(text: string, chars = 60): string {
  const plain = plainText(text).replaceAll('\n', ' ');
  return plain.length > chars ? `${plain.slice(0, chars - 1)}…` : plain;
}

/** What a line is about, then what there is to say. */
function formatPairs(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([subject]) => subject.length));
  return pairs.map(([subject, text]) => `${subject.padEnd(width)}  ${text}`).join('\n');
}

function about(inspection: Inspection, fileBytes: number): [string, string][] {
  const { name, producer, irVersion, opsets, nodes, functions, description } = inspection;
  const uses = opsets.map(({ domain, version }) => `${clean(domain)} ${version}`).join(', ');
  return [
    ['graph', clean(name) || '-'],
    ...(description === '' ? [] : [['description', clean(description, 100)] as [string, string]]),
    ['made by', clean(producer) || '-'],
    ['format', `IR ${irVersion}, opset ${uses || 'none'}`],
    ['file', `${formatBytes(fileBytes)}, ${nodes} nodes${functions > 0 ? `, ${functions} functions` : ''}`],
  ];
}

function ports({ inputs, outputs, symbols, schema }: Inspection): string[] {
  const rows = [
    ...inputs.map(({ name, type }) => ['input', clean(name), clean(type, 80)]),
    ...outputs.map(({ name, type }) => ['output', clean(name), clean(type, 80)]),
  ];
  return [
    ...(rows.length === 0 ? [] : [formatTable(['', 'name', 'type'], rows)]),
    ...(symbols.length === 0
      ? []
      : [`open dimensions: ${symbols.map((symbol) => clean(symbol)).join(', ')} (give them with --size)`]),
    ...(schema ? [] : ['not all of these are tensors that the inference protocol has a word for']),
  ];
}

function run(
  { weights: { count, sizeBytes } }: Inspection,
  { compute, activations, shapes }: Figures,
): string[] {
  const lines: [string, string][] = [
    ['parameters', `${formatCount(count)} (${formatBytes(sizeBytes)})`],
    ['multiply-accumulates', products(compute)],
    ['activations at the peak', peak(activations)],
  ];
  const open = [
    ...(compute.uncounted > 0 ? [`${compute.uncounted} products`] : []),
    ...(activations.unsized > 0 ? [`${activations.unsized} values`] : []),
  ];
  return [
    formatPairs(lines),
    `shapes of ${shapes.known} of ${shapes.values} values are known`,
    ...(open.length > 0 ? [`not in the figures, their sizes being open: ${open.join(', ')}`] : []),
  ];
}

function peak({ peakBytes, peakAt, unsized }: Figures['activations']): string {
  if (peakBytes === 0 && unsized > 0) return 'unknown';
  return formatBytes(peakBytes) + (peakAt ? `, at ${clean(peakAt)}` : '');
}

function products({ byOperator, multiplyAccumulates, uncounted }: Figures['compute']): string {
  if (multiplyAccumulates === 0) return uncounted > 0 ? 'unknown' : 'none';
  const shares = byOperator
    .filter((entry) => entry.multiplyAccumulates > 0)
    .slice(0, 4)
    .map(
      (entry) => `${clean(entry.operator)} ${formatShare(entry.multiplyAccumulates / multiplyAccumulates)}`,
    );
  return `${formatCount(multiplyAccumulates)} (${shares.join(', ')})`;
}

function weights({ weights: { byElementType, biggest } }: Inspection): string[] {
  if (byElementType.length === 0) return [];
  return [
    formatTable(
      ['type', 'tensors', 'elements', 'size'],
      byElementType.map(({ elementType, tensors, count, sizeBytes }) => [
        elementType,
        String(tensors),
        formatCount(count),
        formatBytes(sizeBytes),
      ]),
    ),
    '',
    formatTable(
      ['biggest', 'type', 'shape', 'size'],
      biggest.map(({ name, elementType, shape, sizeBytes }) => [
        clean(name) || '-',
        elementType,
        `[${shape.join(', ')}]`,
        formatBytes(sizeBytes),
      ]),
    ),
  ];
}

function operators({ operators: all }: Inspection): string[] {
  const shown = all.slice(0, maxRows).map(({ operator, count }) => [clean(operator), String(count)]);
  const rest = all.slice(maxRows);
  const others = rest.reduce((sum, { count }) => sum + count, 0);
  if (rest.length > 0) shown.push([`${rest.length} others`, String(others)]);
  return all.length === 0 ? [] : [formatTable(['operator', 'nodes'], shown)];
}

function quantization({ quantization: found }: Inspection): string[] {
  if (found.length === 0) return ['none found'];
  return [
    formatTable(
      ['form', 'nodes', 'weights'],
      found.map(({ form, nodes, weightTypes }) => [form, String(nodes), weightTypes.join(', ') || '-']),
    ),
  ];
}

function placement({ placement: providers }: Figures): string[] {
  const rows = Object.entries(providers).map(([provider, { nodes, transfers }]) => [
    provider,
    String(nodes.cpu),
    String(nodes.webgpu),
    String(nodes.none),
    String(transfers),
  ]);
  const reasons = Object.entries(providers).flatMap(([provider, { elsewhere }]) =>
    elsewhere.slice(0, 4).map(({ count, reason }) => `${provider}: ${count} × ${clean(reason, 110)}`),
  );
  return [formatTable(['provider', 'on cpu', 'on webgpu', 'nowhere', 'copies'], rows), ...reasons];
}

function metadata({ metadata: entries }: Inspection): string[] {
  const rows = Object.entries(entries).slice(0, maxRows);
  return rows.length === 0
    ? []
    : [
        formatTable(
          ['key', 'value'],
          rows.map(([key, value]) => [clean(key), clean(value, 90)]),
        ),
      ];
}

function findings({ findings: found }: Inspection, output: Output): string[] {
  if (found.length === 0) return [output.style('green', 'none: the model is sound')];
  const colours = { error: 'red', warning: 'yellow' } as const;
  const lines = found
    .slice(0, maxRows)
    .map(({ severity, code, message, where }) =>
      [
        output.style(colours[severity], severity),
        `${clean(message, 200)} [${code}]`,
        ...(where.graph === 'main' ? [] : [`in ${clean(where.graph)}`]),
      ].join('  '),
    );
  return found.length > maxRows ? [...lines, `and ${found.length - maxRows} more`] : lines;
}
