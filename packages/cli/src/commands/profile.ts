import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { askDevice, modelAddress } from '../client/inference-api.ts';
import { createOutput } from '../terminal/output.ts';
import { formatTable } from '../terminal/table.ts';
import { wholeNumber } from './command.ts';

interface ProfileOptions {
  device: string;
  model: string;
  version?: string;
  seconds: number;
  trace?: string;
  json: boolean;
}

interface ProfileAnswer {
  model_name: string;
  model_version: string;
  variant: string;
  provider: string;
  runs: number;
  mean_run_ms: number;
  operators: {
    operator: string;
    provider: string;
    nodes: number;
    runs: number;
    total_ms: number;
    share: number;
  }[];
  trace: unknown[];
}

/** Loading the model once more, besides the time that was asked for. */
const extraMs = 70_000;

/** `covey profile` */
export function profileCommand(): Command {
  return new Command('profile')
    .description('where the time of a model goes on a device, by operator; run beside what serves')
    .requiredOption('--model <name>', 'name of the model')
    .option('--version <version>', 'a certain version; default: the one that serves')
    .option('--seconds <seconds>', 'how long it is run, 200 times at most', wholeNumber(1, 60), 5)
    .option('--device <url>', "address of the device's inference API", 'http://127.0.0.1:8000')
    .option('--trace <file>', "where ONNX Runtime's own trace is written, for Perfetto or chrome://tracing")
    .option('--json', 'print JSON', false)
    .action(profile);
}

async function profile(options: ProfileOptions): Promise<void> {
  const { device, model, version, seconds } = options;
  const output = createOutput(options.json);
  const { trace, ...found } = (await askDevice({
    device,
    method: 'POST',
    path: `${modelAddress(model, version)}/profile`,
    body: Buffer.from(JSON.stringify({ seconds })),
    timeoutMs: seconds * 1_000 + extraMs,
  })) as ProfileAnswer;
  if (options.trace !== undefined) await writeFile(options.trace, JSON.stringify(trace));
  const { model_name: name, model_version: served, variant, provider, runs, mean_run_ms: meanMs } = found;
  output.result(found, () =>
    [
      `${name}@${served} ${variant} on ${provider}: ${runs} runs of ${meanMs.toFixed(3)} ms`,
      formatTable(
        ['operator', 'provider', 'nodes', 'ms a run', 'share'],
        found.operators.map((row) => [
          row.operator,
          row.provider.replace('ExecutionProvider', ''),
          String(row.nodes),
          (row.total_ms / runs).toFixed(3),
          `${(100 * row.share).toFixed(1)} %`,
        ]),
      ),
    ].join('\n'),
  );
}
