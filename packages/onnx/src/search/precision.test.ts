import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Budget, compareBehaviour, topAccuracy, withinBudget } from '../compare/index.ts';
import { ortExecution } from '../execution.fixture.ts';
import { GraphBuilder } from '../graph/index.ts';
import { type Model, writeModel } from '../model/index.ts';
import { createChain, createSamples, floats, randoms } from './chain.fixture.ts';
import { type SearchRequest, searchPrecision, sensitivity } from './precision.ts';
import { dynamicSchemes, type Scheme, staticSchemes } from './scheme.ts';
import type { SearchProgress, SearchState } from './steps.ts';
import type { Measure } from './timed.ts';

const execution = ortExecution();
const fragile = createChain({ layers: 5, width: 48, fragile: [3] });
const samples = createSamples(24, 48);
const weightOnly: Scheme = {
  kind: 'weights',
  options: { bits: 4, blockSize: 16, form: 'matmul-nbits', symmetric: true },
};

function request(changes: Partial<SearchRequest> & { budget: Budget }): SearchRequest {
  return { model: fragile, execution, samples, schemes: staticSchemes, ...changes };
}

describe('sensitivity', () => {
  it('ranks the layer that integers break first', async () => {
    const [first, second] = await sensitivity(request({ budget: { relativeError: 0.05 } }), firstScheme());
    expect(first?.name).toBe('layer3');
    expect(first?.relativeError).toBeGreaterThan(10 * (second?.relativeError ?? 0));
  });
});

describe('searchPrecision', () => {
  it('leaves in fp32 the layer that breaks the budget, and no other', async () => {
    const result = await searchPrecision(request({ budget: { relativeError: 0.05 } }));
    if (!result.found) throw new Error(result.reason);
    expect(result.smallest.trial.kept).toEqual(['layer3']);
    const behaviour = await compareBehaviour(fragile, result.smallest.model, execution, samples);
    expect(withinBudget(behaviour, { relativeError: 0.05 }).within).toBe(true);
    expect(writeModel(result.smallest.model).byteLength).toBe(result.smallest.trial.sizeBytes);
  });

  it('finds each layer that breaks the budget among many, and asks for few variants', async () => {
    const many = createChain({ layers: 14, width: 48, fragile: [2, 6, 11] });
    const result = await searchPrecision(request({ model: many, budget: { relativeError: 0.06 } }));
    if (!result.found) throw new Error(result.reason);
    expect(result.smallest.trial.kept).toEqual(['layer2', 'layer6', 'layer11']);
    expect(result.trail.length).toBeLessThan(12);
  });

  it('ranks only what integers make smaller or faster', async () => {
    const budget = { relativeError: 0.0005 };
    const tiny = createChain({ layers: 3, width: 8 });
    const refused = await searchPrecision(request({ model: tiny, samples: createSamples(4, 8), budget }));
    expect(refused).toMatchObject({ found: false, ranking: [] });
  });

  it('keeps nothing where everything fits, and asks for no ranking', async () => {
    const model = createChain({ layers: 3, width: 48 });
    const result = await searchPrecision(request({ model, budget: { cosine: 0.9 } }));
    if (!result.found) throw new Error(result.reason);
    expect(result.smallest.trial.kept).toEqual([]);
    expect(result).toMatchObject({ ranking: [], trail: [{ within: true }] });
  });

  it.each([
    ['static', staticSchemes],
    ['dynamic', dynamicSchemes],
  ])('stores weights in all 8 bits, unsigned, where 7 are too few: %s', async (_, schemes) => {
    const model = createChain({ layers: 1, width: 48 });
    const result = await searchPrecision(request({ model, schemes, budget: { relativeError: 0.0075 } }));
    if (!result.found) throw new Error(result.reason);
    expect(result.trail[0]).toMatchObject({ scheme: expect.stringContaining('int7'), within: false });
    expect(result.smallest.trial).toMatchObject({
      scheme: expect.stringContaining('weights uint8'),
      kept: [],
    });
  });

  it('searches weight-only schemes as well', async () => {
    const budget = { relativeError: 0.06 };
    const model = createChain({ layers: 4, width: 32 });
    const result = await searchPrecision(
      request({ model, samples: createSamples(8, 32), schemes: [weightOnly], budget }),
    );
    if (!result.found) throw new Error(result.reason);
    expect(result.smallest.trial.kept.length).toBeGreaterThan(0);
    expect(result.smallest.trial.use).toBeLessThanOrEqual(1);
  });

  it('refuses where only fp32 is within the budget, and says what is closest', async () => {
    const result = await searchPrecision(request({ budget: { relativeError: 1e-7 } }));
    expect(result).toMatchObject({ found: false, closest: { within: false } });
    if (!result.found) expect(result.reason).toMatch(/no variant is within the budget.*relative error/);
  });

  it('holds a budget on labels of the user', async () => {
    const loaded = await execution.load(writeModel(fragile));
    const labels: number[][] = [];
    for (const sample of samples) {
      const { data } = (await loaded.run(sample)).output ?? { data: new Uint8Array() };
      const scores = Array.from(new Float32Array(data.slice().buffer));
      labels.push([scores.indexOf(Math.max(...scores))]);
    }
    await loaded.release();
    const metric = topAccuracy('output', labels);
    const result = await searchPrecision(request({ budget: { metric: { metric, maxDrop: 0 } } }));
    if (!result.found) throw new Error(result.reason);
    expect(result.smallest.trial.evaluation?.metric).toEqual({
      name: 'top-1 accuracy',
      reference: 1,
      candidate: 1,
    });
  });

  it('answers a variant within the budget, or refuses', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          seed: fc.nat(1000),
          layer: fc.integer({ min: 1, max: 3 }),
          digits: fc.integer({ min: 1, max: 5 }),
        }),
        async ({ seed, layer, digits }) => {
          const model = createChain({ layers: 4, width: 48, fragile: [layer], seed });
          const budget = { relativeError: 3 * 10 ** -digits };
          const own = createSamples(20, 48, seed);
          const result = await searchPrecision(request({ model, samples: own, budget }));
          if (result.found) {
            const behaviour = await compareBehaviour(model, result.smallest.model, execution, own);
            expect(withinBudget(behaviour, budget).within).toBe(true);
          } else expect(result.trail.every(({ within }) => !within)).toBe(true);
        },
      ),
      { numRuns: process.env.COVEY_LONG === undefined ? 2 : 10 },
    );
  });
});

describe('searchPrecision with measurements', () => {
  const budget = { relativeError: 0.1 };
  const uneven = { model: createUneven(), samples: createSamples(12, 256) };
  const exactly = (ratio: number) => ({ median: ratio, lower: ratio, upper: ratio });
  /** Pretends that a model takes time for its bytes, or for those that it lacks. */
  const measureBy =
    (ratioOf: (sizeBytes: number, sizesBytes: number[]) => number): Measure =>
    async (models) => {
      const sizesBytes = models.map(({ byteLength }) => byteLength);
      return sizesBytes.map((sizeBytes) => exactly(ratioOf(sizeBytes, sizesBytes)));
    };

  it('answers the fastest beside the smallest', async () => {
    const measure = measureBy((sizeBytes, [first = 1]) => 0.5 + 0.1 * (first / sizeBytes));
    const result = await searchPrecision(request({ ...uneven, budget, measure }));
    if (!result.found) throw new Error(result.reason);
    const { smallest, fastest } = result;
    expect(fastest.trial.within).toBe(true);
    expect(fastest.latencyRatio?.median).toBeLessThan(smallest.latencyRatio?.median ?? 0);
    expect(fastest.trial.kept.length).toBeGreaterThan(smallest.trial.kept.length);
    expect(fastest.trial.sizeBytes).toBeGreaterThan(smallest.trial.sizeBytes ?? 0);
    expect(result.within).toEqual([smallest.trial, fastest.trial]);
    expect(writeModel(result.variantOf(fastest.trial).model)).toEqual(writeModel(fastest.model));
  });

  it('prefers the smallest where nothing is faster beyond doubt', async () => {
    const measure: Measure = async (models) =>
      models.map((_, i) => ({ median: 1 - i / 100, lower: 0.9 - i / 100, upper: 1 }));
    const result = await searchPrecision(request({ ...uneven, budget, measure }));
    if (!result.found) throw new Error(result.reason);
    expect(result.fastest).toBe(result.smallest);
  });

  it('passes over a smallest that is slower than fp32 beyond doubt, unless all are', async () => {
    const slowIf = (isSlow: (sizeBytes: number, sizesBytes: number[]) => boolean) =>
      measureBy((sizeBytes, sizesBytes) => (isSlow(sizeBytes, sizesBytes) ? 1.1 : 1));
    const smallestOf = async (measure: Measure) => {
      const result = await searchPrecision(request({ ...uneven, budget, measure }));
      if (!result.found) throw new Error(result.reason);
      return result.smallest.trial;
    };
    const equal = await smallestOf(slowIf(() => false));
    const other = await smallestOf(slowIf((size, sizes) => size === Math.min(...sizes)));
    expect(other.within).toBe(true);
    expect(other.sizeBytes).toBeGreaterThan(equal.sizeBytes ?? 0);
    expect(await smallestOf(slowIf((size, [first]) => size !== first))).toEqual(equal);
  });

  it('refuses measurements that are no ratios', async () => {
    const measure: Measure = async (models) => models.map(() => exactly(Number.NaN));
    await expect(searchPrecision(request({ ...uneven, budget, measure }))).rejects.toThrow('measuring');
    await expect(searchPrecision(request({ ...uneven, budget, measure: async () => [] }))).rejects.toThrow(
      'measuring',
    );
  });
});

describe('a search that was stopped', () => {
  const budget = { relativeError: 0.05 };
  const plain = (result: unknown) =>
    JSON.stringify(result, (key, value) => (key === 'model' ? undefined : value));

  it('goes on from its state, whatever step it was stopped after', async () => {
    const states: string[] = [];
    const whole = await searchPrecision(
      request({ budget, onStep: (state) => void states.push(JSON.stringify(state)) }),
    );
    for (const [done, stored] of states.entries()) {
      let steps = 0;
      const resume: SearchState = JSON.parse(stored);
      const resumed = await searchPrecision(request({ budget, resume, onStep: () => void steps++ }));
      expect(plain(resumed)).toBe(plain(whole));
      expect(steps).toBe(states.length - done - 1);
    }
  });

  it('ends with what a step throws', async () => {
    const onStep = () => {
      throw new Error('interrupted');
    };
    await expect(searchPrecision(request({ budget, onStep }))).rejects.toThrow('interrupted');
  });

  it('refuses the state of another search', async () => {
    const states: SearchState[] = [];
    await searchPrecision(request({ budget, onStep: (state) => void states.push(state) }));
    const [resume] = states;
    if (resume === undefined) throw new Error('no step was taken');
    const other = request({ budget, samples: createSamples(5, 8, 99), resume });
    await expect(searchPrecision(other)).rejects.toThrow('start anew');
  });

  it('hands what it measured to one of another budget, which calibrates and ranks no more', async () => {
    const states: SearchState[] = [];
    const schemes = staticSchemes.slice(0, 1);
    const strict = { relativeError: 0.0005 };
    const first = await searchPrecision(
      request({ schemes, budget, onStep: (state) => void states.push(state) }),
    );
    const stages: string[] = [];
    const onStep = (_: SearchState, { stage }: SearchProgress) => void stages.push(stage);
    const resume = states.at(-1);
    if (resume === undefined) throw new Error('no step was taken');
    const second = await searchPrecision(request({ schemes, budget: strict, onStep, resume }));
    expect(stages).not.toContain('calibrate');
    const fresh = await searchPrecision(request({ schemes, budget: strict }));
    expect(second.trail).toEqual(fresh.trail);
    expect(second.trail).not.toEqual(first.trail);
  });
});

describe('a form that quantizes nothing', () => {
  it('is refused, though its opset is raised and nodes are rewritten for that', async () => {
    const builder = new GraphBuilder('reshaped');
    builder.input({ name: 'input', datatype: 'FP32', shape: [1, 48] });
    builder.node('Relu', ['input'], 'active');
    builder.node('Unsqueeze', ['active'], 'output', { axes: [0] });
    builder.output({ name: 'output', datatype: 'FP32', shape: [1, 1, 48] });
    const model = { ...builder.build(), irVersion: 6, opsets: [{ domain: '', version: 10 }] };
    const schemes = [{ kind: 'dynamic', options: { weights: 'int7', perChannel: true } }] as const;
    const result = await searchPrecision(request({ model, schemes, budget: { relativeError: 0.05 } }));
    expect(result).toMatchObject({ found: false, reason: expect.stringContaining('quantizes nothing') });
  });
});

describe('bad input', () => {
  it('is refused before anything runs', async () => {
    await expect(searchPrecision(request({ budget: {} }))).rejects.toThrow('limits nothing');
    await expect(searchPrecision(request({ budget: { cosine: 0.9 }, samples: [] }))).rejects.toThrow(
      'sample',
    );
    await expect(searchPrecision(request({ budget: { cosine: 0.9 }, schemes: [] }))).rejects.toThrow(
      'scheme',
    );
  });
});

function firstScheme(): Scheme {
  const [scheme] = staticSchemes;
  if (scheme === undefined) throw new Error('there is no scheme');
  return scheme;
}

/** A large product, which gains by integers, and a small one behind something else, which only gets smaller. */
function createUneven(): Model {
  const builder = new GraphBuilder('uneven');
  builder.input({ name: 'input', datatype: 'FP32', shape: [-1, 256] });
  for (const [name, width] of [
    ['large', 256],
    ['small', 32],
  ] as const)
    builder.initializer(`${name}_weight`, floats([256, width], randoms(width, 256 * width)));
  builder.node('MatMul', ['input', 'large_weight'], 'large');
  builder.node('Sin', ['large'], 'waves');
  builder.node('MatMul', ['waves', 'small_weight'], 'output');
  builder.output({ name: 'output', datatype: 'FP32', shape: [-1, 32] });
  return builder.build();
}
