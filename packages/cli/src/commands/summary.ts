import { SummariesAnswer } from '@covey/protocol/api';
import type { Command } from 'commander';
import type { Output } from '../terminal/output.ts';
import { formatShare, formatTable } from '../terminal/table.ts';
import { apiCommand, durationOption, session } from './command.ts';

type VersionSummary = SummariesAnswer['versions'][number];

/** `covey summary MODEL` */
export function summaryCommand(): Command {
  return apiCommand('summary', "what a model's inputs and outputs look like, against its reference")
    .argument('<model>', 'name of the model')
    .option('--group <selector>', 'tags that devices must have', 'all')
    .addOption(durationOption('--last <duration>', 'how far back', '1h'))
    .action(async (model: string, options: { group: string; last: number }, command: Command) => {
      const { client, output } = session(command);
      const answer = await client.call({
        method: 'GET',
        path: `/summaries/${encodeURIComponent(model)}`,
        query: { selector: options.group, from: Date.now() - options.last },
        answer: SummariesAnswer,
      });
      output.result(answer, () =>
        answer.versions.length === 0
          ? `no summaries of ${model} in this time; devices send one per window`
          : answer.versions.map((version) => describe(version, output)).join('\n\n'),
      );
    });
}

function describe(version: VersionSummary, output: Output): string {
  const head = output.style(
    'bold',
    `${version.version}: ${version.inferences} inferences on ${version.devices} ${version.devices === 1 ? 'device' : 'devices'}`,
  );
  const tensors = version.tensors.map((tensor) => [
    tensor.name,
    tensor.output ? 'output' : 'input',
    ...[tensor.mean, tensor.standardDeviation, tensor.min, tensor.p50, tensor.p99, tensor.max].map(
      (value) => value?.toPrecision(3) ?? '-',
    ),
    String(tensor.missing),
    String(tensor.outOfRange),
  ]);
  const table = formatTable(
    ['tensor', 'side', 'mean', 'sd', 'min', 'p50', 'p99', 'max', 'missing', 'out of range'],
    tensors,
  );
  const total = version.classes.reduce((sum, entry) => sum + entry.count, 0);
  const classes = version.classes
    .map((entry) => `${entry.name} ${formatShare(total === 0 ? 0 : entry.count / total)}`)
    .join(', ');
  const comparison = version.comparison;
  const colour = comparison?.finding === 'shifted' ? 'yellow' : 'green';
  return [
    head,
    table,
    ...(classes ? [`decisions: ${classes}`] : []),
    ...(comparison
      ? [
          output.style(colour, `against the reference: ${comparison.finding.replace('_', ' ')}`),
          ...comparison.statements.map((text) => `  ${text}`),
        ]
      : []),
  ].join('\n');
}
