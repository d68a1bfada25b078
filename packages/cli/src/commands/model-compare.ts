import { compareBehaviour, compareModels, type Model, modelSchema } from '@covey/onnx';
import { CoveyError, type ModelSchema } from '@covey/protocol';
import { createExecution, type Execution } from '@covey/runtime';
import { Command } from 'commander';
import { readWholeModel } from '../publish/model-file.ts';
import { type Compared, formatComparison, nameSamples } from '../quantize/comparison.ts';
import { createOutput } from '../terminal/output.ts';
import { plainText } from '../terminal/plain.ts';
import { threadsOption } from './command.ts';
import { openSampleArguments, type SampleArguments, withSampleOptions } from './sample-options.ts';

interface CompareOptions extends SampleArguments {
  layers: boolean;
  threads: number;
  json: boolean;
}

/** `covey model compare A B` */
export function compareCommand(): Command {
  return withSampleOptions(new Command('compare'))
    .description('what is different between two ONNX files: graph, weights and, on samples, behaviour')
    .argument('<a.onnx>', 'the model that is compared with')
    .argument('<b.onnx>', 'the model that is compared')
    .option('--layers', 'with --samples: also how far values in between drift', false)
    .addOption(threadsOption())
    .option('--json', 'print JSON', false)
    .action(compare);
}

async function compare(pathA: string, pathB: string, options: CompareOptions): Promise<void> {
  const output = createOutput(options.json);
  const [a, b] = [readWholeModel(pathA), readWholeModel(pathB)];
  const behaviour =
    options.samples === undefined
      ? undefined
      : await behaviourOf(a, b.model, options.samples, options, output.progress);
  const compared: Compared = {
    sizesBytes: [a.bytes.byteLength, b.bytes.byteLength],
    ...compareModels(a.model, b.model),
    ...(behaviour && { behaviour }),
  };
  output.result(compared, () => plainText(formatComparison(compared)));
}

async function behaviourOf(
  a: { model: Model; bytes: Uint8Array },
  b: Model,
  path: string,
  options: CompareOptions,
  say: (text: string) => void,
): Promise<Compared['behaviour']> {
  const execution: Execution = createExecution({ threads: options.threads });
  try {
    const loaded = await execution.load(a.bytes);
    const about = { classNames: undefined, run: loaded.run };
    const samples = await openSampleArguments(schemaOfEither(a.model, b), path, options, about);
    say(`running both models on ${samples.describe}`);
    const behaviour = await compareBehaviour(a.model, b, execution, samples.samples(), {
      layers: options.layers,
    });
    return nameSamples(behaviour, samples.names);
  } finally {
    execution.close();
  }
}

/** What samples must fit: a model whose outputs are no tensors may be compared with one that was edited to have some. */
function schemaOfEither(a: Model, b: Model): ModelSchema {
  try {
    return modelSchema(a);
  } catch (error) {
    if (!(error instanceof CoveyError) || error.code !== 'MODEL_UNSUPPORTED') throw error;
    return modelSchema(b);
  }
}
