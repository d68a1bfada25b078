import { nodeFetch } from '@covey/ports';
import {
  CoveyError,
  type ErrorCode,
  errorCatalogue,
  limits,
  type Tensor,
  type TensorSpec,
} from '@covey/protocol';
import { Command } from 'commander';
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
      'an input: @file.npy, @file.json, @raw, or numbers such as 1,2.5; may be repeated',
      namedValue,
    )
    .option('--version <version>', 'a certain version; default: the one that serves')
    .option('--json', 'print JSON', false)
    .action(infer);
}

async function infer(model: string, options: InferOptions): Promise<void> {
  const output = createOutput(options.json);
  if (!/^https?:/.test(options.device) || !URL.canParse(options.device))
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `--device "${options.device}" is no address such as http://127.0.0.1:8000`,
    );
  const path = `/v2/models/${encodeURIComponent(model)}${options.version === undefined ? '' : `/versions/${encodeURIComponent(options.version)}`}`;
  const { inputs: specs } = (await ask(options.device, 'GET', path)) as { inputs: TensorSpec[] };
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
  const answer = (await ask(options.device, 'POST', `${path}/infer`, requestOf(tensors))) as InferAnswer;
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

interface Body {
  bytes: Uint8Array;
  headerBytes: number;
}

/** The binary extension of the Open Inference Protocol: JSON, then the tensors' bytes in the same order. */
function requestOf(tensors: (readonly [string, Tensor])[]): Body {
  const inputs = tensors.map(([name, { datatype, shape, data }]) => ({
    name,
    datatype,
    shape,
    parameters: { binary_data_size: data.byteLength },
  }));
  const header = new TextEncoder().encode(JSON.stringify({ inputs }));
  return {
    bytes: Buffer.concat([header, ...tensors.map(([, { data }]) => data)]),
    headerBytes: header.byteLength,
  };
}

async function ask(device: string, method: 'GET' | 'POST', path: string, body?: Body): Promise<unknown> {
  const answer = await nodeFetch({
    method,
    url: new URL(path, device).href,
    ...(body && {
      body: body.bytes,
      headers: { 'inference-header-content-length': String(body.headerBytes) },
    }),
    timeoutMs,
    maxBytes: limits.inferenceBodyBytes,
  });
  const text = new TextDecoder().decode(answer.body);
  if (answer.status === 200) return JSON.parse(text);
  const code = answer.headers['x-covey-error-code'] ?? '';
  const known = Object.hasOwn(errorCatalogue, code) ? (code as ErrorCode) : 'INFERENCE_FAILED';
  let words = text.slice(0, 500);
  try {
    words = (JSON.parse(text) as { error: string }).error;
  } catch {
    // Not ours; its first words are all there is to show.
  }
  throw new CoveyError(known, words);
}
