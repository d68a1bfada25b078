import { expect, test } from 'vitest';
import { ortExecution } from '../execution.fixture.ts';
import { createChain, createSamples } from './chain.fixture.ts';
import { searchPrecision } from './precision.ts';
import { dynamicSchemes } from './scheme.ts';
import type { SearchProgress, SearchState } from './steps.ts';

test('says of how many groups it has asked, for each scheme anew', async () => {
  const asked: [number, number | undefined][] = [];
  const onStep = (_: SearchState, { stage, done, total }: SearchProgress) =>
    void (stage === 'sensitivity' && asked.push([done, total]));
  const model = createChain({ layers: 3, width: 48, fragile: [1] });
  await searchPrecision({
    model,
    execution: ortExecution(),
    samples: createSamples(8, 48),
    schemes: dynamicSchemes,
    budget: { relativeError: 0.002 },
    onStep,
  });
  const total = 3;
  expect(asked.length).toBeGreaterThan(total);
  expect(asked).toEqual(asked.map((_, index) => [(index % total) + 1, total]));
});
