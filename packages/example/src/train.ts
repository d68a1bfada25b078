import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { seeds } from './dataset.ts';
import { evaluate } from './evaluation.ts';
import { initialParameters, type Parameters } from './network.ts';
import { Random } from './random.ts';
import { firstPlan, secondPlan, type TrainingPlan, train } from './training.ts';

/** Makes the files of packages/example/weights again: node packages/example/src/train.ts */
const folder = new URL('../weights/', import.meta.url);

function trainVersion(version: string, start: Parameters, plan: TrainingPlan): Parameters {
  const trained = train(start, plan, (step, crossEntropy) => {
    process.stderr.write(
      `${version}: step ${step} of ${plan.steps}, cross-entropy ${crossEntropy.toFixed(4)}\n`,
    );
  });
  const bytes = new Uint8Array(trained.flat.buffer);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const evaluation = evaluate(trained);
  writeFileSync(new URL(`${version}.bin`, folder), bytes);
  writeFileSync(
    new URL(`${version}.json`, folder),
    `${JSON.stringify({ sha256, ...evaluation }, null, 2)}\n`,
  );
  process.stderr.write(`${version}: held-out accuracy ${evaluation.heldOutAccuracy}\n`);
  return trained;
}

const first = trainVersion('1.0.0', initialParameters(new Random(seeds.initial)), firstPlan);
trainVersion('1.1.0', first, secondPlan);
