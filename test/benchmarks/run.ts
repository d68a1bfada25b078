import { parseArgs } from 'node:util';
import { benchmarkBatching } from './batching.ts';
import { benchmarkBrowser } from './browser.ts';
import { benchmarkChoice } from './choice.ts';
import { benchmarkContainment } from './containment.ts';
import { benchmarkEmbedded } from './embedded.ts';
import { keepsLimit, type Result, tableOf } from './figures.ts';
import { benchmarkGrpc } from './grpc.ts';
import { benchmarkInference } from './inference.ts';
import { benchmarkIngest } from './ingest.ts';
import { benchmarkMemory } from './memory.ts';
import { benchmarkModelFile } from './model-file.ts';
import { benchmarkPipeline } from './pipeline.ts';
import { benchmarkQuantize } from './quantize.ts';
import { benchmarkQuantizeAgreement } from './quantize-agreement.ts';
import { benchmarkSeeing } from './seeing.ts';
import { benchmarkTransfer } from './transfer.ts';
import { benchmarkUpdate } from './update.ts';
import { benchmarkWire } from './wire.ts';
import { benchmarkWireBytes } from './wire-bytes.ts';

/** `node run.ts [--json] [name ...]`: runs the benchmarks named, or all, one after the other. */

const benchmarks: Record<string, () => Promise<Result>> = {
  inference: benchmarkInference,
  grpc: benchmarkGrpc,
  embedded: benchmarkEmbedded,
  batching: benchmarkBatching,
  pipeline: benchmarkPipeline,
  wire: benchmarkWire,
  'wire-bytes': benchmarkWireBytes,
  transfer: benchmarkTransfer,
  update: benchmarkUpdate,
  ingest: benchmarkIngest,
  memory: benchmarkMemory,
  'model-file': benchmarkModelFile,
  containment: benchmarkContainment,
  quantize: benchmarkQuantize,
  'quantize-agreement': benchmarkQuantizeAgreement,
  choice: benchmarkChoice,
  seeing: benchmarkSeeing,
  browser: benchmarkBrowser,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
});
const unknown = positionals.find((name) => !Object.hasOwn(benchmarks, name));
if (unknown === undefined) {
  await run(positionals.length > 0 ? positionals : Object.keys(benchmarks), values.json);
} else {
  process.stderr.write(`there is no benchmark ${unknown}; there are ${Object.keys(benchmarks).join(', ')}\n`);
  process.exitCode = 2;
}

/** Exit code 1 when a limit was exceeded. */
async function run(names: string[], asJson: boolean): Promise<void> {
  const results: Result[] = [];
  for (const name of names) {
    const result = await benchmarks[name]?.();
    if (result === undefined) continue;
    results.push(result);
    if (!asJson) process.stdout.write(`${tableOf(result)}\n`);
  }
  if (asJson) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  const figures = results.flatMap((result) => ('figures' in result ? result.figures : []));
  if (figures.some((figure) => keepsLimit(figure) === false)) process.exitCode = 1;
}
