import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkDocument } from '../document.ts';
import { CoveyError } from '../errors/index.ts';
import type { Datatype, ModelSchema, TensorSpec } from '../tensors/index.ts';
import { checkPipeline, type PipelineSurroundings } from './check.ts';
import { type Pipeline, PipelineSchema, type Stage } from './pipeline.ts';

const spec = (name: string, datatype: Datatype, ...shape: number[]): TensorSpec => ({
  name,
  datatype,
  shape,
});
const schema: ModelSchema = {
  inputs: [spec('input', 'FP32', 1, 3, 240, 320)],
  outputs: [spec('scores', 'FP32', 1, 4420, 2), spec('boxes', 'FP32', 1, 4420, 4)],
};
const about: PipelineSurroundings = {
  model: 'faces',
  schema,
  classification: { output: 'scores', classNames: ['background', 'face'] },
  schemaOf: (model) =>
    model === 'known' ? { inputs: [spec('x', 'FP32', -1)], outputs: [spec('y', 'INT64', -1)] } : undefined,
};
const photograph: Stage = {
  kind: 'preprocess',
  input: 'photograph',
  output: 'pixels',
  form: {
    kind: 'image',
    width: 320,
    height: 240,
    fit: 'stretch',
    interpolation: 'bilinear',
    channels: 'rgb',
    layout: 'nchw',
    datatype: 'FP32',
    mean: [127],
    scale: [128],
  },
};
const own: Stage = { kind: 'model', inputs: { input: 'pixels' }, outputs: { scores: 's', boxes: 'b' } };
const suppression: Stage = {
  kind: 'non-maximum-suppression',
  boxes: 'b',
  scores: 's',
  background: 0,
  threshold: 0.7,
  suppression: 0.3,
  perClass: true,
  most: 100,
  outputs: { boxes: 'faces', scores: 'certainty', classes: 'class', rows: 'row' },
};
const valid: Pipeline = {
  inputs: [spec('photograph', 'BYTES', -1)],
  stages: [
    photograph,
    own,
    suppression,
    { kind: 'select', input: 's', output: 'ofFace', axis: -1, index: 1 },
    { kind: 'softmax', input: 'ofFace', output: 'shares' },
    { kind: 'sigmoid', input: 'ofFace', output: 'sure' },
    { kind: 'argmax', input: 's', output: 'best' },
    { kind: 'top-k', input: 's', k: 1, values: 'v', indices: 'i', labels: 'l' },
    { kind: 'normalize', input: 'b', output: 'centred', axis: -1, mean: [0.5], scale: [1, 2, 1, 2] },
    { kind: 'constant', output: 'rate', datatype: 'INT64', shape: [-1], value: 16_000, rowsOf: 'b' },
    { kind: 'model', model: 'known', inputs: { x: 'certainty' }, outputs: { y: 'more' } },
    {
      kind: 'model',
      model: 'unknown',
      version: 'stable',
      inputs: { any: 'rate' },
      outputs: { thing: 'other' },
    },
    { kind: 'softmax', input: 'other', output: 'likely' },
  ],
  outputs: [
    spec('faces', 'FP32', -1, 4),
    spec('certainty', 'FP32', -1),
    spec('class', 'INT32', -1),
    spec('row', 'INT32', -1),
    spec('shares', 'FP32', 1, 4420),
    spec('sure', 'FP32', 1, -1),
    spec('best', 'INT64', 1, 4420),
    spec('v', 'FP32', 1, 4420, 1),
    spec('i', 'INT32', 1, 4420, 1),
    spec('l', 'BYTES', 1, 4420, 1),
    spec('centred', 'FP32', 1, 4420, 4),
    spec('rate', 'INT64', 1),
    spec('more', 'INT64', -1),
    spec('likely', 'FP64', 7),
  ],
};
const check = (document: unknown, beside: Partial<PipelineSurroundings> = {}) =>
  checkPipeline(checkDocument(PipelineSchema, document, 'pipeline'), { ...about, ...beside });
/** With one stage and its one output, after the model. */
const after = (stage: unknown, output: TensorSpec = spec('y', 'FP32', -1)) => ({
  ...valid,
  stages: [photograph, own, stage],
  outputs: [output],
});

test('every kind of stage, and what is known of its shapes', () => {
  expect(checkDocument(PipelineSchema, valid, 'pipeline')).toEqual(valid);
  expect(() => check(valid)).not.toThrow();
});

describe('what cannot work is refused, and the stage named', () => {
  const one = { input: 's', output: 'y' };
  test.each<[string, unknown]>([
    ['stage 1 (model): no stage before it gives pixels', { ...valid, stages: [own, photograph] }],
    ['stage 2 (preprocess): pixels is there already', { ...valid, stages: [photograph, photograph] }],
    ['input photograph is declared twice', { ...valid, inputs: [...valid.inputs, ...valid.inputs] }],
    ['no stage gives output y', after({ kind: 'sigmoid', input: 's', output: 'z' })],
    ['output y is FP32 [1,4420,2], and declared as FP32 [-1]', after({ kind: 'sigmoid', ...one })],
    [
      'output y is FP32 [1,4420,2], and declared as FP64 [1,4420,2]',
      after({ kind: 'sigmoid', ...one }, spec('y', 'FP64', 1, 4420, 2)),
    ],
    [
      'stage 3 (select): there is no axis 3 in FP32 [1,4420,2]',
      after({ kind: 'select', ...one, axis: 3, index: 0 }),
    ],
    [
      'stage 3 (select): there is no index 2 in a dimension of 2',
      after({ kind: 'select', ...one, axis: 2, index: 2 }),
    ],
    [
      'stage 3 (top-k): there are no 3 greatest of 2',
      after({ kind: 'top-k', input: 's', k: 3, values: 'y', indices: 'i' }),
    ],
    [
      'stage 3 (normalize): 2 numbers along a dimension of 4420',
      after({ kind: 'normalize', ...one, axis: 1, mean: [1, 2], scale: [1] }),
    ],
    [
      'stage 3 (normalize): a scale of 0 divides by zero',
      after({ kind: 'normalize', ...one, axis: 1, mean: [1], scale: [0] }),
    ],
    [
      'stage 3 (softmax): takes floats, not BYTES [-1]',
      after({ kind: 'softmax', input: 'photograph', output: 'y' }),
    ],
    [
      'stage 3 (constant): one dimension of -1 goes with rowsOf',
      after({ kind: 'constant', output: 'y', datatype: 'FP32', shape: [-1], value: 0 }),
    ],
    [
      'stage 3 (constant): 0.5 is no INT64',
      after({ kind: 'constant', output: 'y', datatype: 'INT64', shape: [1], value: 0.5 }),
    ],
    [
      'stage 3 (constant): it has more than',
      after({ kind: 'constant', output: 'y', datatype: 'INT64', shape: [1024, 1024, 2], value: 0 }),
    ],
    ['stage 3 (non-maximum-suppression): boxes are [n,4]', after({ ...suppression, boxes: 's' })],
    [
      'stage 3 (model faces): a pipeline calls its own model by leaving the name out',
      after({ ...own, model: 'faces', outputs: { scores: 'y' } }),
    ],
    [
      'stage 3 (model): the model has no input other; it has input',
      after({ kind: 'model', inputs: { other: 'pixels' }, outputs: { scores: 'y' } }),
    ],
    [
      'stage 3 (model): the model has no output other; it has scores, boxes',
      after({ kind: 'model', inputs: { input: 'pixels' }, outputs: { other: 'y' } }),
    ],
    [
      'stage 3 (model): input input takes FP32 [1,3,240,320], s is FP32 [1,4420,2]',
      after({ kind: 'model', inputs: { input: 's' }, outputs: { scores: 'y' } }),
    ],
    ['stage 3 (preprocess): takes BYTES [n], s is FP32', after({ ...photograph, input: 's', output: 'y' })],
  ])('%s', (message, document) => {
    expect(() => check(document)).toThrow(expect.objectContaining({ code: 'INVALID_DOCUMENT' }));
    expect(() => check(document)).toThrow(message);
  });

  test('labels need as many class names as there are classes', () => {
    expect(() => check(valid, { classification: undefined })).toThrow('labels need class names');
    const three = { output: 'scores', classNames: ['a', 'b', 'c'] };
    expect(() => check(valid, { classification: three })).toThrow('3 class names for a dimension of 2');
  });
});

test('whatever is put anywhere into a pipeline, it is accepted or refused with a code', () => {
  const places = placesIn(valid);
  fc.assert(
    fc.property(
      fc.constantFrom(...places),
      fc.jsonValue(),
      fc.boolean(),
      fc.nat(),
      (place, value, isMoved, at) => {
        const other = places[at % places.length] ?? [];
        const damaged = structuredClone(valid) as unknown;
        // A value from elsewhere in the document is wrong in subtler ways.
        put(damaged, place, isMoved ? structuredClone(valueAt(valid, other)) : value);
        try {
          check(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(CoveyError);
        }
      },
    ),
    { numRuns: Number(process.env.COVEY_FUZZ_RUNS ?? 400) },
  );
});

type Place = (string | number)[];

function placesIn(value: unknown, path: Place = []): Place[] {
  if (value === null || typeof value !== 'object') return [path];
  return Object.entries(value).flatMap(([key, inner]) => [
    [...path, key],
    ...placesIn(inner, [...path, key]),
  ]);
}

function valueAt(value: unknown, place: Place): unknown {
  return place.reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], value);
}

function put(value: unknown, place: Place, given: unknown): void {
  (valueAt(value, place.slice(0, -1)) as Record<string, unknown>)[place.at(-1) ?? ''] = given;
}
