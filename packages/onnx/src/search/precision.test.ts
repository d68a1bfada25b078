import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Budget, compareBehaviour, topAccuracy, withinBudget } from '../compare/index.ts';
import { ortExecution } from '../execution.fixture.ts';
import { GraphBuilder } from '../graph/index.ts';
import { readModel, writeModel } from '../model/index.ts';
import { createChain, createSamples } from './chain.fixture.ts';
import type { Measure } from './fastest.ts';
import { type SearchRequest, searchPrecision, sensitivity } from './precision.ts';
import { type Scheme, staticSchemes } from './scheme.ts';
import type { SearchProgress, SearchState } from './steps.ts';

const execution = ortExecution();
const fragile = createChain({ layers: 5, width: 16, fragile: [3] });
const samples = createSamples(24, 16);
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

  it('keeps nothing where everything fits, and asks for no ranking', async () => {
    const model = createChain({ layers: 3, width: 16 });
    const result = await searchPrecision(request({ model, budget: { cosine: 0.9 } }));
    if (!result.found) throw new Error(result.reason);
    expect(result.smallest.trial.kept).toEqual([]);
    expect(result).toMatchObject({ ranking: [], trail: [{ within: true }] });
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
          const model = createChain({ layers: 4, width: 8, fragile: [layer], seed });
          const budget = { relativeError: 3 * 10 ** -digits };
          const own = createSamples(20, 8, seed);
          const result = await searchPrecision(request({ model, samples: own, budget }));
          if (result.found) {
            const behaviour = await compareBehaviour(model, result.smallest.model, execution, own);
            expect(withinBudget(behaviour, budget).within).toBe(true);
          } else expect(result.trail.every(({ within }) => !within)).toBe(true);
        },
      ),
      { numRuns: 12 },
    );
  });
});

describe('searchPrecision with measurements', () => {
  /** Pretends that every integer costs time: the fewer QuantizeLinear nodes, the faster. */
  const preferFloats: Measure = async (models) =>
    models.map(
      (bytes) => readModel(bytes).graph.nodes.filter(({ opType }) => opType === 'QuantizeLinear').length + 1,
    );

  it('answers the fastest beside the smallest', async () => {
    const budget = { relativeError: 0.05 };
    const result = await searchPrecision(request({ budget, measure: preferFloats }));
    if (!result.found) throw new Error(result.reason);
    const { smallest, fastest } = result;
    expect(fastest.trial.within).toBe(true);
    expect(fastest.latencyRatio).toBeLessThan(smallest.latencyRatio ?? 0);
    expect(fastest.trial.kept.length).toBeGreaterThan(smallest.trial.kept.length);
  });

  it('prefers the smallest where nothing is faster', async () => {
    const measure: Measure = async (models) => models.map(() => 1);
    const result = await searchPrecision(request({ budget: { relativeError: 0.05 }, measure }));
    if (!result.found) throw new Error(result.reason);
    expect(result.fastest.trial).toBe(result.smallest.trial);
  });

  it('refuses measurements that are no numbers', async () => {
    const measure: Measure = async (models) => models.map(() => Number.NaN);
    await expect(searchPrecision(request({ budget: { relativeError: 0.05 }, measure }))).rejects.toThrow(
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
    builder.input({ name: 'input', datatype: 'FP32', shape: [1, 16] });
    builder.node('Relu', ['input'], 'active');
    builder.node('Unsqueeze', ['active'], 'output', { axes: [0] });
    builder.output({ name: 'output', datatype: 'FP32', shape: [1, 1, 16] });
    const model = { ...builder.build(), irVersion: 6, opsets: [{ domain: '', version: 10 }] };
    const schemes = [{ kind: 'dynamic', options: { weights: 'int8', perChannel: true } }] as const;
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
