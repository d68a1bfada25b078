import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Budget, compareBehaviour, withinBudget } from '../compare/index.ts';
import { editModel, standardPasses } from '../edit/index.ts';
import { ortExecution } from '../execution.fixture.ts';
import { type Model, readModel } from '../model/index.ts';
import { floats, randoms } from './chain.fixture.ts';
import { searchPrecision } from './precision.ts';
import { staticSchemes } from './scheme.ts';

const folder = new URL('../../../../../shared/data/models/', import.meta.url);
const execution = ortExecution();
/** A stroke from a corner, at another angle and width in each. */
const samples = Array.from({ length: 16 }, (_, sample) => {
  const [slope = 0, width = 0] = randoms(sample, 2);
  const pixels = Array.from({ length: 28 * 28 }, (_unused, index) => {
    const [x, y] = [index % 28, Math.floor(index / 28)];
    return Math.abs(y - x * (1 + slope / 2)) < 2 + width ? 255 : 0;
  });
  return { Input3: floats([1, 1, 28, 28], pixels) };
});

async function editedDigits(): Promise<Model> {
  const digits = readModel(new Uint8Array(readFileSync(new URL('mnist.onnx', folder))));
  return (await editModel(digits, standardPasses, execution)).model;
}

describe.skipIf(!existsSync(folder))(
  'searchPrecision of the digit model (skipped without ../shared/data)',
  () => {
    it('finds a variant within the budget that is smaller', async () => {
      const model = await editedDigits();
      const budget: Budget = { relativeError: 0.03, topAgreement: 1 };
      const result = await searchPrecision({ model, execution, samples, budget, schemes: staticSchemes });
      if (!result.found) throw new Error(result.reason);
      const behaviour = await compareBehaviour(model, result.smallest.model, execution, samples);
      expect(withinBudget(behaviour, budget)).toMatchObject({ within: true });
      expect(result.smallest.trial.kept.length).toBeLessThan(3);
    });
  },
);
