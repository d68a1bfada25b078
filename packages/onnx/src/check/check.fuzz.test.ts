import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CoveyError } from '@covey/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readModel, writeModel } from '../model/index.ts';
import { placeNodes, summarizePlacement } from '../providers/index.ts';
import { createSeed, damaged, damages, type Seed } from './damage.fixture.ts';
import { checkModel } from './index.ts';
import { createRichModel } from './rich-model.fixture.ts';

/** Cases per property. Unit tests take few; the long form, `npm run fuzz`, sets COVEY_FUZZ_RUNS high. */
const fuzzRuns = { numRuns: Number(process.env.COVEY_FUZZ_RUNS ?? 200) };
const timeoutMs = 60_000 + fuzzRuns.numRuns * 10;
/** Most cases take a millisecond; a machine that does other things at the same time may take a while. */
const maxCaseMs = 5_000;

const folder = join('..', 'shared', 'data', 'models');
const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.onnx')) : [];
const rich = createSeed('rich', writeModel(createRichModel()));
const real = names.map((name) => createSeed(name, new Uint8Array(readFileSync(join(folder, name)))));

test('the rich model is sound, so that damage is all that is wrong with it', () => {
  expect(checkModel(readModel(rich.file)).filter(({ severity }) => severity === 'error')).toEqual([]);
});

/** What a user does with a file, up to the first refusal; anything thrown but a CoveyError is a failure. */
function examine(file: Uint8Array): 'refused' | 'faulty' | 'sound' {
  try {
    const model = readModel(file);
    const findings = checkModel(model);
    if (findings.some(({ message }) => message.length > 2_000)) throw new Error('a message without end');
    if (findings.some(({ severity }) => severity === 'error')) return 'faulty';
    summarizePlacement(model, placeNodes(model, 'webgpu'));
    expect(checkModel(readModel(writeModel(model)))).toEqual(findings);
    return 'sound';
  } catch (error) {
    if (error instanceof CoveyError) return 'refused';
    throw error;
  }
}

describe('a damaged file is read and checked, or refused with a CoveyError, in bounded time', () => {
  const outcomes = { refused: 0, faulty: 0, sound: 0 };
  const property = (seeds: readonly Seed[]) =>
    fc.property(fc.constantFrom(...seeds), damages, (seed, changes) => {
      const file = damaged(seed, changes);
      const start = performance.now();
      outcomes[examine(file)]++;
      expect(performance.now() - start, seed.name).toBeLessThan(maxCaseMs);
    });

  test('a model with every kind of thing in it', { timeout: timeoutMs }, () => {
    fc.assert(property([rich]), fuzzRuns);
    for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(0);
  });

  test.skipIf(real.length === 0)(
    `real models${real.length ? '' : ' (skipped: ../shared/data is absent)'}`,
    { timeout: timeoutMs },
    () => fc.assert(property(real), fuzzRuns),
  );
});
