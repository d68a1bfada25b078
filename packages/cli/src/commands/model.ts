import { checkDocument, EvaluationReportSchema } from '@covey/protocol';
import { ModelsAnswer, ModelView, VersionDetail } from '@covey/protocol/api';
import { Command } from 'commander';
import { formatReport } from '../quantize/table.ts';
import type { Output } from '../terminal/output.ts';
import { formatTable } from '../terminal/table.ts';
import { apiCommand, parseModelVersion, session } from './command.ts';
import { compareCommand } from './model-compare.ts';
import { inspectCommand } from './model-inspect.ts';
import { promoteCommand } from './model-promote.ts';
import { pushCommand } from './model-push.ts';
import { quantizeCommand } from './model-quantize.ts';

/** `covey model inspect|quantize|compare|push|promote|list|show` */
export function modelCommand(): Command {
  return new Command('model')
    .description('models and their versions')
    .addCommand(inspectCommand())
    .addCommand(quantizeCommand())
    .addCommand(compareCommand())
    .addCommand(pushCommand())
    .addCommand(promoteCommand())
    .addCommand(
      apiCommand('list', 'models and versions in the registry').action((_options, command: Command) =>
        list(command),
      ),
    )
    .addCommand(
      apiCommand('show', 'a model, or one version of it')
        .argument('<model[@version]>', 'such as bearing or bearing@1.1.0')
        .action((target: string, _options, command: Command) => show(command, target)),
    );
}

async function list(command: Command): Promise<void> {
  const { client, output } = session(command);
  const answer = await client.call({ method: 'GET', path: '/models', answer: ModelsAnswer });
  output.result(answer, () =>
    answer.models.length === 0
      ? 'no models yet; publish one with `covey model push`'
      : formatTable(
          ['model', 'versions', 'channels'],
          answer.models.map((model) => [
            model.name,
            model.versions.map(({ version }) => version).join(', '),
            Object.entries(model.channels)
              .map(([channel, version]) => `${channel}=${version}`)
              .join(', ') || '-',
          ]),
        ),
  );
}

async function show(command: Command, target: string): Promise<void> {
  const { client, output } = session(command);
  if (!target.includes('@')) {
    const model = await client.call({
      method: 'GET',
      path: `/models/${encodeURIComponent(target)}`,
      answer: ModelView,
    });
    output.result(model, () =>
      formatTable(
        ['version', 'number', 'published', 'variants', 'description'],
        model.versions.map((version) => [
          version.version,
          String(version.number),
          new Date(version.publishedAt).toISOString().slice(0, 16).replace('T', ' '),
          version.variants
            .map(({ name, sizeBytes }) => `${name} ${Math.ceil(sizeBytes / 1024)} KiB`)
            .join(', '),
          version.description ?? '',
        ]),
      ),
    );
    return;
  }
  const { model, version } = parseModelVersion(target);
  const path = `/models/${encodeURIComponent(model)}/versions/${encodeURIComponent(version)}`;
  const detail = await client.call({ method: 'GET', path, answer: VersionDetail });
  output.result(detail, () => {
    const tensors = [
      ...detail.schema.inputs.map((spec) => ['input', spec] as const),
      ...detail.schema.outputs.map((spec) => ['output', spec] as const),
    ];
    return [
      `${detail.model}@${detail.version}  number ${detail.number}  ${detail.digest}`,
      ...(detail.description === null ? [] : [detail.description]),
      formatTable(
        ['', 'name', 'type', 'shape'],
        tensors.map(([side, spec]) => [side, spec.name, spec.datatype, `[${spec.shape.join(', ')}]`]),
      ),
      formatTable(
        ['file', 'bytes', 'sha256'],
        detail.files.map((file) => [file.path, String(file.sizeBytes), file.sha256]),
      ),
      ...(detail.classNames ? [`classes: ${detail.classNames.join(', ')}`] : []),
      ...evaluationText(detail.evaluation, output),
    ].join('\n');
  });
}

/** The report of `covey model quantize`; a publisher may put any other document there, which is only named. */
function evaluationText(evaluation: unknown, output: Output): string[] {
  if (evaluation === null) return [];
  if ((evaluation as { format?: unknown }).format !== 'covey-evaluation/1')
    return ['evaluation: in a form of its own, see --json'];
  return [formatReport(checkDocument(EvaluationReportSchema, evaluation, 'evaluation report'), output)];
}
