import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { calibrate } from '../calibrate/index.ts';
import { answersOf, fp32, modelOf, relativeError, waves } from '../edit/edit.fixture.ts';
import { editModel, standardPasses } from '../edit/index.ts';
import { arbitraryModel } from '../edit/random-model.fixture.ts';
import { ortExecution } from '../execution.fixture.ts';
import {
  type AttributeInput,
  createNode,
  type Dimension,
  type Model,
  type Node,
  numbersOf,
  writeModel,
} from '../model/index.ts';
import { storeHalf } from './half.ts';
import { quantizableNodes, quantizeStatic } from './static.ts';
import { costModel, unprofitableNodes } from './unprofitable.ts';

/** A chain on [1, channels, side, side], whose nodes are named as their outputs; each takes what the one before gives. */
function chain(
  channels: number,
  side: Dimension,
  ...links: [string, Record<string, AttributeInput>?][]
): Model {
  const constants = [];
  const nodes: Node[] = [];
  for (const [i, [opType, attributes = {}]] of links.entries()) {
    const input = i === 0 ? 'x' : `n${i - 1}`;
    const isConv = opType === 'Conv';
    if (isConv) {
      const depth = attributes.group === undefined ? channels : 1;
      constants.push(waves(`w${i}`, [channels, depth, 3, 3]));
    }
    const extra = isConv ? { pads: [1, 1, 1, 1] } : {};
    nodes.push(
      createNode(opType, isConv ? [input, `w${i}`] : [input], [`n${i}`], { ...extra, ...attributes }),
    );
  }
  return modelOf({
    inputs: { x: [1, channels, side, side] },
    outputs: { [`n${links.length - 1}`]: [1, channels, null, null] },
    constants,
    nodes,
  });
}

const options = {
  activations: 'uint8',
  activationsSymmetric: false,
  weights: 'int7',
  weightsSymmetric: true,
  perChannel: true,
} as const;

describe('costModel', () => {
  test('what one would give for bytes and for precision moves nodes to either side', () => {
    const { cheapest } = costModel(chain(64, 16, ['Conv'], ['Sin'], ['Conv']));
    expect([...cheapest(new Map())]).toEqual([]);
    expect([...cheapest(new Map([['n0', { floats: 0, integers: Number.MAX_VALUE }]]))]).toEqual(['n0']);
    const small = costModel(chain(16, 2, ['Conv']));
    expect([...small.cheapest(new Map())]).toEqual(['n0']);
    expect([...small.cheapest(new Map([['n0', { floats: small.floatNs * 100, integers: 0 }]]))]).toEqual([]);
  });

  test('knows by how much a file gets smaller on integers, beside fp16', async () => {
    for (const channels of [8, 32, 64]) {
      const model = chain(channels, 8, ['Conv']);
      const x = fp32([1, channels, 8, 8], numbersOf(waves('x', [channels * 64], 0.5)));
      const ranges = await calibrate(model, ortExecution(), [{ x }], { method: 'minmax' });
      const sizeOf = (keep: ReadonlySet<string>) =>
        writeModel(storeHalf(quantizeStatic(model, ranges, { ...options, keep }))).byteLength;
      const saved = sizeOf(new Set(['n0'])) - sizeOf(new Set());
      expect(Math.abs(saved - (costModel(model).savedBytes.get('n0') ?? 0))).toBeLessThan(600);
    }
  });
});

describe('unprofitableNodes', () => {
  test('a large convolution pays for its conversions, a small one does not', () => {
    expect([...unprofitableNodes(chain(64, 32, ['Conv']))]).toEqual([]);
    expect([...unprofitableNodes(chain(16, 2, ['Conv']))]).toEqual(['n0']);
  });

  test('sizes that the model leaves open are those given', () => {
    const model = chain(64, 'side', ['Conv']);
    expect([...unprofitableNodes(model)]).toEqual(['n0']);
    expect([...unprofitableNodes(model, { side: 32 })]).toEqual([]);
  });

  test('depthwise convolutions alone stay in fp32; between two that gain, they spare the conversions', () => {
    const depthwise = { group: 64 };
    expect([...unprofitableNodes(chain(64, 32, ['Conv', depthwise]))]).toEqual(['n0']);
    expect([...unprofitableNodes(chain(64, 32, ['Conv'], ['Conv', depthwise], ['Conv']))]).toEqual([]);
  });

  test('what only moves values goes with its neighbours', () => {
    const pool = { kernel_shape: [2, 2] };
    expect([...unprofitableNodes(chain(64, 32, ['Conv'], ['Relu'], ['MaxPool', pool], ['Conv']))]).toEqual(
      [],
    );
    const small = chain(16, 4, ['Conv'], ['MaxPool', pool], ['Conv']);
    expect([...unprofitableNodes(small)]).toEqual(['n0', 'n1', 'n2']);
  });

  test('the rest is still quantized, and near', async () => {
    const depthwise = { group: 64 };
    const model = chain(64, 24, ['Conv', depthwise], ['Sin'], ['Conv']);
    const keep = unprofitableNodes(model);
    expect([...keep]).toEqual(['n0']);
    const x = fp32([1, 64, 24, 24], numbersOf(waves('x', [64 * 24 * 24], 0.5)));
    const ranges = await calibrate(model, ortExecution(), [{ x }], { method: 'minmax' });
    const variant = quantizeStatic(model, ranges, { ...options, keep });
    expect(variant.graph.initializers.has('w0')).toBe(true);
    expect(variant.graph.initializers.has('w2')).toBe(false);
    const [wanted, answer] = [await answersOf(model, { x }), await answersOf(variant, { x })];
    expect(relativeError(answer.n2, wanted.n2)).toBeLessThan(0.02);
  });

  test('of any model, only nodes that could be quantized are named', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryModel(), async (original) => {
        const { model } = await editModel(original, standardPasses, ortExecution());
        const names = new Set(quantizableNodes(model).map(({ name }) => name));
        for (const name of unprofitableNodes(model)) expect(names).toContain(name);
      }),
      { numRuns: 25 },
    );
  });
});
