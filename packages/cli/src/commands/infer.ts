import { CoveyError, type Tensor, type TensorSpec } from '@covey/protocol';
import { Command } from 'commander';
import { askDevice, modelAddress } from '../client/inference-api.ts';
import { readTensor } from '../tensors/read.ts';
import { createOutput } from '../terminal/output.ts';
import { namedValue } from './command.ts';

interface InferOptions {
  device: string;
  input?: Record<string, string>;
  version?: string;
  json: boolean;
}

interface InferAnswer {
  model_name: string;
  model_version: string;
  parameters?: { variant?: string };
  outputs: { name: string; datatype: string; shape: number[]; data: unknown[] }[];
}

const timeoutMs = 60_000;

/** `covey infer MODEL` */
export function inferCommand(): Command {
  return new Command('infer')
    .description('run a model on a device, through its inference API')
    .argument('<model>', 'name of the model')
    .option('--device <url>', "address of the device's inference API", 'http://127.0.0.1:8000')
    .option(
      '--input <name=value>',
      'an input: @file.npy, @file.json, @raw, or numbers such as 1,2.5; of BYTES @picture.jpg, @texts.json, or texts such as one,two; may be repeated',
      namedValue,
    )
    .option('--version <version>', 'a certain version; default: the one that serves')
    .option('--json', 'print JSON', false)
    .action(infer);
}

async function infer(model: string, options: InferOptions): Promise<void> {
  const output = createOutput(options.json);
  const { device } = options;
  const path = modelAddress(model, options.version);
  const { inputs: specs } = (await askDevice({ device, method: 'GET', path, timeoutMs })) as {
    inputs: TensorSpec[];
  };
  const given = options.input ?? {};
  const unknown = Object.keys(given).find((name) => !specs.some((spec) => spec.name === name));
  if (unknown !== undefined)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `${model} has no input ${unknown}; its inputs are ${names(specs)}`,
    );
  const tensors = specs.map((spec) => {
    const text = given[spec.name];
    if (text === undefined)
      throw new CoveyError(
        'INVALID_ARGUMENT',
        `give --input ${spec.name}=...: ${spec.datatype} [${spec.shape}]`,
      );
    return [spec.name, readTensor(spec, text)] as const;
  });
  const startMs = performance.now();
  const answer = (await askDevice({
    device,
    method: 'POST',
    path: `${path}/infer`,
    timeoutMs,
    ...requestOf(tensors),
  })) as InferAnswer;
  const latencyMs = performance.now() - startMs;
  output.result(answer, () =>
    [
      `${answer.model_name}@${answer.model_version} ${answer.parameters?.variant ?? ''} in ${latencyMs.toFixed(1)} ms`,
      ...answer.outputs.map(
        (tensor) => `${tensor.name} ${tensor.datatype} [${tensor.shape}]: ${shortened(tensor.data)}`,
      ),
    ].join('\n'),
  );
}

function names(specs: TensorSpec[]): string {
  return specs.map(({ name }) => name).join(', ');
}

function shortened(data: unknown[]): string {
  const shown = data
    .slice(0, 16)
    .map((value) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value));
  return data.length > shown.length ? `${shown.join(', ')}, ... (${data.length} in all)` : shown.join(', ');
}

/** The binary extension of the Open Inference Protocol: JSON, then the tensors' bytes in the same order. */
function requestOf(tensors: (readonly [string, Tensor])[]): { body: Uint8Array; headerBytes: number } {
  const inputs = tensors.map(([name, { datatype, shape, data }]) => ({
    name,
    datatype,
    shape,
    parameters: { binary_data_size: data.byteLength },
  }));
  const header = new TextEncoder().encode(JSON.stringify({ inputs }));
  return {
    body: Buffer.concat([header, ...tensors.map(([, { data }]) => data)]),
    headerBytes: header.byteLength,
  };
}
